//! Requests, row by row.

use super::facing::{ALL, Ask, Facing, Protocol, Told};
use crate::harness::Received;

/// What must become of a request.
enum Must {
    /// It is answered with one of these by the facade itself, or, over HTTP/2, its stream ends; no backend hears of it.
    BeRefused(&'static [u16]),
    /// It is answered 200, and this holds of what reached a backend.
    Pass(fn(&Received)),
    /// The same, and this side answers.
    BeServedBy(&'static str),
}

use Must::{BeRefused, BeServedBy, Pass};

/// A case by its number, and what to do with it.
struct Row {
    number: u8,
    name: String,
    ask: Ask,
    must: Must,
    /// The protocol in front that can say it at all; `None` for both.
    only: Option<Protocol>,
}

fn row(number: u8, name: impl Into<String>, ask: Ask, must: Must) -> Row {
    Row { number, name: name.into(), ask, must, only: None }
}

fn http1(number: u8, name: impl Into<String>, ask: Ask, must: Must) -> Row {
    Row { only: Some(Protocol::Http1), ..row(number, name, ask, must) }
}

const RULES: &str = "\
subject: { tenant: [{ header: X-Tenant-Id, from: trusted }, { query: tenant }], user: [{ cookie: sid }], trusted_proxies: [10.0.0.0/8] }
force: { secret: \"0123456789abcdef0123456789abcdef\" }
routes:
- { name: tenants, match: { path: /tenants }, new: new, stage: canary, canary: { tenants: [acme] } }
- { name: users, match: { path: /users }, new: new, stage: canary, canary: { percent: 100, by: user } }
- { name: host, match: { host: new.example, path: /host }, new: new, stage: live }
- { name: lower, match: { path: /lower }, new: new, stage: live }
";

/// Puts every row to a facade between each pair of protocols.
#[track_caller]
fn assert_rows(rows: impl Fn() -> Vec<Row>) {
    for pair in ALL {
        let facing = Facing::start(pair, RULES);
        let mut wrong = Vec::new();
        let mut expected = Vec::new();
        for Row { number, name, ask, must, .. } in
            rows().into_iter().filter(|row| row.only.is_none_or(|only| only == facing.front))
        {
            let before = [facing.pair.legacy.requests().len(), facing.pair.new.requests().len()];
            let told = facing.ask(&ask);
            let right = match must {
                BeRefused(statuses) => is_refused(&told, statuses, facing.front),
                Pass(_) => told.status == 200 && told.whole,
                BeServedBy(side) => told.status == 200 && told.served_by() == side,
            };
            let requests =
                [facing.pair.legacy.requests().split_off(before[0]), facing.pair.new.requests().split_off(before[1])]
                    .concat();
            let count = usize::from(!matches!(must, BeRefused(_)));
            if !right || requests.len() != count {
                wrong.push(format!(
                    "{pair:?} {number} {name}: {} by {}, reached: {requests:?}",
                    told.status,
                    told.served_by()
                ));
                continue;
            }
            for request in &requests {
                expected.push(request.line());
                request.assert_canonical(&format!("{pair:?} {number} {name}"));
                if let Pass(check) = must {
                    check(request);
                }
            }
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
        // Nothing of what was refused arrives late.
        let after = facing.ask(&Ask::get("/after"));
        assert_eq!(
            (after.status, facing.reached().len()),
            (200, expected.len() + 1),
            "{pair:?}: {:?}",
            facing.reached()
        );
    }
}

fn is_refused(told: &Told, statuses: &[u16], front: Protocol) -> bool {
    let said = statuses.contains(&told.status) && told.served_by() == "banyan";
    // A stream that is not well-formed is reset (RFC 9113 section 8.1.1), with or without a word.
    said || (front == Protocol::Http2 && told.status == 0) || (front == Protocol::Http2 && told.status == 400)
}

#[test]
fn framing() {
    assert_rows(|| {
        let chunked = |ask: Ask| ask.field("Transfer-Encoding", "chunked");
        let mut rows = vec![
            http1(1, "CL.TE", chunked(Ask::post("/x", "0\r\n\r\nG").field("Content-Length", "6")), BeRefused(&[400])),
            http1(2, "TE.CL", chunked(Ask::post("/x", "0\r\n\r\nG")).field("Content-Length", "6"), BeRefused(&[400])),
            http1(
                6,
                "gzip, chunked",
                Ask::post("/x", "0\r\n\r\n").field("Transfer-Encoding", "gzip, chunked"),
                BeRefused(&[400, 501]),
            ),
            http1(
                11,
                "equal lengths",
                Ask::post("/x", "hello").field("Content-Length", "5").field("Content-Length", "5"),
                BeRefused(&[400]),
            ),
            http1(
                13,
                "nominated",
                Ask::post("/x", "hello").field("Connection", "Content-Length, Transfer-Encoding"),
                Pass(|request| assert_eq!(request.text(), "hello")),
            ),
            http1(
                13,
                "nominated chunks",
                chunked(Ask::post("/x", "5\r\nhello\r\n0\r\n\r\n").field("Connection", "Transfer-Encoding")),
                Pass(|request| assert_eq!(request.text(), "hello")),
            ),
            row(
                14,
                "a request as a body",
                Ask { method: b"GET".to_vec(), ..Ask::post("/x", "GET /inner HTTP/1.1\r\nHost: a\r\n\r\n") },
                Pass(|request| {
                    assert!(request.text().starts_with("GET /inner"));
                }),
            ),
            http1(
                19,
                "chunk extension",
                chunked(Ask::post("/x", "5;a=b\r\nhello\r\n0\r\n\r\n")),
                Pass(|request| {
                    assert!(request.text() == "hello" && !String::from_utf8_lossy(&request.body.wire).contains("a=b"))
                }),
            ),
            row(31, "Content_Length", Ask::post("/x", "hello").field("Content_Length", "1"), BeRefused(&[400])),
            row(31, "Transfer_Encoding", Ask::get("/x").field("Transfer_Encoding", "chunked"), BeRefused(&[400])),
            row(
                31,
                "X_Tenant_Id",
                Ask::get("/tenants").field("X_Tenant_Id", "acme"),
                Pass(|request| assert_eq!(request.field("x_tenant_id"), None)),
            ),
        ];
        for length in ["", "+5", "-0", "0x5", "5_0", "5, 5", "18446744073709551616"] {
            let ask = Ask::post("/x", "hello").field("Content-Length", length);
            rows.push(row(12, format!("length {length:?}"), ask, BeRefused(&[400])));
        }
        for coding in ["xchunked", "identity", "chunked, chunked", "", "chunked, gzip"] {
            let ask = Ask::post("/x", "0\r\n\r\n").field("Transfer-Encoding", coding);
            rows.push(row(5, format!("coding {coding:?}"), ask, BeRefused(&[400, 501])));
        }
        for (number, what, value) in [
            (27, "NUL", &b"a\0b"[..]),
            (27, "SOH", b"a\x01b"),
            (26, "CR", b"a\rb"),
            (25, "LF", b"a\nB: c"),
            (26, "CRLF", b"a\r\n b"),
        ] {
            rows.push(row(number, format!("{what} in a value"), Ask::get("/x").field("A", value), BeRefused(&[400])));
        }
        for name in ["A B", "A(B)", "\u{e4}", "A\0"] {
            rows.push(row(30, format!("name {name:?}"), Ask::get("/x").field(name, "b"), BeRefused(&[400])));
        }
        rows
    });
}

#[test]
fn upgrades() {
    assert_rows(|| {
        let plain: fn(&Received) = |request| {
            for name in ["upgrade", "connection", "http2-settings", "expect"] {
                assert_eq!(request.field(name), None, "{name}");
            }
        };
        let mut rows = vec![
            http1(36, "no Connection", Ask::get("/x").field("Upgrade", "websocket"), Pass(plain)),
            http1(
                37,
                "h2c",
                Ask::get("/x")
                    .field("Connection", "Upgrade, HTTP2-Settings")
                    .field("Upgrade", "h2c")
                    .field("HTTP2-Settings", "AAMAAABkAAQAoAAAAAIAAAAA"),
                Pass(plain),
            ),
            http1(39, "CONNECT", Ask::get("shop.example:443").method("CONNECT"), BeRefused(&[400, 405, 501])),
            http1(39, "CONNECT of a path", Ask::get("/x").method("CONNECT"), BeRefused(&[400, 405, 501])),
            row(
                41,
                "Expect and the body at once",
                Ask::post("/x", "hello").field("Expect", "100-continue"),
                Pass(plain),
            ),
        ];
        for expectation in ["100-continue, x", "x", ""] {
            rows.push(row(
                41,
                format!("expects {expectation:?}"),
                Ask::post("/x", "hello").field("Expect", expectation),
                BeRefused(&[417]),
            ));
        }
        rows.push(row(
            41,
            "expects twice",
            Ask::post("/x", "hello").field("Expect", "100-continue").field("Expect", "100-continue"),
            BeRefused(&[417]),
        ));
        rows
    });
}

#[test]
fn targets_and_hosts() {
    assert_rows(|| {
        let mut rows = Vec::new();
        for target in ["/a%2fb", "/%252e%252e/b", "/%2e%2e", "/a/../b", "/./", "/a/..;/b", "/\\x", "/%5cx"] {
            rows.push(row(75, target, Ask::get(target), BeRefused(&[400])));
        }
        for target in ["//x", "/X", "/x/", "/x;v=1", "/a%20b", "/?a=../%00", "/%C3%A9"] {
            // What reached the backend is compared with what was sent, below.
            rows.push(row(
                76,
                target,
                Ask::get(target).field("X-Target", target),
                Pass(|request| assert_eq!(Some(&*request.target), request.field("x-target"))),
            ));
        }
        for target in ["/%00", "/a%0d%0ab", "/a b", "/a\tb"] {
            rows.push(row(77, target, Ask::get(target), BeRefused(&[400])));
        }
        rows.push(row(77, "overlong", Ask::get("/%c0%af"), Pass(|request| assert_eq!(request.target, "/%c0%af"))));
        rows.push(row(77, "a raw byte", Ask::get(b"/\x80"), BeRefused(&[400])));
        rows.push(row(78, "fragment", Ask::get("/x#y"), BeRefused(&[400])));
        rows.push(row(78, "fragment in a query", Ask::get("/x?a#y"), BeRefused(&[400])));
        for target in ["ftp://shop.example/x", "unix:/run/x.sock|http://a/", "x", "", "*", "shop.example:80"] {
            let number = if target == "*" || target == "shop.example:80" { 80 } else { 79 };
            rows.push(row(number, target, Ask::get(target), BeRefused(&[400])));
        }
        rows.push(http1(
            79,
            "absolute",
            Ask::get("http://new.example/host").host("other.example"),
            Pass(|request| {
                assert_eq!((&*request.target, request.field("host")), ("/host", Some("new.example")));
            }),
        ));
        rows.push(row(81, "no host", Ask::get("/x").without_host(), BeRefused(&[400])));
        for host in ["", "a, b", "user@a", "a/x", "a:x", "a:99999", "[::1", "a..b", "a b", "http://a", "a?b", "a#b"] {
            rows.push(row(81, format!("host {host:?}"), Ask::get("/x").host(host), BeRefused(&[400])));
        }
        rows.push(http1(81, "two hosts", Ask::get("/x").field("Host", "shop.example"), BeRefused(&[400])));
        rows.push(row(81, "another host beside it", Ask::get("/x").field("Host", "other.example"), BeRefused(&[400])));
        for host in ["new.example", "NEW.example", "new.example.", "new.example:80"] {
            rows.push(row(82, host, Ask::get("/host").host(host), BeServedBy("new")));
        }
        rows.push(row(83, "TRACE", Ask::get("/x").method("TRACE"), BeRefused(&[405])));
        rows.push(row(
            83,
            "lower case",
            Ask::get("/lower").method("get"),
            Pass(|request| assert_eq!(request.method, "get")),
        ));
        rows.push(row(
            83,
            "override",
            Ask::post("/lower", "").field("X-HTTP-Method-Override", "DELETE"),
            Pass(|request| {
                assert_eq!(request.method, "POST");
            }),
        ));
        rows.push(row(84, "twice in the query", Ask::get("/tenants?tenant=acme&tenant=acme"), BeServedBy("legacy")));
        rows.push(row(84, "once", Ask::get("/tenants?tenant=acme"), BeServedBy("new")));
        rows
    });
}

#[test]
fn trust() {
    assert_rows(|| {
        let gone: fn(&Received) = |request| {
            for name in [
                "forwarded",
                "x-real-ip",
                "x-tenant-id",
                "x-forwarded-port",
                "x-forwarded-prefix",
                "tracestate",
                "banyan-force",
            ] {
                assert_eq!(request.field(name), None, "{name}");
            }
            assert_eq!(request.field("x-forwarded-for"), Some("127.0.0.1"));
            assert_eq!(request.field("x-forwarded-proto"), Some("http"));
            assert_eq!(request.field("x-forwarded-host"), Some("shop.example"));
            assert_eq!(request.field("via"), Some("1.1 banyan"));
        };
        let mut rows = vec![
            http1(
                85,
                "nominated",
                Ask::get("/x")
                    .field("Connection", "X-Forwarded-For, X-Tenant-Id, Host, Authorization, Cookie, X-Hop")
                    .field("Authorization", "Basic x")
                    .field("Cookie", "a=b")
                    .field("X-Hop", "1"),
                Pass(|request| {
                    assert_eq!(
                        (request.field("authorization"), request.field("cookie")),
                        (Some("Basic x"), Some("a=b"))
                    );
                    assert_eq!((request.field("x-hop"), request.field("x-forwarded-for")), (None, Some("127.0.0.1")));
                }),
            ),
            http1(
                86,
                "Connection that is no text",
                Ask::get("/x").field("Connection", b"\xff\xfe, X-Hop").field("Connection", "close").field("X-Hop", "1"),
                Pass(|request| assert_eq!(request.field("x-hop"), None)),
            ),
            http1(
                87,
                "hop by hop",
                Ask::get("/x")
                    .field("Keep-Alive", "timeout=5")
                    .field("Proxy-Connection", "x")
                    .field("Proxy-Authorization", "x")
                    .field("TE", "gzip")
                    .field("Trailer", "X")
                    .field("Upgrade", "x"),
                Pass(|request| {
                    for name in ["keep-alive", "proxy-connection", "proxy-authorization", "te", "upgrade"] {
                        assert_eq!(request.field(name), None, "{name}");
                    }
                }),
            ),
            row(
                88,
                "spoofed",
                [
                    "X-Forwarded-For",
                    "X-Forwarded-Proto",
                    "X-Forwarded-Host",
                    "X-Forwarded-Port",
                    "X-Forwarded-Prefix",
                    "Forwarded",
                    "X-Real-IP",
                    "Tracestate",
                    "X_Forwarded_For",
                ]
                .into_iter()
                .fold(Ask::get("/x"), |ask, name| ask.field(name, "203.0.113.7")),
                Pass(gone),
            ),
            row(
                89,
                "tenant header of a stranger",
                Ask::get("/tenants").field("X-Tenant-Id", "acme"),
                BeServedBy("legacy"),
            ),
            row(89, "the same is not sent on", Ask::get("/x").field("X-Tenant-Id", "acme"), Pass(gone)),
            row(91, "forced by a stranger", Ask::get("/tenants").field("Banyan-Force", "new"), BeServedBy("legacy")),
            row(
                91,
                "forced with a wrong secret",
                Ask::get("/tenants").field("Banyan-Force", "new").field("Banyan-Secret", "x"),
                BeServedBy("legacy"),
            ),
            row(
                91,
                "debug header goes no further",
                Ask::get("/x").field("Banyan-Force", "new").field("X-Served-By", "new"),
                Pass(gone),
            ),
            row(92, "no tenant", Ask::get("/tenants"), BeServedBy("legacy")),
            row(92, "no user", Ask::get("/users"), BeServedBy("legacy")),
            row(92, "a user", Ask::get("/users").field("Cookie", "sid=1"), BeServedBy("new")),
            row(
                94,
                "ids of a stranger",
                Ask::get("/x").field("X-Request-Id", "x".repeat(5000)).field("traceparent", "zz"),
                Pass(|request| {
                    assert_eq!(request.field("x-request-id").map(str::len), Some(32));
                    assert_eq!(request.field("traceparent").map(str::len), Some(55));
                }),
            ),
            row(
                94,
                "round and round",
                Ask::get("/x").field("Via", "1.1 banyan, 1.1 banyan, 2 banyan, 1.1 banyan"),
                BeRefused(&[508]),
            ),
            row(103, "a host to be dialled", Ask::get("/x").host("169.254.169.254"), BeServedBy("legacy")),
        ];
        for tenant in ["", "../../etc/passwd", "%00", "a%0ab", "\u{430}cme"] {
            let target: String = format!("/tenants?tenant={tenant}")
                .chars()
                .flat_map(|one| {
                    if one.is_ascii() { one.to_string() } else { "%D0%B0".to_owned() }.chars().collect::<Vec<_>>()
                })
                .collect();
            rows.push(row(90, format!("tenant {tenant:?}"), Ask::get(target), BeServedBy("legacy")));
        }
        for cookie in ["sid=", "sid", "sid=a; sid=b", ";;;"] {
            rows.push(row(
                91,
                format!("cookie {cookie:?}"),
                Ask::get("/users").field("Cookie", cookie),
                BeServedBy("legacy"),
            ));
        }
        rows
    });
}
