//! Directives, history and audit on disk: a SQLite file of their own with one writer thread.
//!
//! What is said takes effect first and is written second: a full or broken disk never stops a rollback. What could not be
//! written waits in memory and is written as soon as it can be; until then it says that it is behind.
//!
//! - [`handle`]: the [`Ledger`] itself
//! - [`queue`], [`writer`]: what waits for the disk, and the thread that writes
//! - [`memory`]: the directives in force, with a seal over all of them
//! - [`database`], [`witness`]: the file, and a second opinion on whether it is all there
//! - [`start`], [`recall`]: what is remembered at start
//! - [`record`]: how entries are written
//! - [`read`]: audit and history, for whoever asks
//! - [`hour`]: how much had migrated, hour by hour
//!
//! A file that is damaged is never believed in silence. SQLite's own check finds broken pages; the seal finds directives that
//! changed or vanished without one; the witness finds that the newest ones are missing, as after damage to the write-ahead log.
//!
//! The tables, as `schema.sql` (version 1, in `PRAGMA user_version`) and `hours.sql` (version 2) make them. The audit cannot be
//! changed: triggers forbid it.
//!
//! ```sql
#![doc = include_str!("schema.sql")]
#![doc = include_str!("hours.sql")]
//! ```

mod database;
mod handle;
mod hour;
mod memory;
mod queue;
mod read;
mod recall;
mod record;
mod start;
mod witness;
mod writer;

pub use handle::Ledger;
pub use hour::Hour;
pub use read::{AuditFilter, ReadError};

use std::sync::Arc;

use crate::directives::{Act, Author, Hold, Pin, RampState, Scope, Unit};

/// The name of its file in the state directory.
pub const FILE: &str = "control.db";

/// How many generations history keeps.
pub const GENERATIONS: u32 = 100;

/// How many entries wait at most for a disk that does not take them; above that the oldest records are lost, never what they
/// changed.
pub const WAITING: usize = 10_000;

/// How long hours are kept: two years of them.
pub const HOURS: u64 = 2 * 366 * 24;

/// What is recorded in place of records that were lost.
pub const LOST: &str = "lost";

/// Changes that are written as one, with their one record in the audit. One that is empty is on the disk when everything before
/// it is.
#[derive(Debug, Clone, Default)]
pub struct Entry {
    /// What changes; may be empty.
    pub changes: Vec<Change>,
    /// Who did it and why; `None` only where no directive changes.
    pub act: Option<Act>,
}

/// One change of what is kept.
#[derive(Debug, Clone)]
pub enum Change {
    /// A pin is set; it replaces one of the same scope.
    Pin(Pin),
    /// The pin of this scope is lifted.
    Unpin(Scope),
    /// A generation is held: the one hold there can be, with the generation's configuration.
    Hold(Hold, Arc<str>),
    /// The hold is over.
    Unhold,
    /// A ramp is here now.
    Ramp(RampState),
    /// There is no such ramp any more.
    Unramp(Unit),
    /// A generation went live.
    Generation(Made),
    /// An hour that is under way, or over.
    Hour(Hour),
}

/// A generation as history keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Made {
    /// Its number.
    pub number: u64,
    /// When it went live, in milliseconds since 1970.
    pub at_ms: u64,
    /// Who made it.
    pub by: Author,
    /// What it changed, in words.
    pub changes: Vec<String>,
    /// The configuration it came from, as [`crate::config::Bundle::to_text`] writes it; the same text is kept once.
    pub bundle: Arc<str>,
}

/// A generation as history lists it: [`Made`] without its configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Past {
    /// Its number.
    pub number: u64,
    /// When it went live, in milliseconds since 1970.
    pub at_ms: u64,
    /// Who made it.
    pub by: Author,
    /// What it changed, in words.
    pub changes: Vec<String>,
    /// XXH3-128 of its configuration, as 32 hexadecimal digits: equal where two generations came from the same.
    pub digest: String,
}

/// What was in force when the last process ended.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Remembered {
    /// The pins, by scope.
    pub pins: Vec<Pin>,
    /// The generation that is held, and its configuration.
    pub hold: Option<(Hold, Arc<str>)>,
    /// How far each ramp has come, by unit.
    pub ramps: Vec<RampState>,
    /// The highest number a generation ever had; 0 if there was none.
    pub last_generation: u64,
    /// Why this may not be all, and where the file was put aside. It is said again at each start until an entry was written.
    pub trouble: Option<String>,
}

#[cfg(test)]
mod tests;
