//! A request on its way out: its head, then its body as it comes in.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use http::HeaderMap;
use hyper::body::Body;
use tokio::io::AsyncWrite;

use crate::errors::Failure;
use crate::wire::body::{BrokenOff, RequestBody};

/// How a request's body is delimited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Delimiting {
    /// By the Content-Length of the head, or there is none.
    Length,
    /// Chunked.
    Chunked,
}

/// A request on its way out.
#[derive(Debug)]
pub(in crate::upstream) struct Upload {
    /// Bytes that go out first: the head, or what delimits chunks.
    front: Vec<u8>,
    front_sent: usize,
    /// Bytes of the body that go out next.
    data: Bytes,
    body: RequestBody,
    delimiting: Delimiting,
    /// Whether a chunk's data still lacks its line end.
    open_chunk: bool,
    ended: bool,
    started: bool,
    /// Bytes that went out.
    moved: u64,
}

impl Upload {
    /// Nothing to send; its buffer serves every request of a connection.
    pub(in crate::upstream) fn idle() -> Upload {
        Upload {
            front: Vec::with_capacity(1024),
            front_sent: 0,
            data: Bytes::new(),
            body: RequestBody::Empty,
            delimiting: Delimiting::Length,
            open_chunk: false,
            ended: true,
            started: false,
            moved: 0,
        }
    }

    /// Begins with this head, which `write` writes, and this body.
    pub(in crate::upstream) fn begin(&mut self, write: impl FnOnce(&mut Vec<u8>), body: RequestBody, how: Delimiting) {
        self.front.clear();
        write(&mut self.front);
        self.front_sent = 0;
        self.data = Bytes::new();
        self.ended = body.is_end_stream() && how == Delimiting::Length;
        self.body = body;
        self.delimiting = how;
        self.open_chunk = false;
        self.started = false;
        self.moved = 0;
    }

    /// Whether all of it is out.
    pub(in crate::upstream) fn is_complete(&self) -> bool {
        self.ended && self.front_sent == self.front.len() && self.data.is_empty()
    }

    /// Whether there is no body to send.
    pub(in crate::upstream) fn is_empty(&self) -> bool {
        self.ended
    }

    /// How many bytes are out.
    pub(in crate::upstream) fn moved(&self) -> u64 {
        self.moved
    }

    /// Whether any of it is out.
    pub(in crate::upstream) fn is_started(&self) -> bool {
        self.started
    }

    /// Takes the body back, to send it over another connection. Only while nothing is started.
    pub(in crate::upstream) fn take_body(&mut self) -> RequestBody {
        std::mem::replace(&mut self.body, RequestBody::Empty)
    }

    /// Sends as much as there is and the socket takes; ready when all is out.
    pub(in crate::upstream) fn poll_send<W: AsyncWrite + Unpin>(
        &mut self,
        socket: &mut W,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(), Failure>> {
        loop {
            while self.front_sent < self.front.len() || !self.data.is_empty() {
                match ready!(self.poll_write(socket, cx)) {
                    Ok(0) | Err(_) => return Poll::Ready(Err(Failure::Reset)),
                    Ok(count) => self.advance(count),
                }
            }
            if self.ended {
                return Poll::Ready(Ok(()));
            }
            ready!(self.poll_fill(cx))?;
        }
    }

    fn poll_write<W: AsyncWrite + Unpin>(&self, socket: &mut W, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let front = &self.front[self.front_sent..];
        let socket = Pin::new(socket);
        if self.data.is_empty() {
            socket.poll_write(cx, front)
        } else if front.is_empty() {
            socket.poll_write(cx, &self.data)
        } else {
            socket.poll_write_vectored(cx, &[IoSlice::new(front), IoSlice::new(&self.data)])
        }
    }

    fn advance(&mut self, count: usize) {
        self.started = true;
        self.moved += count as u64;
        let of_front = count.min(self.front.len() - self.front_sent);
        self.front_sent += of_front;
        self.data.advance(count - of_front);
    }

    /// Takes the next part of the body.
    fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Failure>> {
        let frame = match ready!(Pin::new(&mut self.body).poll_frame(cx)) {
            Some(Ok(frame)) => frame,
            Some(Err(error)) => return Poll::Ready(Err(BrokenOff::failure_of(&error))),
            None => {
                self.end(None);
                return Poll::Ready(Ok(()));
            }
        };
        match frame.into_data() {
            Ok(data) => self.put(data),
            Err(frame) => self.end(frame.into_trailers().ok().as_ref()),
        }
        if self.body.is_end_stream() && self.delimiting == Delimiting::Length {
            self.ended = true;
        }
        Poll::Ready(Ok(()))
    }

    fn put(&mut self, data: Bytes) {
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
        self.delimit(format_args!("0\r\n"));
        for (name, value) in trailers.into_iter().flatten() {
            self.front.extend_from_slice(name.as_str().as_bytes());
            self.front.extend_from_slice(b": ");
            self.front.extend_from_slice(value.as_bytes());
            self.front.extend_from_slice(b"\r\n");
        }
        self.front.extend_from_slice(b"\r\n");
    }

    /// Ends the chunk before and begins what comes next.
    fn delimit(&mut self, text: std::fmt::Arguments<'_>) {
        self.front.clear();
        self.front_sent = 0;
        if std::mem::take(&mut self.open_chunk) {
            self.front.extend_from_slice(b"\r\n");
        }
        // Writing to a vector cannot fail.
        let _ = io::Write::write_fmt(&mut self.front, text);
    }
}
