//! What a request carries to a backend: hop-by-hop headers are gone, the proxy's own have the proxy's values, untrusted ones are
//! not there under any spelling, and everything else is kept in order.

#![no_main]

use banyan::fields::Fields;
use banyan::wire::headers::{
    Forwarding, Hop, request_id, strip_request, strip_response, strip_trailers, takes_trailers, write_request_fields,
};
use http::{HeaderMap, HeaderName, HeaderValue, header};
use libfuzzer_sys::fuzz_target;

/// RFC 9110 section 7.6.1, what older proxies used, and the name that is reserved since Connection says it.
const HOP_BY_HOP: [&str; 10] = [
    "connection",
    "close",
    "keep-alive",
    "proxy-connection",
    "te",
    "upgrade",
    "http2-settings",
    "transfer-encoding",
    "proxy-authenticate",
    "proxy-authorization",
];
/// What only a trusted proxy may say.
const FROM_PROXY: [&str; 5] = ["forwarded", "x-real-ip", "x-request-id", "traceparent", "tracestate"];
/// What no Connection header takes away.
const PROTECTED: [&str; 5] = ["host", "content-length", "authorization", "cookie", "x-tenant-id"];

fuzz_target!(|data: &[u8]| {
    let Some((&flags, text)) = data.split_first() else { return };
    let headers = parse(text);
    let guarded = [HeaderName::from_static("x-tenant-id")];
    check_request(&headers, flags & 1 == 1, &guarded);
    check_response(&headers);
    check_trailers(&headers, &guarded);
});

/// Header lines; what is none is left out.
fn parse(text: &[u8]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for line in text.split(|byte| *byte == b'\n').take(100) {
        let Some(colon) = line.iter().position(|byte| *byte == b':') else { continue };
        let name = HeaderName::from_bytes(&line[..colon]);
        if let (Ok(name), Ok(value)) = (name, HeaderValue::from_bytes(line[colon + 1..].trim_ascii())) {
            headers.append(name, value);
        }
    }
    headers
}

fn is_from_proxy(name: &str) -> bool {
    FROM_PROXY.contains(&name) || name.starts_with("x-forwarded-")
}

fn is_ours(name: &str) -> bool {
    name == "x-served-by" || name.starts_with("banyan-")
}

fn nominated(headers: &HeaderMap) -> Vec<String> {
    let values = headers.get_all(header::CONNECTION).iter();
    let tokens = values.flat_map(|value| value.as_bytes().split(|byte| *byte == b','));
    tokens.map(|token| String::from_utf8_lossy(token.trim_ascii()).to_ascii_lowercase()).collect()
}

fn check_request(headers: &HeaderMap, trusted: bool, guarded: &[HeaderName]) {
    let mut fields = Fields::from(headers);
    if strip_request(&mut fields, trusted, guarded).is_err() {
        return;
    }
    let left = fields.to_map();
    let nominated = nominated(headers);
    for name in left.keys().map(HeaderName::as_str) {
        // That trailers are taken is for who writes the request to say again.
        let takes_trailers = name == "te" && takes_trailers(&fields);
        let hop = HOP_BY_HOP.contains(&name) && !takes_trailers;
        assert!(!hop && name != "expect" && !is_ours(name), "{name} went on");
        let dashed = name.replace('_', "-");
        if name != dashed {
            let stands = HOP_BY_HOP.contains(&&*dashed) || PROTECTED.contains(&&*dashed) || is_from_proxy(&dashed);
            assert!(!stands && !is_ours(&dashed), "{name} reads like {dashed}");
        }
        if !trusted {
            assert!(!is_from_proxy(name) && name != "x-tenant-id", "{name} of somebody untrusted went on");
        }
        if nominated.iter().any(|token| token == name) && !takes_trailers {
            assert!(PROTECTED.contains(&name) || is_from_proxy(name), "{name} was nominated, but went on");
        }
    }
    for name in headers.keys() {
        let text = name.as_str();
        let ours = HOP_BY_HOP.contains(&text) || text == "expect" || is_ours(text) || text.contains('_');
        let untrusted = !trusted && (is_from_proxy(text) || text == "x-tenant-id");
        let taken = nominated.iter().any(|token| token == text) && !PROTECTED.contains(&text) && !is_from_proxy(text);
        if !(ours || untrusted || taken) {
            assert!(headers.get_all(name).iter().eq(left.get_all(name)), "{name} did not go on as it came");
        }
    }
    check_written(&left, &fields, trusted);
}

