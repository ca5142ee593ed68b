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
//! - [`overrides`]: what beats the rules: kill switch, pins, and how far ramps have come
//! - [`decide`]: puts them together
//! - [`tenant`]: where a tenant's requests go
//! - [`trace`]: each step of a decision, for `explain`

mod asker;
pub mod bucket;
pub mod canary;
pub mod cohort;
pub mod decide;
pub mod flag;
pub mod index;
mod lost;
pub mod overrides;
pub mod pattern;
pub mod rewrite;
pub mod rules;
pub mod subject;
pub mod tenant;
pub mod trace;
mod unreachable;

pub use bucket::{Bucket, Percent, PercentError, bucket_of};
pub use canary::{Canary, Except, Share};
pub use cohort::{Cohort, CohortKind};
pub use decide::{Decision, Reason};
pub use flag::Flag;
pub use overrides::{Overrides, PinOn};
pub use pattern::{
    Captures, HeaderCondition, HostError, HostPattern, PathError, PathPattern, QueryCondition, RegexError, ValueMatch,
};
pub use rewrite::{Authorities, Original, Rewrite, RewriteError};
pub use rules::{BackendId, CohortId, FlagId, Match, Route, RouteId, Rules, RulesParts};
pub use subject::{
    Claims, ClientKey, Gaps, KeyMap, KeySet, RequestView, Subject, SubjectRules, SubjectSource, client_key,
};
pub use tenant::TenantSide;
pub use trace::{NoTrace, Outcome, Trace, TraceStep};
pub use unreachable::Unreachable;
