//! The ledger, as everybody but its own thread knows it.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::oneshot;

use super::queue::Queue;
use super::read::{self, AuditFilter, ReadError};
use super::{Entry, Hour, Past, Remembered, start, writer};
use crate::directives::Act;

/// How long an entry may wait before the disk counts as behind, though it has not failed.
const SLOW: Duration = Duration::from_secs(2);

/// The ledger. A clone is the same ledger.
#[derive(Debug, Clone)]
pub struct Ledger {
    shared: Arc<Shared>,
    /// Ends the thread with the last clone, if nobody stopped it.
    _ends: Arc<Ends>,
}

#[derive(Debug)]
struct Ends(Arc<Shared>);

impl Drop for Ends {
    fn drop(&mut self) {
        self.0.queue.stop();
    }
}

/// What the ledger's thread and everybody else have in common.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) dir: PathBuf,
    pub(super) queue: Queue,
    /// Whether the last try to open or write the file came to nothing.
    pub(super) failing: AtomicBool,
    pub(super) errors: AtomicU64,
    /// The most pages the file may have, to play a full disk; 0: any number.
    #[cfg(test)]
    pub(super) most_pages: std::sync::atomic::AtomicU32,
}

impl Ledger {
    /// Opens the ledger of a state directory, which must exist, and starts its thread. Never fails: where the file cannot be
    /// used, it is said what was wrong and entries wait in memory until there is one.
    #[must_use]
    pub fn open(dir: &Path) -> (Ledger, Remembered) {
        let begun = start::start(dir);
        let remembered = begun.remembered();
        let shared = Arc::new(Shared {
            dir: dir.to_path_buf(),
            queue: Queue::new(begun.memory.clone(), begun.open.is_none() || begun.trouble.is_some()),
            failing: AtomicBool::new(begun.open.is_none()),
            errors: AtomicU64::new(u64::from(begun.trouble.is_some() || begun.open.is_none())),
            #[cfg(test)]
            most_pages: std::sync::atomic::AtomicU32::new(0),
        });
        writer::spawn(&shared, begun);
        let ends = Arc::new(Ends(Arc::clone(&shared)));
        (Ledger { shared, _ends: ends }, remembered)
    }

    /// Queues an entry; never waits, never fails. The receiver is told `true` once it is on the disk, `false` as soon as the first
    /// try to write it came to nothing; it is tried again for as long as the process lives. A disk that hangs tells nothing.
    pub fn write(&self, entry: Entry) -> oneshot::Receiver<bool> {
        self.shared.queue.push(entry)
    }

    /// Whether there is something that should be on the disk and could not be written, or has been waiting for over 2 s.
    #[must_use]
    pub fn is_behind(&self) -> bool {
        self.shared.failing.load(Ordering::Relaxed)
            || self.shared.queue.oldest().is_some_and(|since| since.elapsed() > SLOW)
    }

    /// How often the file could not be opened, read or written.
    #[must_use]
    pub fn errors(&self) -> u64 {
        self.shared.errors.load(Ordering::Relaxed)
    }

    /// How many entries are not on the disk.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.shared.queue.len()
    }

    /// The records that are not on the disk, newest first: [`Ledger::audit`] has not got them.
    #[must_use]
    pub fn unwritten(&self) -> Vec<Act> {
        self.shared.queue.acts()
    }

    /// The records on the disk with their numbers, newest first. Reads the disk: not for data workers.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn audit(&self, filter: &AuditFilter) -> Result<Vec<(u64, Act)>, ReadError> {
        read::audit(&self.shared.dir, filter)
    }

    /// The newest generations, newest first, at most so many; those that wait for the disk as well. Reads the disk.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn generations(&self, limit: usize) -> Result<Vec<Past>, ReadError> {
        read::generations(&self.shared.dir, &self.shared.queue.generations(), limit)
    }

    /// How much had migrated in each hour since this one (in hours since 1970), in their order; hours in which no facade ran are
    /// missing. Those that wait for the disk as well. Reads the disk.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn hours(&self, since: u64) -> Result<Vec<Hour>, ReadError> {
        read::hours(&self.shared.dir, &self.shared.queue.hours(), since)
    }

    /// The configuration of a generation, if it is among the last [`super::GENERATIONS`]. Reads the disk.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn bundle(&self, number: u64) -> Result<Option<Arc<str>>, ReadError> {
        let waiting = self.shared.queue.generations().into_iter().rev().find(|made| made.number == number);
        match waiting {
            Some(made) => Ok(Some(made.bundle)),
            None => read::bundle(&self.shared.dir, number),
        }
    }

    /// Writes what waits and closes the file, for all clones. Whether all of it was written within this time.
    pub fn stop(&self, patience: Duration) -> bool {
        self.shared.queue.stop();
        self.shared.queue.wait(patience)
    }

    #[cfg(test)]
    pub(super) fn shared(&self) -> &Shared {
        &self.shared
    }
}
