//! The client's address behind trusted proxies.

use std::net::{IpAddr, SocketAddr};

use http::{HeaderName, header::FORWARDED};
use ipnet::IpNet;

use super::headers::X_FORWARDED_FOR;
use crate::fields::{Fields, text};

/// The address of the client: the peer's own unless the peer is a trusted proxy; then, from the right of
/// `X-Forwarded-For` (or of `Forwarded` where that is missing), the first that is not a trusted proxy. An entry that is not
/// an address ends the walk: what stands left of it was written by somebody nobody vouches for.
#[must_use]
pub fn address(peer: IpAddr, headers: &Fields, proxies: &[IpNet]) -> IpAddr {
    let trusted = |address: IpAddr| proxies.iter().any(|network| network.contains(&address));
    let peer = peer.to_canonical();
    if proxies.is_empty() || !trusted(peer) {
        return peer;
    }
    let mut client = peer;
    for entry in chain(headers) {
        match entry {
            Some(address) => client = address,
            None => break,
        }
        if !trusted(client) {
            break;
        }
    }
    client
}

/// The addresses of the forwarding chain, nearest first; `None` for an entry that is not an address.
fn chain(headers: &Fields) -> Vec<Option<IpAddr>> {
    let list = |name: &HeaderName| -> Vec<String> {
        let mut entries = Vec::new();
        for value in headers.get_all(name) {
            match text(value) {
                Some(text) => entries.extend(text.split(',').map(|entry| entry.trim().to_owned())),
                None => entries.push(String::new()),
            }
        }
        entries
    };
    if headers.contains(&X_FORWARDED_FOR) {
        return list(&X_FORWARDED_FOR).iter().rev().map(|entry| parse(entry)).collect();
    }
    list(&FORWARDED).iter().rev().map(|entry| forwarded_for(entry)).collect()
}

/// The `for=` of one element of `Forwarded` (RFC 7239).
fn forwarded_for(element: &str) -> Option<IpAddr> {
    element.split(';').find_map(|pair| {
        let (name, value) = pair.split_once('=')?;
        name.trim().eq_ignore_ascii_case("for").then(|| parse(value.trim().trim_matches('"')))?
    })
}

/// An address with or without a port or brackets.
fn parse(text: &str) -> Option<IpAddr> {
    let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
    bare.parse::<IpAddr>()
        .ok()
        .or_else(|| text.parse::<SocketAddr>().ok().map(|socket| socket.ip()))
        .map(|address| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> Fields {
        let pairs = pairs.iter().map(|(name, value)| (HeaderName::from_static(name), value.parse().unwrap()));
        pairs.collect::<http::HeaderMap>().into()
    }

    fn computed(peer: &str, pairs: &[(&'static str, &str)]) -> String {
        let proxies = ["10.0.0.0/8".parse().unwrap(), "fd00::/8".parse().unwrap()];
        address(peer.parse().unwrap(), &headers(pairs), &proxies).to_string()
    }

    #[test]
    fn an_untrusted_peer_is_the_client_whatever_it_sends() {
        assert_eq!(computed("203.0.113.9", &[("x-forwarded-for", "10.0.0.1")]), "203.0.113.9");
    }

    #[test]
    fn the_first_untrusted_address_from_the_right_is_the_client() {
        assert_eq!(computed("10.0.0.1", &[("x-forwarded-for", "1.1.1.1, 203.0.113.9, 10.2.2.2")]), "203.0.113.9");
        assert_eq!(computed("10.0.0.1", &[("x-forwarded-for", "203.0.113.9:4711")]), "203.0.113.9");
        assert_eq!(computed("::ffff:10.0.0.1", &[("x-forwarded-for", "2001:db8::1")]), "2001:db8::1");
        assert_eq!(
            computed("fd00::1", &[("forwarded", "for=\"[2001:db8::9]:80\";proto=https, for=10.1.1.1")]),
            "2001:db8::9"
        );
    }

    #[test]
    fn garbage_ends_the_walk_at_the_last_proxy_that_is_vouched_for() {
        assert_eq!(computed("10.0.0.1", &[("x-forwarded-for", "1.1.1.1, unknown, 10.2.2.2")]), "10.2.2.2");
        assert_eq!(computed("10.0.0.1", &[]), "10.0.0.1");
    }
}
