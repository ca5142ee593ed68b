mod arrays;
mod properties;
mod rules;

use super::*;
use crate::diff::rules::Rules;
use crate::diff::selector::Selector;
use crate::diff::{Difference, Limits, json};

fn path(text: &str) -> Selector {
    Selector::parse(text).unwrap()
}

fn is_secret(name: &str) -> bool {
    name == "password"
}

/// What differs between legacy's JSON and new's, under these rules.
fn differences(one: &str, other: &str, rules: &Rules) -> Result<Vec<Difference>, Unknown> {
    between((one, Side::Legacy), (other, Side::New), rules)
}

fn between(one: (&str, Side), other: (&str, Side), rules: &Rules) -> Result<Vec<Difference>, Unknown> {
    let mut in_time = || false;
    let mut budget = Budget::new(Limits::default(), &mut in_time);
    let matcher = Matcher::new(rules, is_secret);
    let one_tree = json::read(one.0.as_bytes(), &mut budget).unwrap();
    let other_tree = json::read(other.0.as_bytes(), &mut budget).unwrap();
    let mut found = Differences::new();
    compare(&one_tree, one.1, &other_tree, other.1, &matcher, &mut budget, &mut found)?;
    Ok(found.into_vec())
}

/// Each difference as `kind path`, with how many places it stands for if there are several.
fn spelled(found: &[Difference]) -> Vec<String> {
    let spell = |found: &Difference| match found.count {
        1 => format!("{} {}", found.kind.as_str(), found.path),
        count => format!("{} {} x{count}", found.kind.as_str(), found.path),
    };
    found.iter().map(spell).collect()
}

/// What differs without any rules.
fn plain(one: &str, other: &str) -> Vec<String> {
    spelled(&differences(one, other, &Rules::default()).unwrap())
}

const NONE: [&str; 0] = [];

