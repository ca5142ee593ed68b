//! Request bodies on their way to a backend: streamed, counted, with trailers that cannot pose as headers.

use std::cell::{Cell, RefCell};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::HeaderName;
use hyper::body::{Body, Frame, SizeHint};

use super::copy::BodyCopy;
use super::headers::strip_trailers;
use crate::errors::Failure;

/// A client's body as it comes in, whichever version of HTTP it comes by.
pub type ClientBody = Pin<Box<dyn Body<Data = Bytes, Error = BodyError>>>;

/// Why a client's body broke off.
pub type BodyError = Box<dyn std::error::Error + Send + Sync>;

/// A client's body that the facade itself breaks off, and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BrokenOff(pub Failure);

impl std::fmt::Display for BrokenOff {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.0.detail())
    }
}

impl std::error::Error for BrokenOff {}

impl BrokenOff {
    /// What a body's error is to the request: the reason the facade had, or that the client broke off.
    #[must_use]
    pub fn failure_of(error: &BodyError) -> Failure {
        error.downcast_ref::<BrokenOff>().map_or(Failure::ClientBody, |broken| broken.0)
    }
}

/// How much of a request's body has passed, seen from outside while somebody else streams it.
#[derive(Debug, Default)]
pub struct Tally(Cell<u64>);

impl Tally {
    /// Bytes that have passed.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.0.get()
    }
}

/// The body of a request to a backend.
#[derive(Debug)]
pub enum RequestBody {
    /// There is none.
    Empty,
    /// The client's, as it comes in.
    Streaming(Box<Streaming>),
    /// One that is there as a whole already; empty once it is taken.
    Whole(Bytes),
    /// One whose first piece was taken and given back.
    Resumed(Bytes, Box<RequestBody>),
}

/// A client's body that is passing through.
pub struct Streaming {
    inner: ClientBody,
    tally: Rc<Tally>,
    guarded: Rc<[HeaderName]>,
    /// For the other side.
    copy: Option<Rc<RefCell<BodyCopy>>>,
    /// For sending it again.
    kept: Option<Rc<RefCell<BodyCopy>>>,
}

impl RequestBody {
    /// Wraps a client's body; `guarded` are headers that no trailer may pose as. The tally is `None` without a body.
    #[must_use]
    pub fn new(inner: Option<ClientBody>, guarded: &Rc<[HeaderName]>) -> (RequestBody, Option<Rc<Tally>>) {
        let Some(inner) = inner.filter(|inner| !inner.is_end_stream()) else { return (RequestBody::Empty, None) };
        let tally = Rc::new(Tally::default());
        let guarded = Rc::clone(guarded);
        let streaming = Streaming { inner, tally: Rc::clone(&tally), guarded, copy: None, kept: None };
        (RequestBody::Streaming(Box::new(streaming)), Some(tally))
    }

    /// The body that begins with a piece of it that was taken before.
    #[must_use]
    pub fn resumed(first: Option<Bytes>, rest: RequestBody) -> RequestBody {
        match first {
            None => rest,
            Some(first) if rest.is_end_stream() => RequestBody::Whole(first),
            Some(first) => RequestBody::Resumed(first, Box::new(rest)),
        }
    }

    /// Copies the body as it streams by, up to so many bytes; `None` without a body.
    pub fn copy(&mut self, most: usize) -> Option<Rc<RefCell<BodyCopy>>> {
        let RequestBody::Streaming(streaming) = self else { return None };
        let copy = Rc::new(RefCell::new(BodyCopy::new(most)));
        streaming.copy = Some(Rc::clone(&copy));
        Some(copy)
    }

    /// The same beside that, for sending the body again.
    pub fn keep(&mut self, most: usize) -> Option<Rc<RefCell<BodyCopy>>> {
        let RequestBody::Streaming(streaming) = self else { return None };
        let kept = Rc::new(RefCell::new(BodyCopy::new(most)));
        streaming.kept = Some(Rc::clone(&kept));
        Some(kept)
    }
}

