//! An HTTP/1 message on its way out: its head, then its body as it comes in. Requests to backends and answers to clients
//! leave this way.

use std::cell::Cell;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use http::HeaderMap;
use hyper::body::Body;
use tokio::io::AsyncWrite;

/// What ends a chunked body without trailers, after the last chunk's data.
const LAST_CHUNK: &[u8] = b"\r\n0\r\n\r\n";

/// The first piece of a body is joined to its head up to so many bytes.
const JOIN_UP_TO: usize = 2048;

/// A message lets other tasks go first when so many bytes went out in one go: where both ends are fast, a large one would hold up
/// all others of its thread for as long as it takes.
const IN_ONE_GO: u64 = 64 * 1024;

/// How much room a head gets to begin with, and a small body beside it, in bytes.
const HEAD: usize = 2048;
/// The most memory of a head that is kept for the next, in bytes.
const KEPT: usize = 16 * 1024;

thread_local! {
    /// The memory of the last head that went out. The next is written there: a worker has many connections, and one piece of memory
    /// that stays in its cache is faster than one for each.
    static SPARE: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// Memory to write a head into.
#[must_use]
pub fn head_memory() -> Vec<u8> {
    let mut memory = SPARE.take();
    memory.clear();
    memory.reserve(HEAD);
    memory
}

/// How a body is delimited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Delimiting {
    /// By the Content-Length of the head, by the end of the connection, or there is none.
    Length,
    /// Chunked.
    Chunked,
}

/// Why a message is not out.
#[derive(Debug)]
pub enum OutgoingError<E> {
    /// The connection broke.
    Socket,
    /// The body broke off.
    Body(E),
}

/// A message on its way out.
#[derive(Debug)]
pub struct Outgoing<B> {
    /// Bytes that go out first: the head, or what delimits chunks.
    front: Vec<u8>,
    front_sent: usize,
    /// Bytes of the body that go out next.
    data: Bytes,
    /// What goes out after them: the end of a chunked body.
    back: &'static [u8],
    body: B,
    /// The first piece of the body, while none of the message is out: it can still be given back.
    first: Option<Bytes>,
    delimiting: Delimiting,
    /// Whether the other end takes trailers.
    trailers: bool,
    /// Whether a chunk's data still lacks its line end.
    open_chunk: bool,
    ended: bool,
    started: bool,
    /// Whether bytes may still be held back by TLS.
    unflushed: bool,
    /// Bytes that went out.
    moved: u64,
}

impl<B: Body<Data = Bytes> + Unpin> Outgoing<B> {
    /// A message with this head and body.
    pub fn new(head: Vec<u8>, body: B, delimiting: Delimiting) -> Outgoing<B> {
        let ended = body.is_end_stream() && delimiting == Delimiting::Length;
        Outgoing {
            front: head,
            front_sent: 0,
            data: Bytes::new(),
            back: b"",
            body,
            first: None,
            delimiting,
            trailers: true,
            open_chunk: false,
            ended,
            started: false,
            unflushed: false,
            moved: 0,
        }
    }

    /// A message of which only the head is sent. The body is kept as long as this is: whoever counts it sees when all is out.
    pub fn head_of(head: Vec<u8>, body: B) -> Outgoing<B> {
        Outgoing { ended: true, ..Outgoing::new(head, body, Delimiting::Length) }
    }

    /// Says whether trailers are sent: not where the other end did not say that it takes them.
    pub fn set_trailers(&mut self, wanted: bool) {
        self.trailers = wanted;
    }

