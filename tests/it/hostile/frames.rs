//! What only HTTP/2 can be made to say. What the library in front does with frames is `conformance`'s; here is what must not come
//! through it.

use super::facing::{Facing, Protocol, borrowed};
use crate::harness::{Frame, StreamEnd, Streams, frames as http2};

const BEHIND: [(Protocol, Protocol); 0] = [];

type Fields = Vec<(Vec<u8>, Vec<u8>)>;

fn request(change: impl Fn(&mut Fields)) -> Fields {
    let pairs: [(&[u8], &[u8]); 4] =
        [(b":method", b"GET"), (b":scheme", b"http"), (b":authority", b"shop.example"), (b":path", b"/x")];
    let mut fields = pairs.map(|(name, value)| (name.to_vec(), value.to_vec())).to_vec();
    change(&mut fields);
    fields
}

fn with(name: &str, value: impl AsRef<[u8]>) -> Fields {
    request(|fields| fields.push((name.into(), value.as_ref().to_vec())))
}

fn instead(name: &str, value: impl AsRef<[u8]>) -> Fields {
    request(|fields| {
        fields.retain(|(field, _)| field != name.as_bytes());
        fields.insert(0, (name.into(), value.as_ref().to_vec()));
    })
}

fn without(name: &str) -> Fields {
    request(|fields| fields.retain(|(field, _)| field != name.as_bytes()))
}

#[test]
fn what_http_1_would_read_as_something_else_reaches_no_backend() {
    let rows: Vec<(u8, &str, Fields)> = vec![
        (44, "a length and no body", with("content-length", "10")),
        (45, "transfer-encoding", with("transfer-encoding", "chunked")),
        (45, "connection", with("connection", "close")),
        (45, "keep-alive", with("keep-alive", "1")),
        (45, "proxy-connection", with("proxy-connection", "1")),
        (45, "upgrade", with("upgrade", "websocket")),
        (45, "te: gzip", with("te", "gzip")),
        (46, "CRLF in a value", with("a", "b\r\nc: d")),
        (46, "LF in a value", with("a", "b\nc: d")),
        (46, "NUL in a value", with("a", "b\0")),
        (46, "a space in a name", with("a b", "c")),
        (46, "a colon in a name", with("a:b", "c")),
        (46, "CRLF in a name", with("a: b\r\nc", "d")),
        (46, "a space in the method", instead(":method", "GET /y HTTP/1.1\r\nA:")),
        (46, "a space in the path", instead(":path", "/x HTTP/1.1\r\nHost: evil\r\n\r\nGET /y")),
        (46, "CRLF in the authority", instead(":authority", "a\r\nB: c")),
        (47, "an upper-case name", with("Abc", "d")),
        (47, "an empty name", with("", "d")),
        (48, "no method", without(":method")),
        (48, "no path", without(":path")),
        (48, "no scheme", without(":scheme")),
        (48, "two paths", with(":path", "/y")),
        (48, "an unknown one", with(":x", "y")),
        (48, "a status", with(":status", "200")),
        (48, "one after the fields", request(|fields| fields.insert(3, (b"a".to_vec(), b"b".to_vec())))),
        (49, "another host", with("host", "other.example")),
        (50, "a path without a slash", instead(":path", "hello")),
        (50, "an empty path", instead(":path", "")),
        (50, "an absolute path", instead(":path", "http://evil.example/x")),
        (50, "a star", instead(":path", "*")),
        (50, "a scheme with a path", instead(":scheme", "http://x/?")),
        (50, "userinfo", instead(":authority", "user@shop.example")),
        (39, "CONNECT", request(|fields| fields[0].1 = b"CONNECT".to_vec())),
        (
            39,
            "CONNECT proper",
            request(|fields| {
                fields.retain(|(name, _)| name == b":authority");
                fields.push((b":method".to_vec(), b"CONNECT".to_vec()));
            }),
        ),
        (
            39,
            "extended CONNECT, which was not offered",
            request(|fields| {
                fields[0].1 = b"CONNECT".to_vec();
                fields.push((b":protocol".to_vec(), b"websocket".to_vec()));
            }),
        ),
    ];
    for pair in BEHIND {
        let facing = Facing::start(pair, "");
        let mut wrong = Vec::new();
        for (number, name, fields) in &rows {
            let mut client = Streams::connect(facing.pair.site.address());
            let stream = client.request(&borrowed(fields), None);
            let answer = client.answer(stream);
            let refused = answer.end != StreamEnd::Clean || matches!(answer.status(), 400..=599);
            if !refused || !facing.reached().is_empty() {
                wrong.push((number, name, answer.status(), facing.reached()));
            }
        }
        assert!(wrong.is_empty(), "{pair:?}: {wrong:?}");
        facing.pair.assert_untouched();
    }
}

