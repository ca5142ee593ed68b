//! Conditions on headers and query parameters.

use std::fmt;
use std::sync::Arc;

use http::HeaderName;
use regex::{Regex, RegexBuilder};

use crate::fields::Fields;

/// The most memory that one compiled expression may take, in bytes.
const REGEX_SIZE: usize = 4 << 20;

/// What a header's or query parameter's value must be. A name sent twice satisfies only `Present`.
#[derive(Debug, Clone)]
pub enum ValueMatch {
    /// Exactly this.
    Exact(Arc<str>),
    /// Starts with this.
    Prefix(Arc<str>),
    /// Matches this expression somewhere (anchor it with `^` and `$`).
    Regex(Regex),
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

/// Why a text is no regular expression, or one that would take too much memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegexError(String);

impl ValueMatch {
    /// A [`ValueMatch::Regex`] within a memory limit. The engine's time is linear in the value.
    ///
    /// # Errors
    /// When the expression does not parse or compiles to too much.
    pub fn regex(expression: &str) -> Result<ValueMatch, RegexError> {
        RegexBuilder::new(expression)
            .size_limit(REGEX_SIZE)
            .dfa_size_limit(REGEX_SIZE)
            .build()
            .map(ValueMatch::Regex)
            .map_err(|error| match error {
                regex::Error::CompiledTooBig(_) => {
                    RegexError("the expression compiles to over 4 MiB: use smaller repetitions".to_owned())
                }
                other => RegexError(other.to_string()),
            })
    }

    /// Whether the values sent under one name satisfy this. None never do; two satisfy only `Present`.
    fn holds<'v>(&self, mut values: impl Iterator<Item = &'v [u8]>) -> bool {
        let Some(value) = values.next() else { return false };
        if let ValueMatch::Present = self {
            return true;
        }
        if values.next().is_some() {
            return false;
        }
        match self {
            ValueMatch::Exact(text) => value == text.as_bytes(),
            ValueMatch::Prefix(text) => value.starts_with(text.as_bytes()),
            ValueMatch::Regex(regex) => std::str::from_utf8(value).is_ok_and(|value| regex.is_match(value)),
            ValueMatch::Present => true,
        }
    }

    /// Whether each value that satisfies `other` surely satisfies this too.
    pub(in crate::routing) fn covers(&self, other: &ValueMatch) -> bool {
        match (self, other) {
            (ValueMatch::Present, _) => true,
            (ValueMatch::Exact(a), ValueMatch::Exact(b)) => a == b,
            (ValueMatch::Prefix(a), ValueMatch::Exact(b) | ValueMatch::Prefix(b)) => b.starts_with(&**a),
            (ValueMatch::Regex(a), ValueMatch::Regex(b)) => a.as_str() == b.as_str(),
            (ValueMatch::Regex(a), ValueMatch::Exact(b)) => a.is_match(b),
            _ => false,
        }
    }
}

impl HeaderCondition {
    /// Whether the headers satisfy this condition.
    #[must_use]
    pub fn holds(&self, headers: &Fields) -> bool {
        self.value.holds(headers.get_all(&self.name))
    }
}

impl QueryCondition {
    /// Whether the query, without its question mark, satisfies this condition.
    #[must_use]
    pub fn holds(&self, query: Option<&str>) -> bool {
        self.value.holds(query_values(query, &self.name).map(str::as_bytes))
    }
}

/// The values of a query parameter exactly as sent. One without `=` has an empty value.
pub(in crate::routing) fn query_values<'q>(query: Option<&'q str>, name: &str) -> impl Iterator<Item = &'q str> {
    query.unwrap_or_default().split('&').filter_map(move |pair| {
        let value = pair.strip_prefix(name)?;
        if value.is_empty() { (!name.is_empty()).then_some(value) } else { value.strip_prefix('=') }
    })
}

/// The condition on the value as routes.yaml spells it.
impl fmt::Display for ValueMatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ValueMatch::Exact(text) => write!(f, "{text:?}"),
            ValueMatch::Prefix(text) => write!(f, "{{ prefix: {text:?} }}"),
            ValueMatch::Regex(regex) => write!(f, "{{ regex: {:?} }}", regex.as_str()),
            ValueMatch::Present => f.write_str("{ present: true }"),
        }
    }
}

impl fmt::Display for RegexError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for RegexError {}
