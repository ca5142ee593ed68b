//! Pins: what goes to legacy whatever the rules say.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::Author;
use crate::routing::Route;

/// An operator's override that beats the file: what is in its scope goes to legacy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pin {
    /// What goes to legacy.
    pub scope: Scope,
    /// Who pinned it.
    pub by: Author,
    /// Why.
    pub why: String,
    /// Since when, in milliseconds since 1970.
    pub at_ms: u64,
    /// How long it was meant to hold, in milliseconds from `at_ms`; `None`: until it is lifted.
    pub for_ms: Option<u64>,
}

/// What a pin is on. Everything without a tenant is the kill switch.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Scope {
    /// Which routes.
    pub target: Target,
    /// Only this tenant; `None`: everybody.
    pub tenant: Option<Arc<str>>,
}

/// The routes a pin is on.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Target {
    /// All routes.
    Everything,
    /// The routes of this group.
    Group(Arc<str>),
    /// This route.
    Route(Arc<str>),
}

/// Why a text is not a [`Scope`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ScopeError;

impl Scope {
    /// Everything, for everybody.
    pub const KILL: Scope = Scope { target: Target::Everything, tenant: None };

    /// A target for everybody.
    #[must_use]
    pub fn of(target: Target) -> Scope {
        Scope { target, tenant: None }
    }

    /// Whether it is the kill switch.
    #[must_use]
    pub fn is_kill(&self) -> bool {
        *self == Scope::KILL
    }

    /// Reads what its `Display` writes.
    ///
    /// # Errors
    /// The text names nothing.
    pub fn parse(text: &str) -> Result<Scope, ScopeError> {
        // A tenant may have any bytes; routes and groups have neither a space nor a colon.
        let (target, tenant) = match (text.strip_prefix("tenant:"), text.split_once(" tenant:")) {
            (Some(tenant), _) => ("all", Some(tenant)),
            (None, Some((target, tenant))) => (target, Some(tenant)),
            (None, None) => (text, None),
        };
        let target = match target.strip_prefix("group:") {
            Some(group) => Target::Group(group.into()),
            None if target == "all" => Target::Everything,
            None => Target::Route(target.into()),
        };
        let empty = match &target {
            Target::Everything => false,
            Target::Group(name) | Target::Route(name) => name.is_empty(),
        };
        if empty || tenant.is_some_and(str::is_empty) {
            return Err(ScopeError);
        }
        Ok(Scope { target, tenant: tenant.map(Arc::from) })
    }
}

/// `all`, `orders-read`, `group:orders`, `tenant:acme`, `orders-read tenant:acme`.
impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.target, &self.tenant) {
            (Target::Everything, Some(tenant)) => write!(f, "tenant:{tenant}"),
            (target, Some(tenant)) => write!(f, "{target} tenant:{tenant}"),
            (target, None) => target.fmt(f),
        }
    }
}

impl Target {
    /// Whether it names this route or its group.
    #[must_use]
    pub fn names(&self, route: &Route) -> bool {
        match self {
            Target::Everything => false,
            Target::Group(name) => route.group.as_ref() == Some(name),
            Target::Route(name) => route.name == *name,
        }
    }
}

impl TryFrom<String> for Scope {
    type Error = ScopeError;

    fn try_from(text: String) -> Result<Scope, ScopeError> {
        Scope::parse(&text)
    }
}

impl From<Scope> for String {
    fn from(scope: Scope) -> String {
        scope.to_string()
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Target::Everything => f.write_str("all"),
            Target::Group(name) => write!(f, "group:{name}"),
            Target::Route(name) => f.write_str(name),
        }
    }
}

impl fmt::Display for ScopeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not a scope: ROUTE, group:NAME, tenant:NAME, `ROUTE tenant:NAME` or all")
    }
}

impl std::error::Error for ScopeError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scope_reads_as_it_is_written() {
        for text in ["all", "orders-read", "group:orders", "tenant:acme", "orders-read tenant:a b", "group:g tenant:x"]
            .into_iter()
            .chain(["tenant:a tenant:b", "orders-read tenant:a tenant:b"])
        {
            assert_eq!(Scope::parse(text).unwrap().to_string(), text);
        }
        assert!(Scope::parse("all").unwrap().is_kill());
        for text in ["", "group:", "tenant:", "orders tenant:"] {
            assert_eq!(Scope::parse(text), Err(ScopeError), "{text}");
        }
    }
}
