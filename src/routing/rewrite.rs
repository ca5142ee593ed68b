//! Paths for the new side, and its answers mapped back.

use std::fmt;

use super::{Captures, Match, PathPattern};

/// How requests to new are rewritten, and its answers mapped back.
#[derive(Debug, Clone)]
pub struct Rewrite {
    /// Whether `Location` is mapped back.
    pub location: bool,
    /// Whether `Set-Cookie` is mapped back.
    pub cookies: bool,
    template: PathPattern,
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
    Template(super::PathError),
    /// An alternative of the match has no capture of this name.
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
        let _ = matches;
        let template = PathPattern::parse(template).map_err(RewriteError::Template)?;
        Ok(Rewrite { location, cookies, template })
    }

    /// The template as it was written.
    #[must_use]
    pub fn template(&self) -> &str {
        self.template.as_str()
    }

    /// The path for new; captures are copied byte by byte.
    #[must_use]
    pub fn path(&self, original: Original<'_>) -> String {
        original.path.to_owned()
    }

    /// A `Location` of the new side mapped back; `None` leaves it unchanged.
    #[must_use]
    pub fn location(
        &self,
        original: Original<'_>,
        location: &str,
        client_scheme: &str,
        client_authority: &str,
        backend_authority: &str,
    ) -> Option<String> {
        let _ = (original, location, client_scheme, client_authority, backend_authority);
        None
    }

    /// The `Path` of a cookie mapped back; `None` leaves it unchanged.
    #[must_use]
    pub fn cookie_path(&self, original: Original<'_>, path: &str) -> Option<String> {
        let _ = (original, path);
        None
    }

    /// A `Set-Cookie` of the new side mapped back: its `Path`, and a `Domain` that is the backend's host is dropped;
    /// `None` leaves it unchanged.
    #[must_use]
    pub fn cookie(&self, original: Original<'_>, set_cookie: &str, backend_host: &str) -> Option<String> {
        let _ = (original, set_cookie, backend_host);
        None
    }
}

impl fmt::Display for RewriteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RewriteError::Template(error) => error.fmt(f),
            RewriteError::Missing { capture, alternative, path: Some(path) } => {
                write!(f, "`{capture}` is not in `{path}`, the path of alternative {}", alternative + 1)
            }
            RewriteError::Missing { capture, alternative, path: None } => {
                write!(f, "`{capture}` is not in alternative {}, which has no path", alternative + 1)
            }
        }
    }
}

impl std::error::Error for RewriteError {}

#[cfg(test)]
mod tests;
