//! How much is kept of comparisons.

use crate::config::read::{Age, At, Count, Size, record};

record! {
    /// How much is kept of comparisons.
    pub struct Retention("`retention`") {
        /// The most bytes on disk; 1GiB by default, at least 16MiB.
        pub size: Option<At<Size>>,
        /// How long anything is kept; 14d by default, at least 1h.
        pub age: Option<At<Age>>,
        /// How many comparisons of a difference signature are kept in full; 10 by default, at most 1000.
        pub samples: Option<At<Count>>,
    }
}
