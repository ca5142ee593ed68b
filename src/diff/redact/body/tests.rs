use proptest::prelude::*;

use super::*;
use crate::diff::{Limits, Rules, Selector};

fn kept(content_type: &str, body: &[u8], redact: &[&str]) -> Option<String> {
    let redact = redact.iter().map(|text| Selector::parse(text).unwrap()).collect();
    let rules = Compiled::new(Rules { redact, ..Rules::default() });
    let mut in_time = || false;
    let mut budget = Budget::new(Limits::default(), &mut in_time);
    let kept = super::body(Some(content_type), body, &rules, &mut budget)?;
    Some(String::from_utf8_lossy(&kept).into_owned())
}

#[test]
fn json_keeps_everything_but_secrets_byte_for_byte() {
    assert_eq!(
        kept(
            "application/json",
            b"{ \"a\" : 1.0,\n\"email\":\"x\", \"token\":[1,2], \"b\":{\"password\":null} }",
            &["$.email"]
        )
        .unwrap(),
        "{ \"a\" : 1.0,\n\"email\":\"[redacted]\", \"token\":\"[redacted]\", \"b\":{\"password\":\"[redacted]\"} }"
    );
    assert_eq!(
        kept("application/x-ndjson", b"{\"a\":1}\n{\"pin\":2}\n", &[]).unwrap(),
        "{\"a\":1}\n{\"pin\":\"[redacted]\"}\n"
    );
}

#[test]
fn forms_keep_their_names() {
    assert_eq!(
        kept("application/x-www-form-urlencoded", b"user=joe&password=a%20b&e=x&e=y&token=", &["$.e[*]"]).unwrap(),
        "user=joe&password=[redacted]&e=[redacted]&e=[redacted]&token=[redacted]"
    );
}

#[test]
fn secrets_in_escaped_texts_are_found() {
    assert_eq!(
        kept("application/json", br#"{"u":"https:\/\/joe:pw@x\/","v":"\/r?a=1\u0026token=CANARY","w":"a\/b"}"#, &[])
            .unwrap(),
        r#"{"u":"[redacted]","v":"[redacted]","w":"a\/b"}"#
    );
}

#[test]
fn secrets_after_their_names_within_texts_are_found() {
    let body = br#"{"m":"denied: password=CANARY","p":"{\"token\":\"CANARY\",\"n\":1}","see":"token: "}"#;
    assert_eq!(
        kept("application/json", body, &[]).unwrap(),
        r#"{"m":"denied: password=[redacted]","p":"{\"token\":\"[redacted]\",\"n\":1}","see":"token: "}"#
    );
    let page = br#"<html><script>var c = {"apiKey": "CANARY"}</script><pre>password=CANARY</pre></html>"#;
    assert!(!kept("text/html", page, &[]).unwrap().contains("CANARY"));
}

#[test]
fn form_with_files_is_not_kept() {
    let part = b"--b\r\nContent-Disposition: form-data; name=\"password\"\r\n\r\nCANARY\r\n--b--\r\n";
    assert_eq!(kept("multipart/form-data; boundary=b", part, &[]), None);
}

#[test]
fn xml_loses_secret_elements_and_attributes() {
    assert_eq!(
        kept("text/xml", b"<a id='1' apiKey = \"x>y\"><w:Password>s<b>t</b></w:Password><c/></a>", &[]).unwrap(),
        "<a id='1' apiKey = \"[redacted]\"><w:Password>[redacted]</w:Password><c/></a>"
    );
    assert_eq!(kept("text/xml", b"<a>", &[]), None);
    assert_eq!(kept("text/xml", b"<a/>", &["$.a"]), None);
}

#[test]
fn page_with_a_secret_field_is_not_kept() {
    assert_eq!(kept("text/html", b"<p>hello</p>", &[]).unwrap(), "<p>hello</p>");
    assert!(kept("text/html", b"<input name=password>", &[]).is_some());
    for page in [&b"<input name=csrf_token value=x>"[..], b"<meta name=csrf-token content=x>", b"<div data-api-key=x>"]
    {
        assert_eq!(kept("text/html", page, &[]), None);
    }
    assert_eq!(kept("text/html", b"<p>hello</p>", &["$.html"]), None);
}

#[test]
fn text_and_bytes_are_kept_without_selectors_only() {
    assert_eq!(kept("text/plain", b"hello Bearer abcdef", &[]).unwrap(), "hello Bearer [redacted]");
    assert_eq!(kept("image/png", b"\x89PNG", &["header:x"]).unwrap(), "\u{fffd}PNG");
    assert_eq!(kept("text/plain", b"hello", &["$.a"]), None);
    assert_eq!(kept("image/png", b"\x89PNG", &["$.a"]), None);
    assert_eq!(kept("image/png", b"", &["$.a"]).unwrap(), "");
}

#[test]
fn json_under_another_name_is_json() {
    assert_eq!(kept("text/plain", br#"{"password":"x"}"#, &[]).unwrap(), r#"{"password":"[redacted]"}"#);
    assert_eq!(kept("text/plain", br#"{"a":"x"}"#, &["$.a"]).unwrap(), r#"{"a":"[redacted]"}"#);
}

#[test]
fn what_does_not_parse_is_not_kept() {
    for content_type in ["application/json", "application/x-ndjson", "text/xml"] {
        assert_eq!(kept(content_type, b"{\"a\":", &["$.a"]), None);
        assert_eq!(kept(content_type, b"{\"a\":", &[]), None);
    }
}

fn json() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i32>().prop_map(Into::into),
        "[ -~é]{0,8}".prop_map(Into::into),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(serde_json::Value::from),
            proptest::collection::btree_map("[a-d]|[ -~]{1,5}", inner, 0..4)
                .prop_map(|members| serde_json::Value::Object(members.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn planted_secret_is_nowhere(before in json(), after in json(), deep in proptest::collection::vec("[a-d]", 0..4)) {
        const CANARY: &str = "CANARY-b5d3";
        let plant = |secret: serde_json::Value, name: &str| {
            let inner = serde_json::json!({ "a1": before, name: secret, "z1": after });
            deep.iter().fold(inner, |inner, name| serde_json::json!({ name: [before, inner] }))
        };
        let selectors = ["$..planted"];
        for secret in [serde_json::json!(CANARY), serde_json::json!({ "x": [CANARY] }), serde_json::json!([[CANARY]])] {
            for name in ["planted", "user_password"] {
                let body = serde_json::to_vec(&plant(secret.clone(), name)).unwrap();
                let text = kept("application/json", &body, &selectors).unwrap();
                prop_assert!(!text.contains(CANARY), "{}", text);
                prop_assert!(serde_json::from_str::<serde_json::Value>(&text).is_ok(), "{}", text);
            }
        }
    }

    #[test]
    fn arbitrary_bytes_never_panic(body in proptest::collection::vec(any::<u8>(), 0..60), at in 0_usize..7) {
        let types =
            ["application/json", "text/xml", "text/html", "text/plain", "image/png", "application/x-www-form-urlencoded", "application/x-ndjson"];
        let _ = kept(types[at], &body, &[]);
        let _ = kept(types[at], &body, &["$.a"]);
    }

    #[test]
    fn arbitrary_markup_never_panics(body in "[<>/a-c='\" \ntokenpi]{0,60}") {
        let _ = kept("text/xml", body.as_bytes(), &[]);
        let _ = kept("text/html", body.as_bytes(), &[]);
    }
}
