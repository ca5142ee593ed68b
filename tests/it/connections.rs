//! Connections on both sides: kept while they are sound, never shared by what does not belong together.

use crate::harness::{Client, End, Latch, Pair, Script, exchange, until};

#[test]
fn sequential_requests_share_one_connection_on_each_side() {
    let pair = Pair::start("");
    let mut client = pair.site.client();
    for n in 0..5 {
        assert_eq!(client.ask("GET", &format!("/{n}")).text(), "legacy");
    }
    client.send("POST /p HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc");
    assert_eq!(client.answer().status, 200);
    assert_eq!(client.ask("HEAD", "/h").status, 200);
    assert_eq!(pair.legacy.connections(), 1);
    assert_eq!(pair.legacy.requests().len(), 7);
    pair.site.await_metric("banyan_connections", 1);
    drop(client);
    pair.site.await_metric("banyan_connections", 0);
}

#[test]
fn pipelined_requests_are_answered_in_order() {
    let pair = Pair::start("");
    let latch = Latch::default();
    pair.legacy.on("/slow", Script::default().wait(&latch).send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nslow"));
    let one = |path: &str| format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n");
    let mut client = pair.site.client();
    client.send([one("/slow"), one("/b"), one("/c")].concat());
    pair.legacy.request(0);
    latch.open();
    let bodies: Vec<String> = (0..3).map(|_| client.answer().text()).collect();
    assert_eq!(bodies, ["slow", "legacy", "legacy"]);
    assert_eq!(pair.legacy.lines(), ["GET /slow", "GET /b", "GET /c"]);
    assert_eq!(pair.legacy.connections(), 1);
}

#[test]
fn a_request_that_comes_byte_by_byte_is_one_request() {
    let pair = Pair::start("");
    let mut client = pair.site.client();
    for byte in b"POST /slow HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhelloGET /b HTTP/1.1\r\nHost: a\r\n\r\n" {
        client.send([*byte]);
    }
    assert_eq!((client.answer().status, client.answer().status), (200, 200));
    assert_eq!(pair.legacy.lines(), ["POST /slow", "GET /b"]);
    assert_eq!(pair.legacy.request(0).text(), "hello");
}

#[test]
fn an_http_1_0_client_gets_what_it_can_read() {
    let pair = Pair::start("");
    let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n";
    pair.legacy.on("/chunked", Script::raw(chunked));
    let answers = exchange(pair.site.address(), "GET /chunked HTTP/1.0\r\nHost: a\r\n\r\n");
    assert_eq!((answers[0].end, answers[0].text().as_str()), (End::Closed, "hello"));
    assert_eq!(answers[0].field("transfer-encoding"), None);
    let mut client = pair.site.client();
    for _ in 0..2 {
        client.send("GET /kept HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\n\r\n");
        let answer = client.answer();
        assert_eq!((answer.end, answer.field("connection")), (End::Length, Some("keep-alive")));
    }
}

#[test]
fn a_connection_with_bytes_after_its_answer_serves_nobody_else() {
    let evil = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil";
    let pair = Pair::start("");
    pair.legacy.on("/a", Script::raw(format!("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok{evil}")));
    let mut client = pair.site.client();
    assert_eq!(client.ask("GET", "/a").text(), "ok");
    assert_eq!(client.ask("GET", "/b").text(), "legacy");
    assert_eq!(client.ask("GET", "/c").text(), "legacy");
    let used: Vec<usize> = pair.legacy.requests().iter().map(|request| request.connection).collect();
    assert_eq!(used, [0, 1, 1]);
    pair.legacy.closed(0);
}

#[test]
fn a_connection_on_which_something_came_unasked_serves_nobody_else() {
    let pair = Pair::start("");
    let latch = Latch::default();
    pair.legacy.on("/a", Script::ok("ok").wait(&latch).flood(10));
    let mut client = pair.site.client();
    assert_eq!(client.ask("GET", "/a").text(), "ok");
    latch.open();
    until("the unasked bytes", || (pair.legacy.flooded() == 10).then_some(()));
    assert_eq!(client.ask("GET", "/b").text(), "legacy");
    assert_eq!(pair.legacy.request(1).connection, 1);
}

#[test]
fn a_connection_whose_backend_wants_it_closed_serves_nobody_else() {
    let pair = Pair::start("");
    pair.legacy.on("/a", Script::with("Connection: close\r\n", "ok").and_hang());
    let mut client = pair.site.client();
    let answer = client.ask("GET", "/a");
    // That wish was about the other side's connection.
    assert_eq!((answer.text().as_str(), answer.field("connection")), ("ok", None));
    assert_eq!(client.ask("GET", "/b").text(), "legacy");
    assert_eq!(pair.legacy.request(1).connection, 1);
}

#[test]
fn a_get_over_a_stale_connection_is_sent_once_more() {
    let pair = Pair::start("");
    pair.legacy.on("/a", Script::ok("first"));
    pair.legacy.on("/a", Script::default().reset());
    pair.legacy.on("/a", Script::ok("third"));
    let mut client = pair.site.client();
    assert_eq!(client.ask("GET", "/a").text(), "first");
    assert_eq!(client.ask("GET", "/a").text(), "third");
    let used: Vec<usize> = pair.legacy.requests().iter().map(|request| request.connection).collect();
    assert_eq!(used, [0, 0, 1]);
}

#[test]
fn a_get_is_sent_twice_at_most() {
    let pair = Pair::start("");
    pair.legacy.on("/a", Script::ok("first"));
    pair.legacy.on("/a", Script::default().reset());
    let mut client = pair.site.client();
    client.ask("GET", "/a");
    client.ask("GET", "/a").assert_problem(502);
    assert_eq!(pair.legacy.requests().len(), 3);
}

#[test]
fn a_get_over_a_fresh_connection_is_sent_once() {
    let pair = Pair::start("");
    pair.legacy.on("/a", Script::default().reset());
    pair.site.get("/a").assert_problem(502);
    assert_eq!(pair.legacy.requests().len(), 1);
    pair.site.await_metric("banyan_upstream_errors_total{backend=\"legacy\",reason=\"reset\"}", 1);
}

#[test]
fn a_post_over_a_stale_connection_is_not_replayed() {
    let pair = Pair::start("");
    pair.legacy.on("/a", Script::ok("first"));
    pair.legacy.on("/a", Script::default().reset());
    let mut client = pair.site.client();
    client.ask("GET", "/a");
    client.send("POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc");
    client.answer().assert_problem(502);
    assert_eq!(pair.legacy.lines(), ["GET /a", "POST /a"]);
}

#[test]
fn a_connection_that_was_closed_while_unused_is_replaced_unseen() {
    let pair = Pair::start("");
    pair.legacy.on("/a", Script::ok("ok").close());
    let mut client = pair.site.client();
    client.ask("GET", "/a");
    pair.legacy.closed(0);
    client.send("POST /b HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc");
    assert_eq!(client.answer().status, 200);
    assert_eq!(pair.legacy.lines(), ["GET /a", "POST /b"]);
}

#[test]
fn a_client_that_goes_away_takes_its_request_with_it() {
    let pair = Pair::start("");
    pair.legacy.on("/hang", Script::hang());
    let half = "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf";
    pair.legacy.on("/half", Script::raw(half).and_hang());
    let mut client = pair.site.client();
    client.send("GET /hang HTTP/1.1\r\nHost: a\r\n\r\n");
    pair.legacy.request(0);
    client.reset();
    pair.legacy.closed(0);
    assert_eq!(pair.site.logged("/hang")["error"], "client_gone");
    let mut client = pair.site.client();
    client.send("GET /half HTTP/1.1\r\nHost: a\r\n\r\n");
    client.only_head();
    client.reset();
    pair.legacy.closed(1);
    assert_eq!(pair.site.logged("/half")["error"], "client_gone");
}

#[test]
fn answers_never_change_hands_between_clients() {
    let pair = Pair::start("");
    let address = pair.site.address();
    for n in 0..8 {
        pair.legacy.on(&format!("/mine/{n}"), Script::ok(format!("for {n}")));
    }
    std::thread::scope(|scope| {
        for n in 0..8 {
            scope.spawn(move || {
                let mut client = Client::connect(address);
                for _ in 0..50 {
                    assert_eq!(client.ask("GET", &format!("/mine/{n}")).text(), format!("for {n}"));
                }
            });
        }
    });
    assert_eq!(pair.legacy.requests().len(), 400);
    // One for each client and worker at the most: none was thrown away between two requests.
    assert!(pair.legacy.connections() <= 16, "{}", pair.legacy.connections());
}
