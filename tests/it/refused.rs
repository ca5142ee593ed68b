//! Requests that are refused before anybody but the facade has seen them.

use crate::harness::{Pair, exchange, until};

/// `GET / HTTP/1.1` with these lines.
fn get(lines: &str) -> Vec<u8> {
    format!("GET / HTTP/1.1\r\nHost: a.example\r\n{lines}\r\n").into_bytes()
}

/// A POST with these lines and bytes after them.
fn post(lines: &str, rest: &str) -> Vec<u8> {
    format!("POST / HTTP/1.1\r\nHost: a.example\r\n{lines}\r\n{rest}").into_bytes()
}

/// Each row is answered with its status and closed; nothing of it, nor of what follows it, is relayed.
#[track_caller]
fn assert_refused(rows: Vec<(&str, u16, Vec<u8>)>) {
    let count = rows.len();
    for pair in Pair::by_protocol("") {
        for (row, status, mut bytes) in rows.clone() {
            bytes.extend_from_slice(b"GET /smuggled HTTP/1.1\r\nHost: a.example\r\n\r\n");
            let answers = exchange(pair.site.address(), bytes);
            let statuses: Vec<u16> = answers.iter().map(|answer| answer.status).collect();
            assert_eq!(statuses, [status], "{row}");
            answers[0].assert_problem(status);
            assert_eq!(answers[0].field("connection"), Some("close"), "{row}");
        }
        pair.assert_untouched();
        let text = pair.site.admin("GET /metrics").text();
        let rejected = text.lines().filter_map(|line| line.strip_prefix("banyan_rejected_total{")?.split_once("} "));
        assert_eq!(rejected.map(|(_, value)| value.parse::<usize>().unwrap()).sum::<usize>(), count);
        pair.site.logged("/sentinel");
        // Each worker writes its own lines, in its own time.
        let own = || pair.site.log().iter().filter(|line| line["served_by"] == "banyan").count();
        until("a line for each row", || (own() >= count).then_some(()));
        assert_eq!(own(), count);
    }
}

#[test]
fn ambiguous_framing_is_refused() {
    let smuggled = "0\r\n\r\nG";
    assert_refused(vec![
        ("1 CL.TE", 400, post("Content-Length: 6\r\nTransfer-Encoding: chunked\r\n", smuggled)),
        ("2 TE.CL", 400, post("Transfer-Encoding: chunked\r\nContent-Length: 6\r\n", smuggled)),
        (
            "2 TE CL TE",
            400,
            post("Transfer-Encoding: chunked\r\nContent-Length: 6\r\nTransfer-Encoding: chunked\r\n", smuggled),
        ),
        (
            "3 inner request",
            400,
            post(
                "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n",
                "1b\r\nGET /admin HTTP/1.1\r\nA: b\r\n\r\n0\r\n\r\n",
            ),
        ),
        ("4 xchunked", 400, post("Transfer-Encoding: xchunked\r\n", smuggled)),
        ("4 identity", 400, post("Transfer-Encoding: identity\r\n", smuggled)),
        ("4 vertical tab", 400, post("Transfer-Encoding: chunked\x0b\r\n", smuggled)),
        ("4 quoted", 400, post("Transfer-Encoding: \"chunked\"\r\n", smuggled)),
        ("4 space before colon", 400, post("Transfer-Encoding : chunked\r\n", smuggled)),
        ("4 behind a bare LF", 400, post("A: b\nTransfer-Encoding: chunked\r\n", smuggled)),
        ("5 twice in one", 400, post("Transfer-Encoding: chunked, chunked\r\n", smuggled)),
        ("5 two lines", 400, post("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", smuggled)),
        ("5 comma before", 400, post("Transfer-Encoding: , chunked\r\n", smuggled)),
        ("5 comma after", 400, post("Transfer-Encoding: chunked,\r\n", smuggled)),
        ("5 empty", 400, post("Transfer-Encoding:\r\n", smuggled)),
        ("6 gzip, chunked", 501, post("Transfer-Encoding: gzip, chunked\r\n", smuggled)),
        ("7 chunked, gzip", 400, post("Transfer-Encoding: chunked, gzip\r\n", smuggled)),
        ("7 gzip", 400, post("Transfer-Encoding: gzip\r\n", smuggled)),
        ("8 on HTTP/1.0", 400, b"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n".to_vec()),
        (
            "8 on HTTP/1.0, kept alive",
            400,
            b"POST / HTTP/1.0\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n".to_vec(),
        ),
    ]);
}

