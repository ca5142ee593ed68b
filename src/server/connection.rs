//! One client's connection, from accept to close.

use std::future::poll_fn;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use http::{Request, Response};
use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::gate::{Gate, Refusals};
use super::watchdog::{End, Pulse};
use super::{Event, Handler, Peer};
use crate::shutdown::{Phase, ShutdownWatch};

/// How long a client that was refused may go on sending before its connection is closed under it.
const LINGER: Duration = Duration::from_millis(500);
/// How much of that is read and thrown away.
const LINGER_BYTES: usize = 256 * 1024;

/// Serves a client until either side is done with the connection.
pub(super) async fn serve<H: Handler>(
    stream: TcpStream,
    peer: Rc<Peer>,
    handler: Rc<H>,
    pulse: Rc<Pulse>,
    shutdown: ShutdownWatch,
) {
    let refusals = Rc::new(Refusals::default());
    let gate = Gate::new(stream, Rc::clone(&refusals), Rc::clone(&pulse));
    let service = service_fn(|request: Request<Incoming>| {
        let (handler, peer, pulse) = (Rc::clone(&handler), Rc::clone(&peer), Rc::clone(&pulse));
        let refused = refusals.next();
        async move {
            let guard = Answering(pulse);
            let answer = match refused {
                Some(failure) => handler.refuse(failure, &peer),
                None => handler.handle(request, &peer).await,
            };
            Ok::<_, std::convert::Infallible>(answer.map(|inner| Tracked { inner, _answering: guard }))
        }
    });
    let mut http = http1::Builder::new();
    // Slow heads are the watchdog's business, and the Date header is hyper's.
    http.header_read_timeout(None);
    let mut connection = http.serve_connection(TokioIo::new(gate), service);
    let finished = poll_fn(|cx| drive(&mut connection, &pulse, &shutdown, cx)).await;
    if let Some(failure) = refusals.body() {
        handler.event(Event::BodyRefused(failure));
    }
    if finished {
        close(connection.into_parts().io.into_inner()).await;
    }
}

/// Drives a connection to its end; whether it ended in order, so that the socket is worth closing carefully.
fn drive<S, B>(
    connection: &mut http1::Connection<TokioIo<Gate>, S>,
    pulse: &Pulse,
    shutdown: &ShutdownWatch,
    cx: &mut Context<'_>,
) -> Poll<bool>
where
    S: hyper::service::HttpService<Incoming, ResBody = B>,
    S::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    B: Body + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    pulse.watch(cx.waker());
    if pulse.end() == Some(End::Close) {
        return Poll::Ready(false);
    }
    if pulse.leaving(shutdown.phase() >= Phase::Draining) {
        Pin::new(&mut *connection).graceful_shutdown();
    }
    let result = ready!(connection.poll_without_shutdown(cx));
    if let Err(error) = &result {
        tracing::debug!(%error, "a client's connection ended");
    }
    Poll::Ready(result.is_ok())
}

/// Closes a socket such that an answer under way to a client that is still sending is not lost: closing with unread bytes
/// makes the kernel send a reset, and a reset makes the client's kernel throw the answer away.
async fn close(gate: Gate) {
    let (mut stream, unread) = gate.into_stream();
    if stream.shutdown().await.is_err() || !unread {
        return;
    }
    let drain = async {
        let mut waste = [0; 4096];
        let mut left = LINGER_BYTES;
        while let Ok(count @ 1..) = stream.read(&mut waste).await {
            left = left.saturating_sub(count);
            if left == 0 {
                return;
            }
        }
    };
    // Either way the socket is closed now.
    let _ = tokio::time::timeout(LINGER, drain).await;
}

/// Tells the watchdog when an answer is complete or given up.
#[derive(Debug)]
struct Answering(Rc<Pulse>);

impl Drop for Answering {
    fn drop(&mut self) {
        self.0.answered();
    }
}

/// An answer's body that is watched.
#[derive(Debug)]
struct Tracked<B> {
    inner: B,
    _answering: Answering,
}

impl<B: Body + Unpin> Body for Tracked<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        Pin::new(&mut self.inner).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
