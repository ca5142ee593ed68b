//! The body of a request, as it comes in.

use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};

use super::socket::Socket;
use crate::wire::body::BodyError;

/// The body of a request.
pub(super) struct Incoming {
    socket: Rc<Socket>,
    number: u64,
}

impl Incoming {
    /// The body of the request with this number.
    pub(super) fn new(socket: Rc<Socket>, number: u64) -> Incoming {
        Incoming { socket, number }
    }
}

impl Body for Incoming {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        self.socket.poll_body(self.number, cx)
    }

    fn is_end_stream(&self) -> bool {
        self.socket.left_of_body(self.number) == Some(0)
    }

    fn size_hint(&self) -> SizeHint {
        self.socket.left_of_body(self.number).map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}