#[test]
fn a_length_that_is_not_one_number_is_refused() {
    let mut rows = vec![
        ("10 different", 400, post("Content-Length: 5\r\nContent-Length: 6\r\n", "helloX")),
        ("10 list", 400, post("Content-Length: 5, 6\r\n", "helloX")),
        ("11 same", 400, post("Content-Length: 5\r\nContent-Length: 5\r\n", "hello")),
        ("11 same list", 400, post("Content-Length: 5, 5\r\n", "hello")),
    ];
    for length in ["", "+5", "-0", "0x5", "5_0", "1e1", "5 5", "18446744073709551616"] {
        rows.push(("12 not a length", 400, post(&format!("Content-Length: {length}\r\n"), "hello")));
    }
    assert_refused(rows);
}

#[test]
fn a_head_that_parsers_read_differently_is_refused() {
    assert_refused(vec![
        ("25 bare LF after the request line", 400, b"GET / HTTP/1.1\nHost: a\r\n\r\n".to_vec()),
        ("25 bare LF after a header", 400, get("A: b\nC: d\r\n")),
        ("25 bare LF at the end", 400, b"GET / HTTP/1.1\r\nHost: a\r\n\n".to_vec()),
        ("26 bare CR in the request line", 400, b"GET /\r HTTP/1.1\r\nHost: a\r\n\r\n".to_vec()),
        ("26 bare CR in a value", 400, get("A: b\rC: d\r\n")),
        ("26 CR before the end", 400, b"GET / HTTP/1.1\r\nHost: a\r\n\rX\r\n\r\n".to_vec()),
        ("27 NUL in the target", 400, b"GET /\0 HTTP/1.1\r\nHost: a\r\n\r\n".to_vec()),
        ("27 NUL in a name", 400, get("A\0: b\r\n")),
        ("27 NUL in a value", 400, get("A: \0\r\n")),
        ("27 control in a value", 400, get("A: \x01\r\n")),
        ("27 DEL in a value", 400, get("A: \x7f\r\n")),
        ("28 folded TE", 400, post("Transfer-Encoding:\r\n chunked\r\n", "0\r\n\r\n")),
        ("28 folded CL", 400, post("Content-Length:\r\n 5\r\n", "hello")),
        ("28 folded Expect", 400, post("Expect:\r\n 100-continue\r\nContent-Length: 0\r\n", "")),
        ("28 folded Host", 400, b"GET / HTTP/1.1\r\nHost:\r\n a.example\r\n\r\n".to_vec()),
        ("28 folded other", 400, get("A: b\r\n\tc\r\n")),
        ("29 space before colon", 400, get("A : b\r\n")),
        ("29 space before the first header", 400, b"GET / HTTP/1.1\r\n Host: a\r\n\r\n".to_vec()),
        ("29 no colon", 400, get("A\r\n")),
        ("29 empty name", 400, get(": x\r\n")),
        ("30 not a token", 400, get("A(B): c\r\n")),
        ("30 above ASCII", 400, get("\u{e4}: c\r\n")),
        ("31 Content_Length", 400, post("Content_Length: 5\r\n", "hello")),
        ("31 Transfer_Encoding", 400, post("Transfer_Encoding: chunked\r\n", "0\r\n\r\n")),
    ]);
}

#[test]
fn a_request_line_that_is_not_one_is_refused() {
    let line = |line: &str| format!("{line}\r\nHost: a.example\r\n\r\n").into_bytes();
    assert_refused(vec![
        ("32 tab", 400, line("GET\t/ HTTP/1.1")),
        ("32 two spaces before the target", 400, line("GET  / HTTP/1.1")),
        ("32 two spaces after the target", 400, line("GET /  HTTP/1.1")),
        ("32 minor version", 400, line("GET / HTTP/1.2")),
        ("32 HTTP/01.1", 400, line("GET / HTTP/01.1")),
        ("32 lower case", 400, line("GET / http/1.1")),
        ("32 HTTP/0.9", 400, b"GET /\r\n\r\n".to_vec()),
        ("32 major version", 505, line("GET / HTTP/2.0")),
        ("32 empty lines", 400, ["\r\n".repeat(50).into_bytes(), line("GET / HTTP/1.1")].concat()),
        ("34 garbage", 400, vec![0x00, 0x01, 0xff, 0xfe, b'\r', b'\n', b'\r', b'\n']),
        ("34 TLS hello", 400, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03".to_vec()),
    ]);
}

#[test]
fn a_head_over_its_limits_is_refused() {
    let long = "a".repeat(64 * 1024);
    assert_refused(vec![
        ("68 header", 431, get(&format!("A: {long}\r\n"))),
        ("68 many headers", 431, get(&"A: b\r\n".repeat(10_000))),
        ("68 URL", 414, format!("GET /{long} HTTP/1.1\r\nHost: a\r\n\r\n").into_bytes()),
        ("68 URL within the head's limit", 414, format!("GET /{} HTTP/1.1\r\nHost: a\r\n\r\n", &long[..17_000]).into()),
        ("68 method", 414, format!("{long} / HTTP/1.1\r\nHost: a\r\n\r\n").into_bytes()),
    ]);
}
