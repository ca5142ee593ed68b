//! Bodies on their way through: whole, in both directions, at the pace of whoever is slower.

use std::io::Write;
use std::time::{Duration, Instant};

use crate::harness::{Client, End, Latch, Pair, Recorder, Script, until};

/// Bytes in which no two places look alike for long.
fn noise(length: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let next = |state: &mut u64| {
        *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (*state >> 33).to_le_bytes()
    };
    (0..length / 8 + 1).flat_map(|_| next(&mut state)).take(length).collect()
}

/// Waits until a count stands still, and returns it.
fn stands_still(count: impl Fn() -> usize) -> usize {
    let mut since = (count(), Instant::now());
    until("a stand-still", || {
        let now = count();
        if now != since.0 {
            since = (now, Instant::now());
        }
        (now > 0 && since.1.elapsed() > Duration::from_millis(300)).then_some(now)
    })
}

#[test]
fn a_chunked_download_keeps_its_trailers() {
    let pair = Pair::start("");
    let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n";
    pair.legacy
        .on("/a", Script::raw(format!("{head}5\r\nhello\r\n1;x=y\r\n!\r\n0\r\nX-Sum: 7\r\nX-Served-By: me\r\n\r\n")));
    let mut client = pair.site.client();
    client.send("GET /a HTTP/1.1\r\nHost: a\r\nTE: trailers\r\n\r\n");
    let answer = client.answer();
    assert_eq!((answer.end, answer.text().as_str()), (End::Chunked, "hello!"));
    assert_eq!(answer.body.trailers, [("x-sum".to_owned(), "7".to_owned())]);
    assert_eq!(answer.field("trailer"), Some("X-Sum"));
    let line = pair.site.logged("/a");
    assert_eq!((&line["bytes_out"], &line["error"]), (&6.into(), &serde_json::Value::Null));
    // Whoever did not ask for trailers is sent none.
    let answer = client.ask("GET", "/a");
    assert_eq!((answer.end, answer.text().as_str()), (End::Chunked, "hello!"));
    assert_eq!(answer.body.trailers, []);
    assert_eq!(pair.legacy.connections(), 1);
}

#[test]
fn a_chunked_upload_keeps_its_trailers() {
    let pair = Pair::start("");
    let head = "POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n";
    assert_eq!(pair.site.send(format!("{head}5\r\nhello\r\n1\r\n!\r\n0\r\nX-Sum: 7\r\n\r\n")).status, 200);
    let request = pair.legacy.only();
    assert_eq!((request.text().as_str(), request.field("trailer")), ("hello!", Some("X-Sum")));
    assert_eq!(request.field("transfer-encoding"), Some("chunked"));
    assert_eq!(request.body.trailers, [("x-sum".to_owned(), "7".to_owned())]);
    assert_eq!(pair.site.logged("/a")["bytes_in"], 6);
}

#[test]
fn a_length_stays_a_length() {
    let pair = Pair::start("");
    pair.legacy.on("/a", Script::ok("hello"));
    let answer = pair.site.send("PUT /a HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc");
    assert_eq!((answer.field("content-length"), answer.end), (Some("5"), End::Length));
    let request = pair.legacy.only();
    assert_eq!((request.field("content-length"), request.field("transfer-encoding")), (Some("3"), None));
    let empty = pair.site.send("POST /b HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n");
    assert_eq!(empty.status, 200);
    assert_eq!(pair.legacy.request(1).field("content-length"), Some("0"));
}

#[test]
fn an_answer_that_ends_with_its_connection_is_whole() {
    let pair = Pair::start("");
    pair.legacy.on("/a", Script::raw("HTTP/1.1 200 OK\r\n\r\nuntil the end").close());
    pair.legacy.on("/b", Script::raw("HTTP/1.0 200 OK\r\n\r\nuntil the end").close());
    for path in ["/a", "/b"] {
        let answer = pair.site.get(path);
        assert_eq!((answer.end, answer.text().as_str()), (End::Chunked, "until the end"), "{path}");
        assert!(answer.head.starts_with(b"HTTP/1.1 "), "{path}");
        assert_eq!(pair.site.logged(path)["error"], serde_json::Value::Null);
    }
}

#[test]
fn answers_without_a_body_have_none() {
    let pair = Pair::start("");
    pair.legacy.on("/head", Script::raw("HTTP/1.1 200 OK\r\nContent-Length: 12345\r\n\r\n"));
    pair.legacy.on("/204", Script::raw("HTTP/1.1 204 No Content\r\nX-A: b\r\n\r\n"));
    pair.legacy.on("/304", Script::raw("HTTP/1.1 304 Not Modified\r\nETag: \"x\"\r\nContent-Length: 9\r\n\r\n"));
    let mut client = pair.site.client();
    assert_eq!(client.ask("HEAD", "/head").field("content-length"), Some("12345"));
    assert_eq!((client.ask("GET", "/204").status, client.ask("GET", "/304").status), (204, 304));
    assert_eq!(client.ask("GET", "/after").text(), "legacy");
    assert_eq!(pair.legacy.connections(), 1);
}

