//! Request bodies on their way to a backend: streamed, counted, with trailers that cannot pose as headers.

use std::cell::Cell;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::HeaderName;
use hyper::body::{Body, Frame, Incoming, SizeHint};

use super::headers::strip_trailers;

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
}

/// A client's body that is passing through.
#[derive(Debug)]
pub struct Streaming {
    inner: Incoming,
    tally: Rc<Tally>,
    guarded: Rc<[HeaderName]>,
}

impl RequestBody {
    /// Wraps a client's body; `guarded` are headers that no trailer may pose as. The tally is `None` without a body.
    #[must_use]
    pub fn new(inner: Incoming, guarded: &Rc<[HeaderName]>) -> (RequestBody, Option<Rc<Tally>>) {
        if inner.is_end_stream() {
            return (RequestBody::Empty, None);
        }
        let tally = Rc::new(Tally::default());
        let streaming = Streaming { inner, tally: Rc::clone(&tally), guarded: Rc::clone(guarded) };
        (RequestBody::Streaming(Box::new(streaming)), Some(tally))
    }
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let RequestBody::Streaming(streaming) = &mut *self else { return Poll::Ready(None) };
        let mut frame = ready!(Pin::new(&mut streaming.inner).poll_frame(cx));
        if let Some(Ok(frame)) = &mut frame {
            if let Some(data) = frame.data_ref() {
                let Tally(bytes) = &*streaming.tally;
                bytes.set(bytes.get() + data.len() as u64);
            } else if let Some(trailers) = frame.trailers_mut() {
                strip_trailers(trailers, &streaming.guarded);
            }
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        match self {
            RequestBody::Empty => true,
            RequestBody::Streaming(streaming) => streaming.inner.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            RequestBody::Empty => SizeHint::with_exact(0),
            RequestBody::Streaming(streaming) => streaming.inner.size_hint(),
        }
    }
}
