//! Targets: the bytes that are matched are the bytes that are forwarded, or nothing is.

use crate::harness::{Pair, Script};

/// Sends a request line as it is.
fn line(pair: &Pair, line: &str) -> crate::harness::Answer {
    pair.site.send(format!("{line} HTTP/1.1\r\nHost: shop.example\r\n\r\n"))
}

#[test]
fn a_target_that_two_systems_read_differently_is_refused() {
    let pair = Pair::start("");
    for target in [
        "/a%2fb",
        "/a%2Fb",
        "/%2e%2e",
        "/%2E./b",
        "/a/%2e%2e/b",
        "/a/../b",
        "/..",
        "/./",
        "/a/.",
        "/..;/",
        "/a/..;x=1/b",
        "/%252e%252e/b",
        "/%2e%2e%2fb",
        "/\\x",
        "/%5cx",
        "/%00",
        "/a%0d%0ab",
        "/%7f",
        "/a#b",
        "/#",
        "/a?b#c",
        "*",
        "a",
        "?a",
        "unix:/run/docker.sock",
        "unix:/run/docker.sock|http://a/",
        "ftp://shop.example/",
        "file:///etc/passwd",
        "shop.example:80",
        "shop.example",
        "http://",
        "http:///x",
        "http://user@shop.example/",
        "//user@h/../x",
        "/<x>",
        "/>",
    ] {
        let answer = line(&pair, &format!("GET {target}"));
        assert_eq!(answer.status, 400, "{target}");
        answer.assert_problem(400);
    }
    pair.site.send(b"GET /\x80 HTTP/1.1\r\nHost: a\r\n\r\n").assert_problem(400);
    pair.assert_untouched();
}

#[test]
fn an_accepted_target_is_forwarded_byte_for_byte() {
    let pair = Pair::start("");
    let targets = [
        "/a%252fb",
        "/%c0%af",
        "/%C3%A9",
        "/a%20b",
        "/a%2eb",
        "/...",
        "/.well-known/x",
        "/a..b",
        "//x",
        "/x//",
        "/X",
        "/;a",
        "/x;v=1",
        "/a?b=%2f..%2F&c=../%00",
        "/?",
        "/a??",
        "/%zz",
        "/%",
        "/a|b",
        "/[x]",
        "/~u",
        "/{a}",
        "/a^b",
        "/\"",
        "/a?x=http://y/../z",
    ];
    for target in targets {
        let answer = line(&pair, &format!("GET {target}"));
        assert_eq!((answer.status, answer.served_by()), (200, "legacy"), "{target}");
    }
    let seen: Vec<String> = pair.legacy.requests().iter().map(|request| request.target.clone()).collect();
    assert_eq!(seen, targets);
}

#[test]
fn utf_8_in_a_target_stays_as_it_is_or_is_refused() {
    let pair = Pair::start("");
    let answer = line(&pair, "GET /caf\u{e9}");
    match answer.status {
        200 => assert!(pair.legacy.only().head.starts_with("GET /caf\u{e9} HTTP/1.1\r\n".as_bytes())),
        status => {
            assert_eq!(status, 400);
            pair.assert_untouched();
        }
    }
}

#[test]
fn an_opaque_slash_is_a_byte_of_its_segment() {
    let route = "routes: [{ name: a, match: { path: \"/files/{name}\" }, new: new, stage: live }]";
    let pair = Pair::listening("encoded_slashes: opaque", route);
    assert_eq!(pair.site.get("/files/a%2Fb").served_by(), "new");
    assert_eq!(pair.site.get("/files/a/b").served_by(), "legacy");
    pair.site.get("/files/a%2F..%2Fb").assert_problem(400);
    assert_eq!(pair.new.only().target, "/files/a%2Fb");
}

/// Spellings of a path and whether the three kinds of patterns take them.
#[test]
fn every_spelling_has_one_decision_whatever_the_pattern_and_however_many_routes() {
    let rows = [
        ("/x", "new"),
        ("/X", "legacy"),
        ("//x", "legacy"),
        ("/x/", "legacy"),
        ("/x;a", "legacy"),
        ("/x?a", "new"),
        ("/p/7", "new"),
        ("/P/7", "legacy"),
        ("//p/7", "legacy"),
        ("/p//7", "legacy"),
        ("/p/7/", "legacy"),
        ("/p/7;a", "new"),
        ("/p/", "legacy"),
        ("/p", "legacy"),
        ("/r", "new"),
        ("/r/", "new"),
        ("/r/a/b/", "new"),
        ("/r//a", "new"),
        ("/R/a", "legacy"),
        ("//r/a", "legacy"),
        ("/r;a/b", "legacy"),
        ("/%78", "legacy"),
        ("/r/%78", "new"),
    ];
    let kinds = ["/x", "/p/{id}", "/r/{*rest}"];
    for fillers in [0, 300] {
        let mut yaml = String::from("routes:\n");
        for filler in 0..fillers {
            yaml += &format!("  - {{ name: f{filler}, match: {{ path: \"/filler/{filler}/{{*rest}}\" }} }}\n");
        }
        for (place, path) in kinds.iter().enumerate() {
            yaml += &format!("  - {{ name: r{place}, match: {{ path: \"{path}\" }}, new: new, stage: live }}\n");
        }
        let pair = Pair::start(&yaml);
        for (target, side) in rows {
            assert_eq!(pair.site.get(target).served_by(), side, "{target} among {fillers}");
        }
    }
}

