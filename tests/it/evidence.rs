//! What a guard judges by: each answer of a backend, and each failure to give one.

use banyan::routing::RouteId;
use banyan::telemetry::{GuardReading, SideReading, octaves};

use crate::harness::{Pair, Script, until};

const GUARDED: &str = "\
force: { networks: [127.0.0.0/8] }
routes:
  - { name: a, match: { path: \"/{*rest}\" }, new: new, stage: live, timeout: 1s, guard: { error_rate: 50%, min_requests: 100000 } }";

fn reading(pair: &Pair) -> GuardReading {
    pair.site.facade().live.current().guard_meter(RouteId(0)).unwrap().read()
}

/// Waits until new has so many requests, errors and 4xx, then gives what was counted.
#[track_caller]
fn counted(pair: &Pair, requests: u64, errors: u64, client_errors: u64) -> SideReading {
    let side = until(&format!("{requests} requests"), || {
        let [legacy, new] = reading(pair).sides;
        assert_eq!(legacy.requests, 0);
        (new.requests >= requests).then_some(new)
    });
    assert_eq!((side.requests, side.errors, side.client_errors), (requests, errors, client_errors));
    assert_eq!(side.times.iter().sum::<u64>(), requests);
    side
}

#[test]
fn answers_count_by_their_class() {
    let pair = Pair::start(GUARDED);
    for (n, status) in [200, 204, 302, 404, 429, 500, 503].into_iter().enumerate() {
        pair.new.on(&format!("/{n}"), Script::raw(format!("HTTP/1.1 {status} X\r\nContent-Length: 0\r\n\r\n")));
        assert_eq!(pair.site.get(&format!("/{n}")).status, status);
    }
    counted(&pair, 7, 2, 2);
}

#[test]
fn every_way_not_to_answer_is_an_error() {
    let pair = Pair::start(GUARDED);
    pair.new.on("/reset", Script::default().reset());
    pair.new.on("/bad", Script::raw("SSH-2.0-OpenSSH_9.2\r\n\r\n").close());
    pair.new.on("/broken", Script::raw("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc").close());
    pair.new.on("/hang", Script::hang());
    for (path, status) in [("/reset", 502), ("/bad", 502), ("/hang", 504)] {
        pair.site.get(path).assert_problem(status);
    }
    counted(&pair, 3, 3, 0);
    let mut client = pair.site.client();
    client.send("GET /broken HTTP/1.1\r\nHost: a\r\n\r\n");
    drop(client.next());
    counted(&pair, 4, 4, 0);
}

#[test]
fn a_backend_that_is_down_is_an_error() {
    let pair = Pair::start(&format!(
        "backends: {{ legacy: {{ endpoints: [LEGACY] }}, new: {{ endpoints: [\"http://nowhere.invalid:80\"] }} }}\n{GUARDED}"
    ));
    pair.site.get("/x").assert_problem(503);
    counted(&pair, 1, 1, 0);
}

#[test]
fn a_client_that_gives_up_is_no_error_but_as_slow_as_it_waited() {
    let pair = Pair::start(GUARDED);
    pair.new.on("/slow", Script::hang());
    let began = std::time::Instant::now();
    let mut client = pair.site.client();
    client.send("GET /slow HTTP/1.1\r\nHost: a\r\n\r\n");
    pair.new.head(0);
    drop(client);
    let side = counted(&pair, 1, 0, 0);
    let bucket = side.times.iter().position(|count| *count == 1).unwrap();
    assert!(bucket <= octaves::bucket_of(began.elapsed()));
}

#[test]
fn what_was_forced_or_refused_is_no_evidence() {
    let pair = Pair::start(GUARDED);
    assert_eq!(pair.site.get_with("/x", "Banyan-Force: legacy\r\n").served_by(), "legacy");
    assert_eq!(pair.site.get_with("/x", "Banyan-Force: new\r\n").served_by(), "new");
    pair.site.get("/a/../b").assert_problem(400);
    // Broken off within the request's body: nobody's answer.
    let mut client = pair.site.client();
    client.send("POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n");
    assert_eq!(client.answer().status, 400);
    pair.site.get("/y");
    counted(&pair, 1, 0, 0);
}

#[test]
fn a_reload_keeps_what_was_counted() {
    let pair = Pair::start(GUARDED);
    pair.site.get("/x");
    counted(&pair, 1, 0, 0);
    let generation = pair.site.generation();
    pair.save(&GUARDED.replace("50%", "40%"));
    until("the reload", || (pair.site.generation() > generation).then_some(()));
    pair.site.get("/x");
    counted(&pair, 2, 0, 0);
}
