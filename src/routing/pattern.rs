//! Patterns of a `match:`: hosts, path templates, header and query conditions.

mod condition;
mod host;
mod path;
mod program;

#[cfg(test)]
mod tests;

pub(super) use condition::query_values;
pub use condition::{HeaderCondition, QueryCondition, RegexError, ValueMatch};
pub(super) use host::MAX_HOST;
pub use host::{HostError, HostPattern};
pub(super) use path::Segment;
pub use path::{PathError, PathPattern};
pub use program::{Captures, MAX_CAPTURES};
pub(super) use program::{run, segment_end};
