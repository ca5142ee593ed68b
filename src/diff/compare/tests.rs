use http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, StatusCode};
use proptest::prelude::*;

use super::super::decode::tests::encode;
use super::super::{Kind, Limits, Selector, Unknown};
use super::*;
use crate::names::Side;

const TYPES: [&str; 9] = [
    "application/json",
    "application/x-ndjson",
    "application/x-www-form-urlencoded",
    "application/xml",
    "text/html",
    "text/plain",
    "text/plain; charset=utf-16",
    "image/png",
    "",
];
const CODINGS: [&str; 6] = ["", "gzip", "deflate", "br", "zstd", "compress"];

struct Made {
    headers: HeaderMap,
    body: Vec<u8>,
}

fn made(content_type: &str, coding: &str, body: Vec<u8>) -> Made {
    let mut headers = HeaderMap::new();
    for (name, value) in [(CONTENT_TYPE, content_type), (CONTENT_ENCODING, coding)] {
        if !value.is_empty() {
            headers.insert(name, HeaderValue::from_str(value).unwrap());
        }
    }
    Made { headers, body }
}

fn answer(made: &Made, side: Side) -> Answer<'_> {
    Answer { side, status: StatusCode::OK, headers: &made.headers, body: &made.body }
}

fn outcome(one: &Made, other: &Made, rules: &Rules, limits: Limits) -> Outcome {
    let (one, other) = (answer(one, Side::Legacy), answer(other, Side::New));
    let mut in_time = || false;
    compare(&one, &other, &Compiled::new(rules.clone()), &mut Budget::new(limits, &mut in_time))
}

fn found(one: &Made, other: &Made, rules: &Rules) -> Outcome {
    outcome(one, other, rules, Limits::default())
}

fn redacting(selector: &str) -> Rules {
    Rules { redact: vec![Selector::parse(selector).unwrap()], ..Rules::default() }
}

#[test]
fn nothing_of_a_body_is_shown_that_a_selector_may_name() {
    for content_type in ["text/plain", "image/png"] {
        let pair = (made(content_type, "", b"CANARY 1".to_vec()), made(content_type, "", b"CANARY 2".to_vec()));
        let outcome = found(&pair.0, &pair.1, &redacting("$.a"));
        assert_eq!(outcome.differences.len(), 1);
        assert_eq!(outcome.differences[0].one.as_deref(), Some("[redacted]"));
    }
}

#[test]
fn lines_of_what_is_not_the_json_it_says_are_not_shown() {
    let json = |text: &str| made("application/json", "", text.as_bytes().to_vec());
    let outcome = found(&json("{'pin': 'CANARY'}"), &json("{'pin': 'X'}"), &Rules::default());
    assert_eq!(outcome.differences[0].kind, Kind::Text);
    assert!(!format!("{outcome:?}").contains("CANARY"));
}

#[test]
fn secrets_in_markup_are_not_shown() {
    let xml = |secret: &str| {
        let text =
            format!("<a token='{secret}'><password>{secret}</password><b>Bearer {secret}</b><e>{secret}</e></a>");
        made("text/xml", "", text.into_bytes())
    };
    let outcome = found(&xml("CANARYONE"), &xml("CANARYTWO"), &redacting("$.a.e"));
    assert_eq!(outcome.differences.len(), 4);
    assert!(!format!("{outcome:?}").contains("CANARY"), "{outcome:?}");
}

#[test]
fn secrets_of_pages_are_not_shown() {
    let html = |secret: &str, text: &str| {
        let page = format!(
            "<html><form class={text}><input name=csrf_token value='{secret}'></form><p id=token>{secret}</p><b>{text}</b></html>"
        );
        made("text/html", "", page.into_bytes())
    };
    let (one, other) = (html("CANARYONE", "this"), html("CANARYTWO", "that"));
    let outcome = found(&one, &other, &Rules::default());
    assert_eq!(outcome.differences.len(), 4);
    let text = format!("{outcome:?}");
    assert!(!text.contains("CANARY") && text.contains("this") && text.contains("that"), "{text}");
    let text = format!("{:?}", found(&one, &other, &redacting("$.a.e")));
    assert!(!text.contains("CANARY") && !text.contains("this"), "{text}");
}

