//! One client's connection, from accept to close: whether it is secure, and which protocol it speaks.

use std::future::{Future, poll_fn};
use std::io;
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Poll, ready};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use rustls::ServerConfig;
use tokio::net::TcpStream;
use tokio::time::sleep;
use tokio_rustls::TlsAcceptor;

use super::pulse::{End, Pulse};
use super::{Handler, Peer, http1, http2};
use crate::runtime::lane::{self, Lane};
use crate::shutdown::{Phase, ShutdownWatch};
use crate::wire::intake;
use crate::wire::stream::Stream;

/// How a client that speaks HTTP/2 without being asked begins (RFC 9113 section 3.4).
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// How much is read at first, in bytes: most requests fit.
const FIRST_READ: usize = 4096;
/// How long it takes at most to hear what a client had sent when it was accepted.
const HEARING: Duration = Duration::from_millis(50);

/// Serves a client until either side is done with the connection. `tls` is how it is spoken to securely.
pub(super) async fn serve<H: Handler>(
    stream: TcpStream,
    tls: Option<Arc<ServerConfig>>,
    peer: Rc<Peer>,
    handler: Rc<H>,
    pulse: Rc<Pulse>,
    shutdown: ShutdownWatch,
) {
    // In boxes: what a beginning takes is free again when it is over, and each connection holds what its own protocol needs.
    let begun = match tls {
        None => Box::pin(unless_ended(&pulse, overheard(stream, &shutdown))).await,
        Some(config) => Box::pin(secured(config, stream, &pulse)).await,
    };
    match begun {
        Some(Ok(Begun { stream, early, version: Version::Http1 })) => {
            Box::pin(http1::serve(stream, early, peer, handler, pulse, shutdown)).await;
        }
        Some(Ok(Begun { stream, early, version: Version::Http2 })) => {
            Box::pin(http2::serve(stream, early, peer, handler, pulse, shutdown)).await;
        }
        // A scan of the port leaves thousands of these.
        Some(Err(error)) => tracing::debug!(%error, "a connection ended before its first request"),
        None => {}
    }
}

/// A connection of which it is known what is spoken over it.
struct Begun {
    stream: Stream,
    /// What was read already.
    early: Bytes,
    version: Version,
}

/// Makes a connection secure; its client says what it speaks (RFC 7301). `None` where the watchdog ended it.
async fn secured(config: Arc<ServerConfig>, stream: TcpStream, pulse: &Pulse) -> Option<io::Result<Begun>> {
    pulse.handshaking(true);
    let mut agreeing = pin!(TlsAcceptor::from(config).accept(stream));
    let mut place = lane::Place::default();
    // The dearest that a client who is not known can ask for.
    let in_turn = poll_fn(|cx| {
        ready!(place.poll_turn(Lane::Newcomers, cx));
        agreeing.as_mut().poll(cx)
    });
    let secured = unless_ended(pulse, in_turn).await;
    pulse.handshaking(false);
    Some(secured?.map(|stream| {
        let version = match stream.get_ref().1.alpn_protocol() {
            Some(b"h2") => Version::Http2,
            _ => Version::Http1,
        };
        Begun { stream: stream.into(), early: Bytes::new(), version }
    }))
}

/// Finds out what is spoken over a connection that is not secure.
async fn overheard(mut stream: TcpStream, shutdown: &ShutdownWatch) -> io::Result<Begun> {
    let Some((early, version)) = sniff(&mut stream, shutdown).await? else {
        return Err(io::Error::other("the facade goes down"));
    };
    Ok(Begun { stream: stream.into(), early, version })
}

/// What a client speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Version {
    Http1,
    Http2,
}

/// Reads until it is clear what the client speaks: one read, but for clients that send the preface piece by piece. What was
/// read is handed on; `None` where nothing came and the facade goes down.
async fn sniff(stream: &mut TcpStream, shutdown: &ShutdownWatch) -> io::Result<Option<(Bytes, Version)>> {
    let mut early = BytesMut::new();
    loop {
        let read = poll_fn(|cx| intake::poll_read(stream, cx, FIRST_READ, &mut early));
        tokio::select! {
            biased;
            read = read => if read? == 0 {
                return Ok(Some((early.freeze(), Version::Http1)));
            },
            () = left(shutdown) => return Ok(None),
        }
        if early.starts_with(PREFACE) {
            return Ok(Some((early.freeze(), Version::Http2)));
        }
        if !PREFACE.starts_with(&early) {
            return Ok(Some((early.freeze(), Version::Http1)));
        }
    }
}

/// Waits until the facade goes down and a client that was just accepted would have been heard. The watchdog's wake makes it
/// look.
async fn left(shutdown: &ShutdownWatch) {
    poll_fn(|_| if shutdown.phase() >= Phase::Draining { Poll::Ready(()) } else { Poll::Pending }).await;
    sleep(HEARING).await;
}

/// Runs a future until the watchdog ends the connection; `None` then.
pub(super) async fn unless_ended<F: Future>(pulse: &Pulse, future: F) -> Option<F::Output> {
    let mut future = pin!(future);
    poll_fn(|cx| {
        pulse.watch(cx.waker());
        if pulse.end() == Some(End::Close) {
            return Poll::Ready(None);
        }
        future.as_mut().poll(cx).map(Some)
    })
    .await
}
