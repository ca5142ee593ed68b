//! Backends that speak HTTP/2: each request its stream, and what becomes of it.

use std::io::Write as _;

use h2::Reason;

use super::harness::{Client, End, Modern, Site, exchange, until};

/// A facade before one backend that speaks HTTP/2.
fn start(rest: &str) -> (Site, Modern) {
    let modern = Modern::start();
    (before(&modern, rest), modern)
}

fn before(modern: &Modern, rest: &str) -> Site {
    let address = modern.address;
    Site::start(&format!(
        "backends: {{ b: {{ endpoints: [\"http://{address}\"], protocol: http2{rest} }} }}\ndefaults: {{ legacy: b }}"
    ))
}

/// Waits until nothing is in use any more.
fn assert_all_given_back(site: &Site, connections: usize) {
    let generation = site.facade().live.current().clone();
    let bulkhead = &generation.backends[0].bulkhead;
    until("all to be given back", || {
        (bulkhead.requests() == 0 && bulkhead.waiting() == 0 && bulkhead.connections() <= connections).then_some(())
    });
}

#[test]
fn a_request_says_the_same_as_over_http1() {
    let (site, modern) = start("");
    let answer = site.get_with("/a/b?c=d", "X-A: 1\r\nX-A: 2\r\nCookie: a=b\r\nTE: trailers\r\nConnection: TE\r\n");
    assert_eq!((answer.status, answer.text(), answer.served_by()), (200, "modern".to_owned(), "legacy"));
    let asked = modern.request(0);
    assert_eq!(asked.head.uri().to_string(), "http://shop.example/a/b?c=d");
    let headers = asked.head.headers();
    assert_eq!(headers.get_all("x-a").iter().collect::<Vec<_>>(), ["1", "2"]);
    assert_eq!(
        (&headers["cookie"], &headers["te"], &headers["via"]),
        (&"a=b".parse().unwrap(), &"trailers".parse().unwrap(), &"1.1 banyan".parse().unwrap())
    );
    assert!(!headers.contains_key("connection") && !headers.contains_key("host"));
}

#[test]
fn that_trailers_are_taken_is_said_only_for_those_who_take_them() {
    let (site, modern) = start("");
    site.get("/a");
    assert!(!modern.request(0).head.headers().contains_key("te"));
}

#[test]
fn requests_share_a_connection() {
    let (site, modern) = start("");
    let mut clients: Vec<Client> = (0..20).map(|_| site.client()).collect();
    for client in &mut clients {
        client.send("GET /a HTTP/1.1\r\nHost: a\r\n\r\n");
    }
    for client in &mut clients {
        assert_eq!(client.answer().text(), "modern");
    }
    // One for each of the two workers at most.
    assert!(modern.connections() <= 2, "{}", modern.connections());
}

#[test]
fn a_full_connection_is_joined_by_another() {
    let modern = Modern::limited(2);
    let site = before(&modern, "");
    // The limit is known from the first answer on.
    let mut first = site.client();
    first.ask("GET", "/a");
    let mut clients: Vec<Client> = (0..8).map(|_| site.client()).collect();
    for client in &mut clients {
        client.send("GET /begin HTTP/1.1\r\nHost: a\r\n\r\n");
        client.only_head();
    }
    assert!(modern.connections() >= 4, "{}", modern.connections());
    drop(clients);
    assert_eq!(modern.reset_of("/begin"), Reason::CANCEL);
}

#[test]
fn bodies_and_trailers_pass_both_ways() {
    let (site, modern) = start("");
    let mut client = site.client();
    client
        .send("POST /echo HTTP/1.1\r\nHost: a\r\nTE: trailers\r\nConnection: te\r\nTransfer-Encoding: chunked\r\n\r\n");
    let head = client.only_head();
    assert!(head.starts_with(b"HTTP/1.1 200"), "the answer's head comes while the body is still to come");
    client.send("5\r\nhello\r\n");
    client.await_bytes("hello");
    client.send("6\r\n world\r\n0\r\nX-Check: 7\r\n\r\n");
    client.await_bytes("x-sum: 42");
    let asked = modern.request(0);
    assert_eq!((&asked.body[..], &asked.trailers["x-check"]), (&b"hello world"[..], &"7".parse().unwrap()));
    assert!(!asked.head.headers().contains_key("transfer-encoding"));
}

#[test]
fn a_large_answer_is_whole() {
    let (site, _modern) = start("");
    let answer = site.get("/big");
    assert_eq!((answer.body.content.len(), answer.end), (8 * 1024 * 1024, End::Chunked));
}

#[test]
fn a_large_upload_is_whole() {
    let (site, modern) = start("");
    let large: Vec<u8> = (0..3_000_000_u32).map(|n| n.to_le_bytes()[0]).collect();
    let mut client = site.client();
    client.send(format!("POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n", large.len()));
    client.send(&large);
    assert_eq!(client.answer().text(), "modern");
    assert!(modern.request(0).body == large);
}

#[test]
fn an_answer_that_breaks_off_is_never_a_clean_end() {
    let (site, _modern) = start("");
    for path in ["/truncated", "/no-error", "/cut", "/short"] {
        // Cut within the body, or before the head went out.
        let request = format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n");
        let answers = exchange(site.address(), request);
        assert!(answers.iter().all(|answer| answer.end == End::Cut), "{path}: {answers:?}");
    }
    assert_all_given_back(&site, 2);
}

