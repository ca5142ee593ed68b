//! Endpoints that are checked get requests only while their checks are good.

use banyan::control::overview::Status;

use crate::harness::{Pair, Recorder, Script, until};

const HEALTH: &str = "health: { path: /healthz, every: 100ms, unhealthy_after: 2, healthy_after: 2 }, slow_start: 0s";

/// Legacy with these settings, at the recorders `legacy` and `new`.
fn two(keys: &str) -> String {
    format!("backends: {{ legacy: {{ endpoints: [LEGACY, NEW], balance: round_robin, {keys} }} }}")
}

fn healthy(recorder: &Recorder) -> String {
    format!("banyan_endpoint_healthy{{backend=\"legacy\",endpoint=\"{}\"}}", recorder.address)
}

fn bad() -> Script {
    Script::raw("HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n")
}

/// How many requests other than checks a backend got.
fn asked(recorder: &Recorder) -> usize {
    recorder.lines().iter().filter(|line| !line.ends_with("/healthz")).count()
}

#[test]
fn an_endpoint_is_out_while_its_checks_are_bad() {
    let pair = Pair::start(&two(HEALTH));
    pair.site.await_metric(&healthy(&pair.legacy), 1);
    pair.legacy.on("/healthz", bad());
    pair.site.await_metric(&healthy(&pair.legacy), 0);
    let before = asked(&pair.legacy);
    (0..20).for_each(|_| assert_eq!(pair.site.get("/x").text(), "new"));
    assert_eq!(asked(&pair.legacy), before);
    let status: Status = serde_json::from_slice(&pair.site.read("status").body.content).unwrap();
    let ups: Vec<bool> = status.backends[0].endpoints.iter().map(|endpoint| endpoint.healthy).collect();
    assert_eq!(ups, [false, true]);
    pair.legacy.on("/healthz", Script::raw("HTTP/1.1 302 Found\r\nLocation: /\r\nContent-Length: 0\r\n\r\n"));
    pair.site.await_metric(&healthy(&pair.legacy), 1);
    until("a request to the one that is back", || (pair.site.get("/x").text() == "legacy").then_some(()));
}

#[test]
fn a_check_says_whose_it_is() {
    let pair = Pair::start(&two(HEALTH));
    let check = pair.legacy.request(0);
    assert_eq!(check.line(), "GET /healthz");
    assert_eq!(check.field("host"), Some(&*pair.legacy.address.to_string()));
    assert!(check.field("user-agent").unwrap().contains("health check"));
}

#[test]
fn an_endpoint_that_does_not_answer_its_checks_is_out() {
    let pair = Pair::start(&two(&HEALTH.replace("every", "timeout: 100ms, every")));
    pair.legacy.on("/healthz", Script::hang());
    pair.site.await_metric(&healthy(&pair.legacy), 0);
    assert_eq!(pair.site.get("/x").text(), "new");
}

#[test]
fn where_all_are_out_all_are_tried() {
    let pair = Pair::start(&two(HEALTH));
    for backend in [&pair.legacy, &pair.new] {
        backend.on("/healthz", bad());
        pair.site.await_metric(&healthy(backend), 0);
    }
    let answers: Vec<String> = (0..40).map(|_| pair.site.get("/x").text()).collect();
    assert!(answers.contains(&"legacy".to_owned()) && answers.contains(&"new".to_owned()), "{answers:?}");
}

#[test]
fn a_reload_makes_nothing_healthy() {
    let pair = Pair::start(&two(HEALTH));
    pair.legacy.on("/healthz", bad());
    pair.site.await_metric(&healthy(&pair.legacy), 0);
    pair.rewrite(&two(&HEALTH.replace("healthy_after: 2 }", "healthy_after: 3 }")));
    assert_eq!(pair.site.metric(&healthy(&pair.legacy)), 0);
    assert_eq!(pair.site.get("/x").text(), "new");
    pair.rewrite(&two("slow_start: 0s"));
    assert_eq!(pair.site.metric(&healthy(&pair.legacy)), 1, "nothing would ever find it good again");
}
