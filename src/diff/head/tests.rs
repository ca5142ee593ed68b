use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use proptest::prelude::*;

use super::*;
use crate::names::Side;

fn map(lines: &[(&str, &str)]) -> HeaderMap {
    let line = |(name, value): &(&str, &str)| {
        (HeaderName::from_bytes(name.as_bytes()).unwrap(), HeaderValue::from_bytes(value.as_bytes()).unwrap())
    };
    lines.iter().map(line).collect()
}

fn found(one: &[(&str, &str)], other: &[(&str, &str)], rules: &Rules) -> Vec<(String, Kind)> {
    let (one, other) = (map(one), map(other));
    let answer = |headers, side| Answer { side, status: StatusCode::OK, headers, body: b"" };
    let found = compare(&answer(&one, Side::Legacy), &answer(&other, Side::New), rules);
    found.into_iter().map(|difference| (difference.path, difference.kind)).collect()
}

fn looking_at(names: &[&'static str]) -> Rules {
    Rules { headers: names.iter().map(|name| HeaderName::from_static(name)).collect(), ..Rules::default() }
}

fn same(name: &'static str, one: &str, other: &str) -> bool {
    found(&[(name, one)], &[(name, other)], &looking_at(&[name])).is_empty()
}

#[test]
fn status_shows_its_numbers() {
    let headers = HeaderMap::new();
    let answer = |status| Answer {
        side: Side::New,
        status: StatusCode::from_u16(status).unwrap(),
        headers: &headers,
        body: b"",
    };
    let found = compare(&answer(200), &answer(201), &Rules::default());
    assert_eq!(
        found,
        [difference(Kind::Status, "status:200/201".to_owned(), Some("200".to_owned()), Some("201".to_owned()))]
    );
    let class = Rules { status: StatusRule::Class, ..Rules::default() };
    assert!(compare(&answer(200), &answer(201), &class).is_empty());
    assert_eq!(compare(&answer(200), &answer(301), &class).len(), 1);
}

#[test]
fn spelling_of_a_media_type_does_not_matter() {
    assert!(same("content-type", "text/html;charset=utf-8", "Text/HTML; Charset=\"UTF-8\""));
    assert!(same("content-type", "application/json", "application/json; charset=utf-8"));
    assert!(!same("content-type", "text/html", "text/html; charset=utf-8"));
    assert!(!same("content-type", "application/json", "application/problem+json"));
}

#[test]
fn order_in_a_set_does_not_matter() {
    assert!(same("cache-control", "max-age=60, Public", "public,max-age=\"60\""));
    assert!(!same("cache-control", "max-age=60", "max-age=61"));
    assert!(same("vary", "Accept, Cookie", "cookie, accept,"));
    assert!(same("allow", "GET, HEAD", "HEAD,GET"));
    assert!(!same("allow", "GET", "get"));
}

#[test]
fn order_in_a_list_matters() {
    let rules = looking_at(&["x-list"]);
    let list = "header:x-list".to_owned();
    assert_eq!(found(&[("x-list", "a, b")], &[("x-list", "b, a")], &rules), [(list, Kind::Order)]);
    assert!(found(&[("x-list", "a"), ("x-list", "b")], &[("x-list", "a,b")], &rules).is_empty());
    assert!(!same("x-list", "\"a,b\"", "\"b,a\""));
    assert!(!same("location", "/a,b", "/b,a"));
}

#[test]
fn bytes_that_are_no_text_are_compared() {
    let rules = looking_at(&["x-list"]);
    let line = |byte: u8| HeaderMap::from_iter([(rules.headers[0].clone(), HeaderValue::from_bytes(&[byte]).unwrap())]);
    let (one, other) = (line(0xe9), line(0xe8));
    let answer = |headers| Answer { side: Side::New, status: StatusCode::OK, headers, body: b"" };
    assert_eq!(compare(&answer(&one), &answer(&other), &rules).len(), 1);
}

#[test]
fn absent_headers_are_missing_or_extra() {
    let rules = looking_at(&["location", "etag"]);
    assert_eq!(
        found(&[("location", "/a"), ("date", "x")], &[("etag", "\"1\"")], &rules),
        [("header:location".to_owned(), Kind::Missing), ("header:etag".to_owned(), Kind::Extra)]
    );
}

#[test]
fn cookies_are_compared_one_by_one() {
    let rules = looking_at(&["set-cookie"]);
    let one = [("set-cookie", "a=1; Path=/; Max-Age=60"), ("set-cookie", "b=2; Secure"), ("set-cookie", "c=3")];
    let other = [("set-cookie", "b=2"), ("set-cookie", "a=9; max-age=90; path=/; HttpOnly"), ("set-cookie", "d=4")];
    let expected = [
        ("cookie:a", Kind::Value),
        ("cookie:a;max-age", Kind::Value),
        ("cookie:a;httponly", Kind::Extra),
        ("cookie:b;secure", Kind::Missing),
        ("cookie:c", Kind::Missing),
        ("cookie:d", Kind::Extra),
    ];
    assert_eq!(found(&one, &other, &rules), expected.map(|(path, kind)| (path.to_owned(), kind)));
}

#[test]
fn spelling_of_cookie_attributes_does_not_matter() {
    assert!(same(
        "set-cookie",
        "a=1; Domain=.Shop.example; SameSite=Lax; secure",
        "a=1;SECURE;samesite=lax;domain=shop.example"
    ));
    assert!(!same("set-cookie", "a=1; Path=/A", "a=1; Path=/a"));
}

#[test]
fn ignored_headers_and_cookies_are_not_looked_at() {
    let mut rules = looking_at(&["set-cookie", "date"]);
    rules.ignore = vec![Selector::parse("cookie:a").unwrap(), Selector::parse("header:Date").unwrap()];
    assert!(found(&[("set-cookie", "a=1"), ("date", "x")], &[("set-cookie", "a=2"), ("date", "y")], &rules).is_empty());
    rules.ignore = vec![Selector::parse("cookie:a;Expires").unwrap()];
    let one = [("set-cookie", "a=1; Expires=x; Path=/")];
    assert_eq!(
        found(&one, &[("set-cookie", "a=1; expires=y; Path=/b")], &rules),
        [("cookie:a;path".to_owned(), Kind::Value)]
    );
    rules.ignore = vec![Selector::parse("header:Set-Cookie").unwrap(), Selector::parse("header:Date").unwrap()];
    assert!(found(&[("set-cookie", "a=1")], &[], &rules).is_empty());
    for text in ["cookie:;expires", "cookie:a;", "cookie:a;b;c", "header:a;b"] {
        assert!(Selector::parse(text).is_err(), "{text}");
    }
}

#[test]
fn nothing_secret_is_shown() {
    let rules = Rules {
        redact: vec![Selector::parse("header:x-plain").unwrap()],
        ..looking_at(&["set-cookie", "x-api-key", "location", "x-plain"])
    };
    let lines = |secret: &str| {
        map(&[
            ("set-cookie", &format!("sid={secret}")),
            ("x-api-key", secret),
            ("location", &format!("/a?token={secret}")),
            ("x-plain", secret),
        ])
    };
    let (one, other) = (lines("CANARYONE"), lines("CANARYTWO"));
    let answer = |headers| Answer { side: Side::New, status: StatusCode::OK, headers, body: b"" };
    let found = compare(&answer(&one), &answer(&other), &rules);
    assert_eq!(found.len(), 4);
    assert!(!format!("{found:?}").contains("CANARY"));
}

#[test]
fn names_made_for_one_visitor_share_a_path() {
    let rules = looking_at(&["set-cookie"]);
    let one = [("set-cookie", "sess_0123456789abcdef01=1"), ("set-cookie", "sess_1123456789abcdef01=1")];
    let (one, other) = (map(&one), HeaderMap::new());
    let answer = |headers| Answer { side: Side::New, status: StatusCode::OK, headers, body: b"" };
    let found = compare(&answer(&one), &answer(&other), &rules);
    assert_eq!((found.len(), found[0].path.as_str(), found[0].count), (1, "cookie:*", 2));
}

proptest! {
    #[test]
    fn comparison_is_reflexive_and_symmetric(
        one in proptest::collection::vec("[ -~]{0,30}", 0..3), other in proptest::collection::vec("[ -~]{0,30}", 0..3)
    ) {
        for name in ["content-type", "cache-control", "x-list", "set-cookie", "location"] {
            let rules = looking_at(&[name]);
            let lines = |values: &[String]| {
                map(&values.iter().map(|value| (name, value.as_str())).collect::<Vec<_>>())
            };
            let (one, other) = (lines(&one), lines(&other));
            let answer = |headers| Answer { side: Side::New, status: StatusCode::OK, headers, body: b"" };
            prop_assert!(compare(&answer(&one), &answer(&one), &rules).is_empty());
            let there = compare(&answer(&one), &answer(&other), &rules).is_empty();
            let back = compare(&answer(&other), &answer(&one), &rules).is_empty();
            prop_assert_eq!(there, back);
        }
    }
}
