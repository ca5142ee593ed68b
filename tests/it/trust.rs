//! Whose word counts: what an untrusted client says of itself never reaches a backend, nor a decision.

use crate::harness::{Pair, Received, exchange, until};

const TENANTS: &str = "\
subject: { tenant: [{ header: X-Tenant-Id, from: trusted }], trusted_proxies: [PROXIES] }
routes: [{ name: a, match: { path: /x }, new: new, stage: canary, canary: { tenants: [acme] } }]";

/// A facade whose peers on this machine are trusted, or nobody is.
fn pair(trusted: bool) -> Pair {
    Pair::start(&TENANTS.replace("PROXIES", if trusted { "127.0.0.0/8" } else { "10.0.0.0/8" }))
}

const SPOOFED: &str = "X-Forwarded-For: 203.0.113.7\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: evil.example\r\n\
    X-Forwarded-Port: 1\r\nX-Forwarded-Prefix: /admin\r\nForwarded: for=203.0.113.7;host=evil.example\r\n\
    X-Real-IP: 203.0.113.7\r\nX-Tenant-Id: acme\r\nX-Request-Id: mine\r\n\
    traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r\ntracestate: a=b\r\n";

/// The values of some fields.
fn fields<'r>(request: &'r Received, names: &[&str]) -> Vec<Option<&'r str>> {
    names.iter().map(|name| request.field(name)).collect()
}

#[test]
fn untrusted_forwarding_headers_never_reach_a_backend() {
    let pair = pair(false);
    assert_eq!(pair.site.get_with("/x", SPOOFED).served_by(), "legacy");
    let request = pair.legacy.only();
    assert_eq!(
        fields(&request, &["x-forwarded-for", "x-forwarded-proto", "x-forwarded-host"]),
        [Some("127.0.0.1"), Some("http"), Some("shop.example")]
    );
    let gone = ["x-forwarded-port", "x-forwarded-prefix", "forwarded", "x-real-ip", "x-tenant-id", "tracestate"];
    assert_eq!(fields(&request, &gone), [None; 6]);
    assert_eq!(request.field("x-request-id").unwrap().len(), 32);
    assert!(!request.field("traceparent").unwrap().contains("0af7651916cd43dd8448eb211c80319c"));
    assert_eq!(request.field("via"), Some("1.1 banyan"));
    let line = pair.site.logged("/x");
    assert_eq!((line["client"].as_str(), line["tenant"].as_str()), (Some("127.0.0.1"), None));
}

