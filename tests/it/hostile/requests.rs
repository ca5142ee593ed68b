//! Framing, upgrades and expectations.

use super::facing::Ask;
use super::rows::{Must, assert_rows, http1, row};
use crate::harness::Received;
use Must::{BeRefused, Pass};

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
