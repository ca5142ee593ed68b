//! Paths for the new side, and its answers mapped back.
//!
//! The new side knows a resource under the template's path, clients under that of the route's match. A request goes one
//! way ([`Rewrite::path`]); `Location` and `Set-Cookie` of the answer come back the other. Bytes that a capture took are
//! copied as they are and never decoded.

mod cookie;
mod location;
mod mapping;

#[cfg(test)]
mod tests;

use std::fmt;

use http::{HeaderMap, HeaderName, HeaderValue, header};

use super::pattern::Segment;
use super::{Captures, Match, PathError, PathPattern};
pub use location::Authorities;
use mapping::Mapping;

/// How requests to new are rewritten, and its answers mapped back.
#[derive(Debug, Clone)]
pub struct Rewrite {
    /// Whether the proxy maps `Location` back.
    pub location: bool,
    /// Whether the proxy maps `Set-Cookie` back.
    pub cookies: bool,
    template: PathPattern,
    /// One per alternative of the route.
    mappings: Vec<Mapping>,
}

/// The request that is answered, as its route's match saw it.
#[derive(Debug, Clone, Copy)]
pub struct Original<'a> {
    /// Which alternative of the route matched ([`Decision::alternative`](super::Decision::alternative)).
    pub alternative: u16,
    /// What its path's captures took ([`Decision::captures`](super::Decision::captures)).
    pub captures: &'a Captures,
    /// The client's path.
    pub path: &'a str,
}

/// Why a template does not fit its route.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RewriteError {
    /// The template itself is wrong.
    Template(PathError),
    /// An alternative of the match has no such capture.
    Missing {
        /// The capture, with its braces.
        capture: String,
        /// The alternative, from 0.
        alternative: usize,
        /// The alternative's path, if it has one.
        path: Option<String>,
    },
}

impl Rewrite {
    /// Reads the template and checks that each of its captures exists in the path of every alternative.
    ///
    /// # Errors
    /// When the template is none, or when it names a capture that an alternative's path lacks.
    pub fn new(template: &str, matches: &[Match], location: bool, cookies: bool) -> Result<Rewrite, RewriteError> {
        let template = PathPattern::parse(template).map_err(RewriteError::Template)?;
        let mappings = matches
            .iter()
            .enumerate()
            .map(|(alternative, entry)| {
                Mapping::new(&template, entry.path.as_ref()).map_err(|capture| RewriteError::Missing {
                    capture,
                    alternative,
                    path: entry.path.as_ref().map(PathPattern::to_string),
                })
            })
            .collect::<Result<_, _>>()?;
        Ok(Rewrite { location, cookies, template, mappings })
    }

    /// The template as it was written.
    #[must_use]
    pub fn template(&self) -> &str {
        self.template.as_str()
    }

    /// The path for new. A path that is none (`*`) stays as it is.
    #[must_use]
    pub fn path(&self, original: Original<'_>) -> String {
        self.try_path(original).unwrap_or_else(|| original.path.to_owned())
    }

    /// Takes the rewriting back out of an answer, so that the client sees the paths it knows. `host` is the backend's, as cookies
    /// may name it.
    pub fn map_back(&self, fields: &mut HeaderMap, original: Original<'_>, authorities: Authorities<'_>, host: &str) {
        if self.location {
            let mapped = |value: &HeaderValue| self.location(original, value.to_str().ok()?, authorities);
            each_value(fields, &header::LOCATION, mapped);
            each_value(fields, &header::CONTENT_LOCATION, mapped);
        }
        if self.cookies {
            each_value(fields, &header::SET_COOKIE, |value| self.cookie(original, value.to_str().ok()?, host));
        }
    }

    fn try_path(&self, original: Original<'_>) -> Option<String> {
        let mapping = self.mapping(original)?;
        if !original.path.starts_with('/') {
            return None;
        }
        render(&self.template.segments, |position| original.taken(mapping.source(position)?))
    }

    fn mapping(&self, original: Original<'_>) -> Option<&Mapping> {
        self.mappings.get(usize::from(original.alternative))
    }
}

/// Maps every value of a header, in its order; `None` leaves a value as it is.
fn each_value(fields: &mut HeaderMap, name: &HeaderName, mapped: impl Fn(&HeaderValue) -> Option<String>) {
    for (_, value) in fields.iter_mut().filter(|(field, _)| *field == name) {
        if let Some(changed) = mapped(value).and_then(|text| HeaderValue::from_str(&text).ok()) {
            *value = changed;
        }
    }
}

/// What a capture took: the text, and whether a slash stood in front of it. Only `{*rest}` may have taken nothing without
/// a slash.
#[derive(Debug, Clone, Copy)]
struct Taken<'p> {
    text: &'p str,
    slash: bool,
}

impl<'a> Original<'a> {
    fn taken(self, position: usize) -> Option<Taken<'a>> {
        taken(self.captures, position, self.path)
    }
}

fn taken<'p>(captures: &Captures, position: usize, path: &'p str) -> Option<Taken<'p>> {
    let range = captures.range(position)?;
    let slash = range.start.checked_sub(1).is_some_and(|before| path.as_bytes().get(before) == Some(&b'/'));
    Some(Taken { text: path.get(range)?, slash })
}

/// The path with these segments; `value` gives what a capture took, by its position among them.
fn render<'p>(segments: &[Segment], value: impl Fn(usize) -> Option<Taken<'p>>) -> Option<String> {
    let mut path = String::new();
    let mut position = 0;
    for segment in segments {
        if let Segment::Literal(text) = segment {
            path.push('/');
            path.push_str(text);
            continue;
        }
        let taken = value(position)?;
        if taken.slash || *segment == Segment::Capture {
            path.push('/');
        }
        path.push_str(taken.text);
        position += 1;
    }
    if path.is_empty() {
        path.push('/');
    }
    Some(path)
}

impl fmt::Display for RewriteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RewriteError::Template(error) => error.fmt(f),
            RewriteError::Missing { capture, path: Some(path), .. } => {
                write!(
                    f,
                    "`{capture}` is not in the match's path `{path}`: a rewrite can use only what every path of the route captures"
                )
            }
            RewriteError::Missing { capture, alternative, path: None } => {
                write!(f, "`{capture}` is not captured: alternative {} of the match has no path", alternative + 1)
            }
        }
    }
}

impl std::error::Error for RewriteError {}
