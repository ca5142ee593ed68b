//! The host a route is for.

use std::fmt;
use std::net::Ipv6Addr;
use std::sync::Arc;

/// The longest name DNS allows; nothing longer matches a pattern, which also bounds the work per request.
pub(in crate::routing) const MAX_HOST: usize = 253;

/// A host a route is for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum HostPattern {
    /// This host, lower case, without port and trailing dot.
    Exact(Arc<str>),
    /// Any host below this domain: `*.shop.example` is kept as `shop.example`. At least one label stands before it.
    Wildcard(Arc<str>),
}

/// Why a text is not a [`HostPattern`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HostError {
    /// There is nothing, or nothing after `*.`.
    Empty,
    /// Longer than a name in DNS can be.
    TooLong,
    /// A star elsewhere than as the whole first label.
    Star,
    /// A port, a scheme or a path.
    NotAHost,
    /// A label that is empty or longer than 63 bytes.
    Label,
    /// A character that no host name has.
    Character(char),
}

impl HostPattern {
    /// Reads `shop.example`, `*.shop.example` or `[2001:db8::1]`. Case and one trailing dot do not count.
    ///
    /// # Errors
    /// When the text is no such pattern; the error tells what to write instead.
    pub fn parse(text: &str) -> Result<HostPattern, HostError> {
        let lower = text.to_ascii_lowercase();
        if let Some(inner) = lower.strip_prefix('[') {
            let address = inner.strip_suffix(']').and_then(|inner| inner.parse::<Ipv6Addr>().ok());
            return if address.is_some() { Ok(HostPattern::Exact(lower.into())) } else { Err(HostError::NotAHost) };
        }
        let (wildcard, name) = match lower.strip_prefix("*.") {
            Some(name) => (true, name),
            None => (false, lower.as_str()),
        };
        let name = name.strip_suffix('.').unwrap_or(name);
        check_name(name)?;
        Ok(if wildcard { HostPattern::Wildcard(name.into()) } else { HostPattern::Exact(name.into()) })
    }

    /// Whether a host, lower case and without port and trailing dot, is meant.
    #[must_use]
    pub fn matches(&self, host: &str) -> bool {
        match self {
            HostPattern::Exact(name) => **name == *host,
            HostPattern::Wildcard(domain) => is_below(host, domain),
        }
    }
}

/// Whether `host` has at least one more label in front of `domain`.
fn is_below(host: &str, domain: &str) -> bool {
    host.len() <= MAX_HOST
        && host.strip_suffix(domain).and_then(|front| front.strip_suffix('.')).is_some_and(|labels| !labels.is_empty())
}

fn check_name(name: &str) -> Result<(), HostError> {
    if name.is_empty() {
        return Err(HostError::Empty);
    }
    if name.len() > MAX_HOST {
        return Err(HostError::TooLong);
    }
    for character in name.chars() {
        match character {
            'a'..='z' | '0'..='9' | '-' | '_' | '.' => {}
            '*' => return Err(HostError::Star),
            ':' | '/' => return Err(HostError::NotAHost),
            other => return Err(HostError::Character(other)),
        }
    }
    if name.split('.').any(|label| label.is_empty() || label.len() > 63) {
        return Err(HostError::Label);
    }
    Ok(())
}

/// The pattern as routes.yaml spells it.
impl fmt::Display for HostPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            HostPattern::Exact(name) => f.write_str(name),
            HostPattern::Wildcard(domain) => write!(f, "*.{domain}"),
        }
    }
}

impl fmt::Display for HostError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            HostError::Empty => {
                f.write_str("a host is missing: write a name such as shop.example, or leave `host` out")
            }
            HostError::TooLong => write!(f, "a host name has at most {MAX_HOST} bytes"),
            HostError::Star => f.write_str("a `*` stands for the first labels only: write `*.shop.example`"),
            HostError::NotAHost => f.write_str(
                "a host is a name alone: leave out scheme, port and path, and put an IPv6 address in brackets",
            ),
            HostError::Label => f.write_str("each label of a host name has 1 to 63 bytes: look for a dot too many"),
            HostError::Character(character) if character.is_ascii() => {
                write!(f, "{character:?} cannot stand in a host name")
            }
            HostError::Character(character) => {
                write!(f, "{character:?} cannot stand in a host name: write the name as clients send it (`xn--...`)")
            }
        }
    }
}

impl std::error::Error for HostError {}
