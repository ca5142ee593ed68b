//! The store, as everybody but its own thread knows it.

use std::collections::HashMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc;
use std::time::Duration;

use arc_swap::ArcSwap;

use super::acceptance::{Acceptance, Act};
use super::queue::Queue;
use super::read::{Reader, SignatureFilter};
use super::writer::{self, Command};
use super::{Batch, Retention};
use crate::clock::now_ms;
use crate::diff::{Evidence, Kind, SignatureId};

/// How long an acceptance may take; the disk may be slow, and batches are written between commands.
const PATIENCE: Duration = Duration::from_secs(10);

/// The store of comparisons. A clone is the same store.
#[derive(Debug, Clone)]
pub struct Store {
    shared: Arc<Shared>,
    /// Ends the thread with the last clone, if nobody stopped it.
    _closes: Arc<Closes>,
}

#[derive(Debug)]
struct Closes(Arc<Shared>);

impl Drop for Closes {
    fn drop(&mut self) {
        self.0.queue.close();
    }
}

/// What the store's thread and everybody else have in common.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) state_dir: PathBuf,
    pub(super) queue: Queue,
    pub(super) retention: ArcSwap<Retention>,
    pub(super) acceptances: ArcSwap<HashMap<SignatureId, Acceptance>>,
    pub(super) recording: AtomicBool,
    pub(super) errors: AtomicU64,
    lost_batches: AtomicU64,
    lost_comparisons: AtomicU64,
}

impl Shared {
    /// Counts a batch that will never be written.
    pub(super) fn lose(&self, batch: &Batch) {
        self.lost_batches.fetch_add(1, Ordering::Relaxed);
        self.lost_comparisons.fetch_add(batch.verdicts.values().sum(), Ordering::Relaxed);
    }
}

/// What is known of a signature from before.
#[derive(Debug, Clone, PartialEq)]
pub struct Known {
    /// The route.
    pub route: Arc<str>,
    /// Its name.
    pub id: SignatureId,
    /// The normalised path.
    pub path: String,
    /// The kind.
    pub kind: Kind,
    /// What was learned within the time that is kept.
    pub evidence: Evidence,
    /// When it was seen first, in milliseconds since 1970.
    pub first_seen_ms: u64,
    /// Whether somebody wants to live with it; it may be over.
    pub acceptance: Option<Acceptance>,
}

/// Why a signature was neither accepted nor reopened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AcceptError {
    /// There is no such signature.
    Unknown,
    /// It could not be written.
    Unavailable(String),
}

impl fmt::Display for AcceptError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            AcceptError::Unknown => f.write_str("there is no such signature"),
            AcceptError::Unavailable(why) => write!(f, "the store cannot be written: {why}"),
        }
    }
}

impl std::error::Error for AcceptError {}

impl Store {
    /// Opens the store of a state directory and starts its thread. Never fails: where the file cannot be used, nothing is
    /// recorded until it can ([`Store::is_recording`]).
    #[must_use]
    pub fn open(state_dir: &Path, retention: Retention) -> Store {
        let shared = Arc::new(Shared {
            state_dir: state_dir.to_path_buf(),
            queue: Queue::default(),
            retention: ArcSwap::from_pointee(retention),
            acceptances: ArcSwap::default(),
            recording: AtomicBool::new(false),
            errors: AtomicU64::new(0),
            lost_batches: AtomicU64::new(0),
            lost_comparisons: AtomicU64::new(0),
        });
        writer::start(&shared);
        let closes = Arc::new(Closes(Arc::clone(&shared)));
        Store { shared, _closes: closes }
    }

    /// Hands over what happened since the last batch; never waits. Whether it was taken; if not, it is counted as lost.
    pub fn offer(&self, batch: Batch) -> bool {
        match self.shared.queue.offer(batch) {
            None => true,
            Some(batch) => {
                self.shared.lose(&batch);
                false
            }
        }
    }

