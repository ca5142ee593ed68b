use std::collections::BTreeSet;

use proptest::prelude::*;
use serde_json::Value as Json;

use super::*;
use crate::diff::rules::{Rename, Unordered};

/// Small values of few names, so that pairs of them often agree in part.
fn json(arrays: bool) -> impl Strategy<Value = Json> {
    let leaf = prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Into::into),
        (0..4_i32).prop_map(Into::into),
        "[ab]{0,2}".prop_map(Into::into),
    ];
    leaf.prop_recursive(4, 32, 5, move |inner| {
        let object = proptest::collection::btree_map("a|b|id|name", inner.clone(), 0..4)
            .prop_map(|map| Json::from(map.into_iter().collect::<serde_json::Map<_, _>>()));
        if arrays {
            prop_oneof![proptest::collection::vec(inner, 0..6).prop_map(Into::into), object].boxed()
        } else {
            object.boxed()
        }
    })
}

fn selector() -> impl Strategy<Value = Selector> {
    let step = proptest::sample::select(&[".a", ".b", ".id", "[*]", "[1]", ".*", "..a"][..]);
    proptest::collection::vec(step, 1..4).prop_map(|steps| path(&format!("${}", steps.concat())))
}

fn kinds(found: &[Difference]) -> BTreeSet<(Kind, String)> {
    found.iter().map(|found| (found.kind, found.path.clone())).collect()
}

fn mirrored(kind: Kind) -> Kind {
    match kind {
        Kind::Missing => Kind::Extra,
        Kind::Extra => Kind::Missing,
        kind => kind,
    }
}

/// All text of a value written differently: members in another order, every character escaped, white space.
fn rewritten(value: &Json) -> String {
    match value {
        Json::String(text) => {
            let units = text.encode_utf16().map(|unit| format!("\\u{unit:04X}")).collect::<String>();
            format!("\"{units}\"")
        }
        Json::Number(number) => format!("{number}.0e0"),
        Json::Array(elements) => {
            format!("[ {} ]", elements.iter().map(rewritten).collect::<Vec<_>>().join(" ,\n"))
        }
        Json::Object(members) => {
            let spelled =
                |(name, value): (&String, &Json)| format!("{} : {}", rewritten(&name.clone().into()), rewritten(value));
            format!("{{\t{}}}", members.iter().rev().map(spelled).collect::<Vec<_>>().join(","))
        }
        other => other.to_string(),
    }
}

