//! A request's head, checked and made like one of HTTP/1.1: one target, one Host, one Cookie, one length.
//!
//! `h2` has refused what is malformed by RFC 9113 section 8: pseudo-headers that are missing, repeated or unknown, names in
//! capitals, headers of single connections, `te` other than `trailers`, line breaks and NUL in values, and lengths that a body
//! does not keep.

use bytes::{BufMut as _, BytesMut};
use http::header::{CONTENT_LENGTH, COOKIE, HOST};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, Uri};

use crate::errors::Failure;
use crate::snapshot::ClientLimits;

/// What a field counts for beyond its bytes, as in a head of HTTP/1.1: `: ` and the line's end.
const LINE: usize = 4;

/// Checks the head and puts it into the form of HTTP/1.1; the version stays.
pub(super) fn canonical(mut parts: Parts, limits: &ClientLimits) -> Result<Parts, Failure> {
    if parts.method == Method::CONNECT {
        return Err(Failure::Method);
    }
    check_size(&parts, limits)?;
    check_fields(&parts.headers, limits)?;
    let target = target(&parts)?;
    let host = host(&parts)?;
    parts.headers.insert(HOST, host);
    parts.uri = target;
    join_cookies(&mut parts.headers);
    Ok(parts)
}

fn check_size(parts: &Parts, limits: &ClientLimits) -> Result<(), Failure> {
    let target = parts.uri.path_and_query().map_or(0, |target| target.as_str().len());
    if target > limits.target {
        return Err(Failure::TargetTooLong);
    }
    let fields = parts.headers.iter().map(|(name, value)| name.as_str().len() + value.len() + LINE);
    if parts.headers.len() > limits.headers || target + fields.sum::<usize>() > limits.head {
        return Err(Failure::HeadTooLarge);
    }
    Ok(())
}

fn check_fields(headers: &HeaderMap, limits: &ClientLimits) -> Result<(), Failure> {
    for (name, value) in headers {
        // RFC 9113 section 8.2.1.
        if let [b' ' | b'\t', ..] | [.., b' ' | b'\t'] = value.as_bytes() {
            return Err(Failure::Malformed("A header value begins or ends with a space."));
        }
        // A CGI-like backend reads them as the headers proper.
        if ["content_length", "transfer_encoding"].contains(&name.as_str().replace('-', "_").as_str())
            && name.as_str().contains('_')
        {
            return Err(Failure::Framing("A header reads like a framing header."));
        }
    }
    let mut lengths = headers.get_all(CONTENT_LENGTH).iter();
    let length = lengths.next();
    if lengths.next().is_some() {
        return Err(Failure::Framing("Content-Length is sent twice."));
    }
    let Some(length) = length else { return Ok(()) };
    let digits = |text: &str| text.len() <= 19 && text.bytes().all(|byte| byte.is_ascii_digit());
    let length = length.to_str().ok().filter(|text| digits(text)).and_then(|text| text.parse::<u64>().ok());
    match (length, limits.body) {
        (None, _) => Err(Failure::Framing("Content-Length is not a length.")),
        (Some(length), Some(most)) if length > most => Err(Failure::BodyTooLarge),
        _ => Ok(()),
    }
}

/// Path and query alone.
fn target(parts: &Parts) -> Result<Uri, Failure> {
    if parts.uri.scheme_str().is_some_and(|scheme| !matches!(scheme, "http" | "https")) {
        return Err(Failure::Target("The target's scheme is not http or https."));
    }
    let target = parts.uri.path_and_query().ok_or(Failure::Target("The target is empty."))?;
    let fits = target.as_str().starts_with('/') || (target.as_str() == "*" && parts.method == Method::OPTIONS);
    if !fits {
        return Err(Failure::Target("The target must begin with a slash."));
    }
    Ok(Uri::from(target.clone()))
}

/// The one host: the `:authority`, or Host where there is none. Where both are sent they must say the same (RFC 9113 section
/// 8.3.1).
fn host(parts: &Parts) -> Result<HeaderValue, Failure> {
    let mut values = parts.headers.get_all(HOST).iter();
    let sent = values.next();
    if values.next().is_some() {
        return Err(Failure::Host("Host is sent twice."));
    }
    let Some(authority) = parts.uri.authority() else {
        return sent.cloned().ok_or(Failure::Host("Host is missing."));
    };
    let authority = authority.as_str();
    if authority.contains('@') {
        return Err(Failure::Host("The target holds user information."));
    }
    if sent.is_some_and(|sent| !sent.as_bytes().eq_ignore_ascii_case(authority.as_bytes())) {
        return Err(Failure::Host("The target's authority and Host differ."));
    }
    HeaderValue::from_str(authority).map_err(|_| Failure::Host("The host is not ASCII."))
}

