//! A request's body, kept while it is sent where it may have to be sent again.

use std::cell::RefCell;
use std::rc::Rc;

use bytes::Bytes;
use hyper::body::Body;

use crate::wire::body::RequestBody;
use crate::wire::copy::BodyCopy;
use crate::wire::outgoing::Delimiting;

/// The largest body that is kept, in bytes.
const MOST: usize = 64 * 1024;

/// The body of a request that is sent once, and perhaps again.
#[derive(Debug)]
pub(super) struct Replay {
    /// What was not sent yet.
    unsent: Option<RequestBody>,
    /// The copy that is made as it is sent.
    kept: Option<Rc<RefCell<BodyCopy>>>,
    /// All of it, once it was needed.
    whole: Option<Bytes>,
    empty: bool,
    delimiting: Delimiting,
}

impl Replay {
    /// Of this body, which is `keep`t as it is sent if it is small enough.
    pub(super) fn new(mut body: RequestBody, keep: bool) -> Replay {
        let size = body.size_hint();
        let delimiting = if size.exact().is_some() { Delimiting::Length } else { Delimiting::Chunked };
        let kept = if keep && size.lower() <= MOST as u64 { body.keep(MOST) } else { None };
        Replay { empty: body.is_end_stream(), unsent: Some(body), kept, whole: None, delimiting }
    }

    /// How it is delimited: the same each time, as the head says it.
    pub(super) fn delimiting(&self) -> Delimiting {
        self.delimiting
    }

    /// Whether there is none.
    pub(super) fn is_empty(&self) -> bool {
        self.empty
    }

    /// Whether it can be sent now.
    pub(super) fn is_there(&self) -> bool {
        self.unsent.is_some()
            || self.empty
            || self.whole.is_some()
            || self.kept.as_ref().is_some_and(|kept| kept.borrow().is_whole())
    }

    /// The body to send now; `None` if it is gone.
    pub(super) fn take(&mut self) -> Option<RequestBody> {
        if let Some(unsent) = self.unsent.take() {
            return Some(unsent);
        }
        if self.empty {
            return Some(RequestBody::Empty);
        }
        if let Some(kept) = self.kept.take_if(|kept| kept.borrow().is_whole()) {
            self.whole = Some(kept.replace(BodyCopy::empty()).into_bytes());
        }
        self.whole.clone().map(RequestBody::Whole)
    }

    /// Takes a body back of which nothing was sent.
    pub(super) fn put_back(&mut self, unsent: RequestBody) {
        self.unsent = Some(unsent);
    }
}

#[cfg(test)]
mod tests {
    use std::pin::Pin;
    use std::task::{Context, Poll, Waker};

    use http_body_util::{BodyExt as _, Full};
    use hyper::body::Frame;

    use super::*;
    use crate::wire::body::{BodyError, ClientBody};

    fn of(body: impl Body<Data = Bytes, Error = BodyError> + 'static) -> RequestBody {
        RequestBody::new(Some(Box::pin(body) as ClientBody), &Rc::from([])).0
    }

    fn fixed(text: &'static str) -> RequestBody {
        of(Full::new(Bytes::from_static(text.as_bytes())).map_err(|never| match never {}))
    }

    fn read(mut body: RequestBody) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut nobody = Context::from_waker(Waker::noop());
        while let Poll::Ready(Some(Ok(frame))) = Pin::new(&mut body).poll_frame(&mut nobody) {
            bytes.extend_from_slice(frame.data_ref().unwrap());
        }
        bytes
    }

    #[test]
    fn a_kept_body_is_there_again_and_again() {
        let mut replay = Replay::new(fixed("hello"), true);
        assert_eq!(replay.delimiting(), Delimiting::Length);
        for _ in 0..3 {
            assert!(replay.is_there());
            assert_eq!(read(replay.take().unwrap()), b"hello");
        }
    }

    #[test]
    fn what_is_not_kept_is_gone_once_it_was_taken() {
        let mut replay = Replay::new(fixed("hello"), false);
        let body = replay.take().unwrap();
        assert!(!replay.is_there() && replay.take().is_none());
        replay.put_back(body);
        assert!(replay.is_there());
        assert_eq!(read(replay.take().unwrap()), b"hello");
    }

    #[test]
    fn a_body_that_was_not_read_to_its_end_is_not_there_again() {
        let mut replay = Replay::new(fixed("hello"), true);
        drop(replay.take());
        assert!(!replay.is_there() && replay.take().is_none());
    }

    #[test]
    fn no_body_is_always_there() {
        let mut replay = Replay::new(RequestBody::Empty, false);
        for _ in 0..2 {
            assert!(replay.is_there() && replay.is_empty());
            assert!(matches!(replay.take(), Some(RequestBody::Empty)));
        }
    }

    #[test]
    fn one_that_is_too_large_is_given_up_while_it_streams() {
        let chunk = Bytes::from(vec![b'x'; 40 * 1024]);
        let mut replay = Replay::new(of(Pieces(vec![chunk.clone(), chunk])), true);
        assert_eq!(replay.delimiting(), Delimiting::Chunked);
        assert_eq!(read(replay.take().unwrap()).len(), 80 * 1024);
        assert!(!replay.is_there());
    }

    /// A body in pieces, of a length that nobody said.
    struct Pieces(Vec<Bytes>);

    impl Body for Pieces {
        type Data = Bytes;
        type Error = BodyError;

        fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
            Poll::Ready(self.0.pop().map(|data| Ok(Frame::data(data))))
        }
    }
}
