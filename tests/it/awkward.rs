//! Clients and backends that are odd, but within their rights.

use std::time::Duration;

use crate::harness::{Client, End, Pair, Script, exchange, until};

#[test]
fn a_head_at_the_limit_passes() {
    let pair = Pair::start("");
    // With Host, a hundred.
    let lines: String = (0..99).map(|n| format!("X-{n}: {n}\r\n")).collect();
    assert_eq!(pair.site.get_with("/x", &lines).status, 200);
    assert_eq!(pair.legacy.only().field("x-98"), Some("98"));
    pair.site.get_with("/x", &format!("{lines}X-More: 1\r\n")).assert_problem(431);
}

#[test]
fn an_answer_may_have_many_headers() {
    let pair = Pair::start("");
    let lines: String = (0..200).map(|n| format!("X-{n}: {n}\r\n")).collect();
    pair.legacy.on("/x", Script::with(&lines, "ok"));
    let answer = pair.site.get("/x");
    assert_eq!((answer.status, answer.field("x-199")), (200, Some("199")));
}

#[test]
fn a_get_may_have_a_body() {
    let pair = Pair::start("");
    let head = "GET /x HTTP/1.1\r\nHost: a\r\n";
    let length = pair.site.send(format!("{head}Content-Length: 5\r\n\r\nhello"));
    let chunked = pair.site.send(format!("{head}Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"));
    assert_eq!((length.status, chunked.status), (200, 200));
    for n in 0..2 {
        assert_eq!(pair.legacy.request(n).text(), "hello");
    }
}

#[test]
fn an_http_1_0_client_may_send_a_body_and_stay() {
    let pair = Pair::start("");
    let mut client = pair.site.client();
    for n in 0..2 {
        client.send("POST /x HTTP/1.0\r\nConnection: keep-alive\r\nContent-Length: 5\r\n\r\nhello");
        assert_eq!(client.answer().status, 200);
        assert_eq!(pair.legacy.request(n).text(), "hello");
    }
}

#[test]
fn an_upgrade_on_http_1_0_or_with_a_body_is_a_plain_request() {
    let pair = Pair::start("");
    let upgrade = "Host: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n";
    assert_eq!(exchange(pair.site.address(), format!("GET /a HTTP/1.0\r\n{upgrade}\r\n")).len(), 1);
    let answer = pair.site.send(format!("POST /b HTTP/1.1\r\n{upgrade}Content-Length: 5\r\n\r\nhello"));
    assert_eq!(answer.status, 200);
    assert_eq!(pair.legacy.request(1).text(), "hello");
    assert!(pair.legacy.requests().iter().all(|request| request.field("upgrade").is_none()));
}

#[test]
fn every_whole_answer_is_logged_without_an_error() {
    let pair = Pair::start("");
    let rows = [
        ("GET", "/length", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"),
        ("GET", "/empty", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"),
        ("GET", "/chunked", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"),
        ("GET", "/no-chunk", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
        ("GET", "/204", "HTTP/1.1 204 No Content\r\n\r\n"),
        ("GET", "/304", "HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n"),
        ("HEAD", "/head", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n"),
        ("HEAD", "/head-chunked", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"),
    ];
    let mut client = pair.site.client();
    for (method, path, answer) in rows {
        pair.legacy.on(path, Script::raw(answer));
        client.ask(method, path);
    }
    for (_, path, _) in rows {
        let line = pair.site.logged(path);
        assert_eq!(line["error"], serde_json::Value::Null, "{path}");
    }
    assert_eq!(pair.legacy.connections(), 1);
}

#[test]
fn an_upload_may_go_on_after_its_answer_and_the_next_request_is_none_of_it() {
    let pair = Pair::start("");
    pair.legacy.on("/early", Script::ok("early").early());
    let inner = "GET /inner HTTP/1.1\r\nHost: a\r\n\r\n";
    let mut client = pair.site.client();
    client.send(format!("POST /early HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n", inner.len()));
    assert_eq!(client.answer().text(), "early");
    client.try_send(inner);
    client.try_send("GET /next HTTP/1.1\r\nHost: a\r\n\r\n");
    // Either the connection goes on in step, or it is closed.
    if let Some(answer) = client.next() {
        assert_eq!(answer.status, 200);
        assert_eq!(pair.legacy.lines(), ["POST /early", "GET /next"]);
    } else {
        assert_eq!(pair.legacy.lines(), ["POST /early"]);
    }
}

#[test]
fn a_second_head_may_not_be_slow_either() {
    let pair = Pair::listening("timeouts: { header: 300ms, idle: 60s }", "");
    let mut client = pair.site.client();
    assert_eq!(client.ask("GET", "/first").status, 200);
    client.send("GET /second HT");
    client.answer().assert_problem(408);
    assert_eq!(client.closed(), b"");
    assert_eq!(pair.legacy.lines(), ["GET /first"]);
}

#[test]
fn an_answer_to_a_slow_reader_is_whole_although_its_connection_closes() {
    const LENGTH: usize = 512 * 1024;
    let pair = Pair::start("");
    let body = vec![b'z'; LENGTH];
    pair.legacy.on("/big", Script::ok(&body));
    for run in 0..60 {
        let mut client = Client::narrow(pair.site.address());
        client.send("GET /big HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
        client.only_head();
        let mut received = 0;
        while received < LENGTH {
            let bytes = client.some_bytes();
            assert!(!bytes.is_empty(), "run {run} ended after {received}");
            received += bytes.len();
            if run % 10 == 0 && received < LENGTH / 4 {
                std::thread::sleep(Duration::from_millis(1));
            }
        }
        assert_eq!((received, client.closed().len()), (LENGTH, 0), "run {run}");
    }
}

#[test]
fn hostile_cookies_are_nobody() {
    let pair = Pair::start(
        "subject: { user: [{ cookie: sid }] }\n\
         routes: [{ name: a, match: { path: /x }, new: new, stage: canary, canary: { percent: 100, by: user } }]",
    );
    let long = format!("sid={}", "x".repeat(5000));
    for cookie in ["sid=", "sid", "=sid", "sid=\u{1}", ";;;", "sid=a; sid=b", &long, "SID=a", "xsid=a", "\"sid\"=a"] {
        let answer = pair.site.get_with("/x", &format!("Cookie: {cookie}\r\n"));
        let refused = cookie.contains('\u{1}');
        assert_eq!(
            (answer.status, answer.served_by()),
            if refused { (400, "banyan") } else { (200, "legacy") },
            "{cookie}"
        );
    }
    assert_eq!(pair.site.get_with("/x", "Cookie: a=b; sid=\"u 1\"\r\n").served_by(), "new");
}

#[test]
fn a_cut_chunked_answer_to_an_http_1_0_client_ends_with_a_reset_or_short() {
    let pair = Pair::start("");
    pair.legacy.on("/x", Script::raw("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf").close());
    let answers = exchange(pair.site.address(), "GET /x HTTP/1.0\r\nHost: a\r\n\r\n");
    assert!(answers.iter().all(|answer| answer.end == End::Cut), "{answers:?}");
    until("the line", || pair.site.log().pop().filter(|line| line["error"] == "answer_broken"));
}