impl Streaming {
    fn copies(&self) -> impl Iterator<Item = &Rc<RefCell<BodyCopy>>> {
        self.copy.iter().chain(&self.kept)
    }
}

impl std::fmt::Debug for Streaming {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Streaming").field("tally", &self.tally).finish_non_exhaustive()
    }
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let streaming = match &mut *self {
            RequestBody::Streaming(streaming) => streaming,
            RequestBody::Whole(bytes) if !bytes.is_empty() => {
                return Poll::Ready(Some(Ok(Frame::data(std::mem::take(bytes)))));
            }
            RequestBody::Resumed(first, rest) => {
                let frame = Frame::data(std::mem::take(first));
                let rest = std::mem::replace(&mut **rest, RequestBody::Empty);
                *self = rest;
                return Poll::Ready(Some(Ok(frame)));
            }
            RequestBody::Whole(_) | RequestBody::Empty => return Poll::Ready(None),
        };
        let mut frame = ready!(streaming.inner.as_mut().poll_frame(cx));
        if let Some(Ok(frame)) = &mut frame {
            if let Some(data) = frame.data_ref() {
                let Tally(bytes) = &*streaming.tally;
                bytes.set(bytes.get() + data.len() as u64);
                for copy in streaming.copies() {
                    copy.borrow_mut().push(data);
                }
            } else if let Some(trailers) = frame.trailers_mut() {
                strip_trailers(trailers, &streaming.guarded);
                // A copy without them would not be what the primary was sent.
                for copy in streaming.copies() {
                    copy.borrow_mut().abandon();
                }
            }
        }
        let ended = !matches!(&frame, Some(Ok(_))) || streaming.inner.is_end_stream();
        for copy in streaming.copies() {
            match &frame {
                Some(Err(_)) => copy.borrow_mut().abandon(),
                _ if ended => copy.borrow_mut().finish(),
                _ => {}
            }
        }
        if ended {
            // It may hold on to the client's connection, and be kept with the backend's for a while.
            *self = RequestBody::Empty;
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        match self {
            RequestBody::Empty => true,
            RequestBody::Resumed(..) => false,
            RequestBody::Streaming(streaming) => streaming.inner.is_end_stream(),
            RequestBody::Whole(bytes) => bytes.is_empty(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            RequestBody::Empty => SizeHint::with_exact(0),
            RequestBody::Resumed(first, rest) => rest
                .size_hint()
                .exact()
                .map_or_else(SizeHint::default, |left| SizeHint::with_exact(left + first.len() as u64)),
            RequestBody::Streaming(streaming) => streaming.inner.size_hint(),
            RequestBody::Whole(bytes) => SizeHint::with_exact(bytes.len() as u64),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::task::Waker;

    use proptest::prelude::*;

    use super::*;

    fn drain(mut body: RequestBody) -> Vec<u8> {
        let mut cx = Context::from_waker(Waker::noop());
        let mut all = Vec::new();
        while let Poll::Ready(Some(frame)) = Pin::new(&mut body).poll_frame(&mut cx) {
            all.extend_from_slice(&frame.unwrap().into_data().unwrap());
        }
        assert!(body.is_end_stream());
        all
    }

    proptest! {
        #[test]
        fn a_piece_that_is_given_back_comes_first_again(first in "[a-z]{1,9}", rest in "[a-z]{0,9}", taken: bool) {
            let whole = [first.clone(), rest.clone()].concat();
            let (given, rest) = if taken { (Some(Bytes::from(first)), rest) } else { (None, whole.clone()) };
            let rest = if rest.is_empty() { RequestBody::Empty } else { RequestBody::Whole(Bytes::from(rest)) };
            let body = RequestBody::resumed(given, rest);
            prop_assert_eq!(body.size_hint().exact(), Some(whole.len() as u64));
            prop_assert!(!body.is_end_stream());
            prop_assert_eq!(drain(body), whole.as_bytes());
        }
    }
}
