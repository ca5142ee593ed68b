//! One HTTP/1.1 connection, and one exchange after the other over it.
//!
//! The request that holds a connection drives it: bytes are written and read from within the request's own future and,
//! later, from within the answer's body. No task per connection, no channel, and dropping the request is all it takes to
//! cancel it.

use std::cell::Cell;
use std::future::{Future, poll_fn};
use std::io;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll, Waker, ready};

use bytes::{Bytes, BytesMut};
use http::{Method, StatusCode};
use tokio::io::{AsyncRead, AsyncReadExt, ReadBuf, ReadHalf};
use tokio::task::JoinHandle;
use tokio::time::{Instant, Sleep, sleep_until};

use super::head::{self, Head};
use crate::errors::{Blame, Failure};
use crate::runtime::turn::{AfterOthers, after_others};
use crate::upstream::{Patience, SendError};
use crate::wire::body::{BrokenOff, RequestBody};
use crate::wire::intake;
use crate::wire::outgoing::{Delimiting, Outgoing, OutgoingError, head_memory};
use crate::wire::stream::Stream;

/// The most interim answers (1xx) before the real one.
const MAX_INTERIM: usize = 100;
/// The most memory of an answer that an unused connection keeps, in bytes.
const KEPT: usize = 2048;
/// How much is read at once, at least and at most, in bytes.
const READ: std::ops::RangeInclusive<usize> = 16 * 1024..=64 * 1024;

/// An HTTP/1.1 connection to an endpoint.
#[derive(Debug)]
pub(in crate::upstream) struct Http1 {
    socket: Socket,
    upload: Outgoing<RequestBody>,
    pub(in crate::upstream) buffer: BytesMut,
    /// How much the next read may take; grows at the second full read in a row: of an answer that its client does not take, the
    /// first is sent and the second stays here.
    read_size: usize,
    /// Whether the last read was full.
    read_full: bool,
    /// The most that the buffer has held of this answer, in bytes.
    largest: usize,
    /// One timer for all waits, moved on rather than made anew: moving a deadline later takes no lock.
    timer: Pin<Box<Sleep>>,
    /// Interim answers of the exchange under way.
    interim: usize,
}

#[derive(Debug)]
enum Socket {
    Whole(Stream),
    /// The other half is with a task that finishes the upload.
    Reading(ReadHalf<Stream>, Task),
    /// On its way from one to the other.
    Gone,
}

/// A task that ends with whoever holds this.
#[derive(Debug)]
struct Task {
    handle: JoinHandle<()>,
    /// How many bytes of the upload are out.
    moved: Rc<Cell<u64>>,
}

impl Drop for Task {
    fn drop(&mut self) {
        self.handle.abort();
    }
}

impl Http1 {
    pub(in crate::upstream) fn new(stream: Stream) -> Http1 {
        Http1 {
            socket: Socket::Whole(stream),
            upload: nothing(),
            buffer: BytesMut::new(),
            largest: 0,
            read_size: *READ.start(),
            read_full: false,
            timer: Box::pin(sleep_until(Instant::now())),
            interim: 0,
        }
    }

    /// Whether an unused connection can take a request: it is open, and nothing came in unasked.
    pub(in crate::upstream) fn is_usable(&mut self) -> bool {
        let Socket::Whole(stream) = &mut self.socket else { return false };
        let mut byte = [0];
        let mut nobody = Context::from_waker(Waker::noop());
        self.buffer.is_empty()
            && self.upload.is_complete()
            && Pin::new(stream).poll_read(&mut nobody, &mut ReadBuf::new(&mut byte)).is_pending()
    }

    /// Whether the request is out as a whole and nothing has come in beyond the answer.
    pub(in crate::upstream) fn is_clean(&self) -> bool {
        matches!(self.socket, Socket::Whole(_)) && self.buffer.is_empty() && self.upload.is_complete()
    }

    /// Moves the timer.
    pub(in crate::upstream) fn set_timer(&mut self, deadline: Instant) {
        self.timer.as_mut().reset(deadline);
    }

    /// Ready when the timer has run out.
    pub(in crate::upstream) fn poll_timer(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.timer.as_mut().poll(cx)
    }

    /// How much of an upload is out that goes on beside its answer, in bytes; 0 where none does.
    pub(in crate::upstream) fn uploaded(&self) -> u64 {
        if let Socket::Reading(_, task) = &self.socket { task.moved.get() } else { 0 }
    }

    /// The socket, and what came in beyond the last answer's head; `None` where an upload is still under way.
    pub(in crate::upstream) fn into_stream(self) -> Option<(Stream, Bytes)> {
        match self.socket {
            Socket::Whole(stream) => Some((stream, self.buffer.freeze())),
            Socket::Reading(..) | Socket::Gone => None,
        }
    }

