//! HTTP/2 as no honest client speaks it: nothing of it reaches a backend, and nothing of it costs more than a little.

use std::time::Duration;

use crate::harness::frames::{
    CONTINUATION, DATA, END_HEADERS, END_STREAM, GOAWAY, HEADERS, PING, PREFACE, RST_STREAM, SETTINGS, WINDOW_UPDATE,
};
use crate::harness::http2::{Raw, block, frame, request};
use crate::harness::{Client, Pair, Script, until};

const PROTOCOL_ERROR: u32 = 1;
const FLOW_CONTROL_ERROR: u32 = 3;
const REFUSED_STREAM: u32 = 7;
const CANCEL: u32 = 8;
const COMPRESSION_ERROR: u32 = 9;
const ENHANCE_YOUR_CALM: u32 = 11;

/// The status of the answer to a request that is refused, or the error it is refused with.
fn refused(pair: &Pair, fields: &[(&str, &str)]) -> Result<String, u32> {
    let mut client = Raw::connect(pair.site.address());
    client.ask(1, fields);
    loop {
        let Some(frame) = client.next() else { return Err(0) };
        match frame.kind {
            RST_STREAM | GOAWAY if frame.code() != 0 => return Err(frame.code()),
            // The facade's own answers come with an indexed or a literal `:status`; its body says the same in words.
            DATA => {
                let problem: serde_json::Value = serde_json::from_slice(&frame.payload).unwrap();
                return Ok(problem["status"].to_string());
            }
            _ => client.acknowledge(&frame),
        }
    }
}

#[test]
fn what_is_malformed_is_refused_and_reaches_nobody() {
    let pair = Pair::start("");
    for fields in [
        // Headers of single connections, and codings that HTTP/2 has not.
        request("POST", "/", &[("transfer-encoding", "chunked")]),
        request("GET", "/", &[("connection", "close")]),
        request("GET", "/", &[("keep-alive", "1")]),
        request("GET", "/", &[("proxy-connection", "close")]),
        request("GET", "/", &[("upgrade", "websocket")]),
        request("GET", "/", &[("te", "gzip")]),
        // Bytes that would be another line, or another name, in HTTP/1.1.
        request("GET", "/", &[("x", "a\r\nhost: b")]),
        request("GET", "/", &[("x", "a\nb")]),
        request("GET", "/", &[("x", "a\0b")]),
        request("GET", "/", &[("x y", "a")]),
        request("GET", "/", &[("x:", "a")]),
        request("GET", "/", &[("", "a")]),
        request("GET", "/", &[("X-Upper", "a")]),
        request("GET /admin", "/", &[]),
        request("GET", "/a b", &[]),
        request("GET", "/\r\nx: y", &[]),
        // Pseudo-headers.
        request("GET", "", &[]),
        request("GET", "hello", &[]),
        request("GET", "*", &[]),
        request("GET", "http://other.example/", &[]),
        request("GET", "/", &[(":status", "200")]),
        request("GET", "/", &[(":path", "/b")]),
        request("GET", "/", &[(":unknown", "x")]),
        request("GET", "/", &[("a", "b"), (":path", "/")]),
        vec![(":scheme", "http"), (":authority", "a"), (":path", "/")],
        vec![(":method", "GET"), (":authority", "a"), (":path", "/")],
        vec![(":method", "GET"), (":scheme", "http"), (":authority", "a")],
        vec![(":method", "GET"), (":scheme", "http://x/?"), (":authority", "a"), (":path", "/")],
        vec![(":method", "GET"), (":scheme", "http"), (":authority", "a\r\nb"), (":path", "/")],
        // A length, and an end.
        request("POST", "/", &[("content-length", "10")]),
    ] {
        let answer = refused(&pair, &fields);
        assert!(answer == Err(PROTOCOL_ERROR) || answer == Ok("400".to_owned()), "{fields:?}: {answer:?}");
    }
    pair.assert_untouched();
}

