//! The socket as hyper sees it: every byte of a request has passed [`Framing`] first.

use std::cell::Cell;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};

use super::stream::ClientStream;
use super::watchdog::{End, Pulse};
use crate::errors::Failure;
use crate::wire::framing::{Framing, Place, Verdict};

/// What hyper is given in place of a head that was refused: a request that is certainly sound, so that the refusal goes
/// out in its turn and in the facade's own words.
const STAND_IN: &[u8] = b"GET / HTTP/1.1\r\nhost: refused.invalid\r\nconnection: close\r\n\r\n";

/// How long a client may go on sending after the last answer before its connection is closed under it.
const LINGER: Duration = Duration::from_millis(500);
/// How much of that is read and thrown away, in bytes.
const LINGER_BYTES: usize = 256 * 1024;

/// Tells the service which request was refused. Requests are numbered from 1 as they pass.
#[derive(Debug, Default)]
pub(super) struct Refusals {
    refused: Cell<Option<(u64, Failure)>>,
    passed: Cell<u64>,
    served: Cell<u64>,
}

impl Refusals {
    /// Called for each request that hyper hands over, in order: why it was refused, if it was.
    pub(super) fn next(&self) -> Option<Failure> {
        let number = self.served.get() + 1;
        self.served.set(number);
        self.refused.get().filter(|(refused, _)| *refused == number).map(|(_, failure)| failure)
    }
}

/// A client's socket behind the strict look at its requests.
#[derive(Debug)]
pub(super) struct Gate {
    stream: ClientStream,
    framing: Framing,
    /// Bytes that have arrived and were not handed on yet; the first `cleared` of them may pass.
    held: BytesMut,
    cleared: usize,
    /// Whether the held bytes are a head that is not whole: more must come before they are judged again.
    incomplete: bool,
    /// Whether a head was refused: nothing more of this connection is looked at.
    ended: bool,
    /// How long, and how much, is still read after the last answer.
    linger: Option<(Pin<Box<Sleep>>, usize)>,
    refusals: Rc<Refusals>,
    pulse: Rc<Pulse>,
}

impl Gate {
    /// `early` are bytes that were read of it already.
    pub(super) fn new(stream: ClientStream, early: Bytes, refusals: Rc<Refusals>, pulse: Rc<Pulse>) -> Gate {
        let (held, cleared, incomplete, ended) = (BytesMut::from(early), 0, false, false);
        Gate { stream, framing: Framing::default(), held, cleared, incomplete, ended, linger: None, refusals, pulse }
    }

    /// Whether the client may still be sending what nobody will read.
    fn is_unread(&self) -> bool {
        self.ended || !self.held.is_empty() || self.framing.place() == Place::Body
    }

    /// Reads and throws away what a client still sends after the last answer: closing a socket with unread bytes makes the
    /// kernel send a reset, and a reset makes the client's kernel throw that answer away.
    fn poll_linger(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let lingering = self.linger.get_or_insert_with(|| (Box::pin(sleep(LINGER)), LINGER_BYTES));
        if lingering.0.as_mut().poll(cx).is_ready() {
            return Poll::Ready(());
        }
        let mut space = [0; 4096];
        loop {
            let mut waste = ReadBuf::new(&mut space);
            let read = ready!(Pin::new(&mut self.stream).poll_read(cx, &mut waste));
            let count = waste.filled().len();
            if read.is_err() || count == 0 || count >= lingering.1 {
                return Poll::Ready(());
            }
            lingering.1 -= count;
        }
    }

    /// Judges bytes that were not handed on yet, and notes what that means: how many of them may pass now.
    fn judge(&mut self, bytes: &[u8]) -> io::Result<Judged> {
        let in_head = self.framing.place() != Place::Body;
        let verdict = self.framing.look(bytes);
        match verdict {
            Verdict::Pass(count) => {
                let heads = u64::from(in_head);
                self.refusals.passed.set(self.refusals.passed.get() + heads);
                self.pulse.read(self.framing.place(), heads);
                Ok(Judged::Pass(count))
            }
            Verdict::Wait => {
                self.pulse.read(Place::Head, 0);
                Ok(Judged::Wait)
            }
            Verdict::Refuse(failure) => {
                self.refuse(failure);
                Ok(Judged::Replaced)
            }
            Verdict::Abort(failure) => {
                self.ended = true;
                Err(io::Error::new(io::ErrorKind::InvalidData, failure.detail()))
            }
        }
    }