#[test]
fn an_encoded_byte_stays_encoded_when_the_path_is_rewritten() {
    let pair = Pair::start(
        "routes: [{ name: a, match: { path: \"/p/{id}/{*rest}\" }, new: new, stage: live, \
         rewrite: { path: \"/v2/{id}/x/{*rest}\" } }]",
    );
    for (sent, received) in [
        ("/p/%c0%af/b", "/v2/%c0%af/x/b"),
        ("/p/%3f%23/b%20c", "/v2/%3f%23/x/b%20c"),
        ("/p/%25/b?q=%0d%0a", "/v2/%25/x/b?q=%0d%0a"),
        ("/p/a;b/c//d/", "/v2/a;b/x/c//d/"),
    ] {
        assert_eq!(pair.site.get(sent).served_by(), "new", "{sent}");
        assert_eq!(pair.new.requests().last().unwrap().target, received);
    }
}

#[test]
fn an_absolute_target_decides_the_host_and_dials_nobody_new() {
    let pair = Pair::start("routes: [{ name: a, match: { host: shop.example, path: /x }, new: new, stage: live }]");
    for target in ["http://shop.example/x", "https://SHOP.example:8443/x", "http://shop.example./x"] {
        let answer = pair.site.send(format!("GET {target} HTTP/1.1\r\nHost: other.example\r\n\r\n"));
        assert_eq!(answer.served_by(), "new", "{target}");
    }
    let authorities = ["shop.example", "SHOP.example:8443", "shop.example."];
    for (request, authority) in pair.new.requests().iter().zip(authorities) {
        assert_eq!((request.target.as_str(), request.field("host")), ("/x", Some(authority)));
        assert_eq!(request.field("x-forwarded-host"), Some(authority));
    }
    let answer = pair.site.send("GET http://169.254.169.254/x HTTP/1.1\r\nHost: shop.example\r\n\r\n");
    assert_eq!(answer.served_by(), "legacy");
    assert_eq!(pair.legacy.only().field("host"), Some("169.254.169.254"));
    let empty = pair.site.send("GET http://shop.example HTTP/1.1\r\nHost: shop.example\r\n\r\n");
    assert_eq!((empty.status, pair.legacy.request(1).target.as_str()), (200, "/"));
}

#[test]
fn options_for_the_server_as_a_whole_is_forwarded() {
    let pair = Pair::start("");
    assert_eq!(line(&pair, "OPTIONS *").status, 200);
    assert_eq!(pair.legacy.only().line(), "OPTIONS *");
}

#[test]
fn connect_and_trace_are_not_relayed() {
    let pair = Pair::start("");
    for request in ["CONNECT shop.example:443", "CONNECT 127.0.0.1:22", "TRACE /", "TRACE *"] {
        let answer = line(&pair, request);
        answer.assert_problem(405);
        assert!(answer.field("allow").is_some_and(|methods| !methods.contains("TRACE")));
    }
    pair.assert_untouched();
}

#[test]
fn a_method_is_its_exact_bytes() {
    let pair = Pair::start("routes: [{ name: a, match: { methods: [GET], path: /x }, new: new, stage: live }]");
    for (method, side) in
        [("GET", "new"), ("get", "legacy"), ("Get", "legacy"), ("BREW", "legacy"), ("M-SEARCH", "legacy")]
    {
        assert_eq!(line(&pair, &format!("{method} /x")).served_by(), side, "{method}");
    }
    assert_eq!(pair.legacy.lines(), ["get /x", "Get /x", "BREW /x", "M-SEARCH /x"]);
    let answer = pair.site.get_with("/x", "X-HTTP-Method-Override: DELETE\r\n");
    assert_eq!(answer.served_by(), "new");
    assert_eq!(pair.new.request(1).line(), "GET /x");
}

#[test]
fn what_is_not_known_to_be_safe_is_never_sent_twice() {
    for method in ["get", "BREW", "POST", "DELETE"] {
        let pair = Pair::start("");
        pair.legacy.on("/x", Script::ok("first"));
        pair.legacy.on("/x", Script::default().reset());
        let mut client = pair.site.client();
        assert_eq!(client.ask(method, "/x").status, 200);
        client.ask(method, "/x").assert_problem(502);
        assert_eq!(pair.legacy.lines(), [format!("{method} /x"), format!("{method} /x")]);
    }
}
