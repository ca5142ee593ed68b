//! What operators, guards and ramps have said beside the configuration, as plain data: pins, the hold, the steps of ramps, and
//! the records of who said so.
//!
//! Directives beat the file and outlive the process. The control layer decides on them, the ledger keeps them, and
//! [`crate::routing::Overrides`] is what of them a decision looks at.

mod act;
mod pin;
mod standing;

pub use act::{Act, Author, Source};
pub use pin::{Pin, Scope, ScopeError, Target};
pub use standing::{Standing, routes_of, targets, without_legacy};

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::routing::Percent;

/// What is guarded, pinned by its guard, and ramped as one: a group, or a route without a group.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub enum Unit {
    /// A route without a group, by its name.
    Route(Arc<str>),
    /// A group of routes, by its name.
    Group(Arc<str>),
}

/// How far a ramp has come. It survives a restart.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RampState {
    /// Whose ramp it is.
    pub unit: Unit,
    /// The percentage in force, in thousandths of a percent (as [`Percent::thousandths`]).
    pub percent: u32,
    /// Whether an operator has stopped its clock.
    pub paused: bool,
}

/// A generation of before that is held live whatever the file says, until `resume --file`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hold {
    /// The generation that was put back.
    pub generation: u64,
    /// Who holds it.
    pub by: Author,
    /// Why.
    pub why: String,
    /// Since when, in milliseconds since 1970.
    pub at_ms: u64,
}

impl RampState {
    /// The percentage in force.
    #[must_use]
    pub fn percent(&self) -> Percent {
        Percent::from_thousandths(self.percent).unwrap_or(Percent::ZERO)
    }
}

impl Unit {
    /// The target that a pin on it has.
    #[must_use]
    pub fn target(&self) -> Target {
        match self {
            Unit::Route(name) => Target::Route(Arc::clone(name)),
            Unit::Group(name) => Target::Group(Arc::clone(name)),
        }
    }

    /// Reads `orders-read` or `group:orders`.
    #[must_use]
    pub fn parse(text: &str) -> Unit {
        match text.strip_prefix("group:") {
            Some(group) => Unit::Group(group.into()),
            None => Unit::Route(text.into()),
        }
    }
}

impl std::fmt::Display for Unit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Unit::Route(name) => f.write_str(name),
            Unit::Group(name) => write!(f, "group:{name}"),
        }
    }
}

impl From<String> for Unit {
    fn from(text: String) -> Unit {
        Unit::parse(&text)
    }
}

impl From<Unit> for String {
    fn from(unit: Unit) -> String {
        unit.to_string()
    }
}
