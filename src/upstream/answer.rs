//! The body of a backend's answer on its way to the client.

use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::{Connection, Pools};

/// The body of a backend's answer. It drives the connection it came over, and puts it back for the next request when both
/// sides of the exchange are complete; dropped before that, it closes the connection, which cancels the exchange.
#[derive(Debug)]
pub struct AnswerBody {
    incoming: Incoming,
    link: Link,
    pools: Rc<Pools>,
    patience: Duration,
    /// Whether the timer already runs for the wait under way.
    waiting: bool,
}

#[derive(Debug)]
enum Link {
    /// Driven from here.
    Driven(Connection),
    /// Driven by a task, because the request's body was still under way when the answer began.
    Detached(Connection, #[expect(dead_code, reason = "held for its Drop")] Task),
    /// Given back or given up.
    Gone,
}

/// The backend broke its answer off, or went silent within it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AnswerError {
    /// The connection ended before the body did.
    Broken,
    /// Nothing came for too long.
    Silent,
}

impl std::fmt::Display for AnswerError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            AnswerError::Broken => "the backend broke its answer off",
            AnswerError::Silent => "the backend went silent within its answer",
        })
    }
}

impl std::error::Error for AnswerError {}

impl AnswerBody {
    /// The body of an answer that came over `connection`. `uploading` says that the request's body is still under way.
    /// Within the body, `patience` is the longest time without a byte.
    #[must_use]
    pub fn new(
        incoming: Incoming,
        mut connection: Connection,
        uploading: bool,
        pools: Rc<Pools>,
        patience: Duration,
    ) -> AnswerBody {
        let task = if uploading { connection.detach() } else { None };
        let link = match task {
            Some(task) => Link::Detached(connection, Task(task)),
            None => Link::Driven(connection),
        };
        let mut body = AnswerBody { incoming, link, pools, patience, waiting: false };
        if body.incoming.is_end_stream() {
            body.finish();
        }
        body
    }

    /// The answer is complete: the connection may serve another request, if the request was complete as well.
    fn finish(&mut self) {
        if let Link::Driven(connection) = std::mem::replace(&mut self.link, Link::Gone) {
            self.pools.put(connection);
        }
    }

    fn poll_incoming(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, AnswerError>>> {
        let polled = Pin::new(&mut self.incoming).poll_frame(cx);
        match polled {
            Poll::Pending => return Poll::Pending,
            Poll::Ready(Some(Ok(frame))) => {
                self.waiting = false;
                // Nothing follows trailers, and nobody asks whether anything does.
                if self.incoming.is_end_stream() || frame.is_trailers() {
                    self.finish();
                }
                return Poll::Ready(Some(Ok(frame)));
            }
            Poll::Ready(Some(Err(error))) => {
                tracing::debug!(%error, "an answer broke off");
                self.link = Link::Gone;
                return Poll::Ready(Some(Err(AnswerError::Broken)));
            }
            Poll::Ready(None) => self.finish(),
        }
        Poll::Ready(None)
    }

    /// Waits for more, but not for ever.
    fn poll_patience(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, AnswerError>>> {
        let (Link::Driven(connection) | Link::Detached(connection, _)) = &mut self.link else {
            return Poll::Ready(Some(Err(AnswerError::Broken)));
        };
        if !self.waiting {
            self.waiting = true;
            connection.set_timer(Instant::now() + self.patience);
        }
        if connection.poll_timer(cx).is_pending() {
            return Poll::Pending;
        }
        self.link = Link::Gone;
        Poll::Ready(Some(Err(AnswerError::Silent)))
    }
}

impl Body for AnswerBody {
    type Data = Bytes;
    type Error = AnswerError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, AnswerError>>> {
        let this = &mut *self;
        // Asking the body first tells the connection that more is wanted; then the connection reads; then the body has it.
        let first = this.poll_incoming(cx);
        if first.is_ready() {
            return first;
        }
        if let Link::Driven(connection) = &mut this.link {
            let ended = connection.drive(cx).is_ready();
            let second = this.poll_incoming(cx);
            if second.is_ready() {
                return second;
            }
            if ended {
                this.link = Link::Gone;
            }
        }
        this.poll_patience(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.incoming.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming.size_hint()
    }
}

/// A task that ends with whoever holds this.
#[derive(Debug)]
struct Task(JoinHandle<()>);

impl Drop for Task {
    fn drop(&mut self) {
        self.0.abort();
    }
}