/// Cookies may come in crumbs (RFC 9113 section 8.2.3); everything behind expects one header.
fn join_cookies(headers: &mut HeaderMap) {
    let mut crumbs = headers.get_all(COOKIE).iter();
    let Some(first) = crumbs.next() else { return };
    let mut joined = BytesMut::from(first.as_bytes());
    let mut several = false;
    for crumb in crumbs {
        several = true;
        joined.put_slice(b"; ");
        joined.put_slice(crumb.as_bytes());
    }
    // Values that were valid one by one are so together.
    if several && let Ok(joined) = HeaderValue::from_maybe_shared(joined.freeze()) {
        headers.insert(COOKIE, joined);
    }
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;

    fn parts(uri: &str, fields: &[(&str, &str)]) -> Parts {
        let mut request = Request::builder().uri(uri);
        for (name, value) in fields {
            request = request.header(*name, *value);
        }
        request.body(()).unwrap().into_parts().0
    }

    fn canonical_of(uri: &str, fields: &[(&str, &str)]) -> Result<Parts, Failure> {
        canonical(parts(uri, fields), &ClientLimits::default())
    }

    #[test]
    fn a_head_becomes_like_one_of_http_1() {
        let parts =
            canonical_of("https://shop.example/a?b", &[("cookie", "a=1"), ("x", "y"), ("cookie", "b=2")]).unwrap();
        assert_eq!(parts.uri, "/a?b");
        assert_eq!(parts.headers[HOST], "shop.example");
        assert_eq!(parts.headers.get_all(COOKIE).iter().collect::<Vec<_>>(), ["a=1; b=2"]);
    }

    #[test]
    fn one_host_is_agreed_on() {
        let host = |uri: &str, host: &[(&str, &str)]| canonical_of(uri, host).map(|parts| parts.headers[HOST].clone());
        assert_eq!(host("http://shop.example/", &[("host", "SHOP.example")]).unwrap(), "shop.example");
        assert_eq!(host("/", &[("host", "shop.example")]).unwrap(), "shop.example");
        for (uri, hosts) in [
            ("http://shop.example/", &[("host", "evil.example")][..]),
            ("http://shop.example/", &[("host", "shop.example"), ("host", "shop.example")]),
            ("http://user@shop.example/", &[]),
            ("/", &[]),
        ] {
            assert!(matches!(host(uri, hosts), Err(Failure::Host(_))), "{uri} {hosts:?}");
        }
    }

    #[test]
    fn lengths_are_said_once_and_in_digits() {
        for fields in [
            &[("content-length", "5"), ("content-length", "5")][..],
            &[("content-length", "+5")],
            &[("content-length", "5, 5")],
            &[("content-length", "")],
            &[("content_length", "5")],
            &[("transfer_encoding", "chunked")],
        ] {
            assert!(matches!(canonical_of("http://a/", fields), Err(Failure::Framing(_))), "{fields:?}");
        }
        assert!(canonical_of("http://a/", &[("content-length", "5")]).is_ok());
    }

    #[test]
    fn what_is_too_large_is_told_apart() {
        let crumbs: Vec<_> = (0..101).map(|_| ("cookie", "a")).collect();
        assert_eq!(canonical_of("http://a/", &crumbs).unwrap_err(), Failure::HeadTooLarge);
        let long = "x".repeat(9000);
        assert_eq!(canonical_of(&format!("http://a/{long}"), &[]).unwrap_err(), Failure::TargetTooLong);
        let many: Vec<_> = (0..10).map(|_| ("x", long.as_str())).collect();
        assert_eq!(canonical_of("http://a/", &many).unwrap_err(), Failure::HeadTooLarge);
    }

    #[test]
    fn values_have_no_spaces_at_their_ends() {
        for value in [" a", "a ", "\ta", "a\t"] {
            assert!(matches!(canonical_of("http://a/", &[("x", value)]), Err(Failure::Malformed(_))), "{value:?}");
        }
    }
}
