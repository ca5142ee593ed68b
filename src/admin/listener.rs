//! The admin listener: connections, how many there may be, and how long they may take.

use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::Router;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use rustix::io::Errno;
use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Instant, Sleep, sleep, timeout};
use tokio_rustls::TlsAcceptor;

use super::doors::Client;
use crate::snapshot::ListenerTls;

/// The most connections, and the most from one address: whoever hoards them leaves room for others.
const CONNECTIONS: (usize, usize) = (512, 256);
/// How long a request's head may take, from the connection or the answer before.
const HEAD: Duration = Duration::from_secs(15);
/// The largest head, in bytes.
const LARGEST_HEAD: usize = 64 * 1024;
/// How long a client may read nothing of an answer.
const STALLED: Duration = Duration::from_secs(30);
/// How long nothing is accepted after an accept failed, for want of descriptors or memory.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// How many descriptors are kept for when there are no others.
const SPARE: usize = 8;

/// Binds the admin listener.
///
/// # Errors
/// The address cannot be bound.
pub fn bind(address: SocketAddr) -> io::Result<std::net::TcpListener> {
    let listener = std::net::TcpListener::bind(address)?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

/// Serves until the task is dropped. `tls` says how new clients are spoken to securely, as of now; `turned_away` is told of
/// connections that there was no room for.
pub(super) async fn serve(
    listener: TcpListener,
    router: Router,
    tls: impl Fn() -> Option<Arc<ListenerTls>>,
    turned_away: impl Fn(IpAddr),
) {
    let crowd = Arc::new(Crowd::default());
    let mut spare = Spare::default();
    spare.refill();
    loop {
        let accepted = listener.accept().await;
        let is_want = accepted.as_ref().is_err_and(is_want_of_descriptors);
        if is_want && spare.give_up() {
            // The next try gets what was given up.
            continue;
        }
        spare.refill();
        match accepted {
            Ok((stream, address)) => match Crowd::enter(&crowd, address.ip()) {
                Some(place) => match tls().map(|tls| tls.config.clone()) {
                    None => drop(tokio::spawn(plain(stream, router.clone(), place))),
                    Some(Some(config)) => drop(tokio::spawn(secure(stream, config, router.clone(), place))),
                    // What is configured to be secure is never served in the open.
                    Some(None) => {}
                },
                None => turned_away(address.ip()),
            },
            // A client that gave up while it was waiting costs nothing; want of descriptors passes only with time.
            Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
            Err(error) => {
                tracing::debug!(%error, "the admin listener could not accept");
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

async fn plain(stream: TcpStream, router: Router, place: Place) {
    // Small answers must not wait for a full segment; a socket without the option only is slower.
    let _ = stream.set_nodelay(true);
    connection(stream, router, place).await;
}

async fn secure(stream: TcpStream, config: Arc<ServerConfig>, router: Router, place: Place) {
    let _ = stream.set_nodelay(true);
    match timeout(HEAD, TlsAcceptor::from(config).accept(stream)).await {
        Ok(Ok(stream)) => connection(stream, router, place).await,
        Ok(Err(error)) => tracing::debug!(%error, "a TLS handshake with the admin listener failed"),
        Err(_) => {}
    }
}

async fn connection<S: AsyncRead + AsyncWrite + Unpin + Send + 'static>(stream: S, router: Router, place: Place) {
    let client = Client(place.client);
    let router = TowerToHyperService::new(router);
    let service = service_fn(move |mut request: http::Request<Incoming>| {
        request.extensions_mut().insert(client);
        router.call(request)
    });
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(HEAD).max_buf_size(LARGEST_HEAD);
    let stream = Impatient { stream, since: None };
    if let Err(error) = http.serve_connection(TokioIo::new(stream), service).await {
        tracing::debug!(%error, "a connection to the admin listener ended");
    }
    drop(place);
}

/// Descriptors that are given up, one for each connection, when there are no others: whatever clients of the facade do, its
/// operators get in.
#[derive(Debug, Default)]
struct Spare(Vec<File>);

impl Spare {
    /// Takes again what was given up, as far as there are descriptors.
    fn refill(&mut self) {
        while self.0.len() < SPARE
            && let Ok(file) = File::open("/dev/null")
        {
            self.0.push(file);
        }
    }

    /// Makes room for one connection; false where there is nothing left to give.
    fn give_up(&mut self) -> bool {
        self.0.pop().is_some()
    }
}

fn is_want_of_descriptors(error: &io::Error) -> bool {
    let wants = [Errno::MFILE, Errno::NFILE].map(Errno::raw_os_error);
    error.raw_os_error().is_some_and(|code| wants.contains(&code))
}

/// Who is connected.
#[derive(Debug, Default)]
struct Crowd(Mutex<HashMap<IpAddr, usize>>);

/// A connection's place among them.
#[derive(Debug)]
struct Place {
    crowd: Arc<Crowd>,
    client: IpAddr,
}

impl Crowd {
    /// A place for one more from this address, if there is room.
    fn enter(crowd: &Arc<Crowd>, client: IpAddr) -> Option<Place> {
        let (most, most_each) = CONNECTIONS;
        let mut clients = crowd.0.lock().unwrap_or_else(PoisonError::into_inner);
        let all: usize = clients.values().sum();
        let own = clients.get(&client).copied().unwrap_or(0);
        if all >= most || own >= most_each {
            return None;
        }
        clients.insert(client, own + 1);
        Some(Place { crowd: Arc::clone(crowd), client })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut clients = self.crowd.0.lock().unwrap_or_else(PoisonError::into_inner);
        match clients.get_mut(&self.client) {
            Some(count) if *count > 1 => *count -= 1,
            _ => drop(clients.remove(&self.client)),
        }
    }
}

/// A stream that breaks when nothing can be written to it for too long.
struct Impatient<S> {
    stream: S,
    /// Runs while a write waits.
    since: Option<Pin<Box<Sleep>>>,
}

impl<S> Impatient<S> {
    /// Lets a write that waits fail when its time is over.
    fn patiently<T>(&mut self, cx: &mut Context<'_>, written: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.since = None;
            return written;
        }
        let since = self.since.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(Instant::now() + STALLED)));
        ready!(since.as_mut().poll(cx));
        Poll::Ready(Err(io::Error::from(io::ErrorKind::TimedOut)))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Impatient<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Impatient<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, buf);
        self.patiently(cx, written)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(cx);
        self.patiently(cx, flushed)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, bufs);
        self.patiently(cx, written)
    }
}