    /// Whether all of it is out.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.ended && self.is_drained() && !self.unflushed
    }

    /// Whether there is no body left to wait for.
    #[must_use]
    pub fn is_ended(&self) -> bool {
        self.ended
    }

    /// How many bytes are out.
    #[must_use]
    pub fn moved(&self) -> u64 {
        self.moved
    }

    /// Whether any of it is out.
    #[must_use]
    pub fn is_started(&self) -> bool {
        self.started
    }

    /// Of a message that none is out of: the first piece of its body, if that was taken in, and the rest of it, in whose place
    /// `body` is put.
    pub fn take_back(&mut self, body: B) -> (Option<Bytes>, B) {
        (self.first.take(), std::mem::replace(&mut self.body, body))
    }

    /// Takes the first piece of the body in before anything is sent, if it is there: head and body then leave together.
    ///
    /// # Errors
    /// The body broke off.
    pub fn poll_first(&mut self, cx: &mut Context<'_>) -> Result<(), B::Error> {
        if !self.ended
            && let Poll::Ready(Some(frame)) = Pin::new(&mut self.body).poll_frame(cx)
        {
            let data = frame?.into_data();
            self.first = data.as_ref().ok().cloned();
            self.take(data);
        } else if !self.ended && self.body.is_end_stream() {
            self.end(None);
        }
        Ok(())
    }

    /// Sends as much as there is and the socket takes, up to a bound after which it wakes its task for the rest; ready when all is
    /// out.
    ///
    /// # Errors
    /// Why it is not.
    pub fn poll_send<W: AsyncWrite + Unpin>(
        &mut self,
        socket: &mut W,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(), OutgoingError<B::Error>>> {
        let before = self.moved;
        loop {
            while !self.is_drained() {
                match ready!(self.poll_write(socket, cx)) {
                    Ok(0) | Err(_) => return Poll::Ready(Err(OutgoingError::Socket)),
                    Ok(count) => self.advance(count),
                }
            }
            if self.unflushed {
                ready!(Pin::new(&mut *socket).poll_flush(cx)).map_err(|_| OutgoingError::Socket)?;
                self.unflushed = false;
            }
            if self.ended {
                self.front_sent = 0;
                let memory = std::mem::take(&mut self.front);
                if (1..=KEPT).contains(&memory.capacity()) {
                    SPARE.set(memory);
                }
                return Poll::Ready(Ok(()));
            }
            if self.moved - before >= IN_ONE_GO {
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            match ready!(Pin::new(&mut self.body).poll_frame(cx)) {
                Some(Ok(frame)) => self.take(frame.into_data()),
                Some(Err(error)) => return Poll::Ready(Err(OutgoingError::Body(error))),
                None => self.end(None),
            }
        }
    }

    fn is_drained(&self) -> bool {
        self.front_sent == self.front.len() && self.data.is_empty() && self.back.is_empty()
    }

    fn poll_write<W: AsyncWrite + Unpin>(&self, socket: &mut W, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let front = &self.front[self.front_sent..];
        let socket = Pin::new(socket);
        match (front.is_empty(), self.data.is_empty(), self.back.is_empty()) {
            (false, true, true) => socket.poll_write(cx, front),
            (true, false, true) => socket.poll_write(cx, &self.data),
            _ => {
                let parts = [IoSlice::new(front), IoSlice::new(&self.data), IoSlice::new(self.back)];
                socket.poll_write_vectored(cx, &parts)
            }
        }
    }

    fn advance(&mut self, count: usize) {
        (self.started, self.unflushed) = (true, true);
        self.first = None;
        self.moved += count as u64;
        let of_front = count.min(self.front.len() - self.front_sent);
        self.front_sent += of_front;
        let of_data = (count - of_front).min(self.data.len());
        self.data.advance(of_data);
        self.back = &self.back[count - of_front - of_data..];
    }

    /// Takes the next frame: data, or what is none and can only be trailers.
    fn take(&mut self, frame: Result<Bytes, hyper::body::Frame<Bytes>>) {
        match frame {
            Ok(data) => self.put(data),
            Err(frame) => self.end(frame.into_trailers().ok().as_ref()),
        }
        if !self.ended && self.body.is_end_stream() {
            self.end(None);
        }
    }

    fn put(&mut self, data: Bytes) {
        // One piece is cheaper to hand to the kernel than two, if it is not too much to copy.
        if !self.started && self.delimiting == Delimiting::Length && data.len() <= JOIN_UP_TO {
            self.front.extend_from_slice(&data);
            return;
        }
        if self.delimiting == Delimiting::Chunked && !data.is_empty() {
            self.delimit(format_args!("{:x}\r\n", data.len()));
            self.open_chunk = true;
        }
        self.data = data;
    }

    fn end(&mut self, trailers: Option<&HeaderMap>) {
        if self.ended {
            return;
        }
        self.ended = true;
        if self.delimiting == Delimiting::Length {
            return;
        }
        let trailers = trailers.filter(|_| self.trailers);
        if self.open_chunk && trailers.is_none() {
            self.back = LAST_CHUNK;
            return;
        }
        self.delimit(format_args!("0\r\n"));
        for (name, value) in trailers.into_iter().flatten() {
            self.front.extend_from_slice(name.as_str().as_bytes());
            self.front.extend_from_slice(b": ");
            self.front.extend_from_slice(value.as_bytes());
            self.front.extend_from_slice(b"\r\n");
        }
        self.front.extend_from_slice(b"\r\n");
    }

    /// Ends the chunk before and begins what comes next, behind a head that is not out yet.
    fn delimit(&mut self, text: std::fmt::Arguments<'_>) {
        if self.front_sent == self.front.len() {
            self.front.clear();
            self.front_sent = 0;
        }
        if std::mem::take(&mut self.open_chunk) {
            self.front.extend_from_slice(b"\r\n");
        }
        // Writing to a vector cannot fail.
        let _ = io::Write::write_fmt(&mut self.front, text);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::Wake;

    use bytes::BytesMut;
    use hyper::body::Frame;
    use proptest::prelude::*;

    use super::super::decode::{Decoder, From, Length, Piece};
    use super::*;

    /// A body that is there as so many pieces, and says at once when it ends or only when it is asked.
    #[derive(Debug)]
    struct Pieces {
        left: VecDeque<Vec<u8>>,
        tells: bool,
        trailers: Option<HeaderMap>,
    }

    impl Body for Pieces {
        type Data = Bytes;
        type Error = std::convert::Infallible;

        fn poll_frame(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
            let data = self.left.pop_front().map(|piece| Frame::data(Bytes::from(piece)));
            Poll::Ready(data.or_else(|| self.trailers.take().map(Frame::trailers)).map(Ok))
        }

        fn is_end_stream(&self) -> bool {
            self.tells && self.left.is_empty() && self.trailers.is_none()
        }
    }

    /// A socket that takes a few bytes at a time.
    struct Narrow(Vec<u8>, usize);

    impl AsyncWrite for Narrow {
        fn poll_write(mut self: Pin<&mut Self>, _: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
            let count = buf.len().min(self.1);
            self.0.extend_from_slice(&buf[..count]);
            Poll::Ready(Ok(count))
        }

        fn poll_write_vectored(
            self: Pin<&mut Self>,
            cx: &mut Context<'_>,
            bufs: &[IoSlice<'_>],
        ) -> Poll<io::Result<usize>> {
            let all: Vec<u8> = bufs.iter().flat_map(|part| part.to_vec()).collect();
            self.poll_write(cx, &all)
        }

        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }

        fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
    }

    #[test]
    fn of_a_message_without_a_body_the_head_leaves_and_the_body_stays() {
        for tells in [false, true] {
            let body = Pieces { left: VecDeque::from([b"body".to_vec()]), tells, trailers: None };
            let mut out = Outgoing::head_of(b"HEAD".to_vec(), body);
            let mut cx = Context::from_waker(std::task::Waker::noop());
            out.poll_first(&mut cx).unwrap();
            let mut socket = Narrow(Vec::new(), 3);
            assert!(out.poll_send(&mut socket, &mut cx).is_ready());
            assert!(out.is_complete());
            assert_eq!(socket.0, b"HEAD");
            assert_eq!(out.body.left.len(), 1);
        }
    }

    #[test]
    fn a_large_message_lets_others_go_first_now_and_then() {
        struct Woken(AtomicUsize);
        impl Wake for Woken {
            fn wake(self: Arc<Self>) {
                self.0.fetch_add(1, Ordering::Relaxed);
            }
        }
        let piece = 60_000;
        let body = Pieces { left: vec![vec![7; piece]; 20].into(), tells: true, trailers: None };
        let mut out = Outgoing::new(b"HEAD".to_vec(), body, Delimiting::Length);
        let woken = Arc::new(Woken(AtomicUsize::new(0)));
        let waker = Arc::clone(&woken).into();
        let mut socket = Narrow(Vec::new(), usize::MAX);
        let mut sent = Vec::new();
        while out.poll_send(&mut socket, &mut Context::from_waker(&waker)).is_pending() {
            sent.push(socket.0.len());
            assert_eq!(woken.0.load(Ordering::Relaxed), sent.len(), "nothing else would wake it");
        }
        sent.push(socket.0.len());
        let most = usize::try_from(IN_ONE_GO).unwrap() + piece;
        assert!(sent[0] <= most && sent.windows(2).all(|two| two[1] - two[0] <= most), "{sent:?}");
        assert_eq!(socket.0.len(), 4 + 20 * piece);
    }

    proptest! {
        #[test]
        fn a_chunked_body_arrives_as_it_was_whatever_the_socket_takes(
            pieces in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 1..30), 0..5),
            tells: bool, trailing: bool, first: bool, width in 1usize..40,
        ) {
            let trailers = trailing.then(|| HeaderMap::from_iter([("x-sum".parse().unwrap(), "1".parse().unwrap())]));
            let body = Pieces { left: pieces.clone().into(), tells, trailers };
            let mut out = Outgoing::new(b"HEAD".to_vec(), body, Delimiting::Chunked);
            let mut cx = Context::from_waker(std::task::Waker::noop());
            if first {
                out.poll_first(&mut cx).unwrap();
            }
            let mut socket = Narrow(Vec::new(), width);
            prop_assert!(out.poll_send(&mut socket, &mut cx).is_ready());
            prop_assert!(out.is_complete());
            prop_assert_eq!(out.moved(), socket.0.len() as u64);
            let mut bytes = BytesMut::from(socket.0.strip_prefix(b"HEAD").unwrap());
            let mut decoder = Decoder::new(Length::Chunked, From::Client);
            let (mut body, mut trailed) = (Vec::new(), false);
            loop {
                match decoder.take(&mut bytes).unwrap() {
                    Piece::Data(data) => body.extend_from_slice(&data),
                    Piece::Trailers(_) => trailed = true,
                    Piece::End => break,
                    Piece::Wait => prop_assert!(false, "the body does not end"),
                }
            }
            prop_assert!(bytes.is_empty());
            prop_assert_eq!(body, pieces.concat());
            prop_assert_eq!(trailed, trailing);
        }
    }
}
