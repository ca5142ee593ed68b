//! Where copies wait: bounded in number and in bytes, and nobody waits at it.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use crossbeam_queue::ArrayQueue;
use crossbeam_utils::CachePadded;

use super::Exchange;
use crate::snapshot::Shadowing;
use crate::telemetry::Dropped;

/// The copies that wait, and the account of those that wait or are under way.
#[derive(Debug)]
pub struct Queue {
    ring: ArrayQueue<Box<Exchange>>,
    held: CachePadded<AtomicUsize>,
    most: usize,
    closed: AtomicBool,
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
        })
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
        self.closed.load(Ordering::Relaxed)
    }

    /// Takes nothing more.
    pub fn close(&self) {
        self.closed.store(true, Ordering::Relaxed);
    }
}
