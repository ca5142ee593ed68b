//! The sources of tenant and user.

use std::borrow::Cow;
use std::sync::Arc;

use http::HeaderName;
use http::header::COOKIE;
use serde_json::Value;

use super::{Claims, RequestView};
use crate::fields::Fields;
use crate::routing::PathPattern;
use crate::routing::pattern::query_values;

/// The longest key, in bytes. A longer value is no key.
pub const MAX_KEY: usize = 256;

/// One place a routing key may come from.
#[derive(Debug, Clone)]
pub enum SubjectSource {
    /// A claim of the verified token; dots reach into objects. Strings and integers yield a value.
    Jwt {
        /// The claim's path, split at dots. A claim whose own name has those dots (`https://id.example/tid`) is found too.
        claim: Vec<Arc<str>>,
    },
    /// One label of the host, such as `{tenant}.shop.example`.
    Host {
        /// The lower-case text before the label.
        prefix: Arc<str>,
        /// The lower-case text after the label.
        suffix: Arc<str>,
    },
    /// One capture of a path pattern.
    Path {
        /// The pattern, matched against the whole path.
        pattern: PathPattern,
        /// Which of its captures is the key.
        capture: usize,
    },
    /// A header's value.
    Header {
        /// The header.
        name: HeaderName,
        /// Whether only a trusted proxy may set it.
        trusted: bool,
    },
    /// A query parameter, exactly as sent (not percent-decoded).
    Query {
        /// The parameter's name.
        name: Arc<str>,
    },
    /// A cookie's value.
    Cookie {
        /// The cookie's name.
        name: Arc<str>,
    },
}

/// Where routing keys come from; the first source that yields a value wins.
#[derive(Debug, Clone, Default)]
pub struct SubjectRules {
    /// The sources of the tenant.
    pub tenant: Vec<SubjectSource>,
    /// The sources of the user.
    pub user: Vec<SubjectSource>,
}

impl SubjectRules {
    /// The tenant of a request.
    #[must_use]
    pub fn tenant<'a>(&self, view: &RequestView<'a>) -> Option<Cow<'a, str>> {
        self.tenant.iter().find_map(|source| source.key(view))
    }

    /// The user of a request.
    #[must_use]
    pub fn user<'a>(&self, view: &RequestView<'a>) -> Option<Cow<'a, str>> {
        self.user.iter().find_map(|source| source.key(view))
    }
}

impl SubjectSource {
    /// The key from this source. A value that is empty, longer than [`MAX_KEY`], not UTF-8 or has control characters is
    /// none, and so is one that was sent twice.
    #[must_use]
    pub fn key<'a>(&self, view: &RequestView<'a>) -> Option<Cow<'a, str>> {
        let value = match self {
            SubjectSource::Jwt { claim } => claim_value(view.claims?, claim)?,
            SubjectSource::Host { prefix, suffix } => Cow::Borrowed(host_label(view.host, prefix, suffix)?),
            SubjectSource::Path { pattern, capture } => {
                Cow::Borrowed(pattern.matches(view.path)?.get(*capture, view.path)?)
            }
            SubjectSource::Header { trusted: true, .. } if !view.trusted => return None,
            SubjectSource::Header { name, .. } => Cow::Borrowed(std::str::from_utf8(view.headers.only(name)?).ok()?),
            SubjectSource::Query { name } => Cow::Borrowed(only(query_values(view.query, name))?),
            SubjectSource::Cookie { name } => {
                Cow::Borrowed(std::str::from_utf8(only(cookie_values(view.headers, name.as_bytes()))?).ok()?)
            }
        };
        is_key(&value).then_some(value)
    }
}

fn is_key(value: &str) -> bool {
    if value.is_empty() || value.len() > MAX_KEY {
        return false;
    }
    // One pass over the bytes for what nearly all keys are; the rest may hide control characters beyond ASCII.
    value.bytes().all(|byte| (0x20..0x7f).contains(&byte)) || !value.chars().any(char::is_control)
}

/// The only item, if there is exactly one.
fn only<T>(mut items: impl Iterator<Item = T>) -> Option<T> {
    let first = items.next()?;
    items.next().is_none().then_some(first)
}

fn host_label<'a>(host: &'a str, prefix: &str, suffix: &str) -> Option<&'a str> {
    let label = host.strip_prefix(prefix)?.strip_suffix(suffix)?;
    (!label.contains('.')).then_some(label)
}

fn claim_value<'a>(claims: &'a Claims, path: &[Arc<str>]) -> Option<Cow<'a, str>> {
    let (last, objects) = path.split_last()?;
    let nested = objects
        .iter()
        .try_fold(claims, |object, name| object.get(&**name)?.as_object())
        .and_then(|object| object.get(&**last));
    let value = match nested {
        Some(value) => value,
        None if objects.is_empty() => return None,
        None => claims.iter().find(|(name, _)| is_join(name, path))?.1,
    };
    match value {
        Value::String(text) => Some(Cow::Borrowed(text)),
        Value::Number(number) if !number.is_f64() => Some(Cow::Owned(number.to_string())),
        _ => None,
    }
}

/// Whether `name` is the parts joined by dots.
fn is_join(name: &str, parts: &[Arc<str>]) -> bool {
    let mut rest = Some(name);
    for (place, part) in parts.iter().enumerate() {
        let dotted = if place == 0 { rest } else { rest.and_then(|rest| rest.strip_prefix('.')) };
        rest = dotted.and_then(|rest| rest.strip_prefix(&**part));
    }
    rest == Some("")
}

/// The values of a cookie, exactly as sent (quotes belong to them), over all `Cookie` lines.
fn cookie_values<'a>(headers: &'a Fields, name: &[u8]) -> impl Iterator<Item = &'a [u8]> {
    headers.get_all(&COOKIE).flat_map(|line| line.split(|&byte| byte == b';')).filter_map(move |pair| {
        let value = pair.trim_ascii_start().strip_prefix(name)?.strip_prefix(b"=")?;
        Some(value.trim_ascii_end())
    })
}
