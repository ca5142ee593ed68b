//! A client's socket: the requests that come in over it, and when the client is gone.

use std::cell::{Cell, RefCell};
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use hyper::body::Frame;
use tokio::io::{AsyncReadExt, AsyncWrite};
use tokio::time::{Sleep, sleep};

use super::incoming::Incoming;
use crate::errors::Failure;
use crate::server::pulse::{End, Pulse};
use crate::snapshot::ClientLimits;
use crate::wire::body::{BodyError, BrokenOff, ClientBody};
use crate::wire::decode::{Length, Piece};
use crate::wire::framing::{Framing, HeadLimits, Place, RequestHead};
use crate::wire::intake;
use crate::wire::stream::Stream;

/// How much is read at once within a body, at least and at most, in bytes.
const BODY_READ: std::ops::RangeInclusive<usize> = 16 * 1024..=64 * 1024;
/// How much is read ahead of a request that is not answered yet, in bytes.
const READ_AHEAD: usize = 64 * 1024;
/// How long a client may go on sending after the last answer before its connection is closed under it.
const LINGER: Duration = Duration::from_millis(500);
/// How much of that is read and thrown away, in bytes.
const LINGER_BYTES: usize = 256 * 1024;
/// What a client that asked for it is told before it sends its body.
const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";

/// What comes next over a connection.
pub(super) enum Next {
    /// A request, and its body if it has one.
    Request(Box<RequestHead>, Option<ClientBody>),
    /// What came is no request that may pass; nothing more is read.
    Refused(Failure),
    /// Nothing: the client is gone, or the facade is going.
    Closed,
}

/// A client's socket. The body of a request reads from it while its connection waits for the answer.
#[derive(Debug)]
pub(super) struct Socket {
    stream: RefCell<Option<Stream>>,
    input: RefCell<Input>,
    pulse: Rc<Pulse>,
    limits: ClientLimits,
    /// Requests that may still come.
    left: Cell<u64>,
    leaving: Cell<bool>,
    linger: RefCell<Option<(Pin<Box<Sleep>>, usize)>>,
}

#[derive(Debug)]
struct Input {
    buffer: BytesMut,
    framing: Framing,
    /// Whether bytes have come in that were not looked at.
    fresh: bool,
    /// Which request the body belongs to that may be read: bodies of earlier ones have ended.
    number: u64,
    /// Bytes of the body so far.
    taken: u64,
    /// What of [`CONTINUE`] is still to be sent before the body is waited for.
    unsaid: &'static [u8],
    /// How much the next read within a body may take; grows while reads are full.
    read_size: usize,
}

impl Socket {
    pub(super) fn new(stream: Stream, early: Bytes, limits: ClientLimits, pulse: Rc<Pulse>) -> Socket {
        let input = Input {
            fresh: !early.is_empty(),
            buffer: BytesMut::from(early),
            framing: Framing::default(),
            number: 0,
            taken: 0,
            unsaid: b"",
            read_size: *BODY_READ.start(),
        };
        Socket {
            stream: RefCell::new(Some(stream)),
            input: RefCell::new(input),
            pulse,
            limits,
            left: Cell::new(limits.requests.unwrap_or(u64::MAX)),
            leaving: Cell::new(false),
            linger: RefCell::new(None),
        }
    }

    /// The next request, once it is there.
    pub(super) fn poll_request(self: &Rc<Self>, cx: &mut Context<'_>) -> Poll<Next> {
        let mut input = self.input.borrow_mut();
        let limits = HeadLimits { fields: self.limits.headers, bytes: self.limits.head, target: self.limits.target };
        loop {
            if self.pulse.end() == Some(End::SlowHead) && input.framing.place() == Place::Head {
                return Poll::Ready(self.refused(Failure::SlowHead));
            }
            let input = &mut *input;
            if std::mem::take(&mut input.fresh) {
                match input.framing.head(&mut input.buffer, limits) {
                    Ok(Some(head)) => return Poll::Ready(self.accepted(input, head)),
                    Ok(None) => self.pulse.read(input.framing.place(), 0),
                    Err(failure) => return Poll::Ready(self.refused(failure)),
                }
            }
            if self.leaving.get() && input.buffer.is_empty() {
                return Poll::Ready(Next::Closed);
            }
            match ready!(self.poll_ahead(input, cx)) {
                Ok(0) | Err(_) => return Poll::Ready(Next::Closed),
                Ok(_) => input.fresh = true,
            }
        }
    }

