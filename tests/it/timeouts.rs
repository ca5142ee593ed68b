//! Every wait has an end, on both sides.

use std::io::Write;
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use crate::harness::{Client, End, Latch, Pair, Script, Site};

/// The shortest patience these tests configure, and the longest that may pass until it is noticed.
const SOON: Duration = Duration::from_millis(250);
const LATEST: Duration = Duration::from_secs(5);

/// Runs something that must take about as long as a timeout of 300 ms.
#[track_caller]
fn timed<T>(run: impl FnOnce() -> T) -> T {
    let began = Instant::now();
    let result = run();
    assert!((SOON..LATEST).contains(&began.elapsed()), "it took {:?}", began.elapsed());
    result
}

/// A listener that never accepts: its queue is full.
fn full_listener() -> (socket2::Socket, Vec<TcpStream>, SocketAddr) {
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    socket.bind(&"127.0.0.1:0".parse::<SocketAddr>().unwrap().into()).unwrap();
    socket.listen(0).unwrap();
    let address = socket.local_addr().unwrap().as_socket().unwrap();
    let mut waiting = Vec::new();
    while let Ok(stream) = TcpStream::connect_timeout(&address, Duration::from_millis(200)) {
        waiting.push(stream);
        assert!(waiting.len() < 100, "the queue does not fill");
    }
    (socket, waiting, address)
}

#[test]
fn a_backend_that_does_not_accept_is_a_gateway_timeout() {
    let (_socket, _waiting, address) = full_listener();
    let site = Site::start(&format!(
        "backends: {{ b: {{ endpoints: [http://{address}], timeouts: {{ connect: 300ms }} }} }}\ndefaults: {{ legacy: b }}"
    ));
    timed(|| site.get("/x")).assert_problem(504);
    assert_eq!(site.logged("/x")["error"], "connect_timeout");
    site.await_metric("banyan_upstream_errors_total{backend=\"b\",reason=\"connect_timeout\"}", 1);
}

#[test]
fn a_backend_that_does_not_begin_to_answer_is_a_gateway_timeout() {
    let pair = Pair::start(
        "backends: { legacy: { endpoints: [LEGACY], timeouts: { first_byte: 300ms } }, new: { endpoints: [NEW] } }\n\
         routes: [{ name: a, match: { path: /route }, new: new, stage: live, timeout: 300ms }]",
    );
    pair.legacy.on("/hang", Script::hang());
    pair.legacy.on("/half", Script::raw("HTTP/1.1 200 OK\r\nContent-").and_hang());
    pair.new.on("/route", Script::hang());
    for (path, error) in [("/hang", "first_byte_timeout"), ("/half", "first_byte_timeout"), ("/route", "timeout")] {
        timed(|| pair.site.get(path)).assert_problem(504);
        assert_eq!(pair.site.logged(path)["error"], error, "{path}");
    }
    pair.legacy.closed(0);
    pair.legacy.closed(1);
    pair.new.closed(0);
}

#[test]
fn a_routes_time_ends_with_the_answers_head() {
    let pair = Pair::start("routes: [{ name: a, match: { path: /slow }, new: new, stage: live, timeout: 300ms }]");
    let latch = crate::harness::Latch::default();
    pair.new.on("/slow", Script::raw("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n").wait(&latch).send("slow"));
    let mut client = pair.site.client();
    client.send("GET /slow HTTP/1.1\r\nHost: a\r\n\r\n");
    client.only_head();
    std::thread::sleep(Duration::from_millis(450));
    latch.open();
    assert_eq!(client.some_bytes(), b"slow");
}

#[test]
fn a_backend_that_goes_silent_within_its_answer_is_cut() {
    let pair = Pair::start("backends: { legacy: { endpoints: [LEGACY], timeouts: { idle: 300ms } } }");
    pair.legacy.on("/a", Script::raw("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf").and_hang());
    let answer = timed(|| pair.site.get("/a"));
    assert_eq!((answer.end, answer.text().as_str()), (End::Cut, "half"));
    pair.legacy.closed(0);
    assert_eq!(pair.site.logged("/a")["error"], "answer_broken");
}

#[test]
fn an_unused_connection_to_a_backend_is_closed() {
    let pair = Pair::start("backends: { legacy: { endpoints: [LEGACY], timeouts: { idle: 300ms } } }");
    pair.site.get("/a");
    pair.legacy.closed(0);
    assert_eq!(pair.site.get("/b").status, 200);
}

#[test]
fn a_slow_head_is_answered_and_closed() {
    let pair = Pair::listening("timeouts: { header: 300ms }", "");
    let mut client = pair.site.client();
    client.send("GET / HTTP/1.1\r\nHost: a\r\nX-Slow");
    timed(|| client.answer()).assert_problem(408);
    assert_eq!(client.closed(), b"");
    pair.site.await_metric("banyan_rejected_total{reason=\"slow_head\"}", 1);
    pair.assert_untouched();
}

#[test]
fn trickling_a_head_buys_no_time() {
    let pair = Pair::listening("timeouts: { header: 300ms }", "");
    let mut client = pair.site.client();
    let mut sender = client.sender();
    std::thread::spawn(move || {
        for byte in b"GET / HTTP/1.1\r\nHost: a\r\nX: ".iter().chain(std::iter::repeat(&b'y')) {
            std::thread::sleep(Duration::from_millis(20));
            if sender.write_all(&[*byte]).is_err() {
                break;
            }
        }
    });
    timed(|| client.answer()).assert_problem(408);
    client.closed();
    pair.assert_untouched();
}