#[test]
fn a_body_where_none_may_be_is_dropped_with_its_connection() {
    let pair = Pair::start("");
    pair.legacy.on("/head", Script::raw("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nbody"));
    pair.legacy.on("/204", Script::raw("HTTP/1.1 204 No Content\r\nContent-Length: 4\r\n\r\nbody"));
    pair.legacy.on("/304", Script::raw("HTTP/1.1 304 Not Modified\r\nContent-Length: 4\r\n\r\nbody"));
    let mut client = pair.site.client();
    for (method, path) in [("HEAD", "/head"), ("GET", "/204"), ("GET", "/304"), ("GET", "/after")] {
        client.ask(method, path);
    }
    let used: Vec<usize> = pair.legacy.requests().iter().map(|request| request.connection).collect();
    assert_eq!(used, [0, 1, 2, 3]);
}

#[test]
fn a_large_body_arrives_equal_in_both_directions() {
    let pair = Pair::start("");
    let bytes = noise(6 * 1024 * 1024 + 7);
    pair.legacy.on("/length", Script::ok(&bytes));
    let mut chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
    for part in bytes.chunks(70_001) {
        chunked.extend(format!("{:x}\r\n", part.len()).into_bytes());
        chunked.extend([part, b"\r\n"].concat());
    }
    chunked.extend(b"0\r\n\r\n");
    pair.legacy.on("/chunked", Script::raw(chunked));
    for (n, path) in ["/length", "/chunked"].into_iter().enumerate() {
        let head =
            format!("POST {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: {}\r\n\r\n", bytes.len());
        let answer = pair.site.send([head.as_bytes(), &bytes].concat());
        assert!(answer.body.complete && answer.body.content == bytes, "{path}: {} bytes", answer.body.content.len());
        assert!(pair.legacy.request(n).body.content == bytes, "{path}");
        assert_eq!(pair.site.logged(path)["bytes_in"], bytes.len());
    }
}

#[test]
fn a_client_that_does_not_read_stalls_its_backend() {
    const FLOOD: usize = 64 * 1024 * 1024;
    let pair = Pair::start("");
    let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {FLOOD}\r\n\r\n");
    pair.legacy.on("/flood", Script::raw(head).flood(FLOOD));
    let mut client = Client::narrow(pair.site.address());
    client.send("GET /flood HTTP/1.1\r\nHost: a\r\n\r\n");
    // What the kernel's own buffers take: far less than the answer.
    let stalled = stands_still(|| pair.legacy.flooded());
    assert!(stalled < FLOOD / 4, "{stalled}");
    // Others are served meanwhile, and the rest comes when it is wanted.
    assert_eq!(pair.site.get("/other").text(), "legacy");
    let answer = client.answer();
    assert!(answer.body.complete);
    assert_eq!(answer.body.content.len(), FLOOD);
}

#[test]
fn a_backend_that_does_not_read_stalls_its_client() {
    let pair = Pair::start("");
    let latch = Latch::default();
    pair.legacy.on("/upload", Script::default().wait(&latch).early());
    let bytes = noise(48 * 1024 * 1024);
    let mut client = pair.site.client();
    client.send(format!("POST /upload HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n", bytes.len()));
    pair.legacy.head(0);
    let sent = std::sync::atomic::AtomicUsize::new(0);
    let mut sender = client.sender();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for part in bytes.chunks(64 * 1024) {
                sender.write_all(part).unwrap();
                sent.fetch_add(part.len(), std::sync::atomic::Ordering::Relaxed);
            }
        });
        let stalled = stands_still(|| sent.load(std::sync::atomic::Ordering::Relaxed));
        latch.open();
        assert!(stalled < bytes.len() / 2, "{stalled}");
    });
    let whole = until("the whole body", || pair.legacy.requests().pop().filter(|request| request.body.complete));
    assert!(whole.body.content == bytes);
}