    /// Takes a request on, whose head `write` writes; what it returns sends it and waits for the answer's head. A 101 is an answer
    /// only where `upgrade` says that it was asked for.
    pub(in crate::upstream) fn send<'c>(
        &'c mut self,
        write: impl FnOnce(&mut Vec<u8>),
        method: &'c Method,
        (body, how): (RequestBody, Delimiting),
        patience: Patience,
        upgrade: bool,
    ) -> Sending<'c> {
        let mut head = head_memory();
        write(&mut head);
        self.upload = Outgoing::new(head, body, how);
        self.interim = 0;
        // A body may take its time as long as it moves; the answer is waited for from its end on.
        let uploading = !self.upload.is_ended();
        self.set_timer(patience.began + if uploading { patience.idle } else { patience.answer });
        Sending {
            others: after_others(),
            http1: self,
            method,
            patience,
            upgrade,
            uploading,
            first: uploading,
            moved: 0,
        }
    }

    /// What became of a request.
    fn ended(&mut self, result: Result<Head, Failure>) -> Result<Head, SendError> {
        match result {
            Ok(head) => {
                if !self.upload.is_complete() {
                    self.detach_upload();
                }
                Ok(head)
            }
            // A body that its client broke off is gone, sent or not.
            Err(failure) if failure.blame() == Blame::Client => Err(SendError::MaybeSent(failure)),
            Err(_) if !self.upload.is_started() => {
                let (first, rest) = self.upload.take_back(RequestBody::Empty);
                Err(SendError::NotSent(RequestBody::resumed(first, rest)))
            }
            Err(failure) => Err(SendError::MaybeSent(failure)),
        }
    }

    fn poll_exchange(&mut self, method: &Method, upgrade: bool, cx: &mut Context<'_>) -> Poll<Result<Head, Failure>> {
        let Socket::Whole(stream) = &mut self.socket else { return Poll::Ready(Err(Failure::Reset)) };
        let sent = match self.upload.poll_send(stream, cx) {
            Poll::Ready(Err(OutgoingError::Body(error))) => return Poll::Ready(Err(BrokenOff::failure_of(&error))),
            Poll::Ready(Err(OutgoingError::Socket)) => Err(Failure::Reset),
            Poll::Ready(Ok(())) | Poll::Pending => Ok(()),
        };
        if !self.upload.is_started() {
            return sent.map_or_else(|failure| Poll::Ready(Err(failure)), |()| Poll::Pending);
        }
        // A backend may refuse a body by answering and closing: what it said is looked for even when sending failed.
        loop {
            match head::take(&mut self.buffer, method) {
                Ok(Some(head)) if head.status == StatusCode::SWITCHING_PROTOCOLS => {
                    let asked = upgrade && self.upload.is_complete();
                    return Poll::Ready(if asked { Ok(head) } else { Err(Failure::BadAnswer) });
                }
                Ok(Some(head)) if head.status.is_informational() => {
                    self.interim += 1;
                    if self.interim > MAX_INTERIM {
                        return Poll::Ready(Err(Failure::BadAnswer));
                    }
                    continue;
                }
                Ok(Some(head)) => return Poll::Ready(Ok(head)),
                Ok(None) => {}
                Err(head::NotHttp) => return Poll::Ready(Err(Failure::BadAnswer)),
            }
            match self.poll_read(cx) {
                Poll::Ready(Ok(0) | Err(_)) => return Poll::Ready(Err(Failure::Reset)),
                Poll::Ready(Ok(_)) => {}
                Poll::Pending => return sent.map_or_else(|failure| Poll::Ready(Err(failure)), |()| Poll::Pending),
            }
        }
    }

    /// Reads what has come in; 0 at the end of the stream.
    pub(in crate::upstream) fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let buffer = &mut self.buffer;
        // What is small is read to where all are; answers that fill that are read to where they stay.
        let count = if self.read_size == *READ.start() {
            ready!(match &mut self.socket {
                Socket::Whole(stream) => intake::poll_read(stream, cx, self.read_size, buffer),
                Socket::Reading(half, _) => intake::poll_read(half, cx, self.read_size, buffer),
                Socket::Gone => Poll::Ready(Ok(0)),
            })?
        } else {
            buffer.reserve(self.read_size);
            // The futures hold no state, so one that is dropped while it waits has lost nothing.
            ready!(match &mut self.socket {
                Socket::Whole(stream) => pin!(stream.read_buf(buffer)).poll(cx),
                Socket::Reading(half, _) => pin!(half.read_buf(buffer)).poll(cx),
                Socket::Gone => Poll::Ready(Ok(0)),
            })?
        };
        let is_full = count >= self.read_size;
        if std::mem::replace(&mut self.read_full, is_full) && is_full {
            self.read_size = (self.read_size * 2).min(*READ.end());
            self.read_full = false;
        }
        self.largest = self.largest.max(self.buffer.len());
        Poll::Ready(Ok(count))
    }

    /// Lets go of the memory of the last answer, unless it is little: then the next one is read there. Who reads much at once has
    /// room for much, also where little came.
    pub(in crate::upstream) fn rest(&mut self) {
        let is_little = std::mem::take(&mut self.largest) <= KEPT && self.read_size == *READ.start();
        if !is_little {
            self.buffer = BytesMut::new();
        }
    }

    /// Hands the rest of the upload to a task, so that both directions go on independently: a client may well send all of
    /// its body before it takes any of the answer.
    fn detach_upload(&mut self) {
        let mut upload = std::mem::replace(&mut self.upload, nothing());
        let Socket::Whole(stream) = std::mem::replace(&mut self.socket, Socket::Gone) else { return };
        let (reading, mut writing) = tokio::io::split(stream);
        let moved = Rc::new(Cell::new(upload.moved()));
        let told = Rc::clone(&moved);
        let finish = async move {
            let sent = poll_fn(|cx| {
                let sent = upload.poll_send(&mut writing, cx);
                told.set(upload.moved());
                sent
            });
            // Whatever comes of it, the answer is under way already.
            let _ = sent.await;
        };
        self.socket = Socket::Reading(reading, Task { handle: tokio::task::spawn_local(finish), moved });
    }
}