#[test]
fn what_is_well_formed_and_not_sound_is_answered_so() {
    let pair = Pair::start("");
    let many: Vec<(&str, &str)> = (0..101).map(|_| ("cookie", "a")).collect();
    for (fields, status) in [
        (request("GET", "/", &[("host", "evil.example")]), "400"),
        (request("GET", "/", &[("host", "shop.example"), ("host", "shop.example")]), "400"),
        (vec![(":method", "GET"), (":scheme", "http"), (":path", "/")], "400"),
        (vec![(":method", "GET"), (":scheme", "http"), (":authority", "u@a"), (":path", "/")], "400"),
        (vec![(":method", "GET"), (":scheme", "ftp"), (":authority", "a"), (":path", "/")], "400"),
        (request("GET", "/a/../b", &[]), "400"),
        (request("GET", "/a%2fb", &[]), "400"),
        (request("POST", "/", &[("content_length", "0")]), "400"),
        (request("GET", "/", &[("x", " a")]), "400"),
        (request("TRACE", "/", &[]), "405"),
        (request("GET", "/", &many), "431"),
    ] {
        assert_eq!(refused(&pair, &fields), Ok(status.to_owned()), "{fields:?}");
    }
    let long = format!("/{}", "x".repeat(10_000));
    assert_eq!(refused(&pair, &request("GET", &long, &[])), Ok("414".to_owned()));
    // CONNECT, plain and extended.
    assert_eq!(refused(&pair, &[(":method", "CONNECT"), (":authority", "a:443")]), Ok("405".to_owned()));
    let extended = request("CONNECT", "/", &[]);
    let extended: Vec<_> = [(":protocol", "websocket")].into_iter().chain(extended).collect();
    let answer = refused(&pair, &extended);
    assert!(answer == Ok("405".to_owned()) || answer == Err(PROTOCOL_ERROR), "{answer:?}");
    pair.assert_untouched();
}

#[test]
fn a_body_that_is_not_as_long_as_it_says_never_arrives_as_a_whole() {
    let pair = Pair::start("");
    for data in [&b"short"[..], b"far too long"] {
        let mut client = Raw::connect(pair.site.address());
        let fields = request("POST", "/", &[("content-length", "8")]);
        client.send(frame(HEADERS, END_HEADERS, 1, block(&fields)));
        client.send(frame(DATA, END_STREAM, 1, data));
        assert_eq!(client.ended(1).unwrap().code(), PROTOCOL_ERROR);
    }
    until("no whole request", || pair.legacy.requests().iter().all(|request| !request.body.complete).then_some(()));
}

#[test]
fn a_preface_that_does_not_come_is_waited_for_only_so_long() {
    let pair = Pair::listening("timeouts: { header: 300ms }", "");
    for bytes in [&b""[..], b"P", &PREFACE[..23], PREFACE] {
        let mut client = Client::connect(pair.site.address());
        client.send(bytes);
        client.closed();
    }
    let mut client = Client::connect(pair.site.address());
    client.send("PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n");
    client.closed();
    pair.assert_untouched();
}

#[test]
fn garbage_after_the_preface_ends_the_connection() {
    let pair = Pair::start("");
    let garbage =
        [&[0xff; 64][..], &frame(DATA, 0, 1, b"x"), &frame(HEADERS, 0, 0, b"x"), &frame(SETTINGS, 0, 0, b"x")];
    for bytes in garbage {
        let mut client = Client::connect(pair.site.address());
        client.send([PREFACE, bytes].concat());
        client.closed();
    }
    let mut client = Raw::connect(pair.site.address());
    // A dynamic entry that there is not, and a stream that goes backwards.
    client.send(frame(HEADERS, END_HEADERS | END_STREAM, 1, [0xff, 0x80, 0x01]));
    assert!([COMPRESSION_ERROR, PROTOCOL_ERROR].contains(&client.wait(GOAWAY).code()));
    let mut client = Raw::connect(pair.site.address());
    client.ask(2, &request("GET", "/", &[]));
    assert_eq!(client.wait(GOAWAY).code(), PROTOCOL_ERROR);
    pair.assert_untouched();
}

