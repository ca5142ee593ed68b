//! A backend that speaks HTTP/2 and nothing else, over plain sockets with prior knowledge.

use std::future::poll_fn;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use h2::server::SendResponse;
use h2::{Reason, RecvStream};
use http::{HeaderMap, HeaderValue, Request, Response};
use tokio::net::{TcpListener, TcpStream};

use super::wait::until;

/// A backend that speaks HTTP/2. What it answers is said by the path.
#[derive(Debug)]
pub struct Modern {
    pub address: SocketAddr,
    seen: Arc<Seen>,
}

#[derive(Debug, Default)]
struct Seen {
    requests: Mutex<Vec<Asked>>,
    /// Why streams ended before their time, by path.
    resets: Mutex<Vec<(String, Reason)>>,
    connections: Mutex<Connections>,
}

#[derive(Debug, Default)]
struct Connections {
    made: usize,
    open: usize,
}

/// A request as it came in, and what has come of its body so far.
#[derive(Debug, Clone)]
pub struct Asked {
    pub head: Request<()>,
    pub body: Vec<u8>,
    pub trailers: HeaderMap,
    /// Whether the body has ended in order.
    pub complete: bool,
}

impl Modern {
    pub fn start() -> Modern {
        Modern::limited(200)
    }

    /// One that takes so many streams on a connection.
    pub fn limited(streams: u32) -> Modern {
        let seen = Arc::<Seen>::default();
        let serving = Arc::clone(&seen);
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        listener.set_nonblocking(true).unwrap();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async move {
                let listener = TcpListener::from_std(listener).unwrap();
                while let Ok((socket, _)) = listener.accept().await {
                    tokio::spawn(serve(socket, streams, Arc::clone(&serving)));
                }
            });
        });
        Modern { address, seen }
    }

    pub fn requests(&self) -> Vec<Asked> {
        self.seen.requests.lock().unwrap().clone()
    }

    /// Waits for the n-th request whose body has ended, counted from 0.
    #[track_caller]
    pub fn request(&self, n: usize) -> Asked {
        until("a request", || self.requests().get(n).filter(|asked| asked.complete).cloned())
    }

    /// Waits until a stream for this path has been reset.
    #[track_caller]
    pub fn reset_of(&self, path: &str) -> Reason {
        let resets = || self.seen.resets.lock().unwrap().iter().find(|(of, _)| of == path).map(|(_, reason)| *reason);
        until("a reset", resets)
    }

    /// How many connections were made so far.
    pub fn connections(&self) -> usize {
        self.seen.connections.lock().unwrap().made
    }

    /// How many of them are open.
    pub fn open(&self) -> usize {
        self.seen.connections.lock().unwrap().open
    }
}

async fn serve(socket: TcpStream, streams: u32, seen: Arc<Seen>) {
    {
        let mut connections = seen.connections.lock().unwrap();
        connections.made += 1;
        connections.open += 1;
    }
    let handshake = h2::server::Builder::new().max_concurrent_streams(streams).handshake(socket).await;
    if let Ok(mut connection) = handshake {
        let ended = Arc::new(tokio::sync::Notify::new());
        loop {
            let next = tokio::select! {
                next = connection.accept() => next,
                () = ended.notified() => break,
            };
            let Some(Ok((request, respond))) = next else { break };
            if request.uri().path() == "/goaway" {
                connection.graceful_shutdown();
            }
            let (seen, ended) = (Arc::clone(&seen), Arc::clone(&ended));
            tokio::spawn(async move {
                if answer(request, respond, &seen).await.is_none() {
                    ended.notify_one();
                }
            });
        }
    }
    seen.connections.lock().unwrap().open -= 1;
}

