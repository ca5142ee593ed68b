//! Hosts: which are valid, and the one spelling that routes are matched against.
//!
//! Sources: RFC 9110 section 7.2, RFC 9112 section 3.2, RFC 3986 section 3.2.2.

use std::borrow::Cow;

/// The host of an authority (`host`, `host:port`, `[v6]:port`), as routes are matched against: lower case, without port
/// and without a trailing dot. An IPv6 address keeps its brackets.
///
/// # Errors
/// What is wrong with it, as a sentence for the client.
pub fn canonical(authority: &str) -> Result<Cow<'_, str>, &'static str> {
    let host = match authority.strip_prefix('[') {
        Some(rest) => {
            let end = rest.find(']').ok_or("The host's bracket is not closed.")?;
            check_port(&rest[end + 1..])?;
            rest[..end].parse::<std::net::Ipv6Addr>().map_err(|_| "The host is not an IPv6 address.")?;
            &authority[..end + 2]
        }
        None => {
            let colon = memchr::memchr(b':', authority.as_bytes());
            let (host, port) = authority.split_at(colon.unwrap_or(authority.len()));
            check_port(port)?;
            return check_name(host);
        }
    };
    let is_lower = !host.bytes().any(|byte| byte.is_ascii_uppercase());
    Ok(if is_lower { Cow::Borrowed(host) } else { Cow::Owned(host.to_ascii_lowercase()) })
}

/// In one pass, since every request has one.
fn check_name(host: &str) -> Result<Cow<'_, str>, &'static str> {
    let name = host.strip_suffix('.').unwrap_or(host);
    if name.is_empty() || name.len() > 253 {
        return Err("The host is empty or too long.");
    }
    // Underscores occur in real internal names; everything else that RFC 3986 would allow in a reg-name
    // (percent-encoding, sub-delims) only serves to confuse.
    let (mut known, mut empty, mut upper, mut before) = (true, false, false, b'.');
    for byte in name.bytes() {
        known &= byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_');
        empty |= byte == b'.' && before == b'.';
        upper |= byte.is_ascii_uppercase();
        before = byte;
    }
    if !known {
        return Err("The host holds a character that no host name has.");
    }
    if empty || before == b'.' {
        return Err("The host has an empty label.");
    }
    Ok(if upper { Cow::Owned(name.to_ascii_lowercase()) } else { Cow::Borrowed(name) })
}

fn check_port(text: &str) -> Result<(), &'static str> {
    match text.strip_prefix(':') {
        None if text.is_empty() => Ok(()),
        // RFC 3986 allows an empty port; the digits alone must be a port.
        Some("") => Ok(()),
        Some(port) if port.bytes().all(|byte| byte.is_ascii_digit()) && port.parse::<u16>().is_ok() => Ok(()),
        _ => Err("The host's port is not a number up to 65535."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equivalent_spellings_are_one_host() {
        for spelling in
            ["shop.example", "SHOP.example", "shop.example.", "shop.example:8080", "Shop.Example.:80", "shop.example:"]
        {
            assert_eq!(canonical(spelling).as_deref(), Ok("shop.example"), "{spelling}");
        }
        assert_eq!(canonical("[::1]:80").as_deref(), Ok("[::1]"));
        assert_eq!(canonical("127.0.0.1:80").as_deref(), Ok("127.0.0.1"));
    }

    #[test]
    fn what_is_not_a_host_is_refused() {
        for text in [
            "",
            ".",
            ":80",
            "a..b",
            "a,b",
            "a b",
            "user@shop.example",
            "shop.example/x",
            "shop.example:x",
            "shop.example:99999",
            "shop.example:-1",
            "[::1",
            "[x]",
            "[::1]x",
            "a%41",
            "a\\b",
            "a?b",
            "a#b",
            "é.example",
            "a:1:2",
        ] {
            assert!(canonical(text).is_err(), "{text}");
        }
    }
}
