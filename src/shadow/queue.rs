//! Where copies wait: bounded in number and in bytes, and nobody waits at it.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::{Context, Poll};

use atomic_waker::AtomicWaker;
use crossbeam_queue::ArrayQueue;
use crossbeam_utils::CachePadded;

use super::Exchange;
use crate::snapshot::{MAX_SHADOW_THREADS, Shadowing};
use crate::telemetry::Dropped;

/// The copies that wait, and the account of those that wait or are under way.
#[derive(Debug)]
pub struct Queue {
    ring: ArrayQueue<Box<Exchange>>,
    held: CachePadded<AtomicUsize>,
    most: usize,
    closed: AtomicBool,
    bell: Bell,
}

/// Wakes threads that rest until there is something.
#[derive(Debug, Default)]
struct Bell {
    /// Whether there may be any.
    awaited: CachePadded<AtomicBool>,
    resting: [AtomicWaker; MAX_SHADOW_THREADS],
}

impl Bell {
    /// Ready when there is something; else the thread is woken by the next ring.
    fn poll(&self, thread: usize, is_there: impl FnOnce() -> bool, cx: &mut Context<'_>) -> Poll<()> {
        self.resting[thread].register(cx.waker());
        self.awaited.store(true, Ordering::SeqCst);
        // What came before it was said that somebody rests has woken nobody.
        if is_there() { Poll::Ready(()) } else { Poll::Pending }
    }

    /// Says that there is something. While nobody rests, this is a look at memory that nobody writes.
    fn ring(&self) {
        if self.awaited.load(Ordering::SeqCst) && self.awaited.swap(false, Ordering::SeqCst) {
            self.resting.iter().for_each(AtomicWaker::wake);
        }
    }
}

impl Queue {
    /// An empty queue with these bounds.
    #[must_use]
    pub fn new(bounds: Shadowing) -> Queue {
        Queue {
            ring: ArrayQueue::new(bounds.requests),
            held: CachePadded::default(),
            most: bounds.bytes,
            closed: AtomicBool::new(false),
            bell: Bell::default(),
        }
    }

    /// Takes a copy, or gives it back with why not. Never waits.
    ///
    /// # Errors
    /// The copy, and why it is dropped.
    pub fn offer(&self, exchange: Box<Exchange>) -> Result<(), (Box<Exchange>, Dropped)> {
        if self.closed.load(Ordering::Relaxed) {
            return Err((exchange, Dropped::Stopping));
        }
        let bytes = exchange.bytes();
        let before = self.held.fetch_add(bytes, Ordering::Relaxed);
        if before + bytes > self.most {
            self.release(bytes);
            return Err((exchange, Dropped::QueueBytes));
        }
        self.ring.push(exchange).map_err(|exchange| {
            self.release(bytes);
            (exchange, Dropped::QueueFull)
        })?;
        self.bell.ring();
        Ok(())
    }

    /// Ready when there is something for the shadow thread of this number, counted from 0: a copy, or that nothing more is taken.
    pub fn poll_something(&self, thread: usize, cx: &mut Context<'_>) -> Poll<()> {
        self.bell.poll(thread, || !self.ring.is_empty() || self.is_closed(), cx)
    }

    /// The copy that waits longest. Its bytes stay on the account until [`Queue::release`].
    #[must_use]
    pub fn take(&self) -> Option<Box<Exchange>> {
        self.ring.pop()
    }

    /// Takes bytes off the account.
    pub fn release(&self, bytes: usize) {
        self.held.fetch_sub(bytes, Ordering::Relaxed);
    }

    /// The bytes held by copies that wait or are under way.
    #[must_use]
    pub fn held(&self) -> usize {
        self.held.load(Ordering::Relaxed)
    }

    /// The most bytes that they may hold.
    #[must_use]
    pub fn most(&self) -> usize {
        self.most
    }

    /// How many copies wait.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.ring.len()
    }

    /// Whether it takes nothing more.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.closed.load(Ordering::SeqCst)
    }

    /// Takes nothing more.
    pub fn close(&self) {
        self.closed.store(true, Ordering::SeqCst);
        self.bell.ring();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::task::Wake;

    use super::*;

    /// Counts how often it is woken.
    #[derive(Default)]
    struct Sleeper(AtomicUsize);

    impl Wake for Sleeper {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }

    #[test]
    fn a_ring_wakes_all_that_rest_once() {
        let (bell, sleepers) = (Bell::default(), [(); 2].map(|()| Arc::new(Sleeper::default())));
        let rest = |number: usize, is_there| {
            let waker = Arc::clone(&sleepers[number]).into();
            bell.poll(number, || is_there, &mut Context::from_waker(&waker))
        };
        let woken = || sleepers.each_ref().map(|sleeper| sleeper.0.load(Ordering::SeqCst));
        bell.ring();
        assert_eq!((rest(0, false), rest(1, false), woken()), (Poll::Pending, Poll::Pending, [0, 0]));
        bell.ring();
        bell.ring();
        assert_eq!(woken(), [1, 1]);
        assert_eq!(rest(1, false), Poll::Pending);
        bell.ring();
        assert_eq!(woken(), [1, 2]);
        // What came just before is not missed.
        assert_eq!(rest(0, true), Poll::Ready(()));
    }
}