    /// What is known from before; nothing where the file cannot be read.
    #[must_use]
    pub fn known(&self) -> Vec<Known> {
        let read = || {
            let reader = Reader::open(&self.shared.state_dir).map_err(|error| error.to_string())?;
            reader.signatures(&SignatureFilter::default()).map_err(|error| error.to_string())
        };
        let found = read().unwrap_or_else(|error| {
            tracing::warn!(%error, "what was learned of differences before cannot be read");
            Vec::new()
        });
        let known = found.into_iter().map(|row| Known {
            route: row.route.into(),
            id: row.id,
            path: row.path,
            kind: row.kind,
            evidence: row.evidence,
            first_seen_ms: row.seen_ms.0,
            acceptance: row.acceptance,
        });
        known.collect()
    }

    /// Whether this signature is accepted at this moment, in milliseconds since 1970.
    #[must_use]
    pub fn is_accepted(&self, id: SignatureId, now_ms: u64) -> bool {
        self.shared.acceptances.load().get(&id).is_some_and(|acceptance| acceptance.holds(now_ms))
    }

    /// Accepts a signature until a moment in milliseconds since 1970, or for good; it is durable when this returns. Blocks.
    ///
    /// # Errors
    /// There is no such signature, or it cannot be written.
    pub fn accept(&self, id: SignatureId, by: &str, reason: &str, until_ms: Option<u64>) -> Result<(), AcceptError> {
        self.act(Act {
            at_ms: now_ms(),
            signature: id,
            accepted: true,
            by: by.to_owned(),
            reason: reason.to_owned(),
            until_ms,
        })
    }

    /// Lifts an acceptance; it is durable when this returns. Blocks.
    ///
    /// # Errors
    /// There is no such signature, or it cannot be written.
    pub fn reopen(&self, id: SignatureId, by: &str, reason: &str) -> Result<(), AcceptError> {
        self.act(Act {
            at_ms: now_ms(),
            signature: id,
            accepted: false,
            by: by.to_owned(),
            reason: reason.to_owned(),
            until_ms: None,
        })
    }

    fn act(&self, act: Act) -> Result<(), AcceptError> {
        let (reply, answer) = mpsc::channel();
        let gone = || AcceptError::Unavailable("it is closed".to_owned());
        if !self.shared.queue.command(Command::Act(act, reply)) {
            return Err(gone());
        }
        match answer.recv_timeout(PATIENCE) {
            Ok(result) => result,
            Err(mpsc::RecvTimeoutError::Timeout) => Err(AcceptError::Unavailable("it is too busy".to_owned())),
            Err(mpsc::RecvTimeoutError::Disconnected) => Err(gone()),
        }
    }

    /// Sets other bounds.
    pub fn set_retention(&self, retention: Retention) {
        self.shared.retention.store(Arc::new(retention));
    }

    /// Where its file is.
    #[must_use]
    pub fn state_dir(&self) -> &Path {
        &self.shared.state_dir
    }

    /// Whether batches are being written.
    #[must_use]
    pub fn is_recording(&self) -> bool {
        self.shared.recording.load(Ordering::Relaxed)
    }

    /// How often the file could not be opened or written.
    #[must_use]
    pub fn errors(&self) -> u64 {
        self.shared.errors.load(Ordering::Relaxed)
    }

    /// How many batches were lost, and how many comparisons with them.
    #[must_use]
    pub fn lost(&self) -> (u64, u64) {
        let get = |count: &AtomicU64| count.load(Ordering::Relaxed);
        (get(&self.shared.lost_batches), get(&self.shared.lost_comparisons))
    }

    /// Writes what waits and closes the file, for all clones. Whether that was done in time.
    pub fn stop(&self, patience: Duration) -> bool {
        let (reply, answer) = mpsc::channel();
        let told = self.shared.queue.command(Command::Stop(reply));
        self.shared.queue.close();
        // Without a thread there is nothing that would answer, nor anything to write.
        !told || answer.recv_timeout(patience).is_ok()
    }
}