#[test]
fn requests_that_are_taken_back_at_once_end_the_connection() {
    let pair = Pair::start("");
    let mut client = Raw::connect(pair.site.address());
    let fields = block(&request("GET", "/", &[]));
    for round in 0..1000_u32 {
        let stream = 2 * round + 1;
        let both =
            [frame(HEADERS, END_HEADERS | END_STREAM, stream, &fields), frame(RST_STREAM, 0, stream, [0, 0, 0, 8])];
        if !client.try_send(both.concat()) {
            break;
        }
    }
    assert_eq!(client.ended(u32::MAX).map_or(ENHANCE_YOUR_CALM, |frame| frame.code()), ENHANCE_YOUR_CALM);
    assert!(pair.legacy.requests().len() < 300, "{}", pair.legacy.requests().len());
}

#[test]
fn requests_that_are_taken_back_one_by_one_end_the_connection_as_well() {
    let pair = Pair::start("");
    pair.legacy.on("/hang", Script::hang());
    let mut client = Raw::connect(pair.site.address());
    let fields = block(&request("GET", "/hang", &[]));
    let mut sent = 0_u32;
    while sent < 2000 {
        let stream = 2 * sent + 1;
        if !client.try_send(frame(HEADERS, END_HEADERS | END_STREAM, stream, &fields)) {
            break;
        }
        // Long enough for it to be begun.
        client.try_send(frame(PING, 0, 0, [0; 8]));
        let Some(_) = std::iter::from_fn(|| client.next()).find(|frame| frame.kind == PING || frame.kind == GOAWAY)
        else {
            break;
        };
        client.try_send(frame(RST_STREAM, 0, stream, [0, 0, 0, 8]));
        sent += 1;
    }
    assert!(sent < 1000, "{sent}");
}

#[test]
fn streams_that_the_facade_is_made_to_reset_are_counted() {
    let pair = Pair::start("");
    pair.legacy.on("/hang", Script::hang());
    let fields = block(&request("GET", "/hang", &[]));
    let mut client = Raw::connect(pair.site.address());
    for round in 0..2000_u32 {
        let stream = 2 * round + 1;
        let head = frame(HEADERS, END_HEADERS | END_STREAM, stream, &fields);
        // A window that grows by nothing is an error of the stream.
        if !client.try_send([head, frame(WINDOW_UPDATE, 0, stream, [0; 4])].concat()) {
            break;
        }
    }
    let end = client.ended(u32::MAX);
    assert!(end.as_ref().is_none_or(|frame| frame.kind == GOAWAY), "{end:?}");
    until("few requests under way", || (pair.legacy.connections() <= 300).then_some(()));
}

#[test]
fn a_window_that_overflows_is_an_error() {
    let pair = Pair::start("");
    let mut client = Raw::connect(pair.site.address());
    client.send(frame(WINDOW_UPDATE, 0, 0, 0x7fff_ffff_u32.to_be_bytes()));
    client.try_send(frame(WINDOW_UPDATE, 0, 0, 0x7fff_ffff_u32.to_be_bytes()));
    assert_eq!(client.wait(GOAWAY).code(), FLOW_CONTROL_ERROR);
}

#[test]
fn a_head_that_never_ends_is_cut() {
    let pair = Pair::start("");
    let mut client = Raw::connect(pair.site.address());
    client.send(frame(HEADERS, END_STREAM, 1, block(&request("GET", "/", &[]))));
    let more = block(&[("x", &"y".repeat(100))]);
    let sent = (0..100_000).take_while(|_| client.try_send(frame(CONTINUATION, 0, 1, &more))).count();
    assert!(sent < 100_000);
    client.closed();
    pair.assert_untouched();
}

#[test]
fn frames_that_say_nothing_are_not_taken_for_ever() {
    let pair = Pair::start("");
    let mut client = Raw::connect(pair.site.address());
    client.send(frame(HEADERS, END_HEADERS, 1, block(&request("POST", "/", &[]))));
    let empty = frame(DATA, 0, 1, []).repeat(100);
    let sent = (0..10_000).take_while(|_| client.try_send(&empty)).count();
    assert!(sent < 10_000);
    assert!(pair.legacy.requests().iter().all(|request| !request.body.complete));
    // Others cost an answer each, or nothing, and no memory: who sends them is served on.
    let mut client = Raw::connect(pair.site.address());
    for _ in 0..1000 {
        client.send(frame(SETTINGS, 0, 0, []));
        client.send(frame(2, 0, 1, [0, 0, 0, 0, 1]));
        client.send(frame(0xfa, 0, 0, b"unknown"));
    }
    client.ask(3, &request("GET", "/", &[]));
    assert_eq!(client.ended(3).map(|frame| frame.kind), Some(DATA));
}