#[test]
fn spelling_is_no_difference() {
    for (one, other) in [
        (r#"{"a":1,"b":[1,2]}"#, "{ \"b\" : [1.0, 2e0],\n \"a\":1 }"),
        (r#"["\u00e9\/"]"#, r#"["é/"]"#),
        (r#"{"\u0061":0}"#, r#"{"a":-0}"#),
        ("[1e400]", "[10e399]"),
    ] {
        assert_eq!(plain(one, other), NONE, "{one} {other}");
    }
}

#[test]
fn each_kind_is_told() {
    for (one, other, found) in [
        (r#"{"a":1}"#, r#"{"a":2}"#, vec!["value $.a"]),
        (r#"{"a":9007199254740993}"#, r#"{"a":9007199254740992}"#, vec!["value $.a"]),
        (r#"{"a":true}"#, r#"{"a":false}"#, vec!["value $.a"]),
        (r#"{"a":1}"#, r#"{"a":"1"}"#, vec!["type $.a"]),
        (r#"{"a":null}"#, r#"{"a":0}"#, vec!["type $.a"]),
        (r#"{"a":{}}"#, r#"{"a":[]}"#, vec!["type $.a"]),
        (r#"{"a":1}"#, "{}", vec!["missing $.a"]),
        ("{}", r#"{"a":1}"#, vec!["extra $.a"]),
        (r#"{"a":null}"#, "{}", vec!["null $.a"]),
        ("{}", r#"{"a":null}"#, vec!["null $.a"]),
        (r#"{"a":1,"a":2}"#, r#"{"a":1}"#, vec!["duplicate $.a"]),
        (r#"{"a":1,"b":0,"a":2}"#, r#"{"b":0,"a":1,"a":3}"#, vec!["value $.a"]),
        ("1", "2", vec!["value $"]),
        ("[]", "{}", vec!["type $"]),
        (r#"{"a":{"b":[{"c":1}]}}"#, r#"{"a":{"b":[{"c":2,"d":3}]}}"#, vec!["extra $.a.b[*].d", "value $.a.b[*].c"]),
    ] {
        assert_eq!(plain(one, other), found, "{one} {other}");
    }
}

#[test]
fn differences_come_in_the_order_of_the_document() {
    let one = r#"{"a":{"x":1},"b":2,"c":[3,4]}"#;
    let other = r#"{"a":{"x":9},"b":9,"c":[9,9]}"#;
    assert_eq!(plain(one, other), ["value $.a.x", "value $.b", "value $.c[*] x2"]);
}

#[test]
fn keys_of_maps_share_a_path() {
    let one =
        r#"{"by_id":{"17":{"n":1},"18":{"n":1}},"a b":1,"f81d4fae-7dec-11d0-a765-00a0c91e6bf6":1,"a@b.example":1}"#;
    let other = one.replace(":1", ":2");
    let found = differences(one, &other, &Rules::default()).unwrap();
    assert_eq!(spelled(&found), ["value $.by_id.*.n x2", "value $['a b']", "value $.* x2"]);
    assert_eq!(found[0].place, "$.by_id.17.n");
    for found in found {
        assert!(Selector::parse(&found.path).is_ok_and(|path| path.to_string() == found.path));
    }
}

#[test]
fn what_is_shown_is_short() {
    let long = "é".repeat(1000);
    let found = differences(&format!("[\"{long}\",1]"), "[\"\",2]", &Rules::default()).unwrap();
    let one = found[0].one.clone().unwrap();
    assert!(one.len() <= 256 && one.starts_with("\"éé") && one.ends_with("é…"), "{one}");
    let found = differences(r#"{"a":{"b":[1,null,"\n"],"c":{}}}"#, "{}", &Rules::default()).unwrap();
    assert_eq!(found[0].one.as_deref(), Some(r#"{"b":[1,null,"\n"],"c":{}}"#));
    assert_eq!(found[0].other, None);
}

#[test]
fn redacted_values_are_compared_and_not_shown() {
    let rules = Rules { redact: vec![path("$.user.mail"), path("$..card"), path("$.keys")], ..Rules::default() };
    let one = r#"{"user":{"mail":"canary-1","password":"canary-2"},"list":[{"card":{"no":"canary-3"}}],"keys":{"canary-4@x":1,"canary5":[0,1]}}"#;
    let other = one.replace("canary-", "other-").replace("canary5\":[0,1", "canary5\":[2,0");
    let found = differences(one, &other, &rules).unwrap();
    assert_eq!(spelled(&found)[..3], ["value $.user.mail", "value $.user.password", "value $.list[*].card.*"]);
    for found in &found {
        let shown = format!("{found:?}");
        assert!(!shown.contains("canary-") && !shown.contains("other-"), "{shown}");
        assert_eq!(found.one.as_deref().unwrap_or("\"[redacted]\""), "\"[redacted]\"");
        assert!(!found.place.contains("[0]") || found.place.contains("list[0]"), "{shown}");
    }
    let found = differences(one, "[]", &rules).unwrap();
    assert!(!format!("{found:?}").contains("canary"), "{found:?}");
}

#[test]
fn names_within_what_is_redacted_are_not_told() {
    let rules = Rules { redact: vec![path("$.vault")], ..Rules::default() };
    let (one, other) =
        (r#"{"vault":{"CANARYA":1,"in":{"CANARYB":1}}}"#, r#"{"vault":{"CANARYC":1,"in":{"CANARYB":2}}}"#);
    let found = differences(one, other, &rules).unwrap();
    assert_eq!(spelled(&found), ["missing $.vault.*", "extra $.vault.*", "value $.vault.*.*"]);
    assert!(!format!("{found:?}").contains("CANARY"), "{found:?}");
    let found = differences(r#"{"password":{"CANARY":1}}"#, r#"{"password":{}}"#, &Rules::default()).unwrap();
    assert_eq!(found[0].place, "$.password.*");
}

#[test]
fn lists_more_or_less_do_not_uncover_what_is_redacted() {
    let redact = vec![path("$.user.mail"), path("$.items[*].note"), path("$.mails[*]")];
    let rules = Rules { redact, ..Rules::default() };
    for (one, other) in [
        (r#"{"user":{"mail":"CANARY"}}"#, r#"{"user":[{"mail":"CANARYX"}]}"#),
        (r#"[{"user":{"mail":"CANARY"}}]"#, r#"[{"user":{"mail":"CANARYX"}}]"#),
        (r#"{"items":[{"note":"CANARY"}]}"#, r#"{"items":{"note":"CANARYX"}}"#),
        (r#"{"items":[{"note":"CANARY"}]}"#, r#"{"items":[[{"note":"CANARYX"}]]}"#),
        (r#"{"mails":["CANARY"]}"#, r#"{"mails":"CANARYX"}"#),
    ] {
        let found = differences(one, other, &rules).unwrap();
        assert!(!found.is_empty() && !format!("{found:?}").contains("CANARY"), "{found:?}");
    }
}

#[test]
fn secrets_within_texts_are_not_shown() {
    let one = r#"{"message":"denied: password=CANARY","payload":"{\"token\":\"CANARY\"}"}"#;
    let found = differences(one, r#"{"message":"","payload":""}"#, &Rules::default()).unwrap();
    assert_eq!(found[0].one.as_deref(), Some(r#""denied: password=[redacted]""#));
    assert_eq!(found[1].one.as_deref(), Some(r#""{\"token\":\"[redacted]\"}""#));
}

#[test]
fn redacted_values_are_cut_out_of_the_body() {
    let rules = Rules { redact: vec![path("$.a[*].x"), path("$.b")], ..Rules::default() };
    let matcher = Matcher::new(&rules, is_secret);
    let mut in_time = || false;
    let mut budget = Budget::new(Limits::default(), &mut in_time);
    let body = r#"{"a":[{"x": "s1" ,"y":1},{"x":[ {"x":"s2"} ]}],"b":{"c":"s3"},"d":{"password":"s4","b":2}}"#;
    let tree = json::read(body.as_bytes(), &mut budget).unwrap();
    let spans = redact_spans(&tree, &matcher).unwrap();
    let mut kept = body.to_owned();
    spans.into_iter().rev().for_each(|span| kept.replace_range(span, "_"));
    assert_eq!(kept, r#"{"a":[{"x": _ ,"y":1},{"x":_}],"b":_,"d":{"password":_,"b":2}}"#);
}

#[test]
fn value_without_a_place_cannot_be_cut_out() {
    let mut in_time = || false;
    let mut budget = Budget::new(Limits::default(), &mut in_time);
    let mut builder = crate::diff::Builder::new(b"", &mut budget);
    builder.begin_object(None).unwrap();
    builder.key("password".into(), None).unwrap();
    builder.scalar(crate::diff::tree::Scalar::Text("s".into()), None).unwrap();
    let tree = builder.finish();
    assert_eq!(redact_spans(&tree, &Matcher::new(&Rules::default(), is_secret)), None);
    assert_eq!(redact_spans(&tree, &Matcher::new(&Rules::default(), |_| false)), Some(Vec::new()));
}

#[test]
fn many_differences_are_counted_beyond_the_cap() {
    let members = |value: &str| {
        let members: Vec<_> = (0..1000).map(|number| format!("\"f{number}x\":{value}")).collect();
        format!("{{{}}}", members.join(","))
    };
    let found = differences(&members("1"), &members("2"), &Rules::default()).unwrap();
    assert_eq!(found.len(), 257);
    assert_eq!(found.last().map(|more| (more.path.as_str(), more.count)), Some(("(more)", 744)));
}
