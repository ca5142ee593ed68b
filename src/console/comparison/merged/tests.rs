//! Facts about merged trees.

use proptest::prelude::*;
use serde_json::Value as Json;

use super::*;
use crate::diff::{Budget, Limits, Selector, json};

fn rows_of(one: &str, other: &str, differences: &[&str], rules: &Rules) -> Vec<Row> {
    let mut in_time = || false;
    let mut budget = Budget::new(Limits::default(), &mut in_time);
    let trees = [one, other].map(|text| json::read(text.as_bytes(), &mut budget).unwrap());
    let differences = differences.iter().enumerate().map(|(place, path)| (*path, place)).collect();
    rows([&trees[0], &trees[1]], &Reading { differences, rules: Some(rules) })
}

fn told(rows: &[Row]) -> Vec<String> {
    let text = |pieces: &Vec<Piece>| pieces.iter().map(|piece| &*piece.text).collect::<String>();
    rows.iter()
        .map(|row| match row {
            Row::Fold { count, names, .. } => format!("fold {count}: {names}"),
            Row::Quiet { count, names, .. } => format!("quiet {count}: {names}"),
            Row::Unfold => "unfold".to_owned(),
            Row::Same { depth, name, value } => format!("{depth} {name} {}", text(value)),
            Row::Differs { depth, name, sides, mark } => {
                let [one, other] = sides.each_ref().map(|side| side.as_ref().map_or("-".to_owned(), text));
                format!("{depth} {name} {one} | {other} {mark:?}")
            }
            Row::Left(count) => format!("left {count}"),
            Row::Cut => "cut".to_owned(),
        })
        .collect()
}

#[test]
fn what_differs_is_open_and_what_is_equal_is_folded() {
    let one = r#"{"id":1,"at":"10:00:00","items":[{"sku":"a","n":1},{"sku":"b","n":2}],"x":{"y":1},"z":2}"#;
    let other = r#"{"at":"10:00:07","id":1,"items":[{"sku":"a","n":1},{"sku":"b","n":3}],"x":{"y":1},"z":2,"w":null}"#;
    let rules = Rules { ignore: vec![Selector::parse("$.at").unwrap()], ..Rules::default() };
    let found = told(&rows_of(one, other, &["$.items[*].n", "$.w"], &rules));
    assert_eq!(
        found,
        [
            "0  { 5 members } | { 6 members } Inside",
            "1 id 1",
            "1 at \"10:00:00\" | \"10:00:07\" Passes(Some(\"ignored: $.at\"))",
            "1 items [ 2 elements ]",
            "fold 1: [0]",
            "2 [0] { 2 members }",
            "3 sku \"a\"",
            "3 n 1",
            "unfold",
            "2 [1] { 2 members }",
            "3 sku \"b\"",
            "3 n 2 | 3 Counts(0)",
            "fold 2: x, z",
            "1 x { 1 member }",
            "2 y 1",
            "1 z 2",
            "unfold",
            "1 w - | null Counts(1)",
        ]
    );
}

#[test]
fn an_element_that_is_missing_moves_no_others() {
    let found = told(&rows_of("[1,2,3,4]", "[1,3,4]", &["$[*]"], &Rules::default()));
    assert_eq!(found[1..], ["1 [0] 1", "1 [1] 2 | - Counts(0)", "fold 2: [2], [3]", "1 [2] 3", "1 [3] 4", "unfold"]);
}

