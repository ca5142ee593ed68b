//! Whose word counts.

use super::facing::Ask;
use super::rows::{Must, assert_rows, http1, row};
use crate::harness::Received;
use Must::{BeRefused, BeServedBy, Pass};

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