#[test]
fn element_that_is_missing_is_told_once() {
    let html = |text: &str| made("text/html", "", text.as_bytes().to_vec());
    let outcome = found(&html("<p>a</p><hr><p>b</p>"), &html("<p>a</p><p>b</p>"), &Rules::default());
    let paths: Vec<_> = outcome.differences.iter().map(|difference| difference.path.as_str()).collect();
    assert_eq!(paths, ["$.html.body.hr"]);
}

#[test]
fn what_was_found_stands_beside_the_reason() {
    let headers = |location| {
        let mut made = made("application/json", "", format!("[{location}]").into_bytes());
        made.headers.insert("location", HeaderValue::from(location));
        made
    };
    let outcome = outcome(&headers(1), &headers(2), &Rules::default(), Limits { steps: 1, ..Limits::default() });
    assert_eq!(outcome.unknown, Some(Unknown::TooMuchWork));
    assert_eq!(outcome.differences[0].path, "header:location");
}

fn texts() -> impl Strategy<Value = String> {
    prop_oneof![
        r#"\{("[ab]":[0-2]){0,1}(,"[cd]":(1|null|"x"|\[1,2\])){0,1}\}"#,
        "(<[ab]( x='1')?>|</[ab]>|t| ){0,8}",
        "([ab]=[0-9%+]{0,3}&?){0,4}",
        "[ab\r\n]{0,9}",
        "[ -~é\0]{0,20}",
    ]
}

proptest! {
    #[test]
    fn coding_does_not_change_the_verdict(one in texts(), other in texts(), at in 0_usize..TYPES.len()) {
        let content_type = TYPES[at];
        let plain = |text: &str| made(content_type, "", text.as_bytes().to_vec());
        let expected = found(&plain(&one), &plain(&other), &Rules::default());
        for coding in &CODINGS[1..5] {
            let body = if other.is_empty() { Vec::new() } else { encode(coding, other.as_bytes()) };
            let coded = found(&plain(&one), &made(content_type, coding, body), &Rules::default());
            prop_assert_eq!(&coded, &expected, "{}", coding);
        }
    }

    #[test]
    fn verdict_is_reflexive_and_symmetric(one in texts(), other in texts(), at in 0_usize..TYPES.len()) {
        let (one, other) = (made(TYPES[at], "", one.into_bytes()), made(TYPES[at], "", other.into_bytes()));
        prop_assert_eq!(found(&one, &one, &Rules::default()), Outcome::default());
        let there = found(&one, &other, &Rules::default());
        let back = found(&other, &one, &Rules::default());
        prop_assert_eq!(there.differences.is_empty(), back.differences.is_empty());
        prop_assert_eq!(there.unknown, back.unknown);
    }

    #[test]
    fn ignoring_never_makes_a_match_a_mismatch(one in texts(), other in texts(), at in 0_usize..TYPES.len(), ignored in 0_usize..4) {
        let (one, other) = (made(TYPES[at], "", one.into_bytes()), made(TYPES[at], "", other.into_bytes()));
        let selector = Selector::parse(["$", "$.a", "$..b", "header:content-type"][ignored]).unwrap();
        let ignoring = Rules { ignore: vec![selector], ..Rules::default() };
        if found(&one, &other, &Rules::default()) == Outcome::default() {
            prop_assert_eq!(found(&one, &other, &ignoring), Outcome::default());
        }
    }

    #[test]
    fn arbitrary_answers_never_panic(
        one in proptest::collection::vec(any::<u8>(), 0..80),
        other in texts(),
        types in (0_usize..TYPES.len(), 0_usize..TYPES.len()),
        codings in (0_usize..CODINGS.len(), 0_usize..CODINGS.len()),
    ) {
        let one = made(TYPES[types.0], CODINGS[codings.0], one);
        let other = made(TYPES[types.1], CODINGS[codings.1], other.into_bytes());
        let _ = found(&one, &other, &redacting("$.a"));
        let _ = found(&other, &one, &Rules::default());
    }
}