/// A request that is being sent, and then waits for its answer's head.
#[derive(Debug)]
pub(in crate::upstream) struct Sending<'c> {
    others: AfterOthers,
    http1: &'c mut Http1,
    method: &'c Method,
    patience: Patience,
    upgrade: bool,
    /// Whether there is a body of which some is not out.
    uploading: bool,
    /// Whether its first piece was not asked for yet.
    first: bool,
    /// How much was out when its time was counted anew.
    moved: u64,
}

impl Future for Sending<'_> {
    type Output = Result<Head, SendError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        ready!(Pin::new(&mut this.others).poll(cx));
        let result = ready!(this.poll_head(cx));
        Poll::Ready(this.http1.ended(result))
    }
}

impl Sending<'_> {
    fn poll_head(&mut self, cx: &mut Context<'_>) -> Poll<Result<Head, Failure>> {
        let Sending { http1, patience, .. } = self;
        // A body that is there already leaves with its head.
        if std::mem::take(&mut self.first)
            && let Err(error) = http1.upload.poll_first(cx)
        {
            return Poll::Ready(Err(BrokenOff::failure_of(&error)));
        }
        if let Poll::Ready(result) = http1.poll_exchange(self.method, self.upgrade, cx) {
            return Poll::Ready(result);
        }
        if self.uploading && http1.upload.is_complete() {
            self.uploading = false;
            http1.set_timer(Instant::now() + patience.answer);
        } else if self.uploading && http1.upload.moved() != self.moved {
            self.moved = http1.upload.moved();
            http1.set_timer(Instant::now() + patience.idle);
        }
        if http1.poll_timer(cx).is_ready() { Poll::Ready(Err(patience.late)) } else { Poll::Pending }
    }
}

/// Nothing on its way.
fn nothing() -> Outgoing<RequestBody> {
    Outgoing::new(Vec::new(), RequestBody::Empty, Delimiting::Length)
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncWriteExt;
    use tokio::net::{TcpListener, TcpStream};

    use super::*;

    /// Who does not take an answer costs two small reads: one for the kernel to keep, and one that waits.
    #[tokio::test]
    async fn the_first_two_reads_are_small_and_then_they_grow() {
        let small = *READ.start();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let stream = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (mut backend, _) = listener.accept().await.unwrap();
        let mut http1 = Http1::new(stream.into());
        for size in [small, small, 2 * small, 2 * small] {
            assert_eq!(http1.read_size, size);
            backend.write_all(&vec![b'x'; size]).await.unwrap();
            let Socket::Whole(Stream::Plain(stream)) = &http1.socket else { panic!("a plain connection") };
            let mut there = vec![0; size];
            while stream.peek(&mut there).await.unwrap() < size {}
            assert_eq!(poll_fn(|cx| http1.poll_read(cx)).await.unwrap(), size);
        }
        assert_eq!(http1.read_size, *READ.end());
    }

    #[tokio::test]
    async fn an_unused_connection_keeps_no_memory_but_what_a_small_answer_took() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let stream = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (mut backend, _) = listener.accept().await.unwrap();
        let mut http1 = Http1::new(stream.into());
        // What comes, how much is read at once, whether the memory is kept.
        for (comes, read_size, kept) in
            [(1000, *READ.start(), true), (KEPT + 1, *READ.start(), false), (1000, *READ.end(), false)]
        {
            http1.read_size = read_size;
            backend.write_all(&vec![b'x'; comes]).await.unwrap();
            while http1.buffer.len() < comes {
                poll_fn(|cx| http1.poll_read(cx)).await.unwrap();
            }
            http1.buffer.clear();
            http1.rest();
            assert_eq!(http1.buffer.capacity() > 0, kept, "{comes} bytes, read by {read_size}");
        }
    }
}
