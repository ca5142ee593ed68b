//! What came of comparisons, on disk, so that analysts can look at it: an SQLite file in the state directory.
//!
//! One thread writes, in batches; whoever is behind it loses a batch and counts that, and nothing else notices.
//!
//! - [`batch`]: what shadow threads hand over

pub mod batch;

pub use batch::{Batch, Compared, Found, Sample, Told};
