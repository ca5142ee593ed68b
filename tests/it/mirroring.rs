//! Copies of requests to the other side: which are made, what they consist of, and that clients never notice.

use crate::harness::{Latch, Pair, Script, until};

const SHADOW: &str =
    r#"routes: [{ name: r, match: { path: "/{*rest}" }, new: new, stage: shadow, shadow: { compare: none } }]"#;

/// A route in this stage, with this in `shadow:`.
fn route(stage: &str, shadow: &str) -> String {
    format!(
        r#"routes: [{{ name: r, match: {{ path: "/{{*rest}}" }}, new: new, stage: {stage}, shadow: {{ compare: none, {shadow} }} }}]"#
    )
}

fn outcome(name: &str) -> String {
    format!(r#"banyan_shadow_total{{route="r",outcome="{name}"}}"#)
}

#[test]
fn a_copy_is_what_the_primary_got_and_says_that_it_is_one() {
    let pair = Pair::start(SHADOW);
    let answer = pair
        .site
        .get_with("/orders/7?page=2&x=%20y", "Accept: text/html\r\nX-Two: 1\r\nX-Two: 2\r\nBanyan-Shadow: 1\r\n");
    assert_eq!((answer.served_by(), answer.text().as_str()), ("legacy", "legacy"));
    let (primary, copy) = (pair.legacy.only(), pair.new.only());
    assert_eq!(copy.target, "/orders/7?page=2&x=%20y");
    assert_eq!(copy.field("banyan-shadow"), Some("1"));
    assert_eq!(primary.field("banyan-shadow"), None, "a client's own is removed");
    let others = |fields: &[(String, String)]| -> Vec<(String, String)> {
        fields.iter().filter(|(name, _)| name != "banyan-shadow").cloned().collect()
    };
    assert_eq!(others(&copy.fields), others(&primary.fields));
    pair.site.await_metric(&outcome("sent"), 1);
}

#[test]
fn stages_say_which_side_is_shown_a_copy() {
    let rows = [
        ("legacy", "/a", "", 1, 0),
        ("shadow", "/a", "", 1, 1),
        // In canary, new sees what legacy answers as well.
        ("canary", "/a", "X-Tenant: initech\r\n", 0, 1),
        ("canary", "/a", "", 1, 1),
        ("live", "/a", "", 1, 1),
        ("complete", "/a", "", 0, 1),
        // What somebody forced says nothing of what clients get.
        ("shadow", "/a", "Banyan-Force: legacy\r\n", 1, 0),
        ("shadow", "/a", "Banyan-Force: new\r\n", 0, 1),
    ];
    for (stage, target, lines, legacy, new) in rows {
        let canary = if stage == "canary" { "canary: { tenants: [initech] }," } else { "" };
        let pair = Pair::start(&format!(
            "subject: {{ tenant: [{{ header: X-Tenant }}] }}\nforce: {{ networks: [127.0.0.0/8] }}\n\
             routes: [{{ name: r, match: {{ path: \"/a\" }}, legacy: legacy, new: new, stage: {stage}, {canary} shadow: {{ compare: none }} }}]"
        ));
        pair.site.get_with(target, lines);
        if legacy + new == 2 {
            pair.site.await_metric(&outcome("sent"), 1);
        }
        let (_, folder) = pair.site.stop();
        drop(folder);
        assert_eq!((pair.legacy.lines().len(), pair.new.lines().len()), (legacy, new), "{stage} {lines:?}");
    }
}

#[test]
fn what_may_act_is_not_copied_by_default() {
    let pair = Pair::start(SHADOW);
    for method in ["POST", "PUT", "PATCH", "DELETE"] {
        pair.site.send(format!("{method} /a HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nhi"));
    }
    for lines in ["X-HTTP-Method-Override: DELETE\r\n", "X-Method-Override: PUT\r\n", "X-HTTP-Method: PATCH\r\n"] {
        pair.site.get_with("/a", lines);
    }
    pair.site.get("/a?_method=delete");
    pair.site.get("/graphql?query=mutation%20%7Bpay%7D");
    assert_eq!(pair.site.metric(&outcome("dropped_method")), 4);
    assert_eq!(pair.site.metric(&outcome("dropped_override")), 5);
    pair.site.get("/sentinel");
    pair.new.request(0);
    assert_eq!(pair.new.lines(), ["GET /sentinel"]);
}

#[test]
fn listed_methods_are_copied_with_their_bodies_and_never_to_legacy_in_live() {
    let pair = Pair::start(&route("shadow", "methods: [POST]"));
    pair.site.send("POST /search HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello");
    // Copies of two workers may overtake each other.
    pair.new.request(0);
    pair.site
        .send("POST /chunks HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n");
    assert_eq!((pair.new.request(0).text(), pair.new.request(1).text()), ("hello".to_owned(), "abcde".to_owned()));
    assert_eq!(pair.new.request(1).field("content-length"), Some("5"));
    assert_eq!(pair.new.request(1).field("transfer-encoding"), None);

    let pair = Pair::start(&route("live", "methods: [GET, POST]"));
    pair.site.send("POST /search HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello");
    pair.site.get("/sentinel");
    assert_eq!(pair.legacy.only().line(), "GET /sentinel");
}

#[test]
fn a_body_over_the_bound_is_never_cut_and_never_copied() {
    let pair = Pair::start(&route("shadow", "methods: [GET, POST], max_body: 1KiB"));
    let large = "x".repeat(1025);
    pair.site.send(format!("POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 1025\r\n\r\n{large}"));
    pair.legacy.on("/large", Script::ok(&large));
    pair.legacy.on("/unframed", Script::raw(format!("HTTP/1.1 200 OK\r\n\r\n{large}")).close());
    pair.site.get("/large");
    assert_eq!(pair.site.get("/unframed").text(), large);
    pair.legacy.on("/fits", Script::ok("x".repeat(1024)));
    pair.site.get("/fits");
    pair.site.await_metric(&outcome("sent"), 1);
    assert_eq!(pair.new.only().line(), "GET /fits");
    assert_eq!(pair.site.metric(&outcome("dropped_request_too_large")), 1);
    assert_eq!(pair.site.metric(&outcome("dropped_answer_too_large")), 2);
}

#[test]
fn only_finished_exchanges_are_copied() {
    let pair = Pair::start(SHADOW);
    pair.legacy.on("/cut", Script::raw("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc").close());
    let mut client = pair.site.client();
    client.send("GET /cut HTTP/1.1\r\nHost: x\r\n\r\n");
    client.closed();
    pair.legacy.on("/reset", Script::default().reset());
    pair.site.get("/reset").assert_problem(502);
    pair.site.await_metric(&outcome("dropped_primary_failed"), 2);
    let more = Latch::default();
    pair.legacy
        .on("/slow", Script::raw("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc").wait(&more).send("defghij"));
    let mut client = pair.site.client();
    client.send("GET /slow HTTP/1.1\r\nHost: x\r\n\r\n");
    client.only_head();
    client.reset();
    pair.site.await_metric(&outcome("dropped_client_gone"), 1);
    more.open();
    pair.site.get("/sentinel");
    assert_eq!(pair.new.request(0).line(), "GET /sentinel");
}

#[test]
fn exchanges_without_an_end_are_reported_and_not_copied() {
    let pair = Pair::start(SHADOW);
    pair.legacy.on("/events", Script::with("Content-Type: text/event-stream\r\n", "data: 1\n\n"));
    pair.site.get("/events");
    pair.site.get_with("/socket", "Connection: Upgrade\r\nUpgrade: websocket\r\n");
    assert_eq!(pair.site.metric(&outcome("dropped_stream")), 1);
    assert_eq!(pair.site.metric(&outcome("dropped_upgrade")), 1);
    pair.site.get("/sentinel");
    assert_eq!(pair.new.request(0).line(), "GET /sentinel");
}

#[test]
fn headers_are_set_and_removed_on_the_copy_alone() {
    let pair = Pair::start(&route(
        "shadow",
        "set: { X-Dry-Run: \"1\", X-Env: shadow }, remove: [X-Csrf], credentials: remove",
    ));
    pair.site.get_with("/a", "X-Csrf: t\r\nX-Env: live\r\nAuthorization: Bearer s\r\nCookie: sid=1\r\n");
    let (primary, copy) = (pair.legacy.only(), pair.new.only());
    assert_eq!((copy.field("x-dry-run"), copy.field("x-env"), copy.field("x-csrf")), (Some("1"), Some("shadow"), None));
    assert_eq!((copy.field("authorization"), copy.field("cookie")), (None, None));
    assert_eq!((primary.field("x-env"), primary.field("x-csrf")), (Some("live"), Some("t")));
    assert_eq!((primary.field("authorization"), primary.field("cookie")), (Some("Bearer s"), Some("sid=1")));
}

#[test]
fn a_copy_to_new_is_rewritten_and_one_to_legacy_is_not() {
    let rewrite = r#"rewrite: { path: "/v2/{*rest}" }"#;
    for (stage, legacy, new) in [("shadow", "/a/b?c", "/v2/a/b?c"), ("live", "/a/b?c", "/v2/a/b?c")] {
        let pair = Pair::start(&format!(
            r#"routes: [{{ name: r, match: {{ path: "/{{*rest}}" }}, new: new, stage: {stage}, {rewrite}, shadow: {{ compare: none }} }}]"#
        ));
        pair.site.get("/a/b?c");
        assert_eq!((pair.legacy.only().target.as_str(), pair.new.only().target.as_str()), (legacy, new), "{stage}");
    }
}

#[test]
fn a_sample_is_taken_by_the_id_of_the_request() {
    let pair = Pair::start(&route("shadow", "sample: 50%"));
    let mut client = pair.site.client();
    for number in 0..200 {
        client.ask("GET", &format!("/{number}"));
    }
    let sent = until("copies", || {
        let sent = pair.site.metric(&outcome("sent"));
        (sent > 60).then_some(sent)
    });
    assert!(sent < 140, "{sent} of 200");
    let pair = Pair::start(&route("shadow", "sample: 0"));
    pair.site.get("/a");
    let new = pair.new;
    pair.site.stop();
    assert_eq!(new.lines().len(), 0);
}

#[test]
fn whatever_the_shadow_does_the_client_gets_the_same_bytes() {
    let answers = |pair: &Pair| -> Vec<(Vec<u8>, Vec<u8>)> {
        let three: String = (0..3).map(|n| format!("GET /{n} HTTP/1.1\r\nHost: x\r\n\r\n")).collect();
        let without_date = |head: &[u8]| {
            let lines = String::from_utf8(head.to_vec()).unwrap();
            lines.lines().filter(|line| !line.starts_with("date:")).collect::<Vec<_>>().join("\n").into_bytes()
        };
        // Over one connection: what comes next must not wait for the shadow of what came before.
        let mut client = pair.site.client();
        client.send(three);
        let answers = (0..3).map(|_| client.answer());
        answers.map(|answer| (without_date(&answer.head), answer.body.content)).collect()
    };
    let script = |pair: &Pair| {
        for n in 0..3 {
            pair.legacy.on(&format!("/{n}"), Script::with("X-Thing: 1\r\nSet-Cookie: a=b\r\n", format!("answer {n}")));
        }
    };
    let plain = Pair::start(r#"routes: [{ name: r, match: { path: "/{*rest}" }, new: new, stage: legacy }]"#);
    script(&plain);
    let expected = answers(&plain);
    assert_eq!(expected.len(), 3);
    let shadows = [
        Script::ok("same"),
        Script::with("Set-Cookie: shadow=1\r\n", "other"),
        Script::hang(),
        Script::default().reset(),
        Script::raw("no HTTP at all\r\n\r\n").close(),
        Script::raw("HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n"),
        Script::raw("HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"),
        Script::raw("HTTP/1.1 200 OK\r\nContent-Length: 10000000000\r\n\r\n").flood(10_000_000_000),
        Script::raw("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n"),
    ];
    for shadow in shadows {
        let pair = Pair::start(SHADOW);
        script(&pair);
        for n in 0..3 {
            pair.new.on(&format!("/{n}"), shadow.clone());
        }
        assert_eq!(answers(&pair), expected, "{shadow:?}");
        pair.new.head(0);
        assert_eq!(answers(&pair), expected, "{shadow:?}");
    }
}

#[test]
fn a_shadow_that_floods_is_cut_off() {
    let pair = Pair::start(SHADOW);
    pair.new.on("/a", Script::raw("HTTP/1.1 200 OK\r\n\r\n").flood(10_000_000_000));
    pair.site.get("/a");
    pair.site.await_metric(&outcome("failed_too_large"), 1);
    pair.new.closed(0);
    assert!(pair.new.flooded() < 50_000_000, "{}", pair.new.flooded());
}

#[test]
fn a_shadow_that_fails_counts_as_nothing_else() {
    let pair = Pair::start(&route("shadow", "timeout: 50ms"));
    pair.new.on("/hang", Script::hang());
    pair.new.on("/reset", Script::default().reset());
    pair.new.on("/bad", Script::raw("garbage\r\n\r\n"));
    for path in ["/hang", "/reset", "/bad"] {
        assert_eq!(pair.site.get(path).served_by(), "legacy");
    }
    for what in ["failed_timeout", "failed_reset", "failed_bad_answer"] {
        pair.site.await_metric(&outcome(what), 1);
    }
    let metrics = pair.site.admin("GET /metrics").text();
    let errors = metrics.lines().filter(|line| line.starts_with("banyan_upstream_errors_total"));
    assert!(errors.clone().count() > 0 && errors.into_iter().all(|line| line.ends_with(" 0")), "{metrics}");
    assert!(metrics.contains("banyan_upstream_seconds_count{backend=\"new\"} 0"), "{metrics}");
}

#[test]
fn every_copy_is_accounted_for_when_the_shadow_hangs() {
    let shadowing = "shadowing: { threads: 1, requests: 8, in_flight: 2 }";
    let pair = Pair::start(&format!("{shadowing}\n{}", route("shadow", "timeout: 60s")));
    pair.new.on("/a", Script::hang());
    let mut client = pair.site.client();
    for _ in 0..100 {
        assert_eq!(client.ask("GET", "/a").served_by(), "legacy");
    }
    // Two are under way, four wait for this backend, the rest is dropped for want of room.
    until("all but six dropped", || {
        let dropped: u64 =
            ["dropped_backend_busy", "dropped_queue_full"].iter().map(|what| pair.site.metric(&outcome(what))).sum();
        (dropped == 94).then_some(())
    });
    assert!(pair.site.metric("banyan_shadow_queue_bytes") > 6 * 1024);
}

#[test]
fn a_broken_shadow_is_tried_now_and_then_until_it_answers() {
    let pair = Pair::start(SHADOW);
    pair.new.on("/a", Script::default().reset());
    let mut client = pair.site.client();
    until("copies that are spared", || {
        client.ask("GET", "/a");
        (pair.site.metric(&outcome("dropped_backend_broken")) > 20).then_some(())
    });
    let failed = pair.site.metric(&outcome("failed_reset"));
    assert!((16..60).contains(&failed), "{failed}");
    until("an answer again", || {
        client.ask("GET", "/fine");
        (pair.site.metric(&outcome("sent")) > 20).then_some(())
    });
}

#[test]
fn copies_that_wait_too_long_are_dropped() {
    let shadowing = "shadowing: { threads: 1, requests: 64, in_flight: 1 }";
    let pair = Pair::start(&format!("{shadowing}\n{}", route("shadow", "timeout: 100ms")));
    pair.new.on("/a", Script::hang());
    let mut client = pair.site.client();
    for _ in 0..10 {
        client.ask("GET", "/a");
    }
    until("one sent in vain at a time, the others too old", || {
        let (late, old) = (pair.site.metric(&outcome("failed_timeout")), pair.site.metric(&outcome("dropped_expired")));
        (late + old == 10 && old >= 5).then_some(())
    });
    pair.site.await_metric("banyan_shadow_queue_bytes", 0);
}

#[test]
fn a_backend_that_hangs_does_not_hold_up_the_copies_for_others() {
    let shadowing = "shadowing: { threads: 1, requests: 64, in_flight: 1 }";
    let pair = Pair::start(&format!(
        r#"{shadowing}
routes:
  - {{ name: hangs, match: {{ path: /hang }}, new: new, stage: shadow, shadow: {{ compare: none, timeout: 60s }} }}
  - {{ name: r, match: {{ path: /fine }}, legacy: new, new: legacy, stage: shadow, shadow: {{ compare: none }} }}"#
    ));
    pair.new.on("/hang", Script::hang());
    for _ in 0..5 {
        pair.site.get("/hang");
    }
    pair.site.get("/fine");
    pair.site.await_metric(&outcome("sent"), 1);
}

#[test]
fn a_stop_does_not_wait_for_a_shadow_that_hangs() {
    let pair = Pair::start(&route("shadow", "timeout: 60s"));
    pair.new.on("/a", Script::hang());
    pair.site.get("/a");
    pair.new.head(0);
    let began = std::time::Instant::now();
    pair.site.stop();
    assert!(began.elapsed() < std::time::Duration::from_secs(8));
}