#[test]
fn more_requests_at_once_than_there_may_be_are_refused() {
    let pair = Pair::start("");
    pair.legacy.on("/hang", Script::hang());
    let mut client = Raw::connect(pair.site.address());
    let fields = block(&request("GET", "/hang", &[]));
    for round in 0..101_u32 {
        client.send(frame(HEADERS, END_HEADERS | END_STREAM, 2 * round + 1, &fields));
    }
    let refused = client.wait(RST_STREAM);
    assert_eq!((refused.stream, refused.code()), (201, REFUSED_STREAM));
    until("the others", || (pair.legacy.requests().len() == 100).then_some(()));
}

#[test]
fn who_does_not_take_an_answer_is_given_up() {
    let pair = Pair::listening("timeouts: { body: 500ms }, limits: { min_rate: 1KiB }", "");
    pair.legacy.on(
        "/large",
        Script::default().send("HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n").flood(100_000_000),
    );
    // No window at all, and one that grows by a byte now and then.
    let mut shut = Raw::with(pair.site.address(), &[(4, 0)]);
    shut.ask(1, &request("GET", "/large", &[]));
    let mut drip = Raw::with(pair.site.address(), &[(4, 1)]);
    drip.ask(1, &request("GET", "/large", &[]));
    assert_eq!(shut.wait(RST_STREAM).code(), CANCEL);
    let end = loop {
        let frame = drip.next().unwrap();
        match frame.kind {
            RST_STREAM => break frame,
            DATA => {
                std::thread::sleep(Duration::from_millis(20));
                drip.try_send(frame_of_window());
            }
            _ => drip.acknowledge(&frame),
        }
    };
    assert_eq!(end.code(), CANCEL);
    pair.legacy.closed(0);
    pair.legacy.closed(1);
    assert!(pair.legacy.flooded() < 50_000_000, "{}", pair.legacy.flooded());
}

fn frame_of_window() -> Vec<u8> {
    frame(WINDOW_UPDATE, 0, 1, 1_u32.to_be_bytes())
}

#[test]
fn who_does_not_send_a_body_is_given_up() {
    let pair = Pair::listening("timeouts: { body: 300ms }", "");
    let mut client = Raw::connect(pair.site.address());
    client.send(frame(HEADERS, END_HEADERS, 1, block(&request("POST", "/", &[]))));
    client.send(frame(DATA, 0, 1, b"begin"));
    let answer = client.wait(DATA);
    assert!(String::from_utf8_lossy(&answer.payload).contains("408"), "{answer:?}");
    assert!(pair.legacy.requests().iter().all(|request| !request.body.complete));
    // The connection goes on.
    client.ask(3, &request("GET", "/", &[]));
    assert!(client.ended(3).is_some_and(|frame| frame.kind == DATA));
}

#[test]
fn a_bomb_of_small_fields_is_refused_stream_by_stream() {
    let pair = Pair::start("");
    let mut client = Raw::with(pair.site.address(), &[(4, 0)]);
    // One entry of the dynamic table, then a byte for each further field.
    let mut bomb = block(&request("GET", "/", &[]));
    bomb.push(0x40);
    bomb.extend_from_slice(b"\x01x\x01y");
    bomb.extend(std::iter::repeat_n(0xbe, 1500));
    for round in 0..100_u32 {
        client.send(frame(HEADERS, END_HEADERS | END_STREAM, 2 * round + 1, &bomb));
    }
    let mut answered = 0;
    while answered < 100 {
        let frame = client.next().unwrap();
        answered += usize::from(frame.kind == HEADERS || frame.kind == RST_STREAM);
        client.acknowledge(&frame);
    }
    pair.assert_untouched();
}
