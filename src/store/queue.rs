//! What waits for the writer: batches, of which there may be too many, and commands, which are few.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::Batch;
use super::writer::Command;

/// How many batches may wait.
pub(super) const BATCHES: usize = 64;
/// How many bytes of samples may wait.
const BYTES: usize = 64 * 1024 * 1024;

/// What waits for the writer.
#[derive(Debug, Default)]
pub(super) struct Queue {
    waiting: Mutex<Waiting>,
    news: Condvar,
}

#[derive(Debug, Default)]
struct Waiting {
    batches: VecDeque<Batch>,
    bytes: usize,
    commands: VecDeque<Command>,
    closed: bool,
}

/// What the writer does next.
#[derive(Debug)]
pub(super) enum Next {
    /// Somebody wants something done now.
    Command(Command),
    /// A batch is to be written.
    Batch(Box<Batch>),
    /// Nothing came for as long as it would wait.
    Nothing,
    /// Nothing will come any more.
    Closed,
}

impl Queue {
    /// Adds a batch; gives it back if there is no room, or nobody to write it.
    pub(super) fn offer(&self, batch: Batch) -> Option<Batch> {
        let bytes = batch.sample_bytes();
        let mut waiting = self.lock();
        // One batch, however large, always has room.
        let over = waiting.bytes > 0 && waiting.bytes + bytes > BYTES;
        if waiting.closed || waiting.batches.len() >= BATCHES || over {
            return Some(batch);
        }
        waiting.bytes += bytes;
        waiting.batches.push_back(batch);
        drop(waiting);
        self.news.notify_one();
        None
    }

    /// Adds a command; false if nobody will obey it any more.
    pub(super) fn command(&self, command: Command) -> bool {
        let mut waiting = self.lock();
        if waiting.closed {
            return false;
        }
        waiting.commands.push_back(command);
        drop(waiting);
        self.news.notify_one();
        true
    }

    /// Waits at most so long for what comes next; commands overtake batches. With `hold`, batches stay where they are.
    pub(super) fn next(&self, patience: Duration, hold: bool) -> Next {
        let until = Instant::now() + patience;
        let mut waiting = self.lock();
        loop {
            if let Some(command) = waiting.commands.pop_front() {
                return Next::Command(command);
            }
            if !hold && let Some(batch) = waiting.batches.pop_front() {
                waiting.bytes -= batch.sample_bytes().min(waiting.bytes);
                return Next::Batch(Box::new(batch));
            }
            if waiting.closed {
                return Next::Closed;
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Next::Nothing;
            }
            waiting = self.news.wait_timeout(waiting, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Nothing is taken any more; what waits is still handed out.
    pub(super) fn close(&self) {
        self.lock().closed = true;
        self.news.notify_all();
    }

    /// Takes out all batches.
    pub(super) fn drain(&self) -> Vec<Batch> {
        let mut waiting = self.lock();
        waiting.bytes = 0;
        waiting.batches.drain(..).collect()
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        // Nothing in here panics halfway through a change.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_queue_refuses_and_a_closed_one_still_hands_out() {
        let queue = Queue::default();
        for _ in 0..BATCHES {
            assert!(queue.offer(Batch::default()).is_none());
        }
        assert!(queue.offer(Batch::default()).is_some());
        queue.close();
        assert!(matches!(queue.next(Duration::ZERO, false), Next::Batch(_)));
        assert!(queue.offer(Batch::default()).is_some());
        assert_eq!(queue.drain().len(), BATCHES - 1);
        assert!(matches!(queue.next(Duration::ZERO, false), Next::Closed));
    }
}
