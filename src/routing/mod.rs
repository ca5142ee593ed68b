//! The decision: which side and which backend answer a request, and why.
//!
//! Everything here is pure: no clock, no randomness, no I/O. The same [`Rules`] and the same [`RequestView`] give the same
//! [`Decision`] in every process, before and after a restart. The decision carries its [`Reason`], and the same value
//! feeds the header, the access log, the metrics, `explain` and `test`.
//!
//! - [`pattern`]: host and path patterns, header and query conditions
//! - [`index`]: finds the candidates of a request in order of specificity
//! - [`subject`]: who is asking: tenant, user, client address
//! - [`bucket`]: the published hash and percentages
//! - [`cohort`], [`flag`], [`canary`]: who goes to new
//! - [`rewrite`]: paths for the new side, and its answers mapped back
//! - [`decide`]: puts them together

pub mod bucket;
pub mod canary;
pub mod cohort;
pub mod decide;
pub mod flag;
pub mod index;
pub mod pattern;
pub mod rewrite;
pub mod rules;
pub mod subject;

pub use bucket::{Bucket, Percent, bucket_of};
pub use canary::{Canary, Except, Share};
pub use cohort::{Cohort, CohortKind};
pub use decide::{Decision, NoTrace, Reason, Trace, TraceStep};
pub use flag::Flag;
pub use index::Captures;
pub use pattern::{HeaderCondition, HostPattern, PathPattern, QueryCondition, ValueMatch};
pub use rewrite::Rewrite;
pub use rules::{BackendId, CohortId, FlagId, Match, Route, RouteId, Rules, RulesParts};
pub use subject::{Claims, RequestView, Subject, SubjectRules, SubjectSource};
