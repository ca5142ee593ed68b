//! A connection, shared by its streams.

use std::cell::Cell;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use h2::client::{Builder, SendRequest};
use h2::{Ping, PingPong};
use tokio::sync::Notify;
use tokio::time::{Instant, Sleep, sleep_until};

use crate::errors::Failure;
use crate::upstream::bulkhead::Slot;
use crate::wire::stream::Stream;

/// How much of one answer may be under way before the client has taken it, in bytes.
const STREAM_WINDOW: u32 = 1024 * 1024;
/// The same of all answers of a connection together.
const CONNECTION_WINDOW: u32 = 8 * 1024 * 1024;
/// How much of one request's body is held back while the backend does not take it, in bytes.
const SEND_BUFFER: usize = 128 * 1024;
/// The largest head of an answer, in bytes, as RFC 9113 section 6.5.2 counts them.
const MAX_HEAD: u32 = 64 * 1024;
/// How often a connection with open streams is asked for a sign of life, and how long it may take to give it.
const PING: Duration = Duration::from_secs(10);

/// A connection, shared by its streams. When it is dropped and the last stream is over, the connection is closed in order.
#[derive(Debug)]
pub(in crate::upstream) struct Session {
    sender: SendRequest<Bytes>,
    /// Whether it is HTTP/2 over TLS.
    pub(super) tls: bool,
    shared: Rc<Shared>,
}

/// What streams, session and the task that drives the connection know of each other.
#[derive(Debug)]
struct Shared {
    streams: Cell<usize>,
    ended: Cell<bool>,
    abandoned: Cell<bool>,
    idle_since: Cell<Instant>,
    /// Told when there is room for a stream again.
    freed: Rc<Notify>,
}

/// A stream's place among those of its connection, from before it is opened until all is over.
#[derive(Debug)]
pub(in crate::upstream) struct Share {
    pub(super) session: Rc<Session>,
}

impl Session {
    /// Begins to speak HTTP/2 over a socket. The backend's first frames are not waited for.
    ///
    /// # Errors
    /// [`Failure::Connect`] where the socket does not even take the first bytes.
    pub(in crate::upstream) async fn begin(
        stream: Stream,
        tls: bool,
        slot: Slot,
        freed: Rc<Notify>,
    ) -> Result<Rc<Session>, Failure> {
        let handshake = Builder::new()
            .initial_window_size(STREAM_WINDOW)
            .initial_connection_window_size(CONNECTION_WINDOW)
            .max_send_buffer_size(SEND_BUFFER)
            .max_header_list_size(MAX_HEAD)
            .enable_push(false)
            .handshake(stream)
            .await;
        let (sender, connection) = handshake.map_err(|error| {
            tracing::debug!(%error, "no HTTP/2 with a backend");
            Failure::Connect
        })?;
        let (streams, ended, abandoned) = Default::default();
        let idle_since = Cell::new(Instant::now());
        let shared = Rc::new(Shared { streams, ended, abandoned, idle_since, freed });
        tokio::task::spawn_local(drive(connection, Rc::clone(&shared), slot));
        Ok(Rc::new(Session { sender, tls, shared }))
    }

    /// Whether it has ended, or takes no new streams because the backend is about to end it.
    pub(in crate::upstream) fn is_over(&self) -> bool {
        let mut nobody = Context::from_waker(Waker::noop());
        // A fresh handle has no stream that waits to be opened, so that this never waits.
        self.shared.ended.get() || matches!(self.sender.clone().poll_ready(&mut nobody), Poll::Ready(Err(_)))
    }

    /// Whether the backend allows one more stream at present.
    pub(in crate::upstream) fn has_room(&self) -> bool {
        self.shared.streams.get() < self.sender.current_max_send_streams()
    }

    /// Since when no stream is open; `None` while one is.
    pub(in crate::upstream) fn idle_since(&self) -> Option<Instant> {
        (self.shared.streams.get() == 0).then(|| self.shared.idle_since.get())
    }

    /// A place for one stream.
    pub(in crate::upstream) fn share(self: &Rc<Self>) -> Share {
        self.shared.streams.set(self.shared.streams.get() + 1);
        Share { session: Rc::clone(self) }
    }

    pub(super) fn sender(&self) -> SendRequest<Bytes> {
        self.sender.clone()
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.shared.abandoned.set(true);
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let shared = &self.session.shared;
        shared.streams.set(shared.streams.get() - 1);
        if shared.streams.get() == 0 {
            shared.idle_since.set(Instant::now());
        }
        shared.freed.notify_one();
    }
}

/// Moves frames until the connection is over. Its slot is given back when the socket is closed.
async fn drive(mut connection: h2::client::Connection<Stream, Bytes>, shared: Rc<Shared>, slot: Slot) {
    let mut pulse = Pulse {
        ping: connection.ping_pong(),
        timer: Box::pin(sleep_until(Instant::now() + PING)),
        asked: false,
        shared: Rc::clone(&shared),
    };
    poll_fn(|cx| {
        if let Poll::Ready(ended) = Pin::new(&mut connection).poll(cx) {
            if let Err(error) = ended {
                tracing::debug!(%error, "a backend's HTTP/2 connection ended");
            }
            return Poll::Ready(());
        }
        pulse.poll(cx)
    })
    .await;
    // Before the streams are told: none of those who try again may be given this connection.
    shared.ended.set(true);
    drop(connection);
    drop(slot);
    shared.freed.notify_waiters();
}

/// Finds out whether the other end is still there: without traffic, a socket does not say.
struct Pulse {
    ping: Option<PingPong>,
    timer: Pin<Box<Sleep>>,
    /// Whether a sign of life was asked for and has not come.
    asked: bool,
    shared: Rc<Shared>,
}

impl Pulse {
    /// Ready when the connection is to be given up.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if let Some(ping) = &mut self.ping
            && self.asked
        {
            match ping.poll_pong(cx) {
                Poll::Ready(Ok(_)) => self.asked = false,
                Poll::Ready(Err(_)) => return Poll::Ready(()),
                Poll::Pending => {}
            }
        }
        while self.timer.as_mut().poll(cx).is_ready() {
            let idle = self.shared.streams.get() == 0;
            // An abandoned one has had time enough to say goodbye.
            if self.asked || (idle && self.shared.abandoned.get()) {
                return Poll::Ready(());
            }
            if let Some(ping) = self.ping.as_mut().filter(|_| !idle) {
                self.asked = ping.send_ping(Ping::opaque()).is_ok();
                // Registers for the pong, and wakes the connection to send the ping.
                cx.waker().wake_by_ref();
            }
            self.timer.as_mut().reset(Instant::now() + PING);
        }
        Poll::Pending
    }
}
