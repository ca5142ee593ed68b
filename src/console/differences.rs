//! Signatures by impact: what differs, how often, whom it hits, and what is held of it.

pub(crate) mod asked;
pub(crate) mod list;
mod totals;