/// What is written to a backend parses again, and says of the proxy what the proxy says.
fn check_written(headers: &HeaderMap, fields: &Fields, trusted: bool) {
    let hop = Hop { address: HeaderValue::from_static("192.0.2.7"), proto: HeaderValue::from_static("https") };
    let host = HeaderValue::from_static("shop.example");
    let request_id = request_id(fields);
    let client_host = headers.get(header::HOST).filter(|host| !host.as_bytes().contains(&b'"'));
    let forwarding = Forwarding { hop: &hop, trusted, client_host, host: &host, request_id: &request_id };
    let mut out = Vec::new();
    write_request_fields(&mut out, fields, &forwarding);
    out.extend_from_slice(b"\r\n");
    let mut parsed = [httparse::EMPTY_HEADER; 128];
    let Ok(httparse::Status::Complete((length, parsed))) = httparse::parse_headers(&out, &mut parsed) else {
        panic!("not a head: {:?}", String::from_utf8_lossy(&out));
    };
    assert_eq!(length, out.len(), "more than one head");
    let values = |wanted: &str| -> Vec<&[u8]> {
        parsed.iter().filter(|field| field.name.eq_ignore_ascii_case(wanted)).map(|field| field.value).collect()
    };
    assert_eq!(values("host"), [b"shop.example"]);
    assert_eq!(values("x-request-id"), [request_id.as_str().as_bytes()]);
    for (name, end) in [("via", &b"1.1 banyan"[..]), ("x-forwarded-for", b"192.0.2.7")] {
        let values = values(name);
        assert!(values.len() == 1 && values[0].ends_with(end), "{name}");
    }
    assert_eq!((values("x-forwarded-proto").len(), values("traceparent").len()), (1, 1));
    if !trusted {
        assert_eq!(values("x-forwarded-for"), [b"192.0.2.7"]);
        assert_eq!(values("x-forwarded-proto"), [b"https"]);
        assert!(values("forwarded").is_empty());
    }
    let own = ["host", "via", "x-request-id", "traceparent", "tracestate", "forwarded", "te"];
    assert!(values("te").is_empty());
    for name in headers.keys().filter(|name| !own.contains(&name.as_str()) && !is_from_proxy(name.as_str())) {
        let kept: Vec<&[u8]> = headers.get_all(name).iter().map(HeaderValue::as_bytes).collect();
        assert_eq!(values(name.as_str()), kept, "{name}");
    }
}

fn check_response(headers: &HeaderMap) {
    let mut left = headers.clone();
    strip_response(&mut left);
    for name in left.keys().map(HeaderName::as_str) {
        assert!(!HOP_BY_HOP.contains(&name) && !is_ours(name), "{name} came back");
    }
    for value in headers.get_all(header::SET_COOKIE) {
        assert!(nominated(headers).iter().any(|token| token == "set-cookie") || left.get_all(header::SET_COOKIE).iter().any(|kept| kept == value));
    }
}

fn check_trailers(headers: &HeaderMap, guarded: &[HeaderName]) {
    let mut left = headers.clone();
    strip_trailers(&mut left, guarded);
    for name in left.keys().map(HeaderName::as_str) {
        let dashed = name.replace('_', "-");
        let barred = HOP_BY_HOP.contains(&&*dashed) || PROTECTED.contains(&&*dashed) || is_from_proxy(&dashed);
        assert!(!barred && !is_ours(&dashed) && dashed != "expect", "{name} in a trailer");
    }
}
