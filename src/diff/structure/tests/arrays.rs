use super::*;
use crate::diff::rules::Unordered;

fn unordered(at: &str, key: Option<&str>) -> Rules {
    let key = key.map(|key| key.split('.').map(str::to_owned).collect());
    Rules { unordered: vec![Unordered { path: path(at), key }], ..Rules::default() }
}

fn by(rules: &Rules, one: &str, other: &str) -> Vec<String> {
    spelled(&differences(one, other, rules).unwrap())
}

fn objects(ids: impl Iterator<Item = usize>) -> String {
    let objects: Vec<_> =
        ids.map(|id| format!(r#"{{"id":{id},"name":"n{}","price":{}.5}}"#, id % 7, id % 90)).collect();
    format!("[{}]", objects.join(","))
}

#[test]
fn one_element_more_or_less_is_one_difference() {
    for (one, other, found) in [
        ("[1,2,3,4,5]", "[1,2,9,3,4,5]", "extra $[*]"),
        ("[1,2,3,4,5]", "[2,3,4,5]", "missing $[*]"),
        ("[1,1,0,1]", "[1,1,1,0,1]", "extra $[*]"),
        ("[1,2]", "[1,null,2]", "null $[*]"),
    ] {
        assert_eq!(plain(one, other), [found], "{one} {other}");
    }
    let other = objects((0..50).filter(|id| *id != 7).chain([99]));
    assert_eq!(plain(&objects(0..50), &other), ["missing $[*]", "extra $[*]"]);
}

#[test]
fn changed_elements_are_compared_member_by_member() {
    assert_eq!(plain(r#"[{"id":1,"price":2}]"#, r#"[{"id":1,"price":3}]"#), ["value $[*].price"]);
    let one = r#"[{"id":1,"p":1},{"id":2,"p":1},{"id":3,"p":1}]"#;
    assert_eq!(plain(one, r#"[{"id":2,"p":2},{"id":3,"p":2}]"#), ["missing $[*]", "value $[*].p x2"]);
    assert_eq!(plain("[1,2,3,4]", "[1,8,9,4]"), ["value $[*] x2"]);
}

#[test]
fn moved_elements_are_one_difference_of_order() {
    assert_eq!(plain("[1,2,3]", "[3,1,2]"), ["order $"]);
    assert_eq!(plain(r#"{"a":[[1],[2]]}"#, r#"{"a":[[2],[1]]}"#), ["order $.a"]);
    assert_eq!(plain("[1,2,3,4]", "[4,1,2,9]"), ["order $", "value $[*]"]);
    let one = r#"[{"id":1,"p":1},{"id":2,"p":1}]"#;
    assert_eq!(plain(one, r#"[{"id":2,"p":7},{"id":1,"p":1}]"#), ["order $", "value $[*].p"]);
}

#[test]
fn order_does_not_matter_where_the_rules_say_so() {
    let rules = unordered("$.a", None);
    assert_eq!(by(&rules, r#"{"a":[1,{"x":2,"y":[3]},1]}"#, r#"{"a":[{"y":[3],"x":2.0},1,1]}"#), NONE);
    assert_eq!(by(&rules, r#"{"a":[1,1,2]}"#, r#"{"a":[2,2,1]}"#), ["value $.a[*]"]);
    assert_eq!(by(&rules, r#"{"a":[1,2]}"#, r#"{"a":[3,2,1]}"#), ["extra $.a[*]"]);
    assert_eq!(by(&rules, r#"{"b":[1,2]}"#, r#"{"b":[2,1]}"#), ["order $.b"]);
    let nested = Rules {
        unordered: vec![Unordered { path: path("$"), key: None }, Unordered { path: path("$[*].a"), key: None }],
        ..Rules::default()
    };
    assert_eq!(by(&nested, r#"[{"a":[1,2]},{"a":[3]}]"#, r#"[{"a":[3]},{"a":[2,1]}]"#), NONE);
}

#[test]
fn elements_go_by_their_key() {
    let rules = unordered("$", Some("p.sku"));
    let one = r#"[{"p":{"sku":"a"},"n":1},{"p":{"sku":"b"},"n":1},{"p":{"sku":"c"},"n":1}]"#;
    let other = r#"[{"p":{"sku":"c"},"n":1},{"p":{"sku":"b"},"n":2},{"p":{"sku":"d"},"n":1}]"#;
    assert_eq!(by(&rules, one, other), ["missing $[*]", "extra $[*]", "value $[*].n"]);
    // One element against one is not the same element if its key is not.
    let (one, other) = (r#"[{"p":{"sku":"a"}}]"#, r#"[{"p":{"sku":"b"}}]"#);
    assert_eq!(by(&rules, one, other), ["missing $[*]", "extra $[*]"]);
}

#[test]
fn repeated_and_missing_keys_are_paired_as_well_as_can_be() {
    let rules = unordered("$", Some("k"));
    let one = r#"[{"k":1,"n":1},{"k":1,"n":2},{"n":5},{"n":6}]"#;
    assert_eq!(by(&rules, one, r#"[{"n":6},{"k":1,"n":2},{"n":5},{"k":1,"n":1}]"#), NONE);
    assert_eq!(by(&rules, one, r#"[{"n":6},{"k":1,"n":2},{"n":7}]"#), ["missing $[*]", "value $[*].n"]);
}

#[test]
fn tolerance_holds_in_unordered_arrays() {
    let rules = Rules {
        tolerance: vec![crate::diff::rules::Tolerance {
            path: path("$[*].x"),
            allowed: crate::diff::rules::Allowed::Absolute(0.1),
        }],
        ..unordered("$", None)
    };
    assert_eq!(by(&rules, r#"[{"x":1.0},{"x":5.0},{"x":9}]"#, r#"[{"x":9.05},{"x":1.05},{"x":4.95}]"#), NONE);
}

#[test]
fn reversed_arrays_of_fifty_thousand_fit_the_budget() {
    let (one, other) = (objects(0..50_000), objects((0..50_000).rev()));
    assert_eq!(plain(&one, &other), ["order $"]);
    assert_eq!(by(&unordered("$", None), &one, &other), NONE);
    assert_eq!(by(&unordered("$", Some("id")), &one, &other), NONE);
    let other = other.replace(".5}", ".6}");
    assert_eq!(by(&unordered("$", Some("id")), &one, &other), ["value $[*].price x50000"]);
}

#[test]
fn hostile_arrays_end_within_the_budget() {
    let deep = |leaf: &str| format!("{}{leaf}{}", "[0,".repeat(100), "]".repeat(100));
    assert_eq!(plain(&deep("1"), &deep("2")).len(), 1);
    let many = |n: usize, from: usize| {
        let all: Vec<_> = (0..n).map(|number| ((number * 7919 + from) % 9973).to_string()).collect();
        format!("[{}]", all.join(","))
    };
    let names: Vec<_> = (0..50_000).map(|number| format!("\"{number}x_id\":{number}")).collect();
    let wide = |more: &str| format!("[{{{}}},[{more}],3]", names.join(","));
    assert_eq!(plain(&wide("1"), &wide("2").replace("0x_id", "1x_id")).len(), 257);
    let found = differences(&many(100_000, 0), &many(100_000, 17), &Rules::default());
    assert!(found.is_ok_and(|found| !found.is_empty()));
}
