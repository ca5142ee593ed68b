//! What the controller is told, and what came of it.

use std::path::PathBuf;

use tokio::sync::oneshot;

use super::helm::Caller;

/// What the controller is told to do.
#[derive(Debug)]
pub enum Command {
    /// Load the configuration anew.
    Reload {
        /// Whether what the new configuration takes away is confirmed.
        confirm: bool,
        /// Who asks.
        caller: Caller,
        /// Where the outcome goes.
        reply: Option<oneshot::Sender<Reloaded>>,
    },
    /// End the hold: load the configuration, and make it live.
    Unhold {
        /// Why.
        why: String,
        /// Who asks.
        caller: Caller,
        /// Where the outcome goes.
        reply: oneshot::Sender<Reloaded>,
    },
    /// Open the access log anew.
    ReopenLog,
}

/// What came of a reload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It is live under this number; these things changed, in words.
    Adopted(u64, Vec<String>),
    /// It is what is live already, under this number.
    Unchanged(u64),
    /// It is invalid: these are its errors.
    Invalid(Vec<String>),
    /// It takes away what must be confirmed.
    Unconfirmed(Vec<String>),
    /// This file is being written to; it is loaded when its writer is done.
    BeingWritten(PathBuf),
    /// It is valid, and not live: this generation of before is held.
    Held(u64),
    /// Another generation is live than the caller thought: this one.
    Moved(u64),
}

/// What came of a reload, and when its record is on the disk.
#[derive(Debug)]
pub struct Reloaded {
    /// What came of it.
    pub outcome: Outcome,
    /// Told `true` when the change is on the disk; `None` where nothing changed.
    pub durable: Option<oneshot::Receiver<bool>>,
}

impl From<Outcome> for Reloaded {
    fn from(outcome: Outcome) -> Reloaded {
        Reloaded { outcome, durable: None }
    }
}