#[cfg(test)]
mod tests {
    use axum::routing::get;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    /// A connection to a listener whose only answer is large.
    async fn connected() -> TcpStream {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let router = Router::new().route("/", get(async || "x".repeat(64 * 1024 * 1024)));
        tokio::spawn(serve(listener, router, || None, |_| {}));
        TcpStream::connect(address).await.unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn a_head_that_never_ends_is_not_waited_for() {
        let mut client = connected().await;
        client.write_all(b"GET / HTTP/1.1\r\nHost: local").await.unwrap();
        let mut answer = Vec::new();
        client.read_to_end(&mut answer).await.unwrap();
        assert!(answer.is_empty() || answer.starts_with(b"HTTP/1.1 408"), "{answer:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn who_reads_nothing_is_cut_off() {
        let mut client = connected().await;
        client.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").await.unwrap();
        // The clock runs on as soon as nothing else does.
        sleep(2 * STALLED).await;
        let mut answer = Vec::new();
        let _ = client.read_to_end(&mut answer).await;
        assert!(answer.len() < 64 * 1024 * 1024, "{}", answer.len());
    }

    #[test]
    fn one_address_does_not_take_every_place() {
        let crowd = Arc::new(Crowd::default());
        let (one, other): (IpAddr, IpAddr) = ("192.0.2.1".parse().unwrap(), "192.0.2.2".parse().unwrap());
        let mut places: Vec<Place> = (0..300).filter_map(|_| Crowd::enter(&crowd, one)).collect();
        assert_eq!(places.len(), CONNECTIONS.1);
        places.extend((0..300).filter_map(|_| Crowd::enter(&crowd, other)));
        assert_eq!(places.len(), CONNECTIONS.0);
        assert!(Crowd::enter(&crowd, "192.0.2.3".parse().unwrap()).is_none());
        places.clear();
        assert!(crowd.0.lock().unwrap().is_empty());
    }
}
