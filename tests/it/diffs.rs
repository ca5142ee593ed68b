//! Differences, as analysts see them over HTTP and on the command line.

use std::process::{Command, Output};
use std::sync::Arc;

use banyan::clock::now_ms;
use banyan::diff::{Difference, Evidence, Kind, SignatureId, Verdict};
use banyan::names::Side;
use banyan::store::{Batch, Compared, Reader, Sample, Told};
use serde_json::Value;

use crate::harness::{Answer, Client, Site, until};

const ROUTES: &str = "\
backends: { old: { endpoints: [http://10.0.0.1:81] }, new: { endpoints: [http://10.0.0.2:82] } }
defaults: { legacy: old }
routes:
- { name: orders, group: shop, match: { path: \"/orders/{id}\" }, new: new, stage: shadow, rewrite: { path: \"/v2/{id}\" } }
- { name: other, match: { path: /other }, new: new, stage: shadow }";

/// A facade that has recorded 990 matches and 10 mismatches.
fn site() -> Site {
    let site = Site::start(ROUTES);
    let route: Arc<str> = "orders".into();
    let at_ms = now_ms();
    let mut batch = Batch::default();
    for number in 0..1000 {
        let verdict = if number < 990 { Verdict::Match } else { Verdict::Mismatch };
        batch.compared(&Compared { at_ms, route: Arc::clone(&route), tenant: None, verdict, why: "", took: None });
    }
    let path = "$.total".to_owned();
    let one = Some("<script>alert(1)</script>".to_owned());
    let difference =
        Difference { kind: Kind::Value, place: path.clone(), path, count: 1, one, other: Some("2".to_owned()) };
    batch.found(at_ms, &route, &difference, Evidence { raw: 10, again: 5, ..Evidence::default() });
    batch.samples.push(Sample {
        at_ms,
        route,
        tenant: Some("acme".into()),
        request_id: "r-1".to_owned(),
        verdict: Verdict::Mismatch,
        answered: Side::Legacy,
        method: "GET".to_owned(),
        target: "/orders/7?q=it's".to_owned(),
        headers: vec![("host".to_owned(), "shop.example".to_owned())],
        body: None,
        answers: [Told::default(), Told::default()],
        differences: vec![(id(), difference)],
    });
    assert!(site.facade().store.offer(batch));
    let state_dir = site.facade().state_dir.clone();
    until("it is recorded", || Reader::open(&state_dir).ok()?.signature(id()).ok()?);
    site
}

fn id() -> SignatureId {
    SignatureId::new("orders", "$.total", Kind::Value)
}

fn token(site: &Site) -> String {
    std::fs::read_to_string(site.facade().state_dir.join("admin.token")).unwrap().trim().to_owned()
}

fn ask(site: &Site, request: &str, body: &str) -> Answer {
    let mut client = Client::connect(site.facade().admin);
    let token = token(site);
    client.send(format!(
        "{request} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    ));
    client.answer()
}

fn json(site: &Site, request: &str) -> Value {
    ask(site, request, "").json()
}

fn banyan(site: &Site, words: &[&str]) -> Output {
    let admin = site.facade().admin.to_string();
    let state_dir = site.facade().state_dir.clone();
    let mut command = Command::new(env!("CARGO_BIN_EXE_banyan"));
    command.args(words).arg("--config").arg(site.config()).env("BANYAN_STATE_DIR", state_dir).env("USER", "ada");
    if words.contains(&"--reason") {
        command.args(["--admin", &admin]);
    }
    command.output().unwrap()
}

fn text(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap() + &String::from_utf8(output.stderr.clone()).unwrap()
}

#[test]
fn differences_need_the_token() {
    let site = site();
    for path in ["diffs".to_owned(), format!("diffs/{}", id()), "comparisons/1".to_owned()] {
        assert_eq!(site.admin(&format!("GET /api/v1/{path}")).status, 401, "{path}");
    }
    for act in ["accept", "reopen"] {
        assert_eq!(site.admin(&format!("POST /api/v1/diffs/{}/{act}", id())).status, 401);
    }
}

#[test]
fn differences_are_read_over_http() {
    let site = site();
    let found = json(&site, "GET /api/v1/diffs?since=24h&route=orders");
    assert_eq!((found["compared"].as_u64(), found["signatures"][0]["path"].as_str()), (Some(1000), Some("$.total")));
    assert_eq!(found["signatures"][0]["share"]["hits"], 10);
    let one = json(&site, &format!("GET /api/v1/diffs/{}", id()));
    assert_eq!(one["signature"]["judgement"], "real");
    let comparison = one["comparisons"][0]["id"].as_u64().unwrap();
    let comparison = json(&site, &format!("GET /api/v1/comparisons/{comparison}"));
    assert_eq!(comparison["differences"][0]["legacy"], "<script>alert(1)</script>");
    for (request, status) in [
        ("GET /api/v1/diffs/0000000000000000", 404),
        ("GET /api/v1/diffs/x", 404),
        ("GET /api/v1/comparisons/999", 404),
        ("GET /api/v1/comparisons/-1", 404),
        ("GET /api/v1/diffs?since=soon", 422),
        ("GET /api/v1/diffs?sinze=1h", 400),
    ] {
        assert_eq!(ask(&site, request, "").status, status, "{request}");
    }
}

#[test]
fn differences_are_accepted_and_reopened_over_http() {
    let site = site();
    let accept = format!("POST /api/v1/diffs/{}/accept", id());
    for (body, status) in [
        ("{}", 422),
        (r#"{"reason":" "}"#, 422),
        (r#"{"reason":"x","until":"2020-01-01"}"#, 422),
        (r#"{"reason":"x","until":"1d","forever":true}"#, 422),
        (r#"{"reason":"x","for":"1d"}"#, 422),
        (r#"{"reason":"x"}"#, 200),
    ] {
        assert_eq!(ask(&site, &accept, body).status, status, "{body}");
    }
    let store = &site.facade().store;
    let day = 86_400_000;
    assert!(store.is_accepted(id(), now_ms() + 29 * day) && !store.is_accepted(id(), now_ms() + 31 * day));
    assert_eq!(json(&site, "GET /api/v1/diffs")["accepted"], 1);
    let reopen = format!("POST /api/v1/diffs/{}/reopen", id());
    assert_eq!(ask(&site, &reopen, r#"{"reason":"no","by":"bob"}"#).status, 200);
    assert!(!store.is_accepted(id(), now_ms()));
    assert_eq!(json(&site, &format!("GET /api/v1/diffs/{}", id()))["history"][1]["by"], "bob");
    assert_eq!(ask(&site, "POST /api/v1/diffs/0000000000000000/accept", r#"{"reason":"x"}"#).status, 404);
}

#[test]
fn analysts_work_on_the_command_line() {
    let site = site();
    let top = banyan(&site, &["diffs", "top"]);
    assert!(top.status.success() && text(&top).contains("1.00 % of 1000"), "{}", text(&top));
    let rows: Value = serde_json::from_slice(&banyan(&site, &["diffs", "top", "-o", "json"]).stdout).unwrap();
    assert_eq!(rows[0]["id"], id().to_string());
    let id = id().to_string();
    assert!(text(&banyan(&site, &["diffs", "show", &id])).contains("* $.total"));
    let curl = banyan(&site, &["diffs", "show", &id, "--as", "curl"]);
    assert!(text(&curl).contains("'http://10.0.0.2:82/v2/7?q=it'\\''s'"), "{}", text(&curl));
    let curl = banyan(&site, &["diffs", "show", &id, "--as", "curl", "--side", "legacy", "--base", "http://x"]);
    assert!(text(&curl).contains("'http://x/orders/7?q=it'\\''s'"), "{}", text(&curl));
    let accepted = banyan(&site, &["diffs", "accept", &id, "--reason", "known", "--for", "2d"]);
    assert!(accepted.status.success(), "{}", text(&accepted));
    assert!(text(&banyan(&site, &["diffs", "top"])).contains("not shown: 1 accepted"));
    assert!(text(&banyan(&site, &["diffs", "show", &id])).contains("by ada until"));
    assert!(banyan(&site, &["diffs", "reopen", &id, "--reason", "after all"]).status.success());
    assert_eq!(banyan(&site, &["diffs", "accept", "0000000000000000", "--reason", "x"]).status.code(), Some(1));
    assert_eq!(banyan(&site, &["diffs", "show", "0000000000000000"]).status.code(), Some(1));
    let export = banyan(&site, &["diffs", "export", "--what", "comparisons", "--format", "jsonl"]);
    assert_eq!(String::from_utf8(export.stdout).unwrap().lines().count(), 1);
}

#[test]
fn the_gate_answers_with_its_exit_code() {
    let site = site();
    let gate = |words: &[&str]| {
        let output = banyan(&site, &[&["gate"], words].concat());
        (output.status.code().unwrap(), text(&output))
    };
    let (code, said) = gate(&["orders", "--min-match", "99%", "--min-n", "1000"]);
    assert!(code == 0 && said.contains("match    99.00 % of 1000 (98.17 to 99.46)"), "{said}");
    for what in ["group:shop", "all"] {
        assert_eq!(gate(&[what, "--min-match", "99", "--min-n", "1000"]).0, 0, "{what}");
    }
    let (code, said) = gate(&["orders"]);
    assert!(code == 1 && said.contains("9000 more comparisons") && said.contains("below 99.9 %"), "{said}");
    for (what, why) in [("nothing", "there is no route `nothing`"), ("group:x", "no route is in a group `x`")] {
        let (code, said) = gate(&[what]);
        assert!(code == 1 && said.contains(why), "{said}");
    }
    assert_eq!(gate(&["other"]).0, 1);
}

#[test]
fn a_store_that_does_not_exist_is_said_to() {
    let folder = tempfile::tempdir().unwrap();
    for words in [&["diffs", "top"][..], &["gate", "all"]] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_banyan"));
        let output = command.args(words).arg("--state-dir").arg(folder.path()).output().unwrap();
        assert_eq!(output.status.code(), Some(1));
        assert!(text(&output).contains("no facade has recorded comparisons there"), "{}", text(&output));
    }
}
