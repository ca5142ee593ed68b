//! A client's HTTP/2 connection (RFC 9113).
//!
//! - this file: the connection: its limits, its streams, how it ends
//! - [`head`]: a request's head, made like one of HTTP/1.1 before anybody looks at it
//! - [`exchange`]: one request and its answer
//! - [`upload`]: a request's body · [`deliver`]: an answer's
//! - [`rewound`]: a socket that was listened to before
//!
//! It is `h2` itself, without hyper around it: what a client that stops reading or sending does to a single stream must be
//! seen, and hyper hides it.

mod deliver;
mod exchange;
mod head;
mod rewound;
mod upload;

use std::cell::Cell;
use std::future::poll_fn;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use h2::server::{Builder, Connection};
use h2::{Ping, PingPong, Reason};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::task::spawn_local;
use tokio::time::{Instant, Sleep, sleep};

use super::connection::unless_ended;
use super::pulse::{End, Pulse};
use super::{Handler, Peer};
use crate::shutdown::{Phase, ShutdownWatch};
use crate::wire::stream::Stream;
use exchange::exchange;
use rewound::Rewound;

/// Requests at once on one connection: what browsers and gRPC expect, and RFC 9113 section 6.5.2 recommends at least.
const STREAMS: u32 = 100;
/// What a client may send of one body before the backend has taken any of it: enough for 100 Mbit/s over 20 ms.
const STREAM_WINDOW: u32 = 256 * 1024;
/// The same for all bodies of a connection; what one connection can make the facade hold. Four stalled bodies fill it.
const CONNECTION_WINDOW: u32 = 1024 * 1024;
/// The most of an answer that waits for the client's windows or its socket, for each stream.
const SEND_BUFFER: usize = 64 * 1024;
/// Streams that were reset before anybody looked at them (CVE-2023-44487).
const PENDING_RESETS: usize = 20;
/// Streams that the facade had to reset because of what the client did (CVE-2025-8671, RUSTSEC-2024-0003).
const LOCAL_RESETS: usize = 100;
/// So many requests may be taken back before their answer in any case; then it may be half of all.
const TAKEN_BACK: u64 = 200;
/// How often a client with requests under way is asked whether it is still there, and how long it may take to say so.
const PING_EVERY: Duration = Duration::from_secs(30);
const PONG_WITHIN: Duration = Duration::from_secs(20);

/// What the streams of a connection share.
pub(super) struct Shared<H: Handler> {
    handler: Rc<H>,
    peer: Rc<Peer>,
    pulse: Rc<Pulse>,
    /// Requests so far, and those of them that the client took back before their answer.
    requests: Cell<u64>,
    taken_back: Cell<u64>,
}

/// Serves a client until either side is done with the connection; `early` are bytes that were read of it already.
pub(super) async fn serve<H: Handler>(
    stream: Stream,
    early: Bytes,
    peer: Rc<Peer>,
    handler: Rc<H>,
    pulse: Rc<Pulse>,
    shutdown: ShutdownWatch,
) {
    pulse.multiplexed();
    let limits = handler.limits(peer.listener);
    let list = u32::try_from(limits.head).unwrap_or(u32::MAX);
    let mut settings = Builder::new();
    settings
        .max_concurrent_streams(STREAMS)
        .initial_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_header_list_size(list)
        .max_send_buffer_size(SEND_BUFFER)
        .max_pending_accept_reset_streams(PENDING_RESETS)
        .max_local_error_reset_streams(Some(LOCAL_RESETS));
    let handshake = settings.handshake(Rewound::new(stream, early));
    let mut connection = match unless_ended(&pulse, handshake).await {
        Some(Ok(connection)) => connection,
        Some(Err(error)) => return tracing::debug!(%error, "a client's HTTP/2 connection failed"),
        None => return,
    };
    let mut alive = connection.ping_pong().map(Alive::new);
    let (requests, taken_back) = (Cell::new(0), Cell::new(0));
    let shared = Rc::new(Shared { handler, peer, pulse: Rc::clone(&pulse), requests, taken_back });
    let mut goodbye = false;
    poll_fn(|cx| {
        pulse.watch(cx.waker());
        if pulse.end() == Some(End::Close) {
            return Poll::Ready(());
        }
        let over = limits.requests.is_some_and(|most| shared.requests.get() >= most);
        if !goodbye && (over || pulse.end() == Some(End::Idle) || shutdown.phase() >= Phase::Draining) {
            goodbye = true;
            // A first GOAWAY that refuses nothing, and a second one after a round trip: no request is lost on the way.
            connection.graceful_shutdown();
        }
        if alive.as_mut().is_some_and(|alive| alive.poll_gone(pulse.is_working(), cx).is_ready()) {
            tracing::debug!("a client does not answer pings");
            return Poll::Ready(());
        }
        poll_streams(&mut connection, &shared, cx)
    })
    .await;
}

/// Begins every request that has come in; ready when the connection has ended.
fn poll_streams<T, H>(connection: &mut Connection<T, Bytes>, shared: &Rc<Shared<H>>, cx: &mut Context<'_>) -> Poll<()>
where
    T: AsyncRead + AsyncWrite + Unpin,
    H: Handler,
{
    loop {
        match connection.poll_accept(cx) {
            Poll::Pending => return Poll::Pending,
            Poll::Ready(None) => return Poll::Ready(()),
            Poll::Ready(Some(Err(error))) => {
                tracing::debug!(%error, "a client's HTTP/2 connection ended");
                return Poll::Ready(());
            }
            Poll::Ready(Some(Ok((request, respond)))) => {
                let requests = shared.requests.get() + 1;
                shared.requests.set(requests);
                shared.pulse.began();
                let taken_back = shared.taken_back.get();
                if taken_back > TAKEN_BACK && taken_back > requests / 2 {
                    connection.abrupt_shutdown(Reason::ENHANCE_YOUR_CALM);
                }
                drop(spawn_local(exchange(request, respond, Rc::clone(shared))));
            }
        }
    }
}

/// Whether the client is still there, as far as it answers pings. Only asked while it has requests under way: what idles is
/// ended anyway.
struct Alive {
    pings: PingPong,
    timer: Pin<Box<Sleep>>,
    waiting: bool,
}

impl Alive {
    fn new(pings: PingPong) -> Alive {
        Alive { pings, timer: Box::pin(sleep(PING_EVERY)), waiting: false }
    }

    /// Ready when it is gone.
    fn poll_gone(&mut self, working: bool, cx: &mut Context<'_>) -> Poll<()> {
        if self.waiting && self.pings.poll_pong(cx).is_ready() {
            self.waiting = false;
            self.timer.as_mut().reset(Instant::now() + PING_EVERY);
        }
        while self.timer.as_mut().poll(cx).is_ready() {
            if self.waiting {
                return Poll::Ready(());
            }
            // Where it cannot be sent, the connection is ending.
            self.waiting = working && self.pings.send_ping(Ping::opaque()).is_ok();
            let wait = if self.waiting { PONG_WITHIN } else { PING_EVERY };
            self.timer.as_mut().reset(Instant::now() + wait);
            if self.waiting && self.pings.poll_pong(cx).is_ready() {
                self.waiting = false;
            }
        }
        Poll::Pending
    }
}
