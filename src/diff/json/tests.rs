use proptest::prelude::*;

use super::super::Limits;
use super::super::tree::{Node, Value};
use super::*;

fn reading<T>(body: &[u8], look: impl FnOnce(Result<Tree<'_>, NotRead>) -> T) -> T {
    let mut in_time = || false;
    look(read(body, &mut Budget::new(Limits::default(), &mut in_time)))
}

fn accepted(body: &[u8]) -> bool {
    reading(body, |tree| tree.is_ok())
}

/// What serde_json would make of it; numbers by their spelling, since it keeps only what fits.
fn as_serde(node: Node<'_>) -> serde_json::Value {
    match node.value() {
        Value::Null => serde_json::Value::Null,
        Value::Bool(yes) => yes.into(),
        Value::Number(text) => serde_json::from_str(text).unwrap(),
        Value::Text(text) => text.into(),
        Value::Array => node.elements().map(as_serde).collect(),
        Value::Object => node.members().map(|member| (member.name.to_owned(), as_serde(member.value))).collect(),
    }
}

fn malformed_at(body: &[u8]) -> Option<usize> {
    reading(body, |tree| match tree {
        Err(NotRead::Malformed { at }) => Some(at),
        _ => None,
    })
}

#[test]
fn numbers_keep_their_spelling() {
    for number in ["0", "-0", "1.0", "1e400", "9007199254740993", "9223372036854775808", "-1.5E-7", "1e+2"] {
        let body = format!(" {number}\n");
        reading(body.as_bytes(), |tree| {
            assert_eq!(tree.unwrap().root().value(), Value::Number(number));
        });
    }
}

#[test]
fn what_is_not_json_is_refused() {
    let refused: &[&[u8]] = &[
        b"",
        b" ",
        b"{",
        b"[",
        b"]",
        b"}",
        b"[1,]",
        b"[,1]",
        b"{,}",
        b"{\"a\"}",
        b"{\"a\":}",
        b"{\"a\":1,}",
        b"{a:1}",
        b"{\"a\" 1}",
        b"{1:2}",
        b"[1 2]",
        b"[1}",
        b"{\"a\":1]",
        b"[1]x",
        b"1 2",
        b"[1],",
        b"01",
        b"-",
        b"-01",
        b"1.",
        b".5",
        b"+1",
        b"1e",
        b"1e+",
        b"0x1",
        b"1.e1",
        b"NaN",
        b"Infinity",
        b"-Infinity",
        b"nul",
        b"truE",
        b"True",
        b"'a'",
        b"\"a",
        b"\"\\",
        b"\"\\x\"",
        b"\"\\u12\"",
        b"\"\\u12G4\"",
        b"\"\\ud800\"",
        b"\"\\udc00\"",
        b"\"\\ud800\\u0041\"",
        b"\"\\ud800\\n\"",
        b"\"\\udc00\\ud800\"",
        b"\"a\nb\"",
        b"\"\x00\"",
        b"\"a\tb\"",
        b"\"\xff\"",
        b"\"\xed\xa0\x80\"",
        b"\"\xc0\xaf\"",
        b"[\"a\",\n4\n,1,",
        b"/**/1",
        b"1//",
        b"\xef\xbb\xbf",
        b"\xef\xbb\xbf\xef\xbb\xbf1",
        b"\xff\xfe1\x00",
        b"[\x0b1]",
        b"[\xc2\xa01]",
        b"{\"a\":1 \"b\":2}",
        b"\x0c1",
    ];
    for body in refused {
        assert!(malformed_at(body).is_some(), "{}", String::from_utf8_lossy(body));
    }
}

#[test]
fn what_is_json_is_read() {
    let read: &[(&[u8], &str)] = &[
        (b"\xef\xbb\xbf[1]", "[1]"),
        (b"\t\r\n null \t", "null"),
        (br#""\u0041\ud83d\ude00\/\b\f\n\r\t\"\\""#, "\"A\u{1f600}/\\b\\f\\n\\r\\t\\\"\\\\\""),
        (b"\"\x7f\xe2\x80\xa8\"", "\"\u{7f}\u{2028}\""),
        (br#""\u0000""#, r#""\u0000""#),
        (br#"{"":{"a":[ ]},"b":[{ }]}"#, r#"{"":{"a":[]},"b":[{}]}"#),
    ];
    for (body, same) in read {
        let same: serde_json::Value = serde_json::from_str(same).unwrap();
        reading(body, |tree| assert_eq!(as_serde(tree.unwrap().root()), same));
    }
}

#[test]
fn repeated_names_are_kept() {
    reading(br#"{"a":1,"a":2}"#, |tree| {
        let tree = tree.unwrap();
        let values: Vec<_> = tree.root().members().map(|member| (member.name, member.value.value())).collect();
        assert_eq!(values, [("a", Value::Number("1")), ("a", Value::Number("2"))]);
    });
}

#[test]
fn spans_count_from_the_beginning_of_the_body() {
    reading("\u{feff}{\"é\": [\"\\n\", 12 ]}".as_bytes(), |tree| {
        let tree = tree.unwrap();
        let list = tree.root().member("é").unwrap();
        assert_eq!(list.source(), Some(&br#"["\n", 12 ]"#[..]));
        let elements: Vec<_> = list.elements().map(|node| node.source().unwrap()).collect();
        assert_eq!(elements, [&br#""\n""#[..], b"12"]);
    });
}

#[test]
fn deep_nesting_is_told_apart_from_malformed() {
    for body in ["[".repeat(100_000), "{\"a\":".repeat(100_000)] {
        reading(body.as_bytes(), |tree| assert_eq!(tree.err(), Some(NotRead::Unknown(Unknown::TooDeep))));
    }
    assert!(accepted([&b"[".repeat(128)[..], &b"]".repeat(128)].concat().as_slice()));
    assert!(!accepted([&b"[".repeat(129)[..], &b"]".repeat(129)].concat().as_slice()));
}

#[test]
fn million_names_fit_the_budget() {
    let members: Vec<_> = (0..1_000_000).map(|number| format!("\"k{number}\":{number}")).collect();
    let body = format!("{{{}}}", members.join(","));
    reading(body.as_bytes(), |tree| assert_eq!(tree.unwrap().root().len(), 1_000_000));
}

#[test]
fn lines_are_read_into_one_tree() {
    let body = "{\"a\":1}\n\"\\u0041\"\n";
    let mut in_time = || false;
    let mut budget = Budget::new(Limits::default(), &mut in_time);
    let mut builder = Builder::new(body.as_bytes(), &mut budget);
    builder.begin_array(None).unwrap();
    append(&body[..8], 0, &mut builder).unwrap();
    append(&body[8..], 8, &mut builder).unwrap();
    builder.end(None).unwrap();
    let tree = builder.finish();
    let second = tree.root().elements().nth(1).unwrap();
    assert_eq!((second.value(), second.source()), (Value::Text("A"), Some(&br#""\u0041""#[..])));
}

/// Whether serde_json takes it for JSON; a number beyond what it keeps is one nevertheless.
fn is_json(body: &[u8]) -> bool {
    match serde_json::from_slice::<serde_json::Value>(body) {
        Ok(_) => true,
        // It stops there, and what comes after is not looked at.
        Err(error) if error.to_string().contains("out of range") => accepted(body),
        Err(_) => false,
    }
}

/// Text that is nearly JSON more often than chance would have it.
fn nearly_json() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        "[\\[\\]{},: \n\t]{1,4}",
        "\"[a-z\\\\\"u0-9]{0,9}\"",
        "-?[0-9]{1,3}(\\.[0-9]{1,2})?([eE][+-]?[0-9]{1,2})?",
        Just("true".to_owned()),
        Just("null".to_owned()),
        Just("\"a\":".to_owned()),
        Just("[1,".to_owned()),
        Just("]".to_owned()),
        Just("\\ud83d\\ude00".to_owned()),
    ];
    proptest::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

/// Any value, as serde_json writes it.
fn json() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i64>().prop_map(Into::into),
        any::<f64>().prop_map(Into::into),
        any::<String>().prop_map(Into::into),
    ];
    leaf.prop_recursive(5, 64, 8, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..8).prop_map(Into::into),
            proptest::collection::btree_map(any::<String>(), inner, 0..8)
                .prop_map(|map| map.into_iter().collect::<serde_json::Map<_, _>>().into()),
        ]
    })
}

proptest! {
    #[test]
    fn agrees_with_serde_json_on_values(value in json(), pretty in any::<bool>()) {
        let body = if pretty { serde_json::to_string_pretty(&value) } else { serde_json::to_string(&value) }.unwrap();
        let again = reading(body.as_bytes(), |tree| as_serde(tree.unwrap().root()));
        prop_assert_eq!(again, serde_json::from_str::<serde_json::Value>(&body).unwrap());
    }

    #[test]
    fn agrees_with_serde_json_on_what_is_json(body in nearly_json()) {
        prop_assert_eq!(accepted(body.as_bytes()), is_json(body.as_bytes()), "{}", body);
    }

    #[test]
    fn agrees_with_serde_json_on_any_bytes(body in proptest::collection::vec(any::<u8>(), 0..32)) {
        prop_assert_eq!(accepted(&body), is_json(&body));
    }

    #[test]
    fn agrees_with_serde_json_on_what_is_cut_off_or_changed(value in json(), at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let mut body = serde_json::to_vec(&value).unwrap();
        let at = at.index(body.len());
        prop_assert_eq!(accepted(&body[..at]), is_json(&body[..at]));
        body[at] = byte;
        prop_assert_eq!(accepted(&body), is_json(&body));
    }
}
