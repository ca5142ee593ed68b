use std::time::Duration;

use super::*;
use crate::diff::rules::{Allowed, Equivalence, Equivalent, Rename, Tolerance};

fn by(rules: &Rules, one: &str, other: &str) -> Vec<String> {
    spelled(&differences(one, other, rules).unwrap())
}

fn ignoring(paths: &[&str]) -> Rules {
    Rules { ignore: paths.iter().map(|text| path(text)).collect(), ..Rules::default() }
}

fn renaming(pairs: &[(&str, &str)]) -> Rules {
    let rename = pairs.iter().map(|(legacy, new)| Rename { legacy: path(legacy), new: path(new) }).collect();
    Rules { rename, ..Rules::default() }
}

#[test]
fn ignored_places_are_not_looked_at() {
    let (one, other) = (r#"{"a":1,"b":[{"etag":1,"x":1}],"c":{"d":1}}"#, r#"{"b":[{"etag":2,"x":1}],"c":{"d":2}}"#);
    assert_eq!(by(&Rules::default(), one, other), ["missing $.a", "value $.b[*].etag", "value $.c.d"]);
    assert_eq!(by(&ignoring(&["$.a", "$.b[*].etag"]), one, other), ["value $.c.d"]);
    assert_eq!(by(&ignoring(&["$..etag", "$.c.*", "$.a"]), one, other), NONE);
    assert_eq!(by(&ignoring(&["$.b[0]", "$.a", "$['c']"]), one, other), NONE);
    assert_eq!(by(&ignoring(&["$"]), one, "[]"), NONE);
    assert_eq!(by(&ignoring(&["header:a", "$.b[1].etag"]), "[1]", "[2]"), ["value $[*]"]);
}

#[test]
fn ignored_members_do_not_hinder_alignment() {
    let list = |ids: &[u32], stamp: u32| {
        let all: Vec<_> = ids.iter().map(|id| format!(r#"{{"v":{id},"at":{}}}"#, stamp + id)).collect();
        format!("[{}]", all.join(","))
    };
    let rules = ignoring(&["$[*].at"]);
    assert_eq!(by(&rules, &list(&[1, 2, 3, 4], 100), &list(&[1, 9, 2, 3, 4], 500)), ["extra $[*]"]);
}

#[test]
fn numbers_may_be_off_by_what_is_allowed() {
    let rules = Rules {
        tolerance: vec![
            Tolerance { path: path("$.total"), allowed: Allowed::Absolute(0.01) },
            Tolerance { path: path("$.score"), allowed: Allowed::Relative(0.001) },
        ],
        ..Rules::default()
    };
    assert_eq!(by(&rules, r#"{"total":10.00,"score":1000}"#, r#"{"total":10.01,"score":1000.9}"#), NONE);
    let found = by(&rules, r#"{"total":10.00,"score":1000}"#, r#"{"total":10.02,"score":1002}"#);
    assert_eq!(found, ["value $.total", "value $.score"]);
    assert_eq!(by(&rules, r#"{"total":10.00}"#, r#"{"total":"10.00"}"#), ["type $.total"]);
}

#[test]
fn equivalent_values_may_be_spelled_differently() {
    let rule = |at, as_| Equivalent { path: path(at), as_ };
    let rules = Rules {
        equivalent: vec![
            rule("$.id", Equivalence::Uuid),
            rule("$.at", Equivalence::Timestamp { within: Duration::from_secs(2) }),
            rule("$.self", Equivalence::Url),
        ],
        ..Rules::default()
    };
    let one = r#"{"id":"F81D4FAE-7DEC-11D0-A765-00A0C91E6BF6","at":1709209845,"self":"HTTP://h:80/a"}"#;
    let other = r#"{"id":"f81d4fae7dec11d0a76500a0c91e6bf6","at":"2024-02-29T12:30:47Z","self":"http://h/a"}"#;
    assert_eq!(by(&rules, one, other), NONE);
    let off = other.replace(":47Z", ":48Z").replace("6bf6", "6bf7");
    assert_eq!(by(&rules, one, &off), ["value $.id", "type $.at"]);
}

#[test]
fn renamed_fields_are_compared_under_their_legacy_names() {
    let rules = renaming(&[("$.cust_name", "$.customer.name"), ("$.items[*].qty", "$.items[*].amount.value")]);
    let one = r#"{"cust_name":"a","items":[{"qty":1},{"x":0},{"qty":3}]}"#;
    let other =
        r#"{"items":[{"amount":{"value":1}},{"x":0},{"amount":{"value":4,"unit":"kg"}}],"customer":{"name":"b"}}"#;
    assert_eq!(by(&rules, one, other), ["value $.cust_name", "extra $.items[*].amount", "value $.items[*].qty"]);
    // Either side, either way round, and a side against itself.
    let (legacy, new) = ((one, Side::Legacy), (other, Side::New));
    assert_eq!(between(new, legacy, &rules).unwrap().len(), 3);
    assert!(between(new, new, &rules).unwrap().is_empty());
    assert!(between(legacy, legacy, &rules).unwrap().is_empty());
    assert_eq!(spelled(&between(new, ("{}", Side::New), &rules).unwrap()), ["missing $.cust_name", "missing $.items"]);
}

#[test]
fn renames_build_and_take_down_what_holds_the_fields() {
    let rules = renaming(&[("$.customer.name", "$.cust_name"), ("$.names[*]", "$.people[*].name")]);
    let one = r#"{"customer":{"name":"a"},"names":["x","y"]}"#;
    assert_eq!(by(&rules, one, r#"{"cust_name":"a","people":[{"name":"x"},{"name":"y"}]}"#), NONE);
    assert_eq!(by(&rules, one, r#"{"cust_name":"a","people":[{"name":"x"},{"name":"z"}]}"#), ["value $.names[*]"]);
}

#[test]
fn fields_move_up_and_down_in_their_own_place() {
    let deeper = renaming(&[("$.price.amount", "$.price")]);
    assert_eq!(by(&deeper, r#"{"price":{"amount":5}}"#, r#"{"price":5}"#), NONE);
    let higher = renaming(&[("$.price", "$.price.amount")]);
    assert_eq!(by(&higher, r#"{"price":5}"#, r#"{"price":{"amount":5}}"#), NONE);
    assert_eq!(by(&higher, r#"{"price":5}"#, r#"{"price":{"amount":5,"unit":"x"}}"#), ["type $.price"]);
    let within = renaming(&[("$.l[*].q", "$.l[*].a.v")]);
    let new = r#"{"l":[{"a":{"v":1}},{"x":0},{"a":{"v":3}}]}"#;
    assert_eq!(by(&within, r#"{"l":[{"q":1},{"x":0},{"q":3}]}"#, new), NONE);
}

#[test]
fn field_under_both_names_is_one_too_many() {
    let rules = renaming(&[("$.a", "$.b")]);
    assert_eq!(by(&rules, r#"{"a":1}"#, r#"{"a":1,"b":1}"#), ["extra $.b"]);
    assert_eq!(by(&rules, r#"{"a":1,"b":1}"#, r#"{"b":1}"#), ["missing $.b"]);
}

#[test]
fn rules_may_use_either_name() {
    for at in ["$.cust_name", "$.customer.name"] {
        let rules = Rules { redact: vec![path(at)], ..renaming(&[("$.cust_name", "$.customer.name")]) };
        let found = differences(r#"{"cust_name":"s1"}"#, r#"{"customer":{"name":"s2"}}"#, &rules).unwrap();
        assert_eq!(found[0].other.as_deref(), Some("\"[redacted]\""));
        let matcher = Matcher::new(&rules, is_secret);
        let mut in_time = || false;
        let mut budget = Budget::new(Limits::default(), &mut in_time);
        let body = br#"{"customer":{"name":"s2"},"cust_name":"s1"}"#;
        let tree = json::read(body, &mut budget).unwrap();
        assert_eq!(redact_spans(&tree, &matcher).map(|spans| spans.len()), Some(2));
    }
}

#[test]
fn secret_stays_one_under_its_other_name() {
    let rules = renaming(&[("$.pw", "$.auth.password")]);
    let found = differences(r#"{"pw":"s1"}"#, r#"{"auth":{"password":"s2"}}"#, &rules).unwrap();
    assert_eq!(spelled(&found), ["value $.pw"]);
    assert!(!format!("{found:?}").contains("s1") && !format!("{found:?}").contains("s2"), "{found:?}");
}