/// A body may take longer than any wait for an answer, as long as it moves (the clock once began with its first byte).
#[test]
fn a_slow_upload_is_not_taken_for_a_slow_backend() {
    let pair = Pair::start(
        "backends: { legacy: { endpoints: [LEGACY], timeouts: { first_byte: 300ms } }, new: { endpoints: [NEW] } }\n\
         defaults: { legacy: legacy, timeout: 400ms }",
    );
    let mut client = pair.site.client();
    client.send("POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n");
    for _ in 0..10 {
        std::thread::sleep(Duration::from_millis(80));
        client.send("x");
    }
    assert_eq!(client.answer().status, 200);
}

/// The same once the answer has begun (a silent backend was cut after its idle time, though the upload beside it moved).
#[test]
fn a_backend_that_has_begun_to_answer_may_read_on_in_silence() {
    let pair = Pair::start("backends: { legacy: { endpoints: [LEGACY], timeouts: { idle: 300ms } } }");
    let heard = Latch::default();
    let begun = Script::raw("HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nhalf").early();
    pair.legacy.on("/x", begun.wait(&heard).send("more"));
    let mut client = pair.site.client();
    client.send("POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n");
    for _ in 0..10 {
        std::thread::sleep(Duration::from_millis(80));
        client.send("x");
    }
    heard.open();
    assert_eq!(client.answer().text(), "halfmore");
}

#[test]
fn a_client_that_sends_nothing_to_speak_of_is_closed() {
    let pair = Pair::listening("timeouts: { header: 300ms }", "");
    for sent in ["", "P", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r"] {
        let mut client = pair.site.client();
        client.send(sent);
        let rest = if sent.len() > 20 { client.closed() } else { timed(|| client.closed()) };
        let statuses = [&b"HTTP/1.1 408 "[..], b"HTTP/1.1 505 "];
        assert!(rest.is_empty() || statuses.iter().any(|status| rest.starts_with(status)), "{sent:?}");
    }
    pair.assert_untouched();
}

#[test]
fn many_slow_clients_do_not_delay_others() {
    let pair = Pair::listening("timeouts: { header: 2s }", "");
    let mut slow: Vec<Client> = (0..200).map(|_| pair.site.client()).collect();
    for client in &mut slow {
        client.send("GET / HTTP/1.1\r\nHost: a\r\n");
    }
    let began = Instant::now();
    assert_eq!(pair.site.get("/fast").status, 200);
    assert!(began.elapsed() < Duration::from_secs(1));
    for mut client in slow {
        client.answer().assert_problem(408);
    }
    assert_eq!(pair.legacy.lines(), ["GET /fast"]);
}

#[test]
fn an_unused_connection_of_a_client_is_closed() {
    let pair = Pair::listening("timeouts: { idle: 300ms }", "");
    let mut client = pair.site.client();
    assert_eq!(client.ask("GET", "/a").status, 200);
    assert_eq!(timed(|| client.closed()), b"");
}

#[test]
fn a_body_that_stands_still_is_cut_on_both_sides() {
    let pair = Pair::listening("timeouts: { body: 300ms }", "");
    for head in ["Content-Length: 100", "Transfer-Encoding: chunked"] {
        let mut client = pair.site.client();
        client.send(format!("POST /slow HTTP/1.1\r\nHost: a\r\n{head}\r\n\r\n5\r\nhello\r\n"));
        timed(|| client.closed());
    }
    for n in 0..2 {
        pair.legacy.closed(n);
        assert!(!pair.legacy.requests()[n].body.complete);
    }
}

#[test]
fn a_length_without_a_body_costs_no_memory_and_an_end() {
    let pair = Pair::listening("timeouts: { body: 300ms }", "");
    let mut client = pair.site.client();
    client.send("POST /huge HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000000000\r\n\r\n");
    assert_eq!(pair.legacy.head(0).field("content-length"), Some("1000000000000"));
    timed(|| client.closed());
    pair.legacy.closed(0);
}

#[test]
fn a_client_that_does_not_take_its_answer_is_closed() {
    const FLOOD: usize = 64 * 1024 * 1024;
    let pair = Pair::listening("timeouts: { body: 300ms }", "");
    let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {FLOOD}\r\n\r\n");
    pair.legacy.on("/flood", Script::raw(head).flood(FLOOD));
    let mut client = Client::narrow(pair.site.address());
    client.send("GET /flood HTTP/1.1\r\nHost: a\r\n\r\n");
    pair.legacy.closed(0);
    assert!(pair.legacy.flooded() < FLOOD);
    assert_eq!(pair.site.logged("/flood")["error"], "client_gone");
    assert_eq!(client.answer().end, End::Cut);
}

#[test]
fn a_request_that_waits_for_its_backend_is_not_taken_for_a_slow_client() {
    let pair = Pair::listening("timeouts: { header: 300ms, idle: 300ms, body: 300ms }", "");
    let latch = crate::harness::Latch::default();
    pair.legacy.on("/slow", Script::default().wait(&latch).send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"));
    let mut client = pair.site.client();
    client.send("GET /slow HTTP/1.1\r\nHost: a\r\n\r\n");
    pair.legacy.request(0);
    std::thread::sleep(Duration::from_millis(900));
    latch.open();
    assert_eq!(client.answer().text(), "ok");
}