proptest! {
    #[test]
    fn nothing_differs_from_itself(value in json(true), at in selector(), key in proptest::option::of("a|id")) {
        let text = value.to_string();
        let rules = Rules {
            unordered: vec![Unordered { path: at, key: key.map(|key| vec![key]) }],
            ..Rules::default()
        };
        prop_assert_eq!(differences(&text, &text, &rules).unwrap(), []);
        prop_assert_eq!(differences(&text, &rewritten(&value), &rules).unwrap(), []);
    }

    #[test]
    fn verdict_is_that_of_equality(one in json(true), other in json(true)) {
        let found = differences(&one.to_string(), &rewritten(&other), &Rules::default()).unwrap();
        prop_assert_eq!(found.is_empty(), one == other, "{:?}", found);
    }

    #[test]
    fn differences_are_mirrored(one in json(true), other in json(true), at in selector(), unordered in any::<bool>()) {
        let unordered = unordered.then_some(Unordered { path: at, key: None });
        let rules = Rules { unordered: unordered.into_iter().collect(), ..Rules::default() };
        let (one, other) = (one.to_string(), other.to_string());
        let there = kinds(&differences(&one, &other, &rules).unwrap());
        let back = kinds(&differences(&other, &one, &rules).unwrap());
        let back: BTreeSet<_> = back.into_iter().map(|(kind, path)| (mirrored(kind), path)).collect();
        prop_assert_eq!(there, back);
    }

    #[test]
    fn ignoring_only_removes(one in json(false), other in json(false), at in proptest::collection::vec(selector(), 1..3)) {
        let (one, other) = (one.to_string(), other.to_string());
        let rules = Rules { ignore: at, ..Rules::default() };
        let all = kinds(&differences(&one, &other, &Rules::default()).unwrap());
        let left = kinds(&differences(&one, &other, &rules).unwrap());
        prop_assert!(left.is_subset(&all), "{:?} {:?}", left, all);
    }

    #[test]
    fn ignoring_never_adds_to_what_is_equal(one in json(true), at in proptest::collection::vec(selector(), 1..3), more in json(true)) {
        // What is under an ignored name has no say, wherever it stands.
        let rules = Rules { ignore: [at, vec![path("$..extra")]].concat(), ..Rules::default() };
        let other = match one.clone() {
            Json::Object(mut members) => {
                members.insert("extra".to_owned(), more);
                Json::Object(members)
            }
            other => other,
        };
        prop_assert_eq!(differences(&one.to_string(), &rewritten(&other), &rules).unwrap(), []);
    }

    #[test]
    fn any_permutation_of_what_is_unordered_is_equal(
        (one, other) in proptest::collection::vec(json(true), 0..12)
            .prop_flat_map(|elements| (Just(elements.clone()), Just(elements).prop_shuffle())),
        key in proptest::option::of("a|id"),
    ) {
        let rules = Rules {
            unordered: vec![Unordered { path: path("$"), key: key.map(|key| vec![key]) }],
            ..Rules::default()
        };
        let (one, other) = (Json::from(one).to_string(), rewritten(&Json::from(other)));
        prop_assert_eq!(differences(&one, &other, &rules).unwrap(), []);
    }

    #[test]
    fn permutation_is_a_matter_of_order_alone(
        (one, other) in proptest::collection::vec(json(true), 0..12)
            .prop_flat_map(|elements| (Just(elements.clone()), Just(elements).prop_shuffle())),
    ) {
        let found = differences(&Json::from(one.clone()).to_string(), &Json::from(other.clone()).to_string(), &Rules::default());
        let expected: &[&str] = if one == other { &[] } else { &["order $"] };
        prop_assert_eq!(spelled(&found.unwrap()), expected);
    }

    #[test]
    fn one_element_put_in_is_one_difference(elements in proptest::collection::vec(json(true), 0..12), more in json(true), at in any::<prop::sample::Index>()) {
        let mut longer = elements.clone();
        longer.insert(at.index(elements.len() + 1), more.clone());
        let found = plain(&Json::from(elements).to_string(), &rewritten(&Json::from(longer)));
        prop_assert_eq!(found, [if more.is_null() { "null $[*]" } else { "extra $[*]" }]);
    }

    #[test]
    fn renamed_values_do_not_differ_from_themselves(
        value in json(true),
        renames in proptest::collection::vec((selector(), selector()), 1..4),
    ) {
        let rename = renames.into_iter().map(|(legacy, new)| Rename { legacy, new }).collect();
        let rules = Rules { rename, ..Rules::default() };
        let (one, other) = (value.to_string(), rewritten(&value));
        prop_assert_eq!(between((&one, Side::New), (&other, Side::New), &rules).unwrap(), []);
        prop_assert!(between((&one, Side::Legacy), (&other, Side::New), &rules).is_ok());
    }

    #[test]
    fn every_budget_ends(one in json(true), other in json(true), steps in 0_u64..400) {
        let (one, other) = (one.to_string(), other.to_string());
        let mut in_time = || false;
        let mut ample = Budget::new(Limits::default(), &mut in_time);
        let one = json::read(one.as_bytes(), &mut ample).unwrap();
        let other = json::read(other.as_bytes(), &mut ample).unwrap();
        let mut in_time = || false;
        let mut budget = Budget::new(Limits { steps, ..Limits::default() }, &mut in_time);
        let matcher = Matcher::new(&Rules::default(), is_secret);
        let mut found = Differences::new();
        let result = compare(&one, Side::Legacy, &other, Side::New, &matcher, &mut budget, &mut found);
        prop_assert!(matches!(result, Ok(()) | Err(Unknown::TooMuchWork)));
    }

    #[test]
    fn redacted_values_are_shown_nowhere(one in json(true), other in json(true)) {
        let rules = Rules { redact: vec![path("$..id")], ..Rules::default() };
        let (one, other) = (marked(one, false).to_string(), marked(other, false).to_string());
        let found = differences(&one, &other, &rules).unwrap();
        prop_assert!(!format!("{found:?}").contains("canary"), "{:?}", found);
    }
}

/// The value with something to look for in every scalar below a member `id`.
fn marked(value: Json, below: bool) -> Json {
    match value {
        Json::Array(elements) => elements.into_iter().map(|element| marked(element, below)).collect(),
        Json::Object(members) => {
            let mark = |(name, value): (String, Json)| {
                let below = below || name == "id";
                (name, marked(value, below))
            };
            Json::Object(members.into_iter().map(mark).collect())
        }
        scalar if below => format!("canary {scalar}").into(),
        scalar => scalar,
    }
}
