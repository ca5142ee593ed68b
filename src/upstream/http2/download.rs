//! The body of an answer.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use h2::{Reason, RecvStream};
use http::response::Parts;
use hyper::body::{Frame, SizeHint};
use tokio::time::{Instant, Sleep, sleep_until};

use super::exchange::{Head, Uploading};
use super::request::Extent;
use crate::upstream::{AnswerError, Connection};

/// The body of an answer. Dropped before its end, it resets the stream, which cancels the exchange.
#[derive(Debug)]
pub(in crate::upstream) struct Download {
    /// `None` once all is over.
    open: Option<Open>,
    /// Bytes still to come, where they were said.
    left: Option<u64>,
    patience: Duration,
}

#[derive(Debug)]
struct Open {
    body: RecvStream,
    uploading: Option<Uploading>,
    /// How much of the upload had moved when the wait under way began.
    moved: u64,
    /// Whether the data has ended, and only trailers can come.
    at_trailers: bool,
    timer: Pin<Box<Sleep>>,
    /// Whether the timer already runs for the wait under way.
    waiting: bool,
    #[expect(dead_code, reason = "held for its place among the connection's streams")]
    connection: Box<Connection>,
}

impl Open {
    /// Whether the backend has sent a whole answer and then asked not to be sent the rest of the request, which it does by
    /// this reset (RFC 9113 section 8.1). Of an answer that said its length it is known whether it is whole.
    fn ends_with(&self, error: &h2::Error, left: Option<u64>) -> bool {
        let unsent = self.uploading.as_ref().is_some_and(|uploading| !uploading.progress.ended.get());
        let asks = error.is_reset() && error.is_remote() && error.reason() == Some(Reason::NO_ERROR);
        asks && left.map_or(unsent, |left| left == 0)
    }

    /// Waits for more, but not for ever. Nothing comes from a backend that is still busy taking what comes in.
    fn poll_patience(&mut self, patience: Duration, cx: &mut Context<'_>) -> Poll<()> {
        let moved = self.uploading.as_ref().map_or(0, |uploading| uploading.progress.moved.get());
        if !self.waiting {
            (self.waiting, self.moved) = (true, moved);
            self.timer.as_mut().reset(Instant::now() + patience);
        }
        while self.timer.as_mut().poll(cx).is_ready() {
            if self.moved == moved {
                return Poll::Ready(());
            }
            self.moved = moved;
            self.timer.as_mut().reset(Instant::now() + patience);
        }
        Poll::Pending
    }
}

impl Download {
    pub(in crate::upstream) fn new(head: Head, connection: Box<Connection>, patience: Duration) -> (Parts, Download) {
        let Head { parts, extent, body, uploading } = head;
        let left = match extent {
            Extent::None => Some(0),
            Extent::Said(length) => Some(length),
            Extent::Open => None,
        };
        // Where there is no body, whatever else the backend may send is reset with the stream.
        let open = (extent != Extent::None && !body.is_end_stream()).then(|| Open {
            body,
            uploading,
            moved: 0,
            at_trailers: false,
            timer: Box::pin(sleep_until(Instant::now() + patience)),
            waiting: false,
            connection,
        });
        (parts, Download { open, left, patience })
    }

    fn end(&mut self) {
        (self.open, self.left) = (None, Some(0));
    }

    fn fail(&mut self, error: AnswerError) -> Poll<Option<Result<Frame<Bytes>, AnswerError>>> {
        self.end();
        Poll::Ready(Some(Err(error)))
    }

    pub(in crate::upstream) fn poll_frame(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, AnswerError>>> {
        let Some(open) = &mut self.open else { return Poll::Ready(None) };
        while !open.at_trailers {
            match open.body.poll_data(cx) {
                Poll::Ready(Some(Ok(data))) if data.is_empty() => {}
                Poll::Ready(Some(Ok(data))) => {
                    open.waiting = false;
                    // What the client has not taken yet holds the backend back.
                    let _ = open.body.flow_control().release_capacity(data.len());
                    self.left = self.left.map(|left| left.saturating_sub(data.len() as u64));
                    if open.body.is_end_stream() {
                        self.end();
                    }
                    return Poll::Ready(Some(Ok(Frame::data(data))));
                }
                Poll::Ready(Some(Err(error))) if open.ends_with(&error, self.left) => {
                    self.end();
                    return Poll::Ready(None);
                }
                Poll::Ready(Some(Err(_))) => return self.fail(AnswerError::Broken),
                Poll::Ready(None) => open.at_trailers = true,
                Poll::Pending => return self.poll_silence(cx),
            }
        }
        match open.body.poll_trailers(cx) {
            Poll::Ready(Ok(trailers)) => {
                self.end();
                Poll::Ready(trailers.map(|trailers| Ok(Frame::trailers(trailers))))
            }
            Poll::Ready(Err(error)) if open.ends_with(&error, self.left) => {
                self.end();
                Poll::Ready(None)
            }
            Poll::Ready(Err(_)) => self.fail(AnswerError::Broken),
            Poll::Pending => self.poll_silence(cx),
        }
    }

    fn poll_silence(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, AnswerError>>> {
        let Some(open) = &mut self.open else { return Poll::Ready(None) };
        if open.poll_patience(self.patience, cx).is_pending() {
            return Poll::Pending;
        }
        self.fail(AnswerError::Silent)
    }

    pub(in crate::upstream) fn is_end_stream(&self) -> bool {
        self.open.is_none()
    }

    pub(in crate::upstream) fn size_hint(&self) -> SizeHint {
        self.left.map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}
