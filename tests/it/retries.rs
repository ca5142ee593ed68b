//! Requests are sent again where that is safe, and no oftener than the budget allows.

use crate::harness::{Pair, Script, nobody};

/// Legacy at these endpoints, with retries.
fn retrying(endpoints: &str, retries: &str) -> String {
    format!(
        "backends: {{ legacy: {{ endpoints: [{endpoints}], balance: round_robin, retries: {{ {retries} }} }}, new: {{ endpoints: [NEW] }} }}"
    )
}

fn status(code: u16) -> Script {
    Script::raw(format!("HTTP/1.1 {code} Whatever\r\nContent-Length: 2\r\n\r\nno"))
}

fn send(pair: &Pair, method: &str, target: &str, body: &str) -> crate::harness::Answer {
    let length = body.len();
    pair.site
        .send(format!("{method} {target} HTTP/1.1\r\nHost: shop.example\r\nContent-Length: {length}\r\n\r\n{body}"))
}

#[test]
fn what_was_never_sent_is_sent_to_another_endpoint_whatever_the_method() {
    let pair = Pair::start(&retrying(&format!("http://{}, LEGACY", nobody()), "attempts: 2, budget: 100%"));
    for number in 0..20 {
        assert_eq!(send(&pair, "POST", "/orders", &format!("order {number}")).status, 200);
    }
    let received: Vec<String> = pair.legacy.requests().iter().map(|request| request.text()).collect();
    assert_eq!(received, (0..20).map(|number| format!("order {number}")).collect::<Vec<_>>());
    pair.site.await_metric("banyan_retries_total{backend=\"legacy\"}", 10);
    let log = crate::harness::until("the log", || Some(pair.site.log()).filter(|log| log.len() == 20));
    assert_eq!(log.iter().filter(|line| line["attempts"] == 2).count(), 10);
    assert!(log.iter().all(|line| line["error"].is_null()));
}

#[test]
fn without_retries_nothing_is_sent_again() {
    let pair = Pair::start(&format!(
        "backends: {{ legacy: {{ endpoints: [\"http://{}\", LEGACY], balance: round_robin }}, new: {{ endpoints: [NEW] }} }}",
        nobody()
    ));
    let refused = (0..10).filter(|_| pair.site.get("/x").status == 502).count();
    assert_eq!(refused, 5);
}

#[test]
fn a_request_that_may_have_been_acted_upon_is_sent_again_only_if_that_does_no_harm() {
    let pair = Pair::start(&retrying("LEGACY", "attempts: 2, budget: 100%"));
    for (path, method) in
        [("/get", "GET"), ("/put", "PUT"), ("/delete", "DELETE"), ("/post", "POST"), ("/patch", "PATCH")]
    {
        pair.legacy.on(path, Script::default().reset());
        pair.legacy.on(path, Script::ok("at last"));
        let body = if method == "GET" { "" } else { "the body" };
        let answer = send(&pair, method, path, body);
        let received: Vec<_> = pair.legacy.requests().into_iter().filter(|request| request.target == path).collect();
        let harmless = !matches!(method, "POST" | "PATCH");
        assert_eq!(answer.status, if harmless { 200 } else { 502 }, "{method}");
        assert_eq!(received.len(), if harmless { 2 } else { 1 }, "{method}");
        assert!(received.iter().all(|request| request.text() == body), "{method}");
    }
}

#[test]
fn a_chunked_body_is_chunked_again() {
    let pair = Pair::start(&retrying("LEGACY", "attempts: 3, budget: 100%, when: [503]"));
    pair.legacy.on("/put", status(503));
    pair.legacy.on("/put", status(503));
    pair.legacy.on("/put", Script::ok("at last"));
    let head = "PUT /put HTTP/1.1\r\nHost: shop.example\r\nTransfer-Encoding: chunked\r\n\r\n";
    let answer = pair.site.send(format!("{head}5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n"));
    assert_eq!((answer.status, answer.text().as_str()), (200, "at last"));
    let received = pair.legacy.requests();
    assert_eq!(received.len(), 3);
    assert!(received.iter().all(|request| request.text() == "hello world"));
    assert_eq!(pair.site.logged("/put")["attempts"], 3);
    assert_eq!(pair.legacy.connections(), 1, "an answer that is dropped is read to its end");
}

#[test]
fn only_the_answers_that_are_named_are_dropped() {
    let pair = Pair::start(&retrying("LEGACY", "attempts: 2, budget: 100%, when: [503]"));
    for (code, count) in [(503, 2), (502, 1), (500, 1), (404, 1)] {
        let path = format!("/{code}");
        pair.legacy.on(&path, status(code));
        let answer = pair.site.get(&path);
        assert_eq!((answer.status, answer.text().as_str()), (code, "no"));
        let line = format!("GET {path}");
        assert_eq!(pair.legacy.lines().iter().filter(|other| **other == line).count(), count, "{code}");
        // What is not idempotent is never sent again for an answer.
        send(&pair, "POST", &path, "x");
        let line = format!("POST {path}");
        assert_eq!(pair.legacy.lines().iter().filter(|other| **other == line).count(), 1, "{code}");
    }
}

#[test]
fn a_body_too_large_to_keep_is_sent_once() {
    let pair = Pair::start(&retrying("LEGACY", "attempts: 2, budget: 100%, when: [503]"));
    pair.legacy.on("/put", status(503));
    assert_eq!(send(&pair, "PUT", "/put", &"x".repeat(100_000)).status, 503);
    assert_eq!(pair.legacy.only().body.content.len(), 100_000);
}

#[test]
fn where_everything_fails_a_fifth_is_sent_again_at_most() {
    let pair = Pair::start(&retrying("LEGACY", "attempts: 5, when: [connect, reset, 503]"));
    pair.legacy.on("/x", status(503));
    let mut client = pair.site.client();
    (0..300).for_each(|_| assert_eq!(client.ask("GET", "/x").status, 503));
    let received = pair.legacy.lines().len();
    assert!((360..=370).contains(&received), "300 requests became {received}");
}
