//! Targets, hosts and methods.

use super::facing::Ask;
use super::rows::{Must, assert_rows, http1, http2, row};
use Must::{BeRefused, BeServedBy, Pass};

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
        for target in ["/x#y", "/x?#y"] {
            rows.push(http1(78, target, Ask::get(target), BeRefused(&[400])));
            // The library in front cuts it off before anybody sees it, so nobody can match the one and send on the other.
            rows.push(http2(
                78,
                target,
                Ask::get(target),
                Pass(|request| assert!(["/x", "/x?"].contains(&&*request.target))),
            ));
        }
        for target in ["ftp://shop.example/x", "unix:/run/x.sock|http://a/", "x", ""] {
            rows.push(row(79, target, Ask::get(target), BeRefused(&[400])));
        }
        for target in ["*", "shop.example:80"] {
            rows.push(row(80, target, Ask::get(target), BeRefused(&[400])));
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