#[test]
fn a_host_equal_to_the_authority_is_one_host() {
    for pair in BEHIND {
        let facing = Facing::start(pair, "");
        let mut client = Streams::connect(facing.pair.site.address());
        let stream = client.request(&borrowed(&with("host", "shop.example")), None);
        assert_eq!(client.answer(stream).status(), 200, "{pair:?}");
        assert_eq!(facing.pair.legacy.only().values("host"), ["shop.example"], "{pair:?}");
    }
}

#[test]
fn crumbs_of_cookies_are_one_cookie_and_count() {
    for pair in BEHIND {
        let facing = Facing::start(pair, "");
        let crumbs = |count: usize| {
            request(|fields| fields.extend((0..count).map(|n| (b"cookie".to_vec(), format!("c{n}={n}").into_bytes()))))
        };
        let mut client = Streams::connect(facing.pair.site.address());
        let stream = client.request(&borrowed(&crumbs(3)), None);
        assert_eq!(client.answer(stream).status(), 200, "{pair:?}");
        let cookies = facing.pair.legacy.only().values("cookie").join("; ");
        assert_eq!(cookies, "c0=0; c1=1; c2=2", "{pair:?}");
        if facing.behind == Protocol::Http1 {
            assert_eq!(facing.pair.legacy.only().values("cookie").len(), 1, "{pair:?}");
        }
        let mut client = Streams::connect(facing.pair.site.address());
        let stream = client.request(&borrowed(&crumbs(1000)), None);
        let answer = client.answer(stream);
        assert!(answer.status() == 431 || answer.end != StreamEnd::Clean, "{pair:?}: {answer:?}");
        assert_eq!(facing.reached().len(), 1);
    }
}

#[test]
fn trailers_cannot_pose_as_headers() {
    for pair in BEHIND {
        let facing = Facing::start(pair, "");
        let mut client = Streams::connect(facing.pair.site.address());
        let fields = request(|fields| fields[0].1 = b"POST".to_vec());
        let stream = client.open();
        let trailers: [(&[u8], &[u8]); 5] = [
            (b"content-length", b"1"),
            (b"host", b"evil"),
            (b"authorization", b"x"),
            (b"x-forwarded-for", b"x"),
            (b"x-sum", b"1"),
        ];
        client.send(&[
            Frame::headers(stream, 0, &borrowed(&fields)),
            Frame::new(http2::DATA, 0, stream, *b"hello"),
            Frame::headers(stream, http2::END_STREAM, &trailers),
        ]);
        assert_eq!(client.answer(stream).status(), 200, "{pair:?}");
        let request = facing.pair.legacy.only();
        assert_eq!(request.text(), "hello");
        let names: Vec<&str> = request.body.trailers.iter().map(|(name, _)| &**name).collect();
        assert_eq!(names, ["x-sum"], "{pair:?}");
    }
}

#[test]
fn streams_of_one_connection_keep_to_themselves() {
    for pair in BEHIND {
        let facing = Facing::start(pair, "");
        let mut client = Streams::connect(facing.pair.site.address());
        for n in 0..50 {
            facing.pair.legacy.on(&format!("/{n}"), crate::harness::Script::ok(format!("body {n}")));
        }
        let streams: Vec<u32> = (0..50).map(|n| client.get(&format!("/{n}"))).collect();
        for (n, stream) in streams.into_iter().enumerate().rev() {
            assert_eq!(client.answer(stream).text(), format!("body {n}"), "{pair:?}");
        }
    }
}
