//! The body of a backend's answer on its way to the client.

use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use tokio::time::Instant;

use super::{Connection, Pools};
use crate::wire::decode::{Decoder, From, Length, Piece};

/// The body of a backend's answer. It drives the connection it comes over, and puts it back for the next request when both
/// sides of the exchange are complete; dropped before that, it closes the connection, which cancels the exchange.
#[derive(Debug)]
pub struct AnswerBody {
    /// `None` once it is given back or given up.
    connection: Option<Box<Connection>>,
    decoder: Decoder,
    keep_alive: bool,
    pools: Rc<Pools>,
    patience: Duration,
    /// Whether the timer already runs for the wait under way.
    waiting: bool,
}

/// The backend broke its answer off, or went silent within it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AnswerError {
    /// The connection ended before the body did, or the body is not well-formed.
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

type Polled = Poll<Option<Result<Frame<Bytes>, AnswerError>>>;

impl AnswerBody {
    pub(super) fn new(
        connection: Box<Connection>,
        length: Length,
        keep_alive: bool,
        pools: Rc<Pools>,
        patience: Duration,
    ) -> AnswerBody {
        let (connection, decoder) = (Some(connection), Decoder::new(length, From::Backend));
        let mut body = AnswerBody { connection, decoder, keep_alive, pools, patience, waiting: false };
        if body.decoder.is_done() {
            body.finish();
        }
        body
    }

    /// The answer is complete: the connection may serve another request, if the request was complete as well and nothing
    /// came after the answer.
    fn finish(&mut self) {
        if let Some(connection) = self.connection.take()
            && self.keep_alive
            && connection.is_clean()
        {
            self.pools.put(connection);
        }
    }

    fn fail(&mut self, error: AnswerError) -> Polled {
        self.connection = None;
        self.decoder = Decoder::Done;
        Poll::Ready(Some(Err(error)))
    }

    /// Waits for more, but not for ever.
    fn poll_patience(&mut self, cx: &mut Context<'_>) -> Polled {
        let Some(connection) = &mut self.connection else { return Poll::Ready(None) };
        if !self.waiting {
            self.waiting = true;
            connection.set_timer(Instant::now() + self.patience);
        }
        if connection.poll_timer(cx).is_pending() { Poll::Pending } else { self.fail(AnswerError::Silent) }
    }
}

impl Body for AnswerBody {
    type Data = Bytes;
    type Error = AnswerError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Polled {
        let this = &mut *self;
        loop {
            let Some(connection) = &mut this.connection else { return Poll::Ready(None) };
            let frame = match this.decoder.take(&mut connection.buffer) {
                Ok(Piece::Data(data)) => Some(Frame::data(data)),
                Ok(Piece::Trailers(trailers)) => Some(Frame::trailers(trailers)),
                Ok(Piece::End) => {
                    this.finish();
                    return Poll::Ready(None);
                }
                Ok(Piece::Wait) => None,
                Err(_) => return this.fail(AnswerError::Broken),
            };
            if let Some(frame) = frame {
                this.waiting = false;
                if this.decoder.is_done() {
                    this.finish();
                }
                return Poll::Ready(Some(Ok(frame)));
            }
            match connection.poll_read(cx) {
                Poll::Ready(Ok(0)) if this.decoder.ends_with_connection() => {
                    this.connection = None;
                    this.decoder = Decoder::Done;
                    return Poll::Ready(None);
                }
                Poll::Ready(Ok(0) | Err(_)) => return this.fail(AnswerError::Broken),
                Poll::Ready(Ok(_)) => {}
                Poll::Pending => return this.poll_patience(cx),
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.decoder.is_done()
    }

    fn size_hint(&self) -> SizeHint {
        self.decoder.left().map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}
