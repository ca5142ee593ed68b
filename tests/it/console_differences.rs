//! The console's pages of differences, comparisons, changes and plans.

use std::sync::Arc;

use banyan::clock::now_ms;
use banyan::diff::{Difference, Evidence, Kind, SignatureId, Verdict};
use banyan::names::Side;
use banyan::store::{Batch, Compared, Reader, Sample, Told};

use crate::harness::{Browser, Site, owner, until};

const HOSTILE: &str = "\"><script>alert(1)</script><img src=x onerror=alert(1)>\u{1b}[31m\u{202e}=cmd()";

const ROUTES: &str = "\
backends: { old: { endpoints: [http://10.0.0.1:81] }, new: { endpoints: [http://10.0.0.2:82] } }
defaults: { legacy: old }
routes:
- { name: orders, group: shop, match: { path: \"/orders/{id}\" }, new: new, stage: shadow, shadow: {} }
- { name: other, match: { path: /other }, new: new, stage: canary, canary: { percent: 5, by: tenant } }
";

fn difference(path: &str) -> Difference {
    let one = Some(HOSTILE.to_owned());
    Difference {
        kind: Kind::Value,
        place: path.to_owned(),
        path: path.to_owned(),
        count: 1,
        one,
        other: Some("2".to_owned()),
    }
}

fn id(path: &str) -> SignatureId {
    SignatureId::new("orders", path, Kind::Value)
}

/// A comparison whose bodies differ at this path.
fn sample(path: &str, tenant: &str, number: u64) -> Sample {
    let body = |total: &str| {
        Some(format!("{{\"id\":{number},\"total\":{total:?},\"same\":{{\"a\":1,\"b\":2}}}}").into_bytes())
    };
    let told = |body: Option<Vec<u8>>| Told {
        status: 200,
        headers: vec![
            ("content-type".to_owned(), "application/json".to_owned()),
            ("x-odd".to_owned(), HOSTILE.to_owned()),
        ],
        body,
        ..Told::default()
    };
    Sample {
        at_ms: now_ms() - 1000 + number,
        route: "orders".into(),
        tenant: Some(tenant.into()),
        request_id: format!("r-{number}"),
        verdict: Verdict::Mismatch,
        answered: Side::Legacy,
        method: "GET".to_owned(),
        target: format!("/orders/{number}?q=<b>"),
        headers: vec![("host".to_owned(), "shop.example".to_owned()), ("cookie".to_owned(), "[redacted]".to_owned())],
        body: None,
        answers: [told(body("12.5")), told(body("12.4"))],
        differences: vec![(id(path), difference(path))],
    }
}

/// A facade that has found one real difference, one that is noise, and one in what a stranger has named.
fn site() -> Site {
    let site = Site::start(ROUTES);
    let (route, at_ms): (Arc<str>, u64) = ("orders".into(), now_ms());
    let mut batch = Batch::default();
    for number in 0..1000 {
        let (verdict, why) = match number {
            0..900 => (Verdict::Match, ""),
            900..980 => (Verdict::Noise, "noise"),
            980..990 => (Verdict::Unknown, "too_large"),
            _ => (Verdict::Mismatch, ""),
        };
        let route = Arc::clone(&route);
        batch.compared(&Compared { at_ms, route, tenant: Some("acme".into()), verdict, why, took: None });
    }
    let learned = |raw: u64, again: u64, itself: u64| Evidence { raw, again, itself, ..Evidence::default() };
    batch.found(at_ms, &route, &difference("$.total"), learned(10, 5, 0));
    batch.found(at_ms, &route, &difference("$.at"), learned(80, 0, 5));
    batch.found(at_ms, &route, &difference(HOSTILE), learned(2, 5, 0));
    batch.samples.extend((1..=3).map(|number| sample("$.total", if number == 2 { "globex" } else { "acme" }, number)));
    batch.samples.push(sample(HOSTILE, HOSTILE, 9));
    assert!(site.facade().store.offer(batch));
    let state_dir = site.facade().state_dir.clone();
    until("it is recorded", || Reader::open(&state_dir).ok()?.signature(id("$.total")).ok()?);
    site
}

#[track_caller]
fn page(browser: &mut Browser<'_>, path: &str) -> String {
    let answer = browser.get(path);
    assert_eq!(answer.status, 200, "{path}: {}", answer.text());
    let text = answer.text();
    assert!(!text.contains("<script>") && !text.contains("<img src=x") && !text.contains('\u{202e}'), "{path}: {text}");
    text
}

#[test]
fn differences_stand_by_impact_with_noise_and_what_cannot_be_compared_apart() {
    let site = site();
    let mut browser = Browser::owner(&site);
    let all = page(&mut browser, "/differences");
    for words in ["99.0 %", "of 990", "80 differ only where a system differs from itself", "neither match nor mismatch"]
    {
        assert!(all.contains(words), "{words}: {all}");
    }
    assert!(all.contains(&id("$.total").to_string()) && !all.contains(&id("$.at").to_string()));
    let noise = page(&mut browser, "/differences?state=noise");
    assert!(noise.contains(&id("$.at").to_string()) && noise.contains("hides 80"), "{noise}");
    let unknown = page(&mut browser, "/differences?state=not-comparable");
    assert!(unknown.contains("a body is larger than is compared"), "{unknown}");
    // Filters narrow, and say so where nothing is left.
    assert!(page(&mut browser, "/differences?q=TOTAL").contains(&id("$.total").to_string()));
    assert!(page(&mut browser, "/differences?tenant=globex").contains(&id("$.total").to_string()));
    for nothing in ["q=nowhere", "tenant=nobody", "route=other"] {
        assert!(
            page(&mut browser, &format!("/differences?{nothing}")).contains("Nothing here passes the filter"),
            "{nothing}"
        );
    }
    for odd in ["state=x&sort=y&dir=z&page=99999999999999999999&since=w", "sort=last&dir=asc", "page=7"] {
        page(&mut browser, &format!("/differences?{odd}"));
    }
}

#[test]
fn one_difference_leads_to_its_comparisons_and_from_one_to_the_next() {
    let site = site();
    let mut browser = Browser::owner(&site);
    let one = page(&mut browser, &format!("/differences/{}", id("$.total")));
    for words in ["$.total has another value in new", "of 990", "acme", "globex", "confirmed 5 of 5 times"] {
        assert!(one.contains(words), "{words}: {one}");
    }
    let reader = Reader::open(&site.facade().state_dir).unwrap();
    let ids: Vec<u64> =
        reader.showing(&id("$.total").to_string(), 10).unwrap().iter().map(|row| row.comparison).collect();
    let of = id("$.total");
    let middle = page(&mut browser, &format!("/comparisons/{}?of={of}", ids[1]));
    for other in [ids[0], ids[2]] {
        assert!(middle.contains(&format!("/comparisons/{other}?of={of}")), "{middle}");
    }
    for words in ["read as json", "total", "http://10.0.0.1:81/orders/2", "It counts as a mismatch", "redacted"] {
        assert!(middle.contains(words), "{words}: {middle}");
    }
    // Whatever a stranger has named is shown and does nothing.
    page(&mut browser, &format!("/differences/{}", id(HOSTILE)));
    let last = reader.showing(&id(HOSTILE).to_string(), 1).unwrap()[0].comparison;
    page(&mut browser, &format!("/comparisons/{last}?of=%22%3E%3Cscript%3E"));
    for (path, status) in [
        ("/differences/0000000000000000", 404),
        ("/differences/x", 404),
        ("/comparisons/999999", 404),
        ("/comparisons/-1", 404),
        ("/changes/999", 404),
        ("/changes/x", 404),
        ("/changes/999/back", 404),
    ] {
        assert_eq!(browser.get(path).status, status, "{path}");
    }
}

#[test]
fn a_difference_is_accepted_and_reopened_by_an_owner() {
    let site = site();
    let mut browser = Browser::owner(&site);
    let (store, name) = (&site.facade().store, id("$.total").to_string());
    let here = format!("/differences/{name}");
    let fields = [("id", &*name), ("reason", "known <i>"), ("until", "7d"), ("back", &*here)];
    assert_eq!(browser.post("/act/accept", &fields).status, 403, "without what the page's form has");
    let answer = browser.act("/act/accept", &fields);
    assert_eq!((answer.status, answer.field("location")), (303, Some(&*here)));
    let day = 86_400_000;
    assert!(
        store.is_accepted(id("$.total"), now_ms() + 6 * day) && !store.is_accepted(id("$.total"), now_ms() + 8 * day)
    );
    let shown = page(&mut browser, &here);
    assert!(
        shown.contains("Accepted") && shown.contains("known &#60;i&#62;") && shown.contains("Reopen it"),
        "{shown}"
    );
    assert!(page(&mut browser, "/differences?state=accepted").contains(&name));
    assert!(page(&mut browser, "/changes?what=difference").contains("A difference was accepted"));
    browser.act("/act/reopen", &[("id", &name), ("reason", "no"), ("back", &here)]);
    assert!(!store.is_accepted(id("$.total"), now_ms()));
    // Without a reason nothing is done, and the next page says so.
    browser.act("/act/accept", &[("id", &name), ("reason", " "), ("back", &here)]);
    assert!(page(&mut browser, &here).contains("a reason is needed") && !store.is_accepted(id("$.total"), now_ms()));
}

#[test]
fn changes_say_who_did_what_and_how_it_is_undone() {
    let site = site();
    let mut browser = Browser::owner(&site);
    browser.act("/act/rollback", &[("scope", "other"), ("reason", HOSTILE)]);
    let shown = page(&mut browser, "/changes");
    for words in [
        "other was rolled back to legacy",
        "by <a class=\"plain\" href=\"/changes?who=admin\">admin</a>",
        "In force now",
    ] {
        assert!(shown.contains(words), "{words}: {shown}");
    }
    assert!(shown.contains("/resume?scope=other&#38;back=%2Fchanges"), "{shown}");
    for (query, is_shown) in [
        ("on=other", true),
        ("who=admin", true),
        ("what=rollback", true),
        ("who=bob", false),
        ("on=orders", false),
        ("what=ramp", false),
        ("before=0", false),
    ] {
        let found = page(&mut browser, &format!("/changes?{query}")).contains("other was rolled back");
        assert_eq!(found, is_shown, "{query}");
    }
    let generation = page(&mut browser, "/changes/2");
    assert!(generation.contains("The files did not change") && generation.contains("How to undo it"), "{generation}");
    // A configuration goes live, and the one before is put back and held, then the files count again.
    site.save(&ROUTES.replace("percent: 5", "percent: 50"));
    site.await_generation(3);
    let diff = page(&mut browser, "/changes/3");
    assert!(diff.contains("<span class=\"minus\">-") && diff.contains("percent: 50"), "{diff}");
    let asked = page(&mut browser, "/changes/2/back");
    assert!(asked.contains("Put generation 2 back?") && asked.contains("50 % by tenant → 5 % by tenant"), "{asked}");
    let answer = browser.act("/act/back", &[("generation", "2"), ("reason", "worse"), ("back", "/changes")]);
    assert_eq!((answer.status, answer.field("location")), (303, Some("/changes")));
    let held = page(&mut browser, "/changes");
    assert!(
        held.contains("is held") && held.contains("banyan resume --file") && held.contains("/changes/files"),
        "{held}"
    );
    assert!(page(&mut browser, "/changes/files").contains("Load the files"));
    browser.act("/act/files", &[("reason", ""), ("back", "/changes")]);
    assert!(site.read("status").json()["held"].is_null());
    assert!(page(&mut browser, "/changes").contains("The files count again"));
}

#[test]
fn a_plan_shows_errors_at_their_lines_and_whom_it_would_move() {
    let site = site();
    let mut browser = Browser::owner(&site);
    assert!(page(&mut browser, "/plan?from=live").contains("percent: 5"));
    let whole = Site::whole(ROUTES);
    let bad = whole.replace("stage: canary", "stagee: canary\t<script>");
    let shown = browser.act("/plan", &[("config", &bad)]).text();
    assert!(
        shown.contains("did you mean `stage`?") && shown.contains("class=\"wrong\"") && !shown.contains("<script>"),
        "{shown}"
    );
    assert!(shown.contains("stagee: canary&#9;"), "the text is what it was: {shown}");
    let good = whole.replace("percent: 5", "percent: 50");
    let shown = browser.act("/plan", &[("config", &good)]).text();
    for words in
        ["It is valid", "5 % by tenant → 50 % by tenant", "few-requests", "How to apply it", "Nothing here is applied"]
    {
        assert!(shown.contains(words), "{words}: {shown}");
    }
    assert_eq!(site.read("status").json()["generation"], 1, "nothing was applied");
    let large = browser.act("/plan", &[("config", &"#".repeat(2 * 1024 * 1024 + 1))]).text();
    assert!(large.contains("at most 2 MiB"), "{}", large.len());
    assert!(owner(&site).len() == 64 && !page(&mut browser, "/plan").contains(&owner(&site)));
}

#[test]
fn pages_without_anything_to_show_say_what_to_do_next() {
    let site = Site::start(ROUTES);
    let mut browser = Browser::owner(&site);
    assert!(page(&mut browser, "/differences").contains("Nothing was compared"));
    assert!(page(&mut browser, "/changes").contains("The facade started"));
    assert!(page(&mut browser, "/changes?who=nobody").contains("Nothing was done that passes the filter"));
}

#[test]
#[allow(clippy::print_stdout, reason = "what was measured is told, not judged")]
fn ten_thousand_signatures_of_five_thousand_routes_are_small_pages() {
    let mut routes = ROUTES.to_owned();
    for number in 0..5000 {
        routes += &format!("- {{ name: route-{number}, match: {{ path: /p{number} }}, new: new, stage: live }}\n");
    }
    let site = Site::start(&routes);
    let at_ms = now_ms();
    for route in 0..10 {
        let mut batch = Batch::default();
        let route: Arc<str> = format!("route-{route}").into();
        for number in 0..1000 {
            let path = format!("$.a-rather-long-field[*].number-{number}.of-many");
            batch.found(at_ms, &route, &difference(&path), Evidence { raw: 3, again: 5, ..Evidence::default() });
        }
        batch.compared(&Compared { at_ms, route, tenant: None, verdict: Verdict::Mismatch, why: "", took: None });
        until("there is room", || site.facade().store.offer(std::mem::take(&mut batch)).then_some(()));
    }
    let state_dir = site.facade().state_dir.clone();
    let count = || Reader::open(&state_dir).ok()?.signatures(&Default::default()).ok();
    until("they are recorded", || count().filter(|rows| rows.len() == 10_000));
    let mut browser = Browser::owner(&site);
    for address in ["/", "/differences", "/differences?sort=route&page=50", "/differences?q=number-7"] {
        let began = std::time::Instant::now();
        let shown = page(&mut browser, address);
        println!("{address}: {} bytes in {:?}", shown.len(), began.elapsed());
        assert!(shown.len() < 500_000, "{}", shown.len());
    }
}
