//! A connection that has switched to another protocol: bytes go both ways until either side is done.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Buf as _, Bytes, BytesMut};
use tokio::io::AsyncWrite;
use tokio::time::{Instant, Sleep, sleep};

use super::leash::Leash;
use super::ticket::Ticket;
use crate::server::Tunnel;
use crate::upstream::RawConnection;
use crate::wire::intake;
use crate::wire::stream::Stream;

/// How much is read at once, in bytes; also the most that waits to be written.
const READ: usize = 16 * 1024;

/// A connection that has switched to another protocol. When it ends, it is counted and logged as any request.
pub(super) struct Switched {
    pub(super) backend: RawConnection,
    pub(super) ticket: Box<Ticket>,
    pub(super) leash: Option<Rc<Leash>>,
    /// How long both sides may be silent.
    pub(super) patience: Duration,
}

impl Tunnel for Switched {
    fn run(self: Box<Self>, client: Stream, early: Bytes) -> Pin<Box<dyn Future<Output = ()>>> {
        let Switched { mut backend, ticket, leash, patience } = *self;
        let answered = std::mem::take(&mut backend.early);
        Box::pin(Passing {
            client,
            backend,
            up: Way::new(early),
            down: Way::new(answered),
            ticket,
            leash,
            patience,
            silence: Box::pin(sleep(patience)),
        })
    }
}

/// Bytes going both ways.
struct Passing {
    client: Stream,
    backend: RawConnection,
    up: Way,
    down: Way,
    ticket: Box<Ticket>,
    leash: Option<Rc<Leash>>,
    patience: Duration,
    silence: Pin<Box<Sleep>>,
}

impl Future for Passing {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        let before = (this.up.passed, this.down.passed);
        let up = this.up.poll(&mut this.client, &mut this.backend.stream, cx);
        let down = this.down.poll(&mut this.backend.stream, &mut this.client, cx);
        this.ticket.passed(this.up.passed, this.down.passed);
        match (up, down) {
            (Poll::Ready(Ok(())), Poll::Ready(Ok(()))) => {
                this.ticket.complete = true;
                return Poll::Ready(());
            }
            // One end is gone without a word: the other must not wait for it.
            (Poll::Ready(Err(_)), _) | (_, Poll::Ready(Err(_))) => return Poll::Ready(()),
            _ => {}
        }
        if let Some(leash) = &this.leash
            && leash.poll_pulled(cx).is_ready()
        {
            this.ticket.cut("route_moved");
            return Poll::Ready(());
        }
        if before != (this.up.passed, this.down.passed) {
            this.silence.as_mut().reset(Instant::now() + this.patience);
        }
        ready!(this.silence.as_mut().poll(cx));
        this.ticket.cut("idle");
        Poll::Ready(())
    }
}

/// One of the two ways.
struct Way {
    waiting: BytesMut,
    passed: u64,
    unflushed: bool,
    ended: bool,
    closed: bool,
}

impl Way {
    fn new(early: Bytes) -> Way {
        Way { waiting: BytesMut::from(early), passed: 0, unflushed: false, ended: false, closed: false }
    }

    /// Passes on what there is; ready when this way has come to its end, and the receiver knows.
    fn poll(&mut self, from: &mut Stream, to: &mut Stream, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            while !self.waiting.is_empty() {
                let count = ready!(Pin::new(&mut *to).poll_write(cx, &self.waiting))?;
                if count == 0 {
                    return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
                }
                self.waiting.advance(count);
                self.passed += count as u64;
                self.unflushed = true;
            }
            // A silent connection holds no buffer.
            self.waiting = BytesMut::new();
            if self.unflushed {
                ready!(Pin::new(&mut *to).poll_flush(cx))?;
                self.unflushed = false;
            }
            if self.closed {
                return Poll::Ready(Ok(()));
            }
            if self.ended {
                ready!(Pin::new(&mut *to).poll_shutdown(cx))?;
                self.closed = true;
                continue;
            }
            self.ended = ready!(intake::poll_read(from, cx, READ, &mut self.waiting))? == 0;
        }
    }
}