    fn accepted(self: &Rc<Self>, input: &mut Input, head: RequestHead) -> Next {
        self.pulse.read(input.framing.place(), 1);
        self.left.set(self.left.get().saturating_sub(1));
        if input.buffer.is_empty() {
            // An empty buffer still holds on to the memory of the head.
            input.buffer = BytesMut::new();
        }
        input.number += 1;
        input.taken = 0;
        input.unsaid = if head.expects { CONTINUE } else { b"" };
        let body = match head.length {
            Length::Fixed(0) => None,
            Length::Fixed(length) if self.limits.body.is_some_and(|most| length > most) => {
                return Next::Refused(Failure::BodyTooLarge);
            }
            _ => Some(Box::pin(Incoming::new(Rc::clone(self), input.number)) as ClientBody),
        };
        Next::Request(Box::new(head), body)
    }

    fn refused(&self, failure: Failure) -> Next {
        self.pulse.read(Place::Ended, 1);
        Next::Refused(failure)
    }

    /// Reads what comes ahead of the next head.
    fn poll_ahead(&self, input: &mut Input, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let mut stream = self.stream.borrow_mut();
        let Some(stream) = &mut *stream else { return Poll::Ready(Ok(0)) };
        intake::poll_read(stream, cx, intake::MOST, &mut input.buffer)
    }

    /// Ready when the client is gone. What it sends ahead meanwhile is kept, up to a bound.
    pub(super) fn poll_gone(&self, cx: &mut Context<'_>) -> Poll<()> {
        // Whoever reads a body sees for himself when it breaks off, and may be busy with the input right now.
        let Ok(mut input) = self.input.try_borrow_mut() else { return Poll::Pending };
        while input.framing.place() != Place::Body && input.buffer.len() < READ_AHEAD {
            match ready!(self.poll_ahead(&mut input, cx)) {
                Ok(0) | Err(_) => return Poll::Ready(()),
                Ok(_) => input.fresh = true,
            }
        }
        Poll::Pending
    }

    /// The next piece of the body of the request with this number.
    pub(super) fn poll_body(&self, number: u64, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let mut input = self.input.borrow_mut();
        let input = &mut *input;
        if input.number != number {
            return Poll::Ready(None);
        }
        loop {
            let piece = match input.framing.body(&mut input.buffer) {
                Ok(piece) => piece,
                Err(failure) => return Poll::Ready(Some(Err(BrokenOff(failure).into()))),
            };
            let frame = match piece {
                Piece::Data(data) => {
                    input.taken += data.len() as u64;
                    if self.limits.body.is_some_and(|most| input.taken > most) {
                        return Poll::Ready(Some(Err(BrokenOff(Failure::BodyTooLarge).into())));
                    }
                    Frame::data(data)
                }
                Piece::Trailers(trailers) => Frame::trailers(trailers),
                Piece::End => return Poll::Ready(None),
                Piece::Wait => {
                    if self.pulse.end() == Some(End::SlowBody) {
                        return Poll::Ready(Some(Err(BrokenOff(Failure::SlowBody).into())));
                    }
                    match self.poll_more(input, cx) {
                        Poll::Ready(Ok(0)) => {
                            return Poll::Ready(Some(Err(io::Error::from(io::ErrorKind::UnexpectedEof).into())));
                        }
                        Poll::Ready(Ok(_)) => continue,
                        Poll::Ready(Err(error)) => return Poll::Ready(Some(Err(error.into()))),
                        Poll::Pending => {}
                    }
                    self.pulse.reading_stalled();
                    return Poll::Pending;
                }
            };
            self.pulse.read(input.framing.place(), 0);
            input.fresh = !input.buffer.is_empty();
            return Poll::Ready(Some(Ok(frame)));
        }
    }

    /// How much is still to come of the body of the request with this number, in bytes; `None` where that is not known.
    pub(super) fn left_of_body(&self, number: u64) -> Option<u64> {
        let input = self.input.borrow();
        if input.number == number { input.framing.left() } else { Some(0) }
    }

    /// Reads more of a body, after the client was told that it may send it.
    fn poll_more(&self, input: &mut Input, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let mut stream = self.stream.borrow_mut();
        let Some(stream) = &mut *stream else { return Poll::Ready(Ok(0)) };
        while !input.unsaid.is_empty() {
            let count = ready!(Pin::new(&mut *stream).poll_write(cx, input.unsaid))?;
            input.unsaid = &input.unsaid[count..];
        }
        // A body that is small or slow is read to where all are, a fast one to where it stays.
        let count = if input.read_size == *BODY_READ.start() {
            ready!(intake::poll_read(stream, cx, input.read_size, &mut input.buffer))?
        } else {
            input.buffer.reserve(input.read_size);
            // The future holds no state, so one that is dropped while it waits has lost nothing.
            match std::pin::pin!(stream.read_buf(&mut input.buffer)).poll(cx) {
                Poll::Ready(read) => read?,
                Poll::Pending => {
                    input.slow_down();
                    return Poll::Pending;
                }
            }
        };
        self.pulse.moved(count);
        if count >= input.read_size {
            input.read_size = (input.read_size * 2).min(*BODY_READ.end());
        } else if count < *BODY_READ.start() {
            input.slow_down();
        }
        Poll::Ready(Ok(count))
    }

