//! Each step of a decision, for `explain`. The data plane decides with [`NoTrace`], which costs nothing.

use std::fmt;
use std::sync::Arc;

use http::HeaderName;

use super::{Bucket, Percent};
use crate::names::{Key, Side};

/// Receives the steps of a decision.
pub trait Trace {
    /// Takes one step; `step` is called only by those who want it.
    fn record(&mut self, step: impl FnOnce() -> TraceStep);

    /// Whether steps are taken at all; where not, work that only a trace wants is left out.
    fn is_wanted(&self) -> bool {
        true
    }

    /// Whether this route's conditions on headers and query are taken to hold, where those of the request are unknown.
    fn assumes(&self, route: &str) -> bool {
        let _ = route;
        false
    }
}

/// Takes no steps.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoTrace;

/// One step of a decision. Its `Display` is a readable line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TraceStep {
    /// A route whose host and path take the request was tried; the best match comes first.
    Tried {
        /// The route's name.
        route: Arc<str>,
        /// Which alternative of its `match:`, from 0.
        alternative: u16,
        /// Whether it matched, or why it gave way.
        outcome: Outcome,
    },
    /// No route matched.
    NoRoute,
    /// The kill switch is on, or a pin holds.
    Override {
        /// Which: `kill`, `pin:route`.
        what: String,
        /// Whether it counted; it is ignored where the route has no legacy backend.
        taken: bool,
    },
    /// A side was forced.
    Force {
        /// The side.
        side: Side,
        /// Whether it counted; it is ignored where the route has no backend on that side.
        taken: bool,
    },
    /// A key was looked up.
    Key {
        /// Which key.
        key: Key,
        /// What was found.
        value: Option<String>,
    },
    /// A bucket was computed and held against a percentage.
    Bucket {
        /// The salt.
        salt: Arc<str>,
        /// The key that was hashed.
        key: Key,
        /// The bucket.
        bucket: Bucket,
        /// The threshold.
        percent: Percent,
    },
    /// One rule of the route's `canary:`.
    Rule {
        /// The rule, such as `cohort beta` or `except tenants`.
        rule: String,
        /// Whether it holds.
        holds: bool,
    },
    /// The decision.
    Decided {
        /// The route's name.
        route: Option<Arc<str>>,
        /// The side.
        side: Side,
        /// The reason.
        reason: String,
    },
}

/// How trying a route ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Everything holds.
    Matches,
    /// It is for other methods.
    Method,
    /// Its condition on this header does not hold.
    Header(HeaderName),
    /// Its condition on this query parameter does not hold.
    Query(Arc<str>),
}

impl Trace for NoTrace {
    #[inline]
    fn record(&mut self, _step: impl FnOnce() -> TraceStep) {}

    #[inline]
    fn is_wanted(&self) -> bool {
        false
    }
}

impl Trace for Vec<TraceStep> {
    fn record(&mut self, step: impl FnOnce() -> TraceStep) {
        self.push(step());
    }
}

impl fmt::Display for TraceStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TraceStep::Tried { route, alternative: 0, outcome } => write!(f, "route {route}: {outcome}"),
            TraceStep::Tried { route, alternative, outcome } => {
                write!(f, "route {route} (alternative {}): {outcome}", alternative + 1)
            }
            TraceStep::NoRoute => f.write_str("no route matches"),
            TraceStep::Override { what, taken: true } => write!(f, "{what}: taken"),
            TraceStep::Override { what, taken: false } => {
                write!(f, "{what}: ignored, the route has no legacy backend to go back to")
            }
            TraceStep::Force { side, taken: true } => write!(f, "force {side}: taken"),
            TraceStep::Force { side, taken: false } => {
                write!(f, "force {side}: ignored, there is no backend on that side")
            }
            TraceStep::Key { key, value: Some(value) } => write!(f, "{key}: {value:?}"),
            TraceStep::Key { key, value: None } => write!(f, "{key}: none"),
            TraceStep::Bucket { salt, key, bucket, percent } => {
                let place = if percent.contains(*bucket) { "inside" } else { "outside" };
                let threshold = percent.thousandths();
                write!(f, "bucket of {key} with salt {salt:?}: {bucket}, {place} {percent} % (below {threshold})")
            }
            TraceStep::Rule { rule, holds } => write!(f, "{rule}: {}", if *holds { "yes" } else { "no" }),
            TraceStep::Decided { route: Some(route), side, reason } => {
                write!(f, "decided: {side} by {route} ({reason})")
            }
            TraceStep::Decided { route: None, side, reason } => write!(f, "decided: {side} ({reason})"),
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Outcome::Matches => f.write_str("matches"),
            Outcome::Method => f.write_str("gives way, it is for other methods"),
            Outcome::Header(name) => write!(f, "gives way, header {name} is not as it asks"),
            Outcome::Query(name) => write!(f, "gives way, query {name} is not as it asks"),
        }
    }
}