#[test]
fn elements_in_any_order_are_paired_by_their_key() {
    let path = Selector::parse("$").unwrap();
    let key = Some(vec!["sku".to_owned()]);
    let rules = Rules { unordered: vec![crate::diff::rules::Unordered { path, key }], ..Rules::default() };
    let (one, other) = (r#"[{"sku":"a","n":1},{"sku":"b","n":2}]"#, r#"[{"sku":"b","n":2},{"sku":"a","n":9}]"#);
    let found = told(&rows_of(one, other, &["$[*].n"], &rules));
    assert!(found.contains(&"2 n 1 | 9 Counts(0)".to_owned()), "{found:?}");
    assert!(found.contains(&"fold 1: [1]".to_owned()), "{found:?}");
}

#[test]
fn what_rules_let_pass_is_folded_and_what_counts_beside_it_is_open() {
    let rules = Rules { ignore: vec![Selector::parse("$[*].at").unwrap()], ..Rules::default() };
    let one = r#"[{"n":1,"at":1},{"n":2,"at":1},{"n":3,"at":1},{"n":4,"at":1}]"#;
    let other = r#"[{"n":1,"at":2},{"n":2,"at":2},{"n":7,"at":2},{"n":4,"at":2}]"#;
    let found = told(&rows_of(one, other, &["$[*].n"], &rules));
    assert_eq!(found[1], "quiet 2: [0], [1]", "{found:#?}");
    assert_eq!(found.iter().filter(|row| row.contains("Counts")).count(), 1);
    let at = found.iter().position(|row| row.contains("Counts")).unwrap();
    assert!(found[..at].iter().filter(|row| *row == "unfold").count() == 1, "{found:#?}");
}

#[test]
fn a_member_of_two_names_is_one() {
    let selector = |text: &str| Selector::parse(text).unwrap();
    let rename = crate::diff::rules::Rename { legacy: selector("$.a.old"), new: selector("$.a.new") };
    let rules = Rules { rename: vec![rename], ..Rules::default() };
    let rows = |one: &str, other: &str| told(&rows_of(one, other, &["$.a.old"], &rules));
    let found = rows(r#"{"a":{"old":1,"x":1}}"#, r#"{"a":{"x":1,"new":2}}"#);
    assert!(found.contains(&"2 old → new 1 | 2 Counts(0)".to_owned()), "{found:?}");
    let found = rows(r#"{"a":{"old":1,"x":1}}"#, r#"{"a":{"x":2,"new":1}}"#);
    assert!(found.contains(&"2 old → new 1".to_owned()), "{found:?}");
}

#[test]
fn a_part_that_only_one_side_has_is_marked_once() {
    let found = told(&rows_of(r#"{"a":{"b":{"c":1}}}"#, "{}", &["$.a"], &Rules::default()));
    assert_eq!(found[1..], ["1 a { 1 member } | - Counts(0)", "2 b { 1 member } | - Inside", "3 c 1 | - Inside"]);
}

#[test]
fn however_much_there_is_the_page_stays_small() {
    let numbers = |from: usize| (from..from + 50_000).map(|n| n.to_string()).collect::<Vec<_>>().join(",");
    let found = rows_of(&format!("[{}]", numbers(0)), &format!("[{}]", numbers(60_000)), &[], &Rules::default());
    assert_eq!((found.len(), found.last()), (OPEN + 1, Some(&Row::Cut)));
    let equal = rows_of(&format!("[[{}],1]", numbers(0)), &format!("[[{}],2]", numbers(0)), &[], &Rules::default());
    assert!(equal.len() < FOLDED.1 + 8, "{}", equal.len());
    assert!(equal.contains(&Row::Left(49_960)), "what is left out is said");
    let deep = format!("{}1{}", "[".repeat(120), "]".repeat(120));
    let other = format!("{}2{}", "[".repeat(120), "]".repeat(120));
    assert_eq!(rows_of(&deep, &other, &[], &Rules::default()).len(), 121);
}

/// Small trees with many equal parts.
fn tree() -> impl Strategy<Value = Json> {
    let leaf = prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::from),
        (0..4).prop_map(Json::from),
        "[ab]{0,2}".prop_map(Json::from)
    ];
    leaf.prop_recursive(4, 30, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Json::from),
            proptest::collection::btree_map("[abc]", inner, 0..4)
                .prop_map(|map| Json::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn equal_trees_have_no_row_that_differs(tree in tree()) {
        let text = tree.to_string();
        let found = rows_of(&text, &text, &[], &Rules::default());
        let differs = found.iter().any(|row| matches!(row, Row::Differs { .. }));
        prop_assert!(!differs);
    }

    #[test]
    fn other_trees_have_one_and_folds_are_closed(one in tree(), other in tree()) {
        let found = rows_of(&one.to_string(), &other.to_string(), &[], &Rules::default());
        let differs = found.iter().any(|row| matches!(row, Row::Differs { .. }));
        prop_assert_eq!(differs, one != other);
        let mut open = 0;
        for row in &found {
            match row {
                Row::Fold { .. } | Row::Quiet { .. } => open += 1,
                Row::Unfold => open -= 1,
                _ => {}
            }
            prop_assert!((0..=2).contains(&open));
        }
        prop_assert_eq!(open, 0);
    }
}
