//! What a comparison looks at, compiled from `comparisons:`.

use std::time::Duration;

use http::HeaderName;
use http::header::{CONTENT_TYPE, LOCATION};

use super::Selector;

/// What a comparison looks at and what it lets pass.
#[derive(Debug, Clone, PartialEq)]
pub struct Rules {
    /// How statuses are compared.
    pub status: StatusRule,
    /// The headers that are compared.
    pub headers: Vec<HeaderName>,
    /// How bodies are compared.
    pub body: BodyRule,
    /// What is not looked at: `$…`, `header:…`, `cookie:…`.
    pub ignore: Vec<Selector>,
    /// Arrays whose order does not matter.
    pub unordered: Vec<Unordered>,
    /// Numbers that may be off.
    pub tolerance: Vec<Tolerance>,
    /// Values that may be spelled differently.
    pub equivalent: Vec<Equivalent>,
    /// Known changes of shape.
    pub rename: Vec<Rename>,
    /// What is compared but never shown or stored, beside what is secret by default: `$…`, `header:…`, `cookie:…`, `query:…`.
    pub redact: Vec<Selector>,
}

impl Default for Rules {
    fn default() -> Rules {
        Rules {
            status: StatusRule::Exact,
            headers: vec![CONTENT_TYPE, LOCATION],
            body: BodyRule::Auto,
            ignore: Vec::new(),
            unordered: Vec::new(),
            tolerance: Vec::new(),
            equivalent: Vec::new(),
            rename: Vec::new(),
            redact: Vec::new(),
        }
    }
}

/// How statuses are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StatusRule {
    /// As numbers.
    Exact,
    /// By their first digit.
    Class,
}

/// How bodies are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BodyRule {
    /// By Content-Type.
    Auto,
    /// As JSON.
    Json,
    /// As lines of text.
    Text,
    /// As bytes, with the content coding taken off.
    Bytes,
    /// Not at all.
    None,
}

/// An array whose order does not matter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unordered {
    /// Which.
    pub path: Selector,
    /// The member that tells its elements apart (`sku`, or `product.sku` as two names); `None`: a multiset.
    pub key: Option<Vec<String>>,
}

/// A number that may be off.
#[derive(Debug, Clone, PartialEq)]
pub struct Tolerance {
    /// Which.
    pub path: Selector,
    /// By how much.
    pub allowed: Allowed,
}

/// How far two numbers may be apart.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Allowed {
    /// By this much.
    Absolute(f64),
    /// By this share of the larger one's magnitude.
    Relative(f64),
}

/// A value that may be spelled differently.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Equivalent {
    /// Which.
    pub path: Selector,
    /// What it is.
    pub as_: Equivalence,
}

/// What a value is, whatever its spelling.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Equivalence {
    /// A UUID: case, braces and dashes do not matter.
    Uuid,
    /// A moment: RFC 3339, an HTTP date, or seconds or milliseconds since 1970; within this of the other.
    Timestamp {
        /// How far apart they may be.
        within: Duration,
    },
    /// A URL: case of scheme and host, default port, dot segments and needless escapes do not matter.
    Url,
}

/// A known change of shape: what legacy calls one is what new calls the other. Both are paths without wildcards beside
/// `[*]`, and with equally many of those.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rename {
    /// Where legacy has it; the name that signatures use.
    pub legacy: Selector,
    /// Where new has it.
    pub new: Selector,
}