/// Answers one request. `None`: the connection is to be cut.
async fn answer(request: Request<RecvStream>, mut respond: SendResponse<Bytes>, seen: &Arc<Seen>) -> Option<()> {
    let (parts, mut body) = request.into_parts();
    let path = parts.uri.path().to_owned();
    let asked = Asked {
        head: Request::from_parts(parts, ()),
        body: Vec::new(),
        trailers: HeaderMap::new(),
        complete: body.is_end_stream(),
    };
    let place = {
        let mut requests = seen.requests.lock().unwrap();
        requests.push(asked);
        requests.len() - 1
    };
    let tell_reset = |reason: Reason| seen.resets.lock().unwrap().push((path.clone(), reason));
    let head = |lines: &[(&'static str, &'static str)]| {
        let mut answer = Response::new(());
        for (name, value) in lines {
            answer.headers_mut().append(*name, HeaderValue::from_static(value));
        }
        answer
    };
    let data = |text: &'static str| Bytes::from_static(text.as_bytes());
    match path.as_str() {
        "/echo" => {
            let mut out = respond.send_response(head(&[("x-kind", "echo")]), false).ok()?;
            loop {
                match body.data().await {
                    Some(Ok(part)) => {
                        body.flow_control().release_capacity(part.len()).ok()?;
                        seen.requests.lock().unwrap()[place].body.extend_from_slice(&part);
                        let _ = out.send_data(part, false);
                    }
                    Some(Err(error)) => {
                        tell_reset(error.reason().unwrap_or(Reason::INTERNAL_ERROR));
                        return Some(());
                    }
                    None => break,
                }
            }
            let trailers = body.trailers().await.ok()?;
            let mut requests = seen.requests.lock().unwrap();
            requests[place].trailers = trailers.unwrap_or_default();
            requests[place].complete = true;
            let _ = out.send_trailers(HeaderMap::from_iter([(
                http::HeaderName::from_static("x-sum"),
                HeaderValue::from_static("42"),
            )]));
        }
        "/hang" => {
            let reason = poll_fn(|cx| respond.poll_reset(cx)).await.ok()?;
            tell_reset(reason);
        }
        "/begin" => {
            let mut out = respond.send_response(head(&[]), false).ok()?;
            out.send_data(data("begun"), false).ok()?;
            let reason = poll_fn(|cx| out.poll_reset(cx)).await.ok()?;
            tell_reset(reason);
        }
        "/truncated" | "/no-error" | "/cut" => {
            let mut out = respond.send_response(head(&[]), false).ok()?;
            out.send_data(data("half"), false).ok()?;
            // It has gone out when the window is told of it; then comes the end.
            tokio::time::sleep(Duration::from_millis(20)).await;
            match path.as_str() {
                "/truncated" => out.send_reset(Reason::INTERNAL_ERROR),
                "/no-error" => out.send_reset(Reason::NO_ERROR),
                _ => return None,
            }
        }
        "/refused" => respond.send_reset(Reason::REFUSED_STREAM),
        "/refused-once" => {
            let before = seen.requests.lock().unwrap().iter().filter(|asked| asked.head.uri().path() == path).count();
            if before == 1 {
                respond.send_reset(Reason::REFUSED_STREAM);
            } else {
                respond.send_response(head(&[("x-kind", "again")]), true).ok()?;
            }
        }
        "/short" => {
            let mut out = respond.send_response(head(&[("content-length", "5")]), false).ok()?;
            out.send_data(data("abc"), true).ok()?;
        }
        "/two-lengths" => {
            let mut out =
                respond.send_response(head(&[("content-length", "3"), ("content-length", "3")]), false).ok()?;
            out.send_data(data("abc"), true).ok()?;
        }
        "/trailers-only" => {
            let lines = [("content-type", "application/grpc"), ("grpc-status", "5"), ("grpc-message", "none")];
            respond.send_response(head(&lines), true).ok()?;
        }
        "/early" => {
            let mut answer = head(&[]);
            *answer.status_mut() = http::StatusCode::PAYLOAD_TOO_LARGE;
            let mut out = respond.send_response(answer, false).ok()?;
            // With the body let go unread, the stream is reset with NO_ERROR behind the answer.
            out.send_data(data("too much"), true).ok()?;
        }
        "/interim" => {
            for _ in 0..3 {
                let mut interim = Response::new(());
                *interim.status_mut() = http::StatusCode::EARLY_HINTS;
                respond.send_informational(interim).ok()?;
            }
            respond.send_response(head(&[]), true).ok()?;
        }
        "/interim-flood" => {
            for _ in 0..1000 {
                let mut interim = Response::new(());
                *interim.status_mut() = http::StatusCode::EARLY_HINTS;
                if respond.send_informational(interim).is_err() {
                    break;
                }
            }
            respond.send_response(head(&[]), true).ok()?;
        }
        "/empty" => {
            let mut answer = head(&[("content-length", "7")]);
            *answer.status_mut() = http::StatusCode::NOT_MODIFIED;
            let mut out = respond.send_response(answer, false).ok()?;
            let _ = out.send_data(data("illegal"), true);
        }
        "/big" => {
            let mut out = respond.send_response(head(&[]), false).ok()?;
            let mut left = 8 * 1024 * 1024_usize;
            while left > 0 {
                out.reserve_capacity(left.min(16 * 1024));
                let room = poll_fn(|cx| out.poll_capacity(cx)).await?.ok()?.min(left);
                left -= room;
                out.send_data(Bytes::from(vec![b'x'; room]), left == 0).ok()?;
            }
        }
        _ => {
            while let Some(part) = body.data().await {
                let part = match part {
                    Ok(part) => part,
                    Err(error) => {
                        tell_reset(error.reason().unwrap_or(Reason::INTERNAL_ERROR));
                        return Some(());
                    }
                };
                body.flow_control().release_capacity(part.len()).ok()?;
                seen.requests.lock().unwrap()[place].body.extend_from_slice(&part);
            }
            seen.requests.lock().unwrap()[place].complete = true;
            let mut out = respond.send_response(head(&[("content-length", "6")]), false).ok()?;
            out.send_data(data("modern"), true).ok()?;
        }
    }
    Some(())
}