#[test]
fn a_truncated_answer_never_ends_cleanly() {
    let rows = [
        ("length, closed", Script::raw("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf").close()),
        ("length, reset", Script::raw("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf").reset()),
        ("chunk cut", Script::raw("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nhalf").close()),
        ("no last chunk", Script::raw("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n").close()),
        (
            "no end of trailers",
            Script::raw("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n0\r\n").close(),
        ),
        (
            "bad chunk",
            Script::raw("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\nXX\r\n").and_hang(),
        ),
    ];
    let pair = Pair::start("");
    for (n, (row, script)) in rows.into_iter().enumerate() {
        let path = format!("/{n}");
        pair.legacy.on(&path, script);
        let mut client = pair.site.client();
        client.send(format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n"));
        // Where nothing of it had gone out yet, the facade may say so in words.
        match client.next() {
            Some(answer) if answer.status == 502 => answer.assert_problem(502),
            Some(answer) => {
                assert_eq!(answer.end, End::Cut, "{row}: {answer:?}");
                assert_eq!(pair.site.logged(&path)["error"], "answer_broken", "{row}");
            }
            None => {}
        }
        assert_eq!(client.closed(), b"");
        pair.legacy.closed(n);
    }
}

#[test]
fn an_early_answer_reaches_a_client_that_is_still_sending() {
    let pair = Pair::start("");
    let refusal = "HTTP/1.1 413 Content Too Large\r\nContent-Length: 3\r\n\r\nbig";
    pair.legacy.on("/close", Script::raw(refusal).early().close());
    pair.legacy.on("/read", Script::raw(refusal).early());
    for path in ["/close", "/read"] {
        let mut client = pair.site.client();
        client.send(format!("POST {path} HTTP/1.1\r\nHost: a\r\nContent-Length: 20000000\r\n\r\nfirst"));
        let answer = client.answer();
        assert_eq!((answer.status, answer.text().as_str()), (413, "big"), "{path}");
        drop(client);
    }
    pair.legacy.closed(0);
    pair.legacy.closed(1);
    assert!(pair.legacy.requests().iter().all(|request| !request.body.complete));
}

#[test]
fn an_answer_and_an_upload_go_on_side_by_side() {
    let pair = Pair::start("");
    let head = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nfirst";
    pair.legacy.on("/both", Script::raw(head).early());
    let mut client = pair.site.client();
    client.send("POST /both HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n01234");
    client.only_head();
    assert_eq!(client.some_bytes(), b"first");
    client.send("56789");
    assert_eq!(pair.legacy.request(0).text(), "0123456789");
}

#[test]
fn a_client_that_expects_to_be_told_to_continue_is_told() {
    let pair = Pair::start("");
    let mut client = pair.site.client();
    client.send("POST /a HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n");
    assert_eq!(client.answer().status, 100);
    client.send("hello");
    assert_eq!(client.answer().status, 200);
    let request = pair.legacy.only();
    assert_eq!((request.text().as_str(), request.field("expect")), ("hello", None));
}

#[test]
fn a_backend_that_refuses_before_the_body_leaves_nothing_dirty() {
    let pair = Pair::start("");
    pair.legacy.on("/a", Script::raw("HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno").early());
    let mut client = pair.site.client();
    client.send("POST /a HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 500000\r\n\r\n");
    let mut answer = client.answer();
    if answer.status == 100 {
        answer = client.answer();
    }
    assert_eq!((answer.status, answer.text().as_str()), (403, "no"));
    client.finish();
    client.closed();
    assert_eq!(pair.site.get("/next").text(), "legacy");
    assert_eq!(pair.legacy.lines(), ["POST /a", "GET /next"]);
    assert_eq!(pair.legacy.requests()[1].connection, 1);
}

#[test]
fn an_expectation_that_is_not_understood_is_refused() {
    let pair = Pair::start("");
    for lines in [
        "Expect: 100-continue, x\r\n",
        "Expect: 100-continue\r\nExpect: 100-continue\r\n",
        "Expect: x\r\n",
        "Expect:\r\n",
    ] {
        let answer = pair.site.send(format!("POST /a HTTP/1.1\r\nHost: a\r\n{lines}Content-Length: 5\r\n\r\nhello"));
        assert_eq!(answer.status, 417, "{lines:?}");
        answer.assert_problem(417);
    }
    pair.assert_untouched();
}

/// A backend's interim answers.
fn with_interim(recorder: &Recorder, path: &str, count: usize) {
    let interim = "HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n".repeat(count);
    recorder.on(path, Script::raw(format!("{interim}HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nlast")));
}

#[test]
fn interim_answers_do_not_take_the_place_of_the_answer() {
    let pair = Pair::start("");
    with_interim(&pair.legacy, "/one", 1);
    with_interim(&pair.legacy, "/thousand", 1000);
    // More of them than anybody needs are taken for an answer that never comes.
    let thousand = pair.site.send("GET /thousand HTTP/1.1\r\nHost: a\r\n\r\n");
    thousand.assert_problem(502);
    with_interim(&pair.legacy, "/fifty", 50);
    for path in ["/one", "/fifty"] {
        let mut client = pair.site.client();
        client.send(format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n"));
        let mut answer = client.answer();
        while answer.status == 103 {
            answer = client.answer();
        }
        assert_eq!((answer.status, answer.text().as_str()), (200, "last"), "{path}");
    }
}
