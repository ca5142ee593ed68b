//! Subjects: which source yields a key, and which values are none.

use std::sync::Arc;

use http::header::COOKIE;
use http::{HeaderMap, HeaderName, HeaderValue};
use serde_json::json;

use super::*;
use crate::routing::PathPattern;

static GET: Method = Method::GET;

fn view(headers: &Fields) -> RequestView<'_> {
    RequestView {
        method: &GET,
        host: "acme.shop.example",
        path: "/t/globex/orders",
        query: Some("tenant=initech"),
        headers,
        client: "192.0.2.7".parse().unwrap(),
        trusted: false,
        claims: None,
    }
}

fn headers(lines: &[(&'static str, &[u8])]) -> Fields {
    let pair = |&(name, value): &(&'static str, &[u8])| {
        (HeaderName::from_static(name), HeaderValue::from_bytes(value).unwrap())
    };
    lines.iter().map(pair).collect::<HeaderMap>().into()
}

fn header(name: &'static str, trusted: bool) -> SubjectSource {
    SubjectSource::Header { name: HeaderName::from_static(name), trusted }
}

fn cookie(lines: &[&[u8]]) -> Option<String> {
    let lines: Vec<_> = lines.iter().map(|line| ("cookie", *line)).collect();
    SubjectSource::Cookie { name: "sid".into() }.key(&view(&headers(&lines))).map(Cow::into_owned)
}

fn claim(claims: &serde_json::Value, path: &str) -> Option<String> {
    let source = SubjectSource::Jwt { claim: path.split('.').map(Arc::from).collect() };
    let none = Fields::default();
    source.key(&RequestView { claims: claims.as_object(), ..view(&none) }).map(Cow::into_owned)
}

#[test]
fn first_source_that_yields_wins() {
    let headers = headers(&[("x-tenant", b"hooli")]);
    let mut rules = SubjectRules {
        tenant: vec![
            SubjectSource::Cookie { name: "tenant".into() },
            SubjectSource::Host { prefix: "".into(), suffix: ".shop.example".into() },
            SubjectSource::Path { pattern: PathPattern::parse("/t/{tenant}/{*rest}").unwrap(), capture: 0 },
            SubjectSource::Query { name: "tenant".into() },
            header("x-tenant", false),
        ],
        user: Vec::new(),
    };
    for expected in ["acme", "acme", "globex", "initech", "hooli"] {
        assert_eq!(rules.tenant(&view(&headers)).as_deref(), Some(expected));
        rules.tenant.remove(0);
    }
    assert_eq!(rules.tenant(&view(&headers)), None);
}

#[test]
fn trusted_header_speaks_only_from_a_trusted_peer() {
    let headers = headers(&[("x-tenant", b"acme")]);
    let source = header("x-tenant", true);
    assert_eq!(source.key(&view(&headers)), None);
    assert_eq!(source.key(&RequestView { trusted: true, ..view(&headers) }).as_deref(), Some("acme"));
}

#[test]
fn key_sent_twice_yields_no_value() {
    let twice = headers(&[("x-tenant", b"acme"), ("x-tenant", b"acme")]);
    assert_eq!(header("x-tenant", false).key(&view(&twice)), None);
    let query = SubjectSource::Query { name: "tenant".into() };
    assert_eq!(query.key(&RequestView { query: Some("tenant=a&tenant=a"), ..view(&twice) }), None);
    assert_eq!(cookie(&[b"sid=1; sid=1"]), None);
    assert_eq!(cookie(&[b"sid=1", b"sid=2"]), None);
}

#[test]
fn values_that_cannot_be_keys_yield_none() {
    let long = [b'x'; MAX_KEY + 1];
    for value in [&b""[..], &long, b"a\tb", b"\xff\xfe", "a\u{85}b".as_bytes()] {
        assert_eq!(header("x-tenant", false).key(&view(&headers(&[("x-tenant", value)]))), None, "{value:?}");
    }
    for value in [&long[1..], "müller".as_bytes(), b"../etc", b"a b"] {
        let headers = headers(&[("x-tenant", value)]);
        assert_eq!(header("x-tenant", false).key(&view(&headers)).unwrap().as_bytes(), value);
    }
}

#[test]
fn cookies_are_read_strictly() {
    assert_eq!(cookie(&[b"theme=dark; sid=u-19; lang=en"]).as_deref(), Some("u-19"));
    assert_eq!(cookie(&[b"theme=dark", b"sid=u-19"]).as_deref(), Some("u-19"));
    assert_eq!(cookie(&[b"sid=a=b"]).as_deref(), Some("a=b"));
    assert_eq!(cookie(&[b"sid=\"u\""]).as_deref(), Some("\"u\""));
    for line in [&b"SID=1"[..], b"xsid=1", b"sid", b"sid =1", b"sid=", b"theme=sid=1", b"", b";;"] {
        assert_eq!(cookie(&[line]), None, "{line:?}");
    }
}

#[test]
fn claims_reach_into_objects() {
    let claims = json!({
        "tid": "acme", "org": { "id": 7, "tenant": { "name": "globex" } }, "big": 18446744073709551615_u64,
        "half": 0.5, "yes": true, "list": ["a"], "none": null, "https://id.example/tid": "spaced",
    });
    for (path, expected) in [
        ("tid", Some("acme")),
        ("org.id", Some("7")),
        ("org.tenant.name", Some("globex")),
        ("big", Some("18446744073709551615")),
        ("https://id.example/tid", Some("spaced")),
        ("half", None),
        ("yes", None),
        ("list", None),
        ("none", None),
        ("org", None),
        ("org.none", None),
        ("tid.x", None),
        ("org.tenant.name.x", None),
    ] {
        assert_eq!(claim(&claims, path).as_deref(), expected, "{path}");
    }
    let none = Fields::default();
    assert_eq!(SubjectSource::Jwt { claim: vec!["tid".into()] }.key(&view(&none)), None);
}

#[test]
fn host_label_is_exactly_one() {
    let source = SubjectSource::Host { prefix: "t-".into(), suffix: ".shop.example".into() };
    let none = Fields::default();
    for (host, expected) in [
        ("t-acme.shop.example", Some("acme")),
        ("t-a.b.shop.example", None),
        ("t-.shop.example", None),
        ("acme.shop.example", None),
        ("t-acme.shop.example.org", None),
        ("", None),
    ] {
        assert_eq!(source.key(&RequestView { host, ..view(&none) }).as_deref(), expected, "{host}");
    }
    let overlap = SubjectSource::Host { prefix: "a.".into(), suffix: ".b".into() };
    assert_eq!(overlap.key(&RequestView { host: "a.b", ..view(&none) }), None);
}

#[test]
fn client_counts_as_its_address_or_its_64() {
    for (address, key) in [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::", "2001:db8:1:2::/64"),
        ("2001:db8::1", "2001:db8::/64"),
        ("::1", "::/64"),
        ("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "ffff:ffff:ffff:ffff::/64"),
        ("255.255.255.255", "255.255.255.255"),
    ] {
        assert_eq!(client_key(address.parse().unwrap()).as_str(), key);
    }
}

#[test]
fn subject_is_looked_up_once_and_given_keys_stand() {
    let some = headers(&[("x-tenant", b"acme")]);
    let none = Fields::default();
    let rules = SubjectRules { tenant: vec![header("x-tenant", false)], user: vec![header("x-user", false)] };
    let mut subject = Subject::default();
    assert_eq!(subject.tenant(&rules, &view(&none)), None);
    assert_eq!(subject.tenant(&rules, &view(&some)), None, "the first answer stands");
    let mut given = Subject::given(Some("globex".into()), None);
    assert_eq!(given.tenant(&rules, &view(&some)), Some("globex"));
    assert_eq!(given.user(&rules, &view(&some)), None);
    assert!(!some.contains(&COOKIE));
}
