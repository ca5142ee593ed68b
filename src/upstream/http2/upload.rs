//! A request's body on its way out, as fast as the backend's windows open.

use std::cell::Cell;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use h2::{Reason, SendStream};
use hyper::body::Body;

use crate::errors::Failure;
use crate::wire::body::{BrokenOff, RequestBody};

/// How far an upload is, seen from outside while somebody else drives it.
#[derive(Debug, Default)]
pub(super) struct Progress {
    /// Bytes handed over.
    pub(super) moved: Cell<u64>,
    /// Whether all is sent.
    pub(super) ended: Cell<bool>,
}

/// A request's body on its way out.
#[derive(Debug)]
pub(super) struct Upload {
    stream: SendStream<Bytes>,
    /// What goes out next.
    data: Bytes,
    body: RequestBody,
    /// Whether any of the body was taken.
    started: bool,
    pub(super) progress: Rc<Progress>,
}

impl Upload {
    pub(super) fn new(stream: SendStream<Bytes>, body: RequestBody) -> Upload {
        let progress = Rc::new(Progress { moved: Cell::new(0), ended: Cell::new(body.is_end_stream()) });
        Upload { stream, data: Bytes::new(), body, started: false, progress }
    }

    /// The body, if none of it was taken yet.
    pub(super) fn into_body(self) -> Option<RequestBody> {
        (!self.started).then_some(self.body)
    }

    pub(super) fn is_complete(&self) -> bool {
        self.progress.ended.get()
    }

    /// Tells the backend that the rest will not come.
    pub(super) fn cancel(&mut self) {
        self.stream.send_reset(Reason::CANCEL);
    }

    /// Sends as much as there is and the backend takes; ready when all is handed over.
    pub(super) fn poll_send(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Failure>> {
        loop {
            if self.is_complete() {
                return Poll::Ready(Ok(()));
            }
            if !self.data.is_empty() {
                ready!(self.poll_data(cx))?;
                continue;
            }
            // A backend may say that it wants no more of the body while none is at hand.
            if self.stream.poll_reset(cx).is_ready() {
                return Poll::Ready(Err(Failure::Reset));
            }
            ready!(self.poll_fill(cx))?;
        }
    }

    fn poll_data(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Failure>> {
        self.stream.reserve_capacity(self.data.len());
        while self.stream.capacity() == 0 {
            match ready!(self.stream.poll_capacity(cx)) {
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return Poll::Ready(Err(Failure::Reset)),
            }
        }
        let part = self.data.split_to(self.stream.capacity().min(self.data.len()));
        self.progress.moved.set(self.progress.moved.get() + part.len() as u64);
        let last = self.data.is_empty() && self.body.is_end_stream();
        self.stream.send_data(part, last).map_err(|_| Failure::Reset)?;
        self.progress.ended.set(last);
        Poll::Ready(Ok(()))
    }

    /// Takes the next part of the body.
    fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Failure>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(cx));
        self.started = true;
        let sent = match frame {
            Some(Err(error)) => return Poll::Ready(Err(BrokenOff::failure_of(&error))),
            None => self.stream.send_data(Bytes::new(), true),
            Some(Ok(frame)) => match frame.into_data() {
                Ok(data) if !data.is_empty() || !self.body.is_end_stream() => {
                    self.data = data;
                    return Poll::Ready(Ok(()));
                }
                Ok(empty) => self.stream.send_data(empty, true),
                Err(frame) => match frame.into_trailers() {
                    Ok(trailers) => self.stream.send_trailers(trailers),
                    Err(_) => return Poll::Ready(Ok(())),
                },
            },
        };
        self.progress.ended.set(true);
        Poll::Ready(sent.map_err(|_| Failure::Reset))
    }
}
