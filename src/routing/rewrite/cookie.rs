//! `Set-Cookie` of the new side, as the client must see it.

use super::{Original, Rewrite};

impl Rewrite {
    /// The `Path` of a cookie mapped back; `None` leaves it unchanged.
    ///
    /// By the template's literal begin: with `/orders/{id}` rewritten to `/v2/orders/{id}`, `/v2/orders` becomes `/orders`.
    /// A path above that is mapped where both sides have it: `/v2` becomes `/`. Without that a session cookie of the new
    /// side would never come back.
    #[must_use]
    pub fn cookie_path(&self, original: Original<'_>, path: &str) -> Option<String> {
        self.by_prefix(original, path)
            .or_else(|| self.above_prefix(original, path))
            .filter(|mapped| mapped != path && path.starts_with('/'))
    }

    /// A `Set-Cookie` of the new side mapped back: its `Path`, and without a `Domain` that is the backend's own host (given
    /// without port); `None` leaves it unchanged.
    #[must_use]
    pub fn cookie(&self, original: Original<'_>, set_cookie: &str, backend_host: &str) -> Option<String> {
        let mut parts = set_cookie.split(';');
        let mut mapped = parts.next()?.to_owned();
        let mut changed = false;
        for part in parts {
            let (name, value) =
                part.split_once('=').map_or((part.trim(), ""), |(name, value)| (name.trim(), value.trim()));
            if name.eq_ignore_ascii_case("domain") && is_host(value, backend_host) {
                changed = true;
                continue;
            }
            mapped.push(';');
            if name.eq_ignore_ascii_case("path")
                && let Some(path) = self.cookie_path(original, value)
            {
                mapped.push_str(" Path=");
                mapped.push_str(&path);
                changed = true;
            } else {
                mapped.push_str(part);
            }
        }
        changed.then_some(mapped)
    }
}

/// Whether a `Domain` is this host; a dot in front of it does not count.
fn is_host(domain: &str, host: &str) -> bool {
    let domain = domain.strip_prefix('.').unwrap_or(domain);
    !domain.is_empty() && domain.eq_ignore_ascii_case(host)
}
