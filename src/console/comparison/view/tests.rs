//! Facts about the page of a comparison, whatever is stored.

use std::path::Path;
use std::sync::{Arc, LazyLock};

use proptest::prelude::*;

use super::super::Page;
use super::*;
use crate::config::{self, Options};
use crate::console::frame::Frame;
use crate::console::page::written;
use crate::console::safety::{everything_hostile, hold, hostile};
use crate::control::plan::Candidate;
use crate::store::Detail;

const NOW: u64 = 1_767_225_600_000;

static SNAPSHOT: LazyLock<Arc<Snapshot>> = LazyLock::new(|| {
    let text = "version: 1
listen: [{ address: 127.0.0.1:0 }]
defaults: { legacy: old }
backends: { old: { endpoints: [http://127.0.0.1:1] }, new: { endpoints: [https://127.0.0.2:2] } }
comparisons: { strict: { ignore: [$.at], unordered: [{ path: $.items, key: sku }], redact: [$.email] } }
routes: [{ name: orders, match: { path: '/orders/{id}' }, new: new, stage: shadow, shadow: { compare: strict }, rewrite: { path: '/v2/{id}' } }]
";
    let loaded = Candidate::Text(text.to_owned()).load(&Options::default());
    let errors: Vec<_> = loaded.diagnostics.errors().map(config::render::told).collect();
    Arc::new(loaded.snapshot.unwrap_or_else(|| panic!("{errors:?} in {}", Path::new("routes.yaml").display())))
});

fn answered(kind: &str, header: &str, body: Option<Body>) -> Answered {
    Answered {
        status: 200,
        headers: vec![("content-type".to_owned(), kind.to_owned()), (header.to_owned(), header.to_owned())],
        body,
        hash: header.to_owned(),
        bytes: 7,
        took_us: 1500,
        backend: header.to_owned(),
    }
}

/// A comparison with this text in every place that a stranger may write to.
fn source(text: &str, kind: &str, bodies: [Option<Body>; 2], verdict: Verdict) -> Source {
    let [legacy, new] = bodies;
    let signature = SignatureId::new("orders", text, Kind::Value).to_string();
    let differs = Differs {
        signature: signature.clone(),
        kind: "value".to_owned(),
        path: text.to_owned(),
        place: text.to_owned(),
        places: 3,
        legacy: Some(text.to_owned()),
        new: None,
    };
    let detail = Detail {
        headers: vec![("host".to_owned(), text.to_owned()), (text.to_owned(), "x".to_owned())],
        body: Some(Body::Text(text.to_owned())),
        legacy: answered(kind, text, legacy),
        new: answered(kind, "x", new),
        differences: vec![differs.clone(), Differs { kind: text.to_owned(), ..differs }],
    };
    let own = || text.to_owned();
    let kept = Kept {
        id: 7,
        at_ms: NOW,
        route: "orders".to_owned(),
        tenant: own(),
        request_id: own(),
        verdict,
        answered: Side::Legacy,
        method: own(),
        target: own(),
        detail,
    };
    Source { kept, key: signature, beside: [Some(6), None], signatures: HashMap::new() }
}

fn page(source: &Source) -> String {
    written(&Page { frame: Frame::default(), view: View::of(source, &SNAPSHOT, NOW) }).unwrap()
}

fn text_body(text: &str) -> Option<Body> {
    Some(Body::Text(text.to_owned()))
}

#[test]
fn a_comparison_says_what_was_asked_and_why_it_counts() {
    let bodies = [text_body(r#"{"total":1,"at":"10:00"}"#), text_body(r#"{"total":2,"at":"11:00"}"#)];
    let mut source = source("/orders/7", "application/json", bodies, Verdict::Mismatch);
    source.kept.method = "GET".to_owned();
    source.kept.detail.differences[0].path = "$.total".to_owned();
    let page = page(&source);
    for words in [
        "GET /orders/7",
        "It counts as a mismatch",
        "read as json on both sides",
        "ignored: $.at",
        "https://127.0.0.2:2/v2/7",
        "http://127.0.0.1:1/orders/7",
        "In any order",
        "the client got this",
    ] {
        assert!(page.contains(words), "{words}: {page}");
    }
    assert!(page.contains("class=\"pair counts warn is-this\""), "{page}");
}

#[test]
fn everything_hostile_at_once_does_nothing() {
    let text = everything_hostile();
    let json = serde_json::json!({ &*text: text, "b": [text] }).to_string();
    let xml = "<a b=\"&lt;script&gt;\">&lt;script&gt;alert(1)</a>";
    for (kind, one, other) in [
        ("application/json", &*json, "{}"),
        ("text/html", &*text, "<p>x"),
        ("application/xml", xml, "<a/>"),
        ("text/plain", &*text, "x"),
    ] {
        for verdict in Verdict::ALL {
            hold(&page(&source(&text, kind, [text_body(one), text_body(other)], verdict)));
        }
    }
    let bytes = Some(Body::of(&[0xff, b'<', b's', 0]));
    hold(&page(&source(&text, "image/png", [bytes.clone(), text_body(&text)], Verdict::Unknown)));
    hold(&page(&source(&text, &text, [bytes, None], Verdict::Unknown)));
}

#[test]
fn however_large_a_comparison_is_its_page_is_not() {
    let line = "x".repeat(3_000_000);
    let lines = "y<z\n".repeat(500_000);
    let many: Vec<usize> = (0..100_000).collect();
    let json = serde_json::to_string(&many).unwrap();
    for (kind, one, other) in
        [("text/plain", &*line, &*lines), ("application/json", &*json, "[1]"), ("text/html", &*lines, &*line)]
    {
        let page = page(&source("x", kind, [text_body(one), text_body(other)], Verdict::Mismatch));
        assert!(page.len() < 500_000, "{kind}: {}", page.len());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn nothing_that_is_stored_becomes_a_part_of_the_page(
        text in hostile(), one in hostile(), other in hostile(), place in 0_usize..5,
    ) {
        let kind = ["application/json", "text/html", "application/xml", "text/plain", "application/x-www-form-urlencoded"][place];
        let json = |text: &str| serde_json::json!({ text: [text, 1], "same": text }).to_string();
        let body = |text: &str| text_body(&if place == 0 { json(text) } else { text.to_owned() });
        hold(&page(&source(&text, kind, [body(&one), body(&other)], Verdict::Mismatch)));
    }
}
