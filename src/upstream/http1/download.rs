//! The body of an answer.

use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::response::Parts;
use hyper::body::{Frame, SizeHint};
use tokio::time::Instant;

use super::exchange::Http1;
use super::head::Head;
use crate::upstream::{AnswerError, Connection, Pools};
use crate::wire::decode::{Decoder, From, Piece};
use crate::wire::lines::Lines;

/// The body of an answer. It drives the connection it comes over, and puts it back for the next request when both sides of
/// the exchange are complete; dropped before that, it closes the connection, which cancels the exchange.
#[derive(Debug)]
pub(in crate::upstream) struct Download {
    /// `None` once it is given back or given up.
    connection: Option<Box<Connection>>,
    decoder: Decoder,
    keep_alive: bool,
    pools: Rc<Pools>,
    patience: Duration,
    /// Whether the timer already runs for the wait under way.
    waiting: bool,
    /// How much of the upload was out when the timer was set.
    uploaded: u64,
}

type Polled = Poll<Option<Result<Frame<Bytes>, AnswerError>>>;

impl Download {
    pub(in crate::upstream) fn new(
        head: Head,
        connection: Box<Connection>,
        pools: Rc<Pools>,
        patience: Duration,
    ) -> (Parts, Lines, Download) {
        let keep_alive = head.keep_alive;
        let (connection, decoder) = (Some(connection), Decoder::new(head.length, From::Backend));
        let (parts, fields) = head.into_parts();
        let mut body = Download { connection, decoder, keep_alive, pools, patience, waiting: false, uploaded: 0 };
        if body.decoder.is_done() {
            body.finish();
        }
        (parts, fields, body)
    }

    /// The answer is complete: the connection may serve another request, if the request was complete as well and nothing
    /// came after the answer.
    fn finish(&mut self) {
        if let Some(mut connection) = self.connection.take()
            && self.keep_alive
            && let Some(http1) = connection.http1()
            && http1.is_clean()
        {
            http1.rest();
            self.pools.put(connection);
        }
    }

    fn http1(&mut self) -> Option<&mut Http1> {
        self.connection.as_mut()?.http1()
    }

    fn fail(&mut self, error: AnswerError) -> Polled {
        self.connection = None;
        self.decoder = Decoder::Done;
        Poll::Ready(Some(Err(error)))
    }

    /// Waits for more, but not for ever: a backend that says nothing has its time again while the client's upload moves.
    fn poll_patience(&mut self, cx: &mut Context<'_>) -> Polled {
        let mut anew = !std::mem::replace(&mut self.waiting, true);
        loop {
            let (patience, before) = (self.patience, self.uploaded);
            let Some(http1) = self.http1() else { return Poll::Ready(None) };
            let uploaded = http1.uploaded();
            if anew {
                http1.set_timer(Instant::now() + patience);
            }
            if http1.poll_timer(cx).is_pending() {
                self.uploaded = if anew { uploaded } else { before };
                return Poll::Pending;
            }
            if anew || uploaded == before {
                return self.fail(AnswerError::Silent);
            }
            anew = true;
        }
    }

    pub(in crate::upstream) fn poll_frame(&mut self, cx: &mut Context<'_>) -> Polled {
        loop {
            let Some(http1) = self.connection.as_mut().and_then(|connection| connection.http1()) else {
                return Poll::Ready(None);
            };
            let frame = match self.decoder.take(&mut http1.buffer) {
                Ok(Piece::Data(data)) => Some(Frame::data(data)),
                Ok(Piece::Trailers(trailers)) => Some(Frame::trailers(trailers)),
                Ok(Piece::End) => {
                    self.finish();
                    return Poll::Ready(None);
                }
                Ok(Piece::Wait) => None,
                Err(_) => return self.fail(AnswerError::Broken),
            };
            if let Some(frame) = frame {
                self.waiting = false;
                if self.decoder.is_done() {
                    self.finish();
                }
                return Poll::Ready(Some(Ok(frame)));
            }
            match http1.poll_read(cx) {
                Poll::Ready(Ok(0)) if self.decoder.ends_with_connection() => {
                    self.connection = None;
                    self.decoder = Decoder::Done;
                    return Poll::Ready(None);
                }
                Poll::Ready(Ok(0) | Err(_)) => return self.fail(AnswerError::Broken),
                Poll::Ready(Ok(_)) => {}
                Poll::Pending => return self.poll_patience(cx),
            }
        }
    }

    pub(in crate::upstream) fn is_end_stream(&self) -> bool {
        self.decoder.is_done()
    }

    pub(in crate::upstream) fn size_hint(&self) -> SizeHint {
        self.decoder.left().map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}