#[test]
fn a_trusted_proxys_word_is_kept_and_continued() {
    let pair = pair(true);
    let lines = format!("{SPOOFED}Via: 1.0 edge\r\n");
    assert_eq!(pair.site.get_with("/x", &lines).served_by(), "new");
    let request = pair.new.only();
    let kept = [
        ("x-forwarded-for", "203.0.113.7, 127.0.0.1"),
        ("x-forwarded-proto", "https"),
        ("x-forwarded-host", "evil.example"),
        ("x-forwarded-port", "1"),
        ("x-forwarded-prefix", "/admin"),
        ("x-real-ip", "203.0.113.7"),
        ("x-tenant-id", "acme"),
        ("forwarded", "for=203.0.113.7;host=evil.example, for=127.0.0.1;proto=http;host=\"shop.example\""),
        ("x-request-id", "mine"),
        ("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
        ("tracestate", "a=b"),
        ("via", "1.0 edge, 1.1 banyan"),
    ];
    for (name, value) in kept {
        assert_eq!(request.field(name), Some(value), "{name}");
    }
    let line = pair.site.logged("/x");
    assert_eq!((line["client"].as_str(), line["tenant"].as_str()), (Some("203.0.113.7"), Some("acme")));
    assert_eq!(line["request_id"], "mine");
}

#[test]
fn nominated_headers_are_gone_unless_the_request_would_mean_something_else() {
    let pair = pair(true);
    let lines = "Connection: X-Forwarded-For, X-Tenant-Id, Host, Authorization\r\nConnection: Cookie, X-Hop, close, Via\r\n\
                 X-Forwarded-For: 203.0.113.7\r\nX-Tenant-Id: acme\r\nAuthorization: Basic x\r\nCookie: a=b\r\nX-Hop: 1\r\n";
    assert_eq!(pair.site.get_with("/x", lines).served_by(), "new");
    let request = pair.new.only();
    for (name, value) in [
        ("host", "shop.example"),
        ("x-forwarded-for", "203.0.113.7, 127.0.0.1"),
        ("x-tenant-id", "acme"),
        ("authorization", "Basic x"),
        ("cookie", "a=b"),
        ("via", "1.1 banyan"),
    ] {
        assert_eq!(request.field(name), Some(value), "{name}");
    }
    assert_eq!(fields(&request, &["x-hop", "connection"]), [None; 2]);
}

#[test]
fn an_odd_connection_header_is_honoured_as_far_as_it_can_be_read() {
    let pair = pair(false);
    let mut bytes = b"GET /x HTTP/1.1\r\nHost: a\r\nConnection: \xff\xfe, X-One\r\n".to_vec();
    bytes.extend_from_slice(format!("Connection: {}X-Two\r\n", "x, ".repeat(5000)).as_bytes());
    bytes.extend_from_slice(b"Connection: ,,X-Three\r\nX-One: 1\r\nX-Two: 2\r\nX-Three: 3\r\nX-Four: 4\r\n\r\n");
    assert_eq!(pair.site.send(bytes).status, 200);
    let request = pair.legacy.only();
    assert_eq!(
        fields(&request, &["x-one", "x-two", "x-three", "x-four", "connection"]),
        [None, None, None, Some("4"), None]
    );
}

#[test]
fn a_name_with_underscores_does_not_stand_for_a_guarded_one() {
    let pair = pair(false);
    let lines = "X_Tenant_Id: acme\r\nX_Forwarded_For: 203.0.113.7\r\nX_Real_IP: 203.0.113.7\r\nX_Other: kept\r\n";
    assert_eq!(pair.site.get_with("/x", lines).served_by(), "legacy");
    let request = pair.legacy.only();
    assert_eq!(
        fields(&request, &["x_tenant_id", "x_forwarded_for", "x_real_ip", "x_other"]),
        [None, None, None, Some("kept")]
    );
}

#[test]
fn odd_tenants_are_nobody_in_particular_and_make_no_series() {
    let pair = Pair::start(&TENANTS.replace("PROXIES", "127.0.0.0/8").replace(", from: trusted", ""));
    let ask = |tenant: &str| pair.site.get_with("/x", &format!("X-Tenant-Id: {tenant}\r\n"));
    let huge = "t".repeat(1024 * 1024);
    let refused = || {
        ask("ac\x01me").assert_problem(400);
        assert_eq!(
            exchange(pair.site.address(), format!("GET /x HTTP/1.1\r\nX-Tenant-Id: {huge}\r\n\r\n"))[0].status,
            431
        );
    };
    refused();
    assert_eq!((ask("acme").served_by(), ask("other").served_by()), ("new", "legacy"));
    let series = || pair.site.admin("GET /metrics").text().lines().count();
    until("both answers are counted", || {
        let text = pair.site.admin("GET /metrics").text();
        ["new", "legacy"].iter().all(|side| text.contains(&format!("side=\"{side}\""))).then_some(())
    });
    let before = series();
    let long = "t".repeat(257);
    for tenant in ["", "../acme", "%61cme", "\u{430}cme", "ACME", "acme/../x", &long, "acme,acme", "\u{200b}acme"] {
        let answer = ask(tenant);
        assert_eq!((answer.status, answer.served_by()), (200, "legacy"), "{tenant}");
    }
    refused();
    assert_eq!(series(), before);
}

#[test]
fn a_key_that_is_sent_twice_is_no_key() {
    let yaml = "subject: { tenant: [{ header: X-Tenant }, { query: tenant }, { cookie: tenant }] }\n\
                routes: [{ name: a, match: { path: /x }, new: new, stage: canary, canary: { percent: 100, by: tenant } }]";
    let pair = Pair::start(yaml);
    for (target, lines, side) in [
        ("/x", "X-Tenant: a\r\nX-Tenant: a\r\n", "legacy"),
        ("/x?tenant=a&tenant=b", "", "legacy"),
        ("/x", "Cookie: tenant=a; tenant=b\r\n", "legacy"),
        ("/x", "", "legacy"),
        ("/x?tenant=", "", "legacy"),
        ("/x?tenant=b", "X-Tenant: a\r\n", "new"),
        // The first source that yields a value wins, and one sent twice yields none.
        ("/x?tenant=b", "X-Tenant: a\r\nX-Tenant: a\r\n", "new"),
    ] {
        assert_eq!(pair.site.get_with(target, lines).served_by(), side, "{target} {lines:?}");
    }
    assert_eq!((pair.legacy.requests().len(), pair.new.requests().len()), (5, 2));
    let reasons: Vec<String> = until("seven lines", || {
        let log = pair.site.log();
        (log.len() == 7).then(|| log.iter().map(|line| line["reason"].as_str().unwrap().to_owned()).collect())
    });
    assert_eq!(reasons.iter().filter(|reason| *reason == "missing-key:tenant").count(), 5);
}

#[test]
fn ill_formed_ids_of_a_trusted_proxy_are_made_anew() {
    let pair = pair(true);
    let long = "x".repeat(200);
    for (id, trace) in [
        ("a b", "00-xyz"),
        ("", "00-0-0-0"),
        (long.as_str(), "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
    ] {
        pair.site.get_with("/x", &format!("X-Request-Id: {id}\r\ntraceparent: {trace}\r\ntracestate: a=b\r\n"));
        let request = pair.legacy.requests().pop().unwrap();
        let made = request.field("x-request-id").unwrap();
        assert!(made.len() == 32 && made.bytes().all(|byte| byte.is_ascii_hexdigit()), "{made}");
        assert!(request.field("traceparent").unwrap().starts_with("00-"));
        assert_ne!(request.field("traceparent"), Some(trace));
        assert_eq!(request.field("tracestate"), None);
    }
}

#[test]
fn a_request_that_goes_round_in_circles_is_cut() {
    let pair = Pair::start("");
    let own = pair.site.address();
    pair.site.save(&format!("defaults: {{ legacy: loop }}\nbackends: {{ loop: {{ endpoints: [http://{own}] }} }}"));
    pair.site.await_generation(2);
    let answer = pair.site.get("/round");
    assert_eq!((answer.status, answer.served_by()), (508, "legacy"));
    assert_eq!(answer.field("content-type"), Some("application/problem+json"));
    pair.site.await_metric("banyan_rejected_total{reason=\"loop\"}", 1);
}