#[test]
fn what_could_be_read_in_two_ways_is_no_answer() {
    let (site, _modern) = start("");
    site.get("/two-lengths").assert_problem(502);
    site.await_metric("banyan_upstream_errors_total{backend=\"b\",reason=\"bad_answer\"}", 1);
}

#[test]
fn an_answer_that_is_all_trailers_passes() {
    let (site, _modern) = start("");
    let answer = site.get("/trailers-only");
    assert_eq!(
        (answer.status, answer.field("grpc-status"), answer.field("grpc-message")),
        (200, Some("5"), Some("none"))
    );
    assert!(answer.body.content.is_empty() && answer.end != End::Cut);
}

#[test]
fn a_body_where_there_is_none_is_dropped() {
    let (site, _modern) = start("");
    let mut client = site.client();
    assert_eq!(client.ask("GET", "/empty").status, 304);
    assert_eq!(client.ask("GET", "/a").text(), "modern");
}

#[test]
fn interim_answers_are_counted_and_go_no_further() {
    let (site, _modern) = start("");
    assert_eq!(site.get("/interim").status, 200);
    site.get("/interim-flood").assert_problem(502);
}

#[test]
fn an_early_answer_arrives_though_the_rest_of_the_upload_is_unwanted() {
    let (site, _modern) = start("");
    let mut client = site.client();
    client.send("POST /early HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\nabc");
    let answer = client.answer();
    assert_eq!((answer.status, answer.text(), answer.end), (413, "too much".to_owned(), End::Chunked));
}

#[test]
fn what_was_refused_unprocessed_is_sent_again_once() {
    let (site, modern) = start("");
    let mut client = site.client();
    client.ask("GET", "/warm-up");
    assert_eq!(client.ask("GET", "/refused-once").field("x-kind"), Some("again"));
    let before = modern.requests().len();
    client.ask("GET", "/refused").assert_problem(502);
    assert!(modern.requests().len() - before <= 2, "{:?}", modern.requests());
}

#[test]
fn a_request_after_a_goaway_takes_another_connection() {
    let (site, modern) = start("");
    let mut client = site.client();
    assert_eq!(client.ask("GET", "/goaway").text(), "modern");
    for _ in 0..5 {
        assert_eq!(client.ask("GET", "/a").text(), "modern");
    }
    assert!(modern.connections() >= 2);
}

#[test]
fn a_client_that_goes_cancels_its_stream_and_no_other() {
    let (site, modern) = start("");
    let mut other = site.client();
    other.send("GET /begin HTTP/1.1\r\nHost: a\r\n\r\n");
    other.only_head();
    let mut client = site.client();
    client.send("GET /hang HTTP/1.1\r\nHost: a\r\n\r\n");
    until("the request", || (modern.requests().len() == 2).then_some(()));
    client.reset();
    assert_eq!(modern.reset_of("/hang"), Reason::CANCEL);
    other.await_bytes("begun");
}

#[test]
fn a_client_that_goes_within_its_upload_cancels_it() {
    let (site, modern) = start("");
    let mut client = site.client();
    client.send("POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\nabc");
    until("the body", || modern.requests().first().filter(|asked| asked.body == b"abc").map(|_| ()));
    client.reset();
    assert_eq!(modern.reset_of("/a"), Reason::CANCEL);
    assert!(!modern.requests()[0].complete);
}

#[test]
fn a_client_that_goes_cancels_both_directions() {
    let (site, modern) = start("");
    let mut client = site.client();
    client.send("POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n");
    client.only_head();
    client.await_bytes("abc");
    client.reset();
    assert_eq!(modern.reset_of("/echo"), Reason::CANCEL);
    assert!(!modern.requests()[0].complete);
    assert_all_given_back(&site, 2);
}

#[test]
fn half_a_chunked_body_never_ends_in_order() {
    let (site, modern) = start("");
    let mut client = site.client();
    client.send("POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nxx");
    client.closed();
    assert_eq!(modern.reset_of("/a"), Reason::CANCEL);
    assert!(!modern.requests()[0].complete);
}

#[test]
fn a_silent_backend_is_given_up_in_time() {
    let (site, modern) = start(", timeouts: { first_byte: 200ms, idle: 200ms }");
    site.get("/hang").assert_problem(504);
    assert_eq!(modern.reset_of("/hang"), Reason::CANCEL);
    assert_eq!(site.get("/begin").end, End::Cut);
    assert_eq!(modern.reset_of("/begin"), Reason::CANCEL);
}

#[test]
fn what_speaks_something_else_is_no_answer() {
    let other = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = other.local_addr().unwrap();
    std::thread::spawn(move || {
        for mut stream in other.incoming().map_while(Result::ok) {
            // Whoever is asked in a language he does not know says so in his own.
            let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        }
    });
    let site = Site::start(&format!(
        "backends: {{ b: {{ endpoints: [\"http://{address}\"], protocol: http2 }} }}\ndefaults: {{ legacy: b }}"
    ));
    assert_eq!(site.get("/a").status, 502);
    assert_all_given_back(&site, 0);
}

#[test]
fn connections_to_a_backend_that_is_gone_are_closed() {
    let (site, modern) = start("");
    assert_eq!(site.get("/a").text(), "modern");
    assert_eq!(modern.open(), 1);
    let next = site.generation() + 1;
    let legacy = super::harness::Recorder::start("legacy");
    site.save(&format!(
        "backends: {{ c: {{ endpoints: [\"http://{}\"] }} }}\ndefaults: {{ legacy: c }}",
        legacy.address
    ));
    site.await_generation(next);
    until("the close", || (modern.open() == 0).then_some(()));
}
