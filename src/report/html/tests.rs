use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use html5gum::{Token, Tokenizer};
use proptest::prelude::*;
use tempfile::TempDir;

use super::*;
use crate::diff::{Difference, Evidence, Kind, SignatureId, Verdict};
use crate::names::Side;
use crate::store::{Batch, Compared, Retention, Sample, Store, Told};
use crate::telemetry::Mirrored;

const NOW: u64 = 1_767_225_600_000;
const HOSTILE: &str = "</script></style><script>alert(1)</script><img src=x onerror=alert(1)> javascript:1 \u{1b}[2J\u{202e} https://evil.example/";

fn batch_of(verdicts: &[(Verdict, &'static str, u64)]) -> Batch {
    let mut batch = Batch::default();
    for (verdict, why, count) in verdicts {
        for number in 0..*count {
            let took = [Duration::from_micros(800 + number % 50), Duration::from_micros(1500 + number * 3)];
            let (route, verdict) = ("orders".into(), *verdict);
            batch.compared(&Compared { at_ms: NOW, route, tenant: None, verdict, why, took: Some(took) });
        }
    }
    batch
}

fn difference(path: &str, one: &str) -> Difference {
    let (one, other) = (Some(one.to_owned()), None);
    Difference { kind: Kind::Value, path: path.to_owned(), place: path.to_owned(), count: 2, one, other }
}

fn sample(difference: &Difference, bodies: [&str; 2]) -> Sample {
    let told = |body: &str| Told {
        status: 200,
        headers: Vec::new(),
        body: Some(body.as_bytes().to_vec()),
        hash: String::new(),
        bytes: 9,
        took: Duration::from_millis(1),
        backend: "127.0.0.1:1".into(),
    };
    Sample {
        at_ms: NOW,
        route: "orders".into(),
        tenant: None,
        request_id: "r-1".to_owned(),
        verdict: Verdict::Mismatch,
        answered: Side::Legacy,
        method: "GET".to_owned(),
        target: format!("/orders?{}", difference.path),
        headers: Vec::new(),
        body: None,
        answers: bodies.map(told),
        differences: vec![(difference.signature("orders"), difference.clone())],
    }
}

/// The page of a store with this in it.
fn page(batches: Vec<Batch>, accepted: Option<SignatureId>) -> String {
    let folder = stored(batches, accepted);
    page_of(&folder, &Scope { now_ms: NOW + 1, store: "/var/lib/banyan".to_owned(), ..Scope::default() })
}

fn stored(batches: Vec<Batch>, accepted: Option<SignatureId>) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let age = Duration::from_secs(86_400 * 3650);
    let store = Store::open(folder.path(), Retention { age, ..Retention::default() });
    while !store.is_recording() {
        std::thread::yield_now();
    }
    for batch in batches {
        assert!(store.offer(batch));
    }
    if let Some(id) = accepted {
        while store.accept(id, "ada", "agreed <b>", None).is_err() {
            std::thread::yield_now();
        }
    }
    assert!(store.stop(Duration::from_secs(10)));
    folder
}

fn page_of(folder: &TempDir, scope: &Scope) -> String {
    let mut out = Vec::new();
    report(&Reader::open(folder.path()).unwrap(), scope, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

/// Elements, attributes and where links point, as a browser would see them.
fn seen(page: &str) -> (BTreeSet<String>, BTreeSet<String>, Vec<String>) {
    let (mut elements, mut attributes, mut links) = (BTreeSet::new(), BTreeSet::new(), Vec::new());
    for token in Tokenizer::new(page).flatten() {
        let Token::StartTag(tag) = token else { continue };
        elements.insert(String::from_utf8_lossy(&tag.name).into_owned());
        for (name, value) in &tag.attributes {
            let name = String::from_utf8_lossy(name).into_owned();
            if name == "href" {
                links.push(String::from_utf8_lossy(value).into_owned());
            }
            attributes.insert(name);
        }
    }
    (elements, attributes, links)
}

fn assert_inert(page: &str) {
    let (elements, attributes, links) = seen(page);
    for active in
        ["script", "img", "link", "iframe", "object", "embed", "form", "base", "image", "use", "foreignobject"]
    {
        assert!(!elements.contains(active), "{active}");
    }
    let active =
        |name: &&String| name.starts_with("on") || ["src", "srcset", "style", "xlink:href"].contains(&&***name);
    assert_eq!(attributes.iter().find(active), None);
    assert!(links.iter().all(|link| link.starts_with('#')), "{links:?}");
    let css = include_str!("../../../templates/report.css");
    assert!(page.contains(css.trim_end()) && !css.contains("url(") && !css.contains("@import"));
    assert!(page.contains("default-src 'none'; style-src 'unsafe-inline'; img-src data:"));
    assert!(page.chars().all(|c| c == '\n' || printable(c.encode_utf8(&mut [0; 4])).len() == c.len_utf8()));
}

#[test]
fn nothing_recorded_is_a_page_too() {
    let page = page(Vec::new(), None);
    assert_inert(&page);
    assert!(page.contains("Nothing recorded yet") && page.ends_with("</html>\n"));
}

#[test]
fn what_strangers_sent_is_inert() {
    let hostile = difference(HOSTILE, HOSTILE);
    let mut batch = batch_of(&[(Verdict::Mismatch, "", 40)]);
    batch.found(NOW, &"orders".into(), &hostile, Evidence { raw: 40, again: 5, ..Evidence::default() });
    batch.samples.push(sample(&hostile, [HOSTILE, &format!("{HOSTILE}\n\u{7}")]));
    let page = page(vec![batch], None);
    assert_inert(&page);
    assert!(page.contains("&#60;script&#62;alert(1)") && page.contains("\\u{202e}"));
}

#[test]
fn a_fresh_reader_can_tell_what_differs() {
    let real = difference("$.total", "[redacted]");
    let (known, noisy) = (difference("$.known", "1"), difference("$.at", "12:00"));
    let verdicts = [
        (Verdict::Match, "", 900),
        (Verdict::Mismatch, "", 100),
        (Verdict::Noise, "noise", 24),
        (Verdict::Unknown, "undecodable", 3),
    ];
    let mut batch = batch_of(&verdicts);
    let route: Arc<str> = "orders".into();
    batch.found(NOW, &route, &real, Evidence { raw: 100, again: 4, gone: 1, ..Evidence::default() });
    batch.found(NOW, &route, &known, Evidence { raw: 50, again: 5, ..Evidence::default() });
    batch.found(NOW, &route, &noisy, Evidence { raw: 999, itself: 5, ..Evidence::default() });
    batch.samples.push(sample(&real, [r#"{"total":1,"x":"[redacted]"}"#, r#"{"total":2,"x":"[redacted]"}"#]));
    for outcome in Mirrored::ALL {
        batch.outcomes.insert((NOW / 60_000, Arc::clone(&route), outcome.as_str()), 7);
    }
    let page = page(vec![batch], Some(known.signature("orders")));
    assert_inert(&page);
    for part in [
        "orders: 924 of 1,024 comparable answers match (90.2 %, 95 % interval 88.3–91.9 %); 1 difference needs a look.",
        "confirmed 4 of 5 times; once it did not show again.",
        "9.8 % of 1,024",
        "<td class=\"old\">  &#34;total&#34;: 1</td><td class=\"new\">  &#34;total&#34;: 2</td>",
        "<span class=\"redacted\">redacted</span>",
        "Z, for good: agreed &#60;b&#62;",
        "0 of 5 times; 5 times the answering system differed from itself there",
        "a body could not be unpacked",
        "the method is not one that is copied",
        "<code>dropped_queue_full</code>",
        "whether the store lost anything is not known",
        "<polyline class=\"legacy\"",
        &format!("banyan diffs show {}", real.signature("orders")),
    ] {
        assert!(page.contains(part), "{part}");
    }
}

#[test]
fn only_the_period_and_the_route_that_were_asked_for() {
    let folder = stored(vec![batch_of(&[(Verdict::Match, "", 4)])], None);
    let scope = Scope { now_ms: NOW, lost: Some(1234), ..Scope::default() };
    assert!(
        page_of(&folder, &scope)
            .contains("4 of 4 comparable answers match (100 %, 95 % interval 51.0–100 %, too few to rely on)")
    );
    assert!(page_of(&folder, &scope).contains("1,234 comparisons since the facade started"));
    let within_the_hour = page_of(&folder, &Scope { since_ms: NOW + 1_800_000, ..scope.clone() });
    assert!(within_the_hour.contains("4 of 4") && within_the_hour.contains("2026-01-01T00:00:00Z to "));
    for scope in [Scope { since_ms: NOW + 3_600_000, ..scope.clone() }, Scope { route: Some("x".to_owned()), ..scope }]
    {
        assert!(page_of(&folder, &scope).contains("Nothing recorded yet"));
    }
}

#[test]
fn thousands_of_signatures_are_capped_and_counted() {
    let mut batch = batch_of(&[(Verdict::Mismatch, "", 30)]);
    for number in 0..3000 {
        let one = difference(&format!("$.field{number}"), "1");
        batch.found(NOW, &"orders".into(), &one, Evidence { raw: 1, again: 1, ..Evidence::default() });
    }
    let page = page(vec![batch], None);
    assert!(page.contains("And 1876 more: <code>banyan diffs top --all --limit 0</code>"));
    assert_eq!(page.matches("<article").count(), 25);
    assert!(page.len() < 1_000_000, "{}", page.len());
}

#[test]
fn thousands_of_routes_are_capped_and_counted() {
    let mut batch = Batch::default();
    for number in 0..2000 {
        let (route, verdict, took) = (format!("route-{number}").into(), Verdict::Match, [Duration::from_millis(1); 2]);
        batch.compared(&Compared { at_ms: NOW, route, tenant: None, verdict, why: "", took: Some(took) });
    }
    let page = page(vec![batch], None);
    assert!(page.contains("And 1,970 more routes") && page.contains("And 1960 more routes"));
    assert!(page.len() < 2_000_000, "{}", page.len());
}

#[test]
fn numbers_have_their_thousands_set_apart() {
    assert_eq!([0, 999, 1000, 19_980, 1_234_567].map(counted), ["0", "999", "1,000", "19,980", "1,234,567"]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn whatever_was_sent_is_inert(path in any::<String>(), one in any::<String>(), bodies in any::<[String; 2]>()) {
        let one = difference(&path, &one);
        let mut batch = batch_of(&[(Verdict::Mismatch, "", 1)]);
        batch.found(NOW, &"orders".into(), &one, Evidence { raw: 1, again: 5, ..Evidence::default() });
        batch.samples.push(sample(&one, bodies.each_ref().map(String::as_str)));
        assert_inert(&page(vec![batch], None));
    }
}
