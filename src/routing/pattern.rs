//! Patterns of a `match:`: hosts, path templates, header and query conditions.

use std::sync::Arc;

use http::HeaderName;

/// A host a route is for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum HostPattern {
    /// This host, lower case, without port and trailing dot.
    Exact(Arc<str>),
    /// Any host below this domain: `*.shop.example` is kept as `shop.example`. At least one label stands before it.
    Wildcard(Arc<str>),
}

/// A path template such as `/orders/{id}` or `/orders/{*rest}`, compared byte by byte with the path as it is forwarded.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct PathPattern {
    pub(super) segments: Vec<Segment>,
    pub(super) names: Vec<Arc<str>>,
}

/// One segment of a path template.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Segment {
    /// Exactly these bytes. An empty one stands for a trailing slash.
    Literal(Arc<str>),
    /// One segment that is not empty.
    Capture,
    /// All that is left, also nothing. Only in last place.
    Rest,
}

/// What a header's or query parameter's value must be. A name sent twice satisfies only `Present`.
#[derive(Debug, Clone)]
pub enum ValueMatch {
    /// Exactly this.
    Exact(Arc<str>),
    /// Starts with this.
    Prefix(Arc<str>),
    /// Matches this expression somewhere (anchor it with `^` and `$`).
    Regex(regex::Regex),
    /// There is one, whatever its value.
    Present,
}

/// A condition on a header.
#[derive(Debug, Clone)]
pub struct HeaderCondition {
    /// The header.
    pub name: HeaderName,
    /// What its value must be.
    pub value: ValueMatch,
}

/// A condition on a query parameter; name and value are compared as sent (not percent-decoded).
#[derive(Debug, Clone)]
pub struct QueryCondition {
    /// The parameter.
    pub name: Arc<str>,
    /// What its value must be.
    pub value: ValueMatch,
}
