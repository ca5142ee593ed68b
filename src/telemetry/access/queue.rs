//! Lines on their way from the workers to the writer.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread::Thread;

use crossbeam_queue::ArrayQueue;

use super::AccessRecord;
use super::clock::Clock;

/// A buffer is handed over when it holds this many bytes.
pub(super) const FULL: usize = 32 * 1024;
/// How many buffers may wait for the writer.
pub(super) const WAITING: usize = 256;
/// The writer is woken for so many; fewer wait for the next flush, since each waking costs more than the writing.
pub(super) const WORTH_WAKING: usize = 4;

/// Whole buffers on their way from the workers to the writer.
#[derive(Debug)]
pub struct AccessQueue {
    pub(super) full: ArrayQueue<Buffer>,
    pub(super) spare: ArrayQueue<Vec<u8>>,
    pub(super) lost: AtomicU64,
    /// Who writes; it sleeps while there is nothing to write.
    pub(super) writer: OnceLock<Thread>,
}

#[derive(Debug)]
pub(super) struct Buffer {
    pub(super) lines: u64,
    pub(super) bytes: Vec<u8>,
}

impl Default for AccessQueue {
    fn default() -> AccessQueue {
        AccessQueue {
            full: ArrayQueue::new(WAITING),
            spare: ArrayQueue::new(WAITING),
            lost: AtomicU64::new(0),
            writer: OnceLock::new(),
        }
    }
}

impl AccessQueue {
    /// How many lines were dropped because the writer could not keep up or could not write.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.lost.load(Ordering::Relaxed)
    }

    /// Wakes the writer where so many buffers wait. One system call if it sleeps, none if it is awake.
    fn wake_for(&self, waiting: usize) {
        if self.full.len() >= waiting
            && let Some(writer) = self.writer.get()
        {
            writer.unpark();
        }
    }
}

/// A worker's own lines.
#[derive(Debug)]
pub struct LineBuffer {
    queue: Arc<AccessQueue>,
    lines: u64,
    bytes: Vec<u8>,
    clock: Clock,
}

impl LineBuffer {
    /// An empty buffer before this queue.
    #[must_use]
    pub fn new(queue: Arc<AccessQueue>) -> LineBuffer {
        LineBuffer { queue, lines: 0, bytes: Vec::with_capacity(FULL + 4096), clock: Clock::new() }
    }

    /// Adds one line; hands the buffer over when it is full. It is written at the next flush, if not earlier.
    pub fn write(&mut self, record: &AccessRecord<'_>) {
        record.write(&mut self.clock, &mut self.bytes);
        self.lines += 1;
        if self.bytes.len() >= FULL {
            self.hand_over();
            self.queue.wake_for(WORTH_WAKING);
        }
    }

    /// Has everything written that was handed over, and what there is.
    pub fn flush(&mut self) {
        self.hand_over();
        self.queue.wake_for(1);
    }

    fn hand_over(&mut self) {
        self.clock.set();
        if self.lines == 0 {
            return;
        }
        let mut next = self.queue.spare.pop().unwrap_or_else(|| Vec::with_capacity(FULL + 4096));
        next.clear();
        let full = Buffer { lines: std::mem::take(&mut self.lines), bytes: std::mem::replace(&mut self.bytes, next) };
        if let Err(refused) = self.queue.full.push(full) {
            self.queue.lost.fetch_add(refused.lines, Ordering::Relaxed);
        }
    }
}

impl Drop for LineBuffer {
    fn drop(&mut self) {
        self.flush();
    }
}
