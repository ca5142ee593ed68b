//! One connection to an endpoint, and one exchange over it.
//!
//! The request that holds a connection drives it: bytes are written and read from within the request's own future and,
//! later, from within the answer's body. No task per connection, no channel, and dropping the request is all it takes to
//! cancel it.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use bytes::BytesMut;
use http::response::Parts;
use http::{Method, StatusCode};
use tokio::io::{AsyncRead, AsyncReadExt, ReadBuf};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::task::JoinHandle;
use tokio::time::{Instant, Sleep, sleep_until};

use super::http1::head::{self, Head};
use super::http1::upload::{Delimiting, Upload};
use super::{AnswerBody, Endpoint, Pools};
use crate::errors::{Blame, Failure};
use crate::wire::body::RequestBody;

/// The most interim answers (1xx) before the real one.
const MAX_INTERIM: usize = 100;
/// How much is read at once, at least and at most, in bytes.
const READ: std::ops::RangeInclusive<usize> = 8 * 1024..=64 * 1024;

/// A connection to an endpoint.
#[derive(Debug)]
pub struct Connection {
    endpoint: u64,
    socket: Socket,
    upload: Upload,
    pub(super) buffer: BytesMut,
    /// How much the next read may take; grows while reads are full.
    read_size: usize,
    /// One timer for all waits, moved on rather than made anew: moving a deadline later takes no lock.
    timer: Pin<Box<Sleep>>,
    /// Interim answers of the exchange under way.
    interim: usize,
    idle_since: Instant,
}

#[derive(Debug)]
enum Socket {
    Whole(TcpStream),
    /// The other half is with a task that finishes the upload.
    Reading(OwnedReadHalf, #[expect(dead_code, reason = "held for its Drop")] Task),
    /// On its way from one to the other.
    Gone,
}

/// A task that ends with whoever holds this.
#[derive(Debug)]
struct Task(JoinHandle<OwnedWriteHalf>);

impl Drop for Task {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// How long an exchange may take until the answer's head is there.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// When the waiting begins.
    pub began: Instant,
    /// From the end of the request to the answer's head.
    pub answer: Duration,
    /// Without a byte of the request's body moving.
    pub idle: Duration,
    /// What it is called when it runs out.
    pub late: Failure,
}

/// The head of an answer, before its body.
#[derive(Debug)]
pub struct Answer(Head);

impl Answer {
    /// The head, and the body that comes over `connection`. Within the body, `patience` is the longest time without a byte.
    #[must_use]
    pub fn into_parts(self, connection: Box<Connection>, pools: Rc<Pools>, patience: Duration) -> (Parts, AnswerBody) {
        let Head { parts, length, keep_alive } = self.0;
        (parts, AnswerBody::new(connection, length, keep_alive, pools, patience))
    }
}

/// Why there is no answer.
#[derive(Debug)]
pub enum SendError {
    /// Nothing of the request was written; here is its body back.
    NotSent(RequestBody),
    /// The request, or some of it, may have arrived.
    MaybeSent(Failure),
}

impl Connection {
    /// Connects to the first of the endpoint's addresses that accepts, within `patience`.
    ///
    /// # Errors
    /// [`Failure::Unresolved`], [`Failure::Connect`] or [`Failure::ConnectTimeout`].
    pub async fn open(endpoint: &Endpoint, patience: Duration) -> Result<Box<Connection>, Failure> {
        let addresses = endpoint.addresses();
        if addresses.is_empty() {
            return Err(Failure::Unresolved);
        }
        let deadline = Instant::now() + patience;
        let connect = async {
            for address in addresses.iter() {
                match TcpStream::connect(address).await {
                    Ok(stream) => return Ok(stream),
                    Err(error) => tracing::debug!(%address, %error, "cannot connect"),
                }
            }
            Err(Failure::Connect)
        };
        let stream = tokio::time::timeout_at(deadline, connect).await.map_err(|_| Failure::ConnectTimeout)??;
        // Small requests must not wait for a full segment; a socket without the option only is slower.
        let _ = stream.set_nodelay(true);
        Ok(Box::new(Connection {
            endpoint: endpoint.id,
            socket: Socket::Whole(stream),
            upload: Upload::idle(),
            buffer: BytesMut::new(),
            read_size: *READ.start(),
            timer: Box::pin(sleep_until(deadline)),
            interim: 0,
            idle_since: Instant::now(),
        }))
    }

    /// The endpoint it leads to.
    #[must_use]
    pub fn endpoint(&self) -> u64 {
        self.endpoint
    }

    /// Since when it is unused.
    #[must_use]
    pub fn idle_since(&self) -> Instant {
        self.idle_since
    }

    /// Whether an unused connection can take a request: it is open, and nothing came in unasked.
    pub fn is_usable(&mut self) -> bool {
        let Socket::Whole(stream) = &mut self.socket else { return false };
        let mut byte = [0];
        let mut nobody = Context::from_waker(Waker::noop());
        self.buffer.is_empty()
            && self.upload.is_complete()
            && Pin::new(stream).poll_read(&mut nobody, &mut ReadBuf::new(&mut byte)).is_pending()
    }

    /// Whether the request is out as a whole and nothing has come in beyond the answer.
    pub(super) fn is_clean(&self) -> bool {
        self.buffer.is_empty() && self.upload.is_complete()
    }

