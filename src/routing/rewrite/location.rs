//! `Location` of the new side, as the client must see it.

use super::{Original, Rewrite};

/// The two names under which the new side may mean itself.
#[derive(Debug, Clone, Copy)]
pub struct Authorities<'a> {
    /// The scheme the client used.
    pub client_scheme: &'a str,
    /// The client's authority: host, and port unless it is the scheme's own.
    pub client: &'a str,
    /// The authority of the endpoint that answered.
    pub backend: &'a str,
}

impl Rewrite {
    /// A `Location` of the new side mapped back; `None` leaves it unchanged.
    ///
    /// It is mapped if it is a path, or if its authority is the client's or the endpoint's; the endpoint's is then
    /// replaced by the client's. The path is mapped by the whole template, else by the template's literal begin. Query and
    /// fragment are kept.
    #[must_use]
    pub fn location(&self, original: Original<'_>, location: &str, authorities: Authorities<'_>) -> Option<String> {
        let parts = Parts::of(location)?;
        let front = parts.front(authorities)?;
        if has_dot_segment(parts.path) {
            return None;
        }
        let path = self.path_back(original, if parts.path.is_empty() { "/" } else { parts.path })?;
        if front.is_empty() && path.starts_with("//") {
            // Alone this would name another authority.
            return None;
        }
        let mapped = format!("{front}{path}{}", parts.tail);
        (mapped != location).then_some(mapped)
    }
}

/// A `Location` taken apart.
struct Parts<'l> {
    scheme: Option<&'l str>,
    authority: Option<&'l str>,
    path: &'l str,
    /// Query and fragment with their marks.
    tail: &'l str,
}

impl<'l> Parts<'l> {
    fn of(location: &'l str) -> Option<Parts<'l>> {
        let (scheme, authority, rest) = if let Some(rest) = location.strip_prefix("//") {
            let (authority, rest) = split_before(rest, &['/', '?', '#']);
            (None, Some(authority), rest)
        } else if location.starts_with('/') {
            (None, None, location)
        } else {
            let (scheme, rest) = location.split_once("://")?;
            let (authority, rest) = split_before(rest, &['/', '?', '#']);
            (Some(scheme), Some(authority), rest)
        };
        let (path, tail) = split_before(rest, &['?', '#']);
        Some(Parts { scheme, authority, path, tail })
    }

    /// What stands before the path for the client; `None` if the location is somebody else's.
    fn front(&self, authorities: Authorities<'_>) -> Option<String> {
        let Some(authority) = self.authority else { return Some(String::new()) };
        let scheme = self.scheme.unwrap_or(authorities.client_scheme);
        let mark = if self.scheme.is_some() { "://" } else { "//" };
        if same_authority(scheme, authority, authorities.client) {
            return Some(format!("{}{mark}{authority}", self.scheme.unwrap_or_default()));
        }
        if same_authority(scheme, authority, authorities.backend) {
            if authorities.client.is_empty() {
                // The client named no host; a path alone leads it back to us.
                return Some(String::new());
            }
            let scheme = self.scheme.map_or("", |_| authorities.client_scheme);
            return Some(format!("{scheme}{mark}{}", authorities.client));
        }
        None
    }
}

fn split_before<'t>(text: &'t str, marks: &[char]) -> (&'t str, &'t str) {
    text.split_at(text.find(marks).unwrap_or(text.len()))
}

/// Whether two authorities are one, a scheme's own port or none being the same.
fn same_authority(scheme: &str, a: &str, b: &str) -> bool {
    let port = match scheme {
        _ if scheme.eq_ignore_ascii_case("http") => ":80",
        _ if scheme.eq_ignore_ascii_case("https") => ":443",
        _ => return false,
    };
    let bare = |authority: &'_ str| authority.strip_suffix(port).unwrap_or(authority).to_ascii_lowercase();
    !a.is_empty() && bare(a) == bare(b)
}

/// Whether a browser would resolve the path to another one, which the template never saw.
fn has_dot_segment(path: &str) -> bool {
    path.split('/').any(|segment| {
        let dots = segment.len() - segment.trim_start_matches('.').len();
        let plain = dots == segment.len() && (1..=2).contains(&dots);
        plain || (segment.len() <= 6 && matches!(&*segment.to_ascii_lowercase().replace("%2e", "."), "." | ".."))
    })
}
