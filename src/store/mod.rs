//! What came of comparisons, on disk, so that analysts can look at it: an SQLite file in the state directory.
//!
//! One thread writes, in batches; whoever is behind it loses a batch and counts that, and nothing else notices. Each batch
//! is one transaction, so after a crash the counters and the samples tell of the same comparisons; the last batches may
//! be missing, acceptances never. A broken file is put aside and a fresh one begun; where nothing can be written, batches
//! wait, then are dropped, until it can. Readers see one moment while the writer goes on.
//!
//! - [`batch`]: what shadow threads hand over
//! - [`handle`]: the [`Store`] itself
//! - [`queue`], [`writer`]: what waits for the writer's thread, and the thread
//! - [`database`]: the file: opening, checking, putting aside
//! - [`record`], [`keep`], [`names`], [`detail`]: how a batch is written
//! - [`retention`]: how the file stays within its bounds
//! - [`acceptance`]: differences that somebody wants to live with
//! - [`read`]: what analysts ask
//!
//! The tables, as `schema.sql` (version 1, in `PRAGMA user_version`) makes them:
//!
//! ```sql
#![doc = include_str!("schema.sql")]
//! ```

mod acceptance;
pub mod batch;
mod database;
mod detail;
mod handle;
mod keep;
mod names;
mod queue;
pub mod read;
mod record;
mod retention;
mod sql;
mod writer;

pub use acceptance::{Acceptance, Act};
pub use batch::{Batch, Compared, Found, Sample, Told};
pub use detail::{Answered, Body, Detail, Differs};
pub use handle::{AcceptError, Known, Store};
pub use read::Reader;

pub use crate::snapshot::Retention;

/// The file's name in the state directory.
pub const FILE: &str = "comparisons.db";

/// The version of the tables.
const VERSION: u64 = 1;

#[cfg(test)]
mod tests;
