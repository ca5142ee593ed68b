//! The body of a request on its way in.

use std::cell::Cell;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use h2::RecvStream;
use http::{HeaderMap, header};
use hyper::body::{Body, Frame, SizeHint};
use tokio::time::{Instant, Sleep, sleep};

use crate::errors::Failure;
use crate::server::patience::Patience;
use crate::snapshot::{ClientLimits, ClientTimeouts};
use crate::wire::body::{BodyError, BrokenOff};

/// How far an exchange is, as its two directions need to know of each other.
#[derive(Debug, Default)]
pub(super) struct Progress {
    wanted: Cell<bool>,
    answered: Cell<bool>,
}

impl Progress {
    /// Whether the handler wants the body.
    pub(super) fn is_wanted(&self) -> bool {
        self.wanted.get()
    }

    /// The answer begins.
    pub(super) fn answered(&self) {
        self.answered.set(true);
    }
}

/// The body of a request.
///
/// The client is waited for by its patience until the answer begins. From then on both sides talk when they have something to
/// say, as streams of gRPC do, and silence is bounded like that of a tunnel; whether the client is still there is found out by
/// pings.
#[derive(Debug)]
pub(super) struct Upload {
    incoming: RecvStream,
    /// What is still to come, where the client has said.
    left: Option<u64>,
    /// What may still come.
    room: u64,
    patience: Patience,
    silence: Duration,
    progress: Rc<Progress>,
    /// Since when it is waited for, and until when.
    since: Option<Instant>,
    timer: Option<Pin<Box<Sleep>>>,
    only_trailers: bool,
}

impl Upload {
    /// `None` where there is no body.
    pub(super) fn new(
        incoming: RecvStream,
        headers: &HeaderMap,
        limits: &ClientLimits,
        timeouts: &ClientTimeouts,
        progress: Rc<Progress>,
    ) -> Option<Upload> {
        if incoming.is_end_stream() {
            return None;
        }
        let left = headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
        Some(Upload {
            incoming,
            left,
            room: limits.body.unwrap_or(u64::MAX),
            patience: Patience::new(timeouts.body, limits.min_rate),
            silence: timeouts.tunnel,
            progress,
            since: None,
            timer: None,
            only_trailers: false,
        })
    }

    /// Something came: the wait for it is over.
    fn came(&mut self, bytes: usize) -> Result<(), BodyError> {
        let waited = self.since.take().map_or(Duration::ZERO, |since| since.elapsed());
        let alive = self.patience.waited(waited, bytes as u64);
        if alive || self.progress.answered.get() { Ok(()) } else { Err(slow()) }
    }

    /// Nothing is there: the client has only so long.
    fn poll_waiting<T>(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<T, BodyError>>> {
        let since = *self.since.get_or_insert_with(Instant::now);
        let left = if self.progress.answered.get() { self.silence } else { self.patience.left() };
        let until = since + left;
        let timer = self.timer.get_or_insert_with(|| Box::pin(sleep(left)));
        if timer.deadline() != until {
            timer.as_mut().reset(until);
        }
        timer.as_mut().poll(cx).map(|()| Some(Err(slow())))
    }
}

fn slow() -> BodyError {
    Box::new(BrokenOff(Failure::SlowBody))
}

impl Body for Upload {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let this = &mut *self;
        this.progress.wanted.set(true);
        while !this.only_trailers {
            match this.incoming.poll_data(cx) {
                Poll::Ready(Some(Ok(data))) if data.is_empty() => {}
                Poll::Ready(Some(Ok(data))) => {
                    this.came(data.len())?;
                    let Some(room) = this.room.checked_sub(data.len() as u64) else {
                        return Poll::Ready(Some(Err(Box::new(BrokenOff(Failure::BodyTooLarge)))));
                    };
                    this.room = room;
                    // Whoever polls takes it: backpressure is not to poll.
                    this.incoming.flow_control().release_capacity(data.len())?;
                    this.left = this.left.map(|left| left.saturating_sub(data.len() as u64));
                    return Poll::Ready(Some(Ok(Frame::data(data))));
                }
                // Also a reset without a reason to complain of: what was sent is not all there was.
                Poll::Ready(Some(Err(error))) => return Poll::Ready(Some(Err(error.into()))),
                Poll::Ready(None) => this.only_trailers = true,
                Poll::Pending => return this.poll_waiting(cx),
            }
        }
        match this.incoming.poll_trailers(cx) {
            Poll::Ready(Ok(trailers)) => Poll::Ready(trailers.map(|trailers| Ok(Frame::trailers(trailers)))),
            Poll::Ready(Err(error)) => Poll::Ready(Some(Err(error.into()))),
            Poll::Pending => this.poll_waiting(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.incoming.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.left.map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}
