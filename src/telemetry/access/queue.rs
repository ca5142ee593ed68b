//! Lines on their way from the workers to the writer.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crossbeam_queue::ArrayQueue;

use super::AccessRecord;
use super::clock::Clock;

/// A buffer is handed over when it holds this many bytes.
const FULL: usize = 32 * 1024;
/// How many buffers may wait for the writer.
pub(super) const WAITING: usize = 256;

/// Whole buffers on their way from the workers to the writer.
#[derive(Debug)]
pub struct AccessQueue {
    pub(super) full: ArrayQueue<Buffer>,
    pub(super) spare: ArrayQueue<Vec<u8>>,
    pub(super) lost: AtomicU64,
}

#[derive(Debug)]
pub(super) struct Buffer {
    pub(super) lines: u64,
    pub(super) bytes: Vec<u8>,
}

impl Default for AccessQueue {
    fn default() -> AccessQueue {
        AccessQueue { full: ArrayQueue::new(WAITING), spare: ArrayQueue::new(WAITING), lost: AtomicU64::new(0) }
    }
}

impl AccessQueue {
    /// How many lines were dropped because the writer could not keep up or could not write.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.lost.load(Ordering::Relaxed)
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

    /// Adds one line; hands the buffer over when it is full.
    pub fn write(&mut self, record: &AccessRecord<'_>) {
        record.write(&mut self.clock, &mut self.bytes);
        self.lines += 1;
        if self.bytes.len() >= FULL {
            self.flush();
        }
    }

    /// Hands over what there is.
    pub fn flush(&mut self) {
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
