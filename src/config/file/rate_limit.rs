//! How often one subject may ask.

use crate::config::read::{At, Count, Time, Word, record};
use crate::names::Key;

record! {
    /// How often one subject may ask a route; over it: 429.
    pub struct RateLimit("`rate_limit`") {
        /// So many requests.
        pub requests: At<Count>,
        /// In this time, 1s to one day, in whole seconds.
        pub per: At<Time>,
        /// The most that may come at once; as many as `requests` by default.
        pub burst: Option<At<Count>>,
        /// Who is counted: tenant, user or client. Those without one count as one together.
        pub by: At<Word<Key>>,
    }
}