    /// Says that an answer begins: a client that was not told to send its body will not be told any more.
    pub(super) fn answering(&self) -> bool {
        let mut input = self.input.borrow_mut();
        // One that was told in part has to be told the rest; the body's reader does.
        let untold = input.unsaid.len() == CONTINUE.len();
        if untold {
            input.unsaid = b"";
        }
        !untold && !self.leaving.get() && self.left.get() > 0
    }

    /// Says that the answer is complete.
    pub(super) fn answered(&self) {
        self.pulse.answered();
    }

    /// Whether the next request begins where this one ends: its body has been read, or is there and can be thrown away.
    pub(super) fn is_ready_for_next(&self) -> bool {
        let mut input = self.input.borrow_mut();
        let input = &mut *input;
        while input.framing.place() == Place::Body {
            match input.framing.body(&mut input.buffer) {
                Ok(Piece::Data(_) | Piece::Trailers(_)) => {}
                Ok(Piece::End | Piece::Wait) | Err(_) => break,
            }
        }
        // A body's reader that is still there must not take what comes next for its own.
        input.number += 1;
        input.fresh = !input.buffer.is_empty();
        self.pulse.read(input.framing.place(), 0);
        matches!(input.framing.place(), Place::Between | Place::Head)
    }

    /// Lets an answer be written.
    pub(super) fn write(
        &self,
        write: impl FnOnce(Pin<&mut Stream>) -> Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        let mut stream = self.stream.borrow_mut();
        let Some(stream) = &mut *stream else { return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into())) };
        let written = write(Pin::new(stream));
        self.pulse.wrote(match &written {
            Poll::Ready(written) => Some(*written.as_ref().unwrap_or(&0)),
            Poll::Pending => None,
        });
        written
    }

    /// Lets go of what of an answer TLS may still hold back.
    pub(super) fn poll_flush(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut *self.stream.borrow_mut() {
            Some(stream) => Pin::new(stream).poll_flush(cx),
            None => Poll::Ready(Ok(())),
        }
    }

    /// Tells a client behind TLS that nothing more will come (RFC 8446 section 6.1): without that it may think itself cut off.
    pub(super) fn poll_farewell(&self, cx: &mut Context<'_>) -> Poll<()> {
        match &mut *self.stream.borrow_mut() {
            // Whether it can still be told does not matter any more.
            Some(stream @ Stream::Tls(_)) => Pin::new(stream).poll_shutdown(cx).map(drop),
            _ => Poll::Ready(()),
        }
    }

    /// Says that the facade is going down: no further request is waited for.
    pub(super) fn leave(&self) {
        self.leaving.set(true);
    }

    /// Takes the socket, and what came in over it unread.
    pub(super) fn take(&self) -> Option<(Stream, Bytes)> {
        let early = self.input.borrow_mut().buffer.split().freeze();
        Some((self.stream.borrow_mut().take()?, early))
    }

    /// Makes the connection end with a reset: an answer that only its end delimits must not seem whole.
    pub(super) fn reset(&self) {
        if let Some(stream) = &*self.stream.borrow() {
            stream.reset_on_close();
        }
    }

    /// Closes the connection so that the last answer arrives: closing a socket with unread bytes makes the kernel send a
    /// reset, and a reset makes the client's kernel throw that answer away. So what still comes is read and thrown away, for
    /// a while.
    pub(super) fn poll_close(&self, cx: &mut Context<'_>) -> Poll<()> {
        let mut stream = self.stream.borrow_mut();
        let Some(stream) = &mut *stream else { return Poll::Ready(()) };
        let mut linger = self.linger.borrow_mut();
        if linger.is_none() {
            let input = self.input.borrow();
            let is_read = input.buffer.is_empty() && input.framing.place() == Place::Between;
            // Dropping it says the same to a client that has said all it wants.
            if is_read && matches!(stream, Stream::Plain(_)) {
                return Poll::Ready(());
            }
            if ready!(Pin::new(&mut *stream).poll_shutdown(cx)).is_err() || is_read {
                return Poll::Ready(());
            }
        }
        let (until, left) = linger.get_or_insert_with(|| (Box::pin(sleep(LINGER)), LINGER_BYTES));
        if until.as_mut().poll(cx).is_ready() {
            return Poll::Ready(());
        }
        let mut waste = BytesMut::new();
        loop {
            match ready!(intake::poll_read(stream, cx, intake::MOST, &mut waste)) {
                Ok(count) if (1..*left).contains(&count) => *left -= count,
                _ => return Poll::Ready(()),
            }
            waste.clear();
        }
    }
}

impl Input {
    /// The body does not come as fast as it is read.
    fn slow_down(&mut self) {
        self.read_size = *BODY_READ.start();
        if self.buffer.is_empty() {
            self.buffer = BytesMut::new();
        }
    }
}