    pub(super) fn rest(&mut self, since: Instant) {
        self.idle_since = since;
    }

    /// Moves the timer.
    pub(super) fn set_timer(&mut self, deadline: Instant) {
        self.timer.as_mut().reset(deadline);
    }

    /// Ready when the timer has run out.
    pub(super) fn poll_timer(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.timer.as_mut().poll(cx)
    }

    /// Sends a request, whose head `write` writes, and waits for the answer's head.
    ///
    /// # Errors
    /// Why there is no answer.
    pub async fn send(
        &mut self,
        write: impl FnOnce(&mut Vec<u8>),
        method: &Method,
        body: RequestBody,
        how: Delimiting,
        patience: Patience,
    ) -> Result<Answer, SendError> {
        self.upload.begin(write, body, how);
        self.interim = 0;
        // A body may take its time as long as it moves; the answer is waited for from its end on.
        let mut uploading = !self.upload.is_empty();
        let mut moved = 0;
        self.set_timer(patience.began + if uploading { patience.idle } else { patience.answer });
        let result = poll_fn(|cx| {
            if let Poll::Ready(result) = self.poll_exchange(method, cx) {
                return Poll::Ready(result);
            }
            if uploading && self.upload.is_complete() {
                uploading = false;
                self.set_timer(Instant::now() + patience.answer);
            } else if uploading && self.upload.moved() != moved {
                moved = self.upload.moved();
                self.set_timer(Instant::now() + patience.idle);
            }
            if self.poll_timer(cx).is_ready() { Poll::Ready(Err(patience.late)) } else { Poll::Pending }
        })
        .await;
        match result {
            Ok(head) => {
                if !self.upload.is_complete() {
                    self.detach_upload();
                }
                Ok(Answer(head))
            }
            Err(_) if !self.upload.is_started() => Err(SendError::NotSent(self.upload.take_body())),
            Err(failure) => Err(SendError::MaybeSent(failure)),
        }
    }

    fn poll_exchange(&mut self, method: &Method, cx: &mut Context<'_>) -> Poll<Result<Head, Failure>> {
        let Socket::Whole(stream) = &mut self.socket else { return Poll::Ready(Err(Failure::Reset)) };
        let sent = match self.upload.poll_send(stream, cx) {
            // What is the client's doing is no backend's to answer.
            Poll::Ready(Err(failure)) if failure.blame() == Blame::Client => return Poll::Ready(Err(failure)),
            Poll::Ready(Err(failure)) => Err(failure),
            Poll::Ready(Ok(())) | Poll::Pending => Ok(()),
        };
        if !self.upload.is_started() {
            return sent.map_or_else(|failure| Poll::Ready(Err(failure)), |()| Poll::Pending);
        }
        // A backend may refuse a body by answering and closing: what it said is looked for even when sending failed.
        loop {
            match head::take(&mut self.buffer, method) {
                Ok(Some(head)) if head.parts.status == StatusCode::SWITCHING_PROTOCOLS => {
                    return Poll::Ready(Err(Failure::BadAnswer));
                }
                Ok(Some(head)) if head.parts.status.is_informational() => {
                    self.interim += 1;
                    if self.interim > MAX_INTERIM {
                        return Poll::Ready(Err(Failure::BadAnswer));
                    }
                    continue;
                }
                Ok(Some(head)) => return Poll::Ready(Ok(head)),
                Ok(None) => {}
                Err(head::NotHttp) => return Poll::Ready(Err(Failure::BadAnswer)),
            }
            match self.poll_read(cx) {
                Poll::Ready(Ok(0) | Err(_)) => return Poll::Ready(Err(Failure::Reset)),
                Poll::Ready(Ok(_)) => {}
                Poll::Pending => return sent.map_or_else(|failure| Poll::Ready(Err(failure)), |()| Poll::Pending),
            }
        }
    }

    /// Reads what has come in; 0 at the end of the stream.
    pub(super) fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<std::io::Result<usize>> {
        self.buffer.reserve(self.read_size);
        let buffer = &mut self.buffer;
        // The futures hold no state, so one that is dropped while it waits has lost nothing.
        let count = ready!(match &mut self.socket {
            Socket::Whole(stream) => pin!(stream.read_buf(buffer)).poll(cx),
            Socket::Reading(half, _) => pin!(half.read_buf(buffer)).poll(cx),
            Socket::Gone => Poll::Ready(Ok(0)),
        })?;
        if count >= self.read_size {
            self.read_size = (self.read_size * 2).min(*READ.end());
        }
        Poll::Ready(Ok(count))
    }

    /// Hands the rest of the upload to a task, so that both directions go on independently: a client may well send all of
    /// its body before it takes any of the answer.
    fn detach_upload(&mut self) {
        let mut upload = std::mem::replace(&mut self.upload, Upload::idle());
        let Socket::Whole(stream) = std::mem::replace(&mut self.socket, Socket::Gone) else { return };
        let (reading, mut writing) = stream.into_split();
        let finish = async move {
            // Whatever comes of it, the answer is under way already.
            let _ = poll_fn(|cx| upload.poll_send(&mut writing, cx)).await;
            // Dropped here it would close its direction, which some backends take for the client's going away.
            writing
        };
        self.socket = Socket::Reading(reading, Task(tokio::task::spawn_local(finish)));
    }
}