    /// Puts the stand-in where the refused head was.
    fn refuse(&mut self, failure: Failure) {
        let number = self.refusals.passed.get() + 1;
        self.refusals.passed.set(number);
        self.refusals.refused.set(Some((number, failure)));
        self.held = BytesMut::from(STAND_IN);
        self.cleared = STAND_IN.len();
        self.ended = true;
        self.pulse.read(Place::Ended, 1);
    }

    /// Hands on what may pass of the held bytes. Whether there was anything.
    fn hand_on(&mut self, buf: &mut ReadBuf<'_>) -> io::Result<bool> {
        if self.cleared == 0 && !self.held.is_empty() && !self.incomplete {
            let held = std::mem::take(&mut self.held);
            match self.judge(&held)? {
                Judged::Pass(count) => (self.held, self.cleared) = (held, count),
                Judged::Wait => (self.held, self.incomplete) = (held, true),
                Judged::Replaced => {}
            }
        }
        let count = self.cleared.min(buf.remaining());
        buf.put_slice(&self.held.split_to(count));
        self.cleared -= count;
        Ok(count > 0)
    }

    /// Reads straight into hyper's buffer and keeps back what may not pass: a head that comes whole and alone, the common
    /// case, is never copied.
    fn read_through(&mut self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<Progress>> {
        let start = buf.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(cx, buf))?;
        let fresh = &buf.filled()[start..];
        if fresh.is_empty() {
            return Poll::Ready(Ok(Progress::Done));
        }
        let pass = match self.judge(fresh)? {
            Judged::Pass(count) => {
                self.held.extend_from_slice(&buf.filled()[start + count..]);
                count
            }
            Judged::Wait => {
                self.held.extend_from_slice(&buf.filled()[start..]);
                self.incomplete = true;
                0
            }
            Judged::Replaced => 0,
        };
        buf.set_filled(start + pass);
        Poll::Ready(Ok(if pass > 0 { Progress::Done } else { Progress::Again }))
    }

    /// Reads more of a head that is not whole.
    fn read_more(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Progress>> {
        let mut space = [0; 4096];
        let mut more = ReadBuf::new(&mut space);
        ready!(Pin::new(&mut self.stream).poll_read(cx, &mut more))?;
        if more.filled().is_empty() {
            return Poll::Ready(Ok(Progress::Done));
        }
        self.held.extend_from_slice(more.filled());
        self.incomplete = false;
        Poll::Ready(Ok(Progress::Again))
    }
}

/// What judging came to.
enum Judged {
    /// This many bytes may pass.
    Pass(usize),
    /// None yet.
    Wait,
    /// None at all; the stand-in is held in their place.
    Replaced,
}

/// Whether a read has something to show, if only the end of the stream.
enum Progress {
    Done,
    Again,
}

impl AsyncRead for Gate {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        loop {
            if this.pulse.end() == Some(End::SlowHead) && !this.ended && this.framing.place() == Place::Head {
                this.refuse(Failure::SlowHead);
            }
            if this.hand_on(buf)? {
                return Poll::Ready(Ok(()));
            }
            if this.ended {
                // The answer to the stand-in closes the connection; until then nothing more is read.
                return Poll::Pending;
            }
            let read = if this.held.is_empty() { this.read_through(cx, buf)? } else { this.read_more(cx)? };
            match read {
                Poll::Ready(Progress::Done) => return Poll::Ready(Ok(())),
                Poll::Ready(Progress::Again) => {}
                Poll::Pending => {
                    this.pulse.reading_stalled();
                    return Poll::Pending;
                }
            }
        }
    }
}

impl AsyncWrite for Gate {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, buf);
        self.pulse.wrote(written.is_pending());
        written
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, bufs);
        self.pulse.wrote(written.is_pending());
        written
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.linger.is_none() {
            ready!(Pin::new(&mut self.stream).poll_shutdown(cx))?;
        }
        if self.is_unread() {
            ready!(self.poll_linger(cx));
        }
        Poll::Ready(Ok(()))
    }
}
