//! Legacy answers where new failed, if new cannot have acted.

use banyan::diff::Verdict;
use banyan::store::Reader;

use crate::harness::{Answer, Pair, Script, nobody, until};

/// A live route below /a with these keys, and new with these.
fn route(keys: &str, new: &str) -> String {
    format!(
        "force: {{ networks: [127.0.0.0/8] }}\n\
         backends: {{ legacy: {{ endpoints: [LEGACY] }}, new: {{ {new} }} }}\n\
         routes: [{{ name: a, match: {{ path: \"/a/{{*rest}}\" }}, new: new, stage: live, {keys} }}]"
    )
}

fn start(keys: &str) -> Pair {
    Pair::start(&route(keys, "endpoints: [NEW]"))
}

fn post(pair: &Pair, target: &str) -> Answer {
    pair.site.send(format!("POST {target} HTTP/1.1\r\nHost: shop.example\r\nContent-Length: 5\r\n\r\norder"))
}

const ERROR: &str = "HTTP/1.1 500 Internal Server Error\r\nContent-Length: 2\r\n\r\nno";

#[test]
fn what_new_was_never_sent_legacy_answers_whatever_the_method() {
    let keys = "fallback: {}, rewrite: { path: \"/v2/{*rest}\" }";
    let pair = Pair::start(&route(keys, &format!("endpoints: [\"http://{}\"]", nobody())));
    let answer = post(&pair, "/a/1");
    assert_eq!((answer.status, answer.served_by()), (200, "legacy"));
    let received = pair.legacy.only();
    assert_eq!((received.line().as_str(), received.text().as_str()), ("POST /a/1", "order"));
    let line = pair.site.logged("/a/1");
    assert_eq!((&line["fallback"], &line["served_by"]), (&"connect".into(), &"legacy".into()));
    assert_eq!((&line["side"], &line["backend"]), (&"new".into(), &"legacy".into()));
    pair.site.await_metric("banyan_fallbacks_total{route=\"a\"}", 1);
}

#[test]
fn what_new_may_have_acted_upon_it_answers_itself() {
    let pair = start("fallback: {}");
    pair.new.on("/a/1", Script::raw(ERROR));
    pair.new.on("/a/2", Script::default().reset());
    let (answer, reset) = (post(&pair, "/a/1"), post(&pair, "/a/2"));
    assert_eq!((answer.status, answer.served_by(), reset.status), (500, "new", 502));
    assert_eq!(pair.new.lines(), ["POST /a/1", "POST /a/2"]);
    assert_eq!(pair.legacy.lines(), [""; 0]);
    for target in ["/a/1", "/a/2"] {
        let answer = pair.site.get(target);
        assert_eq!((answer.status, answer.served_by(), answer.text().as_str()), (200, "legacy", "legacy"));
    }
    assert_eq!(pair.legacy.lines(), ["GET /a/1", "GET /a/2"]);
}

#[test]
fn a_put_that_new_was_sent_stays_with_new() {
    let pair = start("fallback: {}");
    pair.new.on("/a/1", Script::raw(ERROR));
    let put = "PUT /a/1 HTTP/1.1\r\nHost: shop.example\r\nContent-Length: 5\r\n\r\norder";
    assert_eq!(pair.site.send(put).status, 500);
    assert_eq!(pair.legacy.lines(), [""; 0]);
}

#[test]
fn only_what_is_named_is_fallen_back_for() {
    let pair = start("fallback: { when: [connect] }");
    pair.new.on("/a/1", Script::raw(ERROR));
    assert_eq!(pair.site.get("/a/1").status, 500);
    assert_eq!(pair.legacy.lines(), [""; 0]);
}

#[test]
fn legacy_has_the_routes_time_anew() {
    let pair = Pair::start(&route("fallback: { when: [timeout] }, timeout: 400ms", "endpoints: [NEW]"));
    pair.new.on("/a/1", Script::hang());
    let answer = pair.site.get("/a/1");
    assert_eq!((answer.status, answer.served_by()), (200, "legacy"));
    assert_eq!(pair.site.logged("/a/1")["fallback"], "timeout");
    assert_eq!(post(&pair, "/a/1").status, 504);
    assert_eq!(pair.legacy.lines(), ["GET /a/1"]);
}

#[test]
fn whoever_forces_new_sees_how_new_answers() {
    let pair = start("fallback: {}");
    pair.new.on("/a/1", Script::raw(ERROR));
    assert_eq!(pair.site.get_with("/a/1", "Banyan-Force: new\r\n").status, 500);
    assert_eq!(pair.legacy.lines(), [""; 0]);
}

#[test]
fn where_no_endpoint_is_up_new_is_not_asked() {
    let keys = "endpoints: [NEW], health: { path: /healthz, every: 100ms, unhealthy_after: 1 }";
    let pair = Pair::start(&route("fallback: { when: [no_endpoint] }", keys));
    pair.new.on("/healthz", Script::raw(ERROR));
    let series = format!("banyan_endpoint_healthy{{backend=\"new\",endpoint=\"{}\"}}", pair.new.address);
    pair.site.await_metric(&series, 0);
    assert_eq!(post(&pair, "/a/1").served_by(), "legacy");
    assert_eq!(pair.site.logged("/a/1")["fallback"], "no_endpoint");
    assert!(pair.new.lines().iter().all(|line| line == "GET /healthz"));
}

#[test]
fn each_is_an_error_of_new_for_the_guard() {
    let pair = start("fallback: {}, guard: { min_requests: 5, error_rate: 50%, window: 5s }");
    pair.new.on("/a/1", Script::raw(ERROR));
    until("the guard's trip", || {
        assert_eq!(pair.site.get("/a/1").served_by(), "legacy");
        (pair.site.metric("banyan_guard_trips_total{route=\"a\"}") == 1).then_some(())
    });
    let before = pair.new.lines().len();
    assert_eq!(pair.site.get("/a/1").served_by(), "legacy");
    assert_eq!(pair.new.lines().len(), before);
}

#[test]
fn each_is_a_mismatch_for_the_gate_and_there_is_no_copy() {
    let pair = start("fallback: {}, shadow: {}");
    pair.new.on("/a/1", Script::raw(ERROR));
    (0..3).for_each(|_| assert_eq!(pair.site.get("/a/1").served_by(), "legacy"));
    pair.site.await_metric("banyan_shadow_total{route=\"a\",outcome=\"dropped_fallback\"}", 3);
    assert_eq!(pair.legacy.lines().len(), 3);
    let summary = until("what the store knows", || {
        let routes = Reader::open(&pair.site.facade().state_dir).ok()?.routes(0).ok()?;
        routes.into_iter().find(|route| route.route == "a" && route.tally.of(Verdict::Mismatch) == 3)
    });
    assert_eq!(summary.tally.judged(), 3);
    assert_eq!(summary.why, [(Verdict::Mismatch, "fallback".to_owned(), 3)]);
}
