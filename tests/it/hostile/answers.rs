//! What backends do wrong, and what a client sees of it.

use super::facing::{ALL, Ask, Facing, Protocol};
use crate::harness::{Client, Frame, Script, Streams, frames as http2, until};

/// What comes of an answer that is none, over HTTP/1.1.
const NO_ANSWERS: [(&str, &str); 9] = [
    ("two lengths", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nabc"),
    ("length and coding", "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    ("coding on HTTP/1.0", "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    ("status of two digits", "HTTP/1.1 20 OK\r\n\r\n"),
    ("NUL in a value", "HTTP/1.1 200 OK\r\nA: \0\r\nContent-Length: 0\r\n\r\n"),
    ("CR in a value", "HTTP/1.1 200 OK\r\nA: b\rC: d\r\nContent-Length: 0\r\n\r\n"),
    ("another version", "HTTP/3.1 200 OK\r\n\r\n"),
    ("garbage", "SSH-2.0-OpenSSH_9.2\r\n\r\n"),
    ("nothing", ""),
];

/// The same over HTTP/2: what its fields say cannot be said, or contradicts what follows.
fn no_answers() -> Vec<(&'static str, Script)> {
    let headers = |fields: &[(&[u8], &[u8])]| Script::frames(vec![Frame::headers(1, http2::END_STREAM, fields)]);
    vec![
        ("no status", headers(&[(b"a", b"b")])),
        ("status of letters", headers(&[(b":status", b"abc")])),
        ("CRLF in a value", headers(&[(b":status", b"200"), (b"a", b"b\r\nc: d")])),
        ("NUL in a value", headers(&[(b":status", b"200"), (b"a", b"\0")])),
        ("a name with a space", headers(&[(b":status", b"200"), (b"a b", b"c")])),
        ("an upper-case name", headers(&[(b":status", b"200"), (b"A", b"c")])),
        ("connection", headers(&[(b":status", b"200"), (b"connection", b"close")])),
        ("transfer-encoding", headers(&[(b":status", b"200"), (b"transfer-encoding", b"chunked")])),
        ("a length and no body", headers(&[(b":status", b"200"), (b"content-length", b"5")])),
        ("refused", Script::default().reset()),
        ("closed", Script::default().close()),
    ]
}

#[test]
fn what_is_no_answer_is_a_bad_gateway_and_its_connection_serves_nobody_else() {
    for pair in ALL {
        let facing = Facing::start(pair, "");
        let scripts = match facing.behind {
            Protocol::Http1 => NO_ANSWERS.map(|(name, bytes)| (name, Script::raw(bytes).close())).to_vec(),
            Protocol::Http2 => no_answers(),
        };
        let mut wrong = Vec::new();
        for (n, (name, script)) in scripts.into_iter().enumerate() {
            facing.pair.legacy.on(&format!("/{n}"), script);
            // Not safe to repeat, so that it is not repeated.
            let told = facing.ask(&Ask::post(&format!("/{n}"), "x"));
            if (told.status, told.served_by()) != (502, "banyan") {
                wrong.push((name, told));
            }
        }
        assert!(wrong.is_empty(), "{pair:?}: {wrong:?}");
        assert_eq!(facing.ask(&Ask::get("/after")).status, 200, "{pair:?}");
    }
}

#[test]
fn a_truncated_answer_never_ends_cleanly() {
    for pair in ALL {
        let facing = Facing::start(pair, "");
        let half = "x".repeat(50);
        let rows = [
            Script::raw(format!("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{half}")).reset(),
            Script::raw(format!("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{half}")).close(),
            Script::raw(format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n32\r\n{half}\r\n")).reset(),
            Script::raw(format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n32\r\n{half}\r\n")).close(),
        ];
        for (n, script) in rows.into_iter().enumerate() {
            facing.pair.legacy.on(&format!("/{n}"), script);
            let told = facing.ask(&Ask::get(format!("/{n}")));
            // Where nothing of it had gone out yet, the facade may say so in words.
            assert!(!told.whole || (told.status, told.served_by()) == (502, "banyan"), "{pair:?} {n}: {told:?}");
        }
    }
}

#[test]
fn a_whole_answer_is_whole_with_its_trailers() {
    for pair in ALL {
        let facing = Facing::start(pair, "");
        let body = "y".repeat(300_000);
        let chunked = format!(
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{:x}\r\n{body}\r\n0\r\nX-Sum: 1\r\n\r\n",
            body.len()
        );
        facing.pair.legacy.on("/chunked", Script::raw(chunked));
        facing.pair.legacy.on("/length", Script::ok(&body));
        facing.pair.legacy.on("/until-close", Script::raw(format!("HTTP/1.1 200 OK\r\n\r\n{body}")).close());
        for path in ["/chunked", "/length", "/until-close"] {
            let told = facing.ask(&Ask::get(path));
            assert!(
                told.whole && told.status == 200 && told.body == body.as_bytes(),
                "{pair:?} {path}: {}",
                told.body.len()
            );
        }
    }
}

#[test]
fn an_answer_without_a_body_has_none() {
    for pair in ALL {
        let facing = Facing::start(pair, "");
        facing.pair.legacy.on("/204", Script::raw("HTTP/1.1 204 No Content\r\n\r\n"));
        facing.pair.legacy.on("/304", Script::raw("HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n"));
        facing.pair.legacy.on("/head", Script::raw("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n"));
        for (ask, status) in [(Ask::get("/204"), 204), (Ask::get("/304"), 304), (Ask::get("/head").method("HEAD"), 200)]
        {
            let told = facing.ask(&ask);
            assert!(told.status == status && told.body.is_empty() && told.whole, "{pair:?}: {told:?}");
        }
    }
}

#[test]
fn hop_by_hop_fields_of_an_answer_go_no_further() {
    for pair in ALL.into_iter().filter(|pair| pair.1 == Protocol::Http1) {
        let facing = Facing::start(pair, "");
        let lines = "Connection: X-Hop\r\nX-Hop: 1\r\nKeep-Alive: timeout=5\r\nProxy-Authenticate: x\r\nUpgrade: h2c\r\nX-Served-By: new\r\nA: b\r\n";
        facing.pair.legacy.on("/x", Script::with(lines, "ok"));
        let told = facing.ask(&Ask::get("/x"));
        for name in ["x-hop", "keep-alive", "proxy-authenticate", "upgrade"] {
            assert_eq!(told.field(name), None, "{pair:?} {name}");
        }
        assert_eq!((told.field("a"), told.served_by(), told.status), (Some("b"), "legacy", 200), "{pair:?}");
    }
}

#[test]
fn interim_answers_are_none_of_the_answer_and_have_an_end() {
    for pair in ALL {
        let facing = Facing::start(pair, "");
        let interim = |count| "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n".repeat(count);
        for (path, count) in [("/few", 5), ("/many", 1000)] {
            let answer = format!("{}HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nlast", interim(count));
            facing.pair.legacy.on(path, Script::raw(answer));
        }
        let few = facing.ask(&Ask::get("/few"));
        assert_eq!((few.status, &few.body[..]), (200, &b"last"[..]), "{pair:?}");
        let many = facing.ask(&Ask::get("/many"));
        assert!(matches!(many.status, 200 | 502) && many.whole, "{pair:?}: {many:?}");
    }
}

#[test]
fn switching_protocols_unasked_is_a_bad_gateway() {
    for pair in ALL.into_iter().filter(|pair| pair.1 == Protocol::Http1) {
        let facing = Facing::start(pair, "");
        let switch = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: foo\r\n\r\n";
        facing.pair.legacy.on("/x", Script::raw(switch).and_hang());
        let told = facing.ask(&Ask::get("/x"));
        assert_eq!((told.status, told.served_by()), (502, "banyan"), "{pair:?}");
        facing.pair.legacy.closed(0);
    }
}

#[test]
fn a_client_that_goes_away_takes_its_request_with_it() {
    for pair in ALL {
        let facing = Facing::start(pair, "");
        facing.pair.legacy.on("/hang", Script::hang());
        match facing.front {
            Protocol::Http1 => {
                let mut client = Client::connect(facing.pair.site.address());
                client.send("POST /hang HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nhalf");
                facing.pair.legacy.head(0);
                client.reset();
            }
            Protocol::Http2 => {
                let mut client = Streams::connect(facing.pair.site.address());
                let fields: [(&[u8], &[u8]); 4] =
                    [(b":method", b"POST"), (b":scheme", b"http"), (b":authority", b"a"), (b":path", b"/hang")];
                let stream = client.open();
                client.send(&[Frame::headers(stream, 0, &fields), Frame::new(http2::DATA, 0, stream, *b"half")]);
                facing.pair.legacy.head(0);
                client.send(&[Frame::reset(stream, 8)]);
                // The connection goes on.
                let next = client.get("/next");
                assert_eq!(client.answer(next).status(), 200, "{pair:?}");
            }
        }
        facing.pair.legacy.broken_off(0);
        until("the end of what was in flight", || (facing.pair.site.metric("banyan_in_flight") == 0).then_some(()));
    }
}

#[test]
fn a_body_that_breaks_off_is_never_whole_at_the_backend() {
    for pair in ALL {
        let facing = Facing::start(pair, "");
        match facing.front {
            Protocol::Http1 => {
                for (n, rest) in [
                    "5\r\nhel",
                    "5\r\nhello",
                    "5\r\nhello\r\n",
                    "5\r\nhelloXX\r\n0\r\n\r\n",
                    "x\r\n",
                    "5\r\nhello\r\n0\r\n",
                ]
                .iter()
                .enumerate()
                {
                    let mut client = Client::connect(facing.pair.site.address());
                    client.send(format!(
                        "POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n{rest}"
                    ));
                    facing.pair.legacy.head(n);
                    client.finish();
                    client.closed();
                    facing.pair.legacy.broken_off(n);
                }
            }
            Protocol::Http2 => {
                // Less and more than the length says; cut by a reset; cut with the connection.
                for (n, (length, body, end)) in
                    [("9", "half", true), ("4", "too much", true), ("9", "half", false)].iter().enumerate()
                {
                    let mut client = Streams::connect(facing.pair.site.address());
                    let stream = client.open();
                    let fields: [(&[u8], &[u8]); 5] = [
                        (b":method", b"POST"),
                        (b":scheme", b"http"),
                        (b":authority", b"a"),
                        (b":path", b"/x"),
                        (b"content-length", length.as_bytes()),
                    ];
                    client.send(&[Frame::headers(stream, 0, &fields)]);
                    facing.pair.legacy.head(n);
                    let flags = if *end { http2::END_STREAM } else { 0 };
                    client.send(&[Frame::new(http2::DATA, flags, stream, body.as_bytes())]);
                    if !end {
                        drop(client);
                    }
                    facing.pair.legacy.broken_off(n);
                }
            }
        }
        assert!(facing.pair.legacy.requests().iter().all(|request| !request.body.complete), "{pair:?}");
    }
}
