//! Backends that are down, or answer what is no answer.

use std::net::TcpListener;

use crate::harness::{Pair, Script, Site};

#[test]
fn a_backend_that_is_down_is_said_to_be() {
    // Bound and not listening: connecting is refused, and nobody else can get the port meanwhile.
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    socket.bind(&"127.0.0.1:0".parse::<std::net::SocketAddr>().unwrap().into()).unwrap();
    let address = socket.local_addr().unwrap().as_socket().unwrap();
    let site = Site::start(&format!(
        "backends: {{ b: {{ endpoints: [http://{address}] }} }}\nroutes: [{{ name: down, match: {{ path: /x }}, legacy: b }}]"
    ));
    let answer = site.get_with("/x", "X-Request-Id: ignored\r\n");
    answer.assert_problem(502);
    let problem = answer.json();
    assert_eq!(problem["route"], "down");
    let line = site.logged("/x");
    assert_eq!(line["request_id"], problem["request_id"]);
    assert_eq!(
        (&line["status"], &line["error"], &line["served_by"]),
        (&502.into(), &"connect".into(), &"banyan".into())
    );
    assert_eq!((&line["backend"], &line["side"]), (&"b".into(), &"legacy".into()));
    site.await_metric("banyan_upstream_errors_total{backend=\"b\",reason=\"connect\"}", 1);
    assert_eq!(site.metric("banyan_requests_total{route=\"down\",side=\"banyan\",class=\"5xx\"}"), 1);
    // The facade itself is well.
    assert_eq!(site.admin("GET /readyz").status, 200);
}

#[test]
fn a_name_without_an_address_is_said_to_have_none() {
    let site = Site::start("backends: { b: { endpoints: [\"http://nowhere.invalid:80\"] } }\ndefaults: { legacy: b }");
    site.get("/x").assert_problem(503);
    assert_eq!(site.logged("/x")["error"], "unresolved");
}

#[test]
fn what_is_no_answer_is_a_bad_gateway() {
    let headers = format!("HTTP/1.1 200 OK\r\n{}\r\n", "A: b\r\n".repeat(10_000));
    let rows: [(&str, &[u8]); 19] = [
        ("equal lengths", b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nab"),
        ("list of equal lengths", b"HTTP/1.1 200 OK\r\nContent-Length: 2, 2\r\n\r\nab"),
        (
            "shorter length",
            b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
        ),
        ("gzip, chunked", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"),
        ("gzip", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n"),
        (
            "chunked twice",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        ),
        ("different lengths", b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nabc"),
        ("list of lengths", b"HTTP/1.1 200 OK\r\nContent-Length: 2, 3\r\n\r\nabc"),
        ("signed length", b"HTTP/1.1 200 OK\r\nContent-Length: +2\r\n\r\nab"),
        ("length and coding", b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
        ("coding on HTTP/1.0", b"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
        ("status of two digits", b"HTTP/1.1 20 OK\r\n\r\n"),
        ("status of letters", b"HTTP/1.1 abc OK\r\n\r\n"),
        ("another version", b"HTTP/3.1 200 OK\r\n\r\n"),
        ("NUL in a value", b"HTTP/1.1 200 OK\r\nA: \0\r\nContent-Length: 0\r\n\r\n"),
        ("CR in a value", b"HTTP/1.1 200 OK\r\nA: b\rSet-Cookie: c\r\nContent-Length: 0\r\n\r\n"),
        ("10,000 headers", headers.as_bytes()),
        ("garbage", b"SSH-2.0-OpenSSH_9.2\r\n\r\n"),
        ("nothing", b""),
    ];
    let pair = Pair::start("");
    let mut accepted = Vec::new();
    for (n, (row, bytes)) in rows.iter().enumerate() {
        pair.legacy.on(&format!("/{n}"), Script::raw(bytes).close());
        let mut client = pair.site.client();
        client.send(format!("GET /{n} HTTP/1.1\r\nHost: a\r\n\r\n"));
        match client.next() {
            Some(answer) if answer.status == 502 => answer.assert_problem(502),
            other => accepted.push((row, other)),
        }
        pair.legacy.closed(n);
    }
    assert!(accepted.is_empty(), "{accepted:?}");
}

#[test]
fn switching_protocols_unasked_is_a_bad_gateway() {
    let pair = Pair::start("");
    let switch = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: foo\r\n\r\n";
    pair.legacy.on("/x", Script::raw(switch).and_hang());
    pair.site.get("/x").assert_problem(502);
    pair.legacy.closed(0);
}

#[test]
fn an_upgrade_that_the_backend_ignores_is_a_plain_request() {
    let pair = Pair::start("");
    let inner = "GET /inner HTTP/1.1\r\nHost: a\r\n\r\n";
    for (n, (lines, passed)) in [
        ("Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n", Some("websocket")),
        ("Connection: keep-alive, Upgrade\r\nUpgrade: foo\r\n", Some("foo")),
        ("Upgrade: websocket\r\n", None),
        ("Connection: Upgrade\r\nUpgrade: websocket, h2c\r\n", None),
        ("Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA\r\n", None),
        ("Connection: Upgrade\r\nUpgrade: H2C\r\n", None),
        ("Connection: Upgrade\r\nUpgrade: HTTP/2.0\r\n", None),
    ]
    .into_iter()
    .enumerate()
    {
        let mut client = pair.site.client();
        client.send(format!("GET /up HTTP/1.1\r\nHost: a\r\n{lines}\r\n{inner}"));
        assert_eq!((client.answer().status, client.answer().status), (200, 200), "{lines:?}");
        let request = pair.legacy.request(2 * n);
        assert_eq!(request.field("upgrade"), passed, "{lines:?}");
        assert_eq!(request.field("connection"), passed.map(|_| "upgrade"), "{lines:?}");
        assert_eq!(request.field("http2-settings"), None, "{lines:?}");
    }
    assert_eq!(pair.legacy.lines().len(), 14);
}

#[test]
fn a_client_cannot_choose_whom_the_facade_dials() {
    let other = TcpListener::bind("127.0.0.1:0").unwrap();
    other.set_nonblocking(true).unwrap();
    let target = other.local_addr().unwrap();
    let pair = Pair::start("");
    for request in [
        format!("GET / HTTP/1.1\r\nHost: {target}\r\n\r\n"),
        format!("GET http://{target}/ HTTP/1.1\r\nHost: a\r\n\r\n"),
        format!("GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-Host: {target}\r\nForwarded: host={target}\r\n\r\n"),
    ] {
        assert_eq!(pair.site.send(request).served_by(), "legacy");
    }
    assert!(other.accept().is_err());
}
