//! Headers that pass, headers that stop here, headers that the facade sets.

use crate::harness::{Pair, Script};

#[test]
fn hop_by_hop_headers_go_no_further_in_either_direction() {
    let pair = Pair::start("");
    let back = "Connection: X-Hop-Back, Keep-Alive\r\nConnection: X-Hop-Too\r\nX-Hop-Back: 1\r\nX-Hop-Too: 1\r\n\
                Keep-Alive: timeout=5\r\nProxy-Connection: keep-alive\r\nProxy-Authenticate: Basic\r\nUpgrade: h2c\r\n\
                Server: shop/1\r\nDate: Thu, 01 Jan 1970 00:00:00 GMT\r\n";
    pair.legacy.on("/a", Script::with(back, "ok"));
    let there = "Connection: X-Hop, Keep-Alive\r\nX-Hop: 1\r\nKeep-Alive: 5\r\nProxy-Connection: keep-alive\r\nTE: trailers\r\n\
                 Proxy-Authorization: Basic x\r\nUpgrade: h2c\r\nX-End: 1\r\n";
    let answer = pair.site.get_with("/a", there);
    let request = pair.legacy.only();
    for name in ["connection", "x-hop", "keep-alive", "proxy-connection", "proxy-authorization", "te", "upgrade"] {
        assert_eq!(request.field(name), None, "{name}");
    }
    assert_eq!(request.field("x-end"), Some("1"));
    for name in
        ["connection", "x-hop-back", "x-hop-too", "keep-alive", "proxy-connection", "proxy-authenticate", "upgrade"]
    {
        assert_eq!(answer.field(name), None, "{name}");
    }
    assert_eq!(answer.field("server"), Some("shop/1"));
    assert_eq!(answer.field("date"), Some("Thu, 01 Jan 1970 00:00:00 GMT"));
}

#[test]
fn repeated_headers_keep_their_order() {
    let pair = Pair::start("");
    let back = "Set-Cookie: a=1; Path=/\r\nX-Dup: one\r\nSet-Cookie: b=2\r\nX-Dup: two\r\nSet-Cookie: a=3\r\nLink: <a>, <b>\r\n";
    pair.legacy.on("/a", Script::with(back, "ok"));
    let answer =
        pair.site.get_with("/a", "X-Dup: 1\r\nCookie: a=1\r\nX-Dup: 2, 3\r\nCookie: b=2\r\nX-Empty:\r\nX-Dup: 1\r\n");
    let request = pair.legacy.only();
    assert_eq!(request.values("x-dup"), ["1", "2, 3", "1"]);
    assert_eq!(request.values("cookie"), ["a=1", "b=2"]);
    assert_eq!(request.field("x-empty"), Some(""));
    assert_eq!(answer.values("set-cookie"), ["a=1; Path=/", "b=2", "a=3"]);
    assert_eq!((answer.values("x-dup"), answer.field("link")), (vec!["one", "two"], Some("<a>, <b>")));
}

#[test]
fn a_value_beyond_ascii_passes_byte_for_byte() {
    let pair = Pair::start("");
    pair.legacy.on("/a", Script::raw(b"HTTP/1.1 200 OK\r\nX-Name: caf\xe9 \xff\r\nContent-Length: 0\r\n\r\n"));
    let answer = pair.site.send(b"GET /a HTTP/1.1\r\nHost: a\r\nX-Name: \xfcber\r\n\r\n");
    // Read as Latin-1, a character for each byte.
    assert_eq!(answer.field("x-name"), Some("caf\u{e9} \u{ff}"));
    assert_eq!(pair.legacy.only().field("x-name"), Some("\u{fc}ber"));
}

#[test]
fn nobody_but_the_facade_says_who_served() {
    let pair = Pair::start("routes: [{ name: a, match: { path: /new }, new: new, stage: live }]");
    let lies = "X-Served-By: backend\r\nX-Served-By: new\r\nBanyan-Decision: route=x\r\nBanyan-Anything: x\r\n";
    pair.legacy.on("/a", Script::with(lies, "ok"));
    let answer = pair
        .site
        .get_with("/a", "X-Served-By: client\r\nBanyan-Shadow: 1\r\nBanyan-Decision: x\r\nBanyan-Other: y\r\n");
    assert_eq!(answer.values("x-served-by"), ["legacy"]);
    assert_eq!((answer.field("banyan-decision"), answer.field("banyan-anything")), (None, None));
    let request = pair.legacy.only();
    assert!(request.fields.iter().all(|(name, _)| !name.starts_with("banyan-") && name != "x-served-by"));
    assert_eq!(pair.site.get("/new").served_by(), "new");
}

#[test]
fn every_relayed_request_says_where_it_came_from() {
    let pair = Pair::start("");
    pair.site.get("/a");
    let request = pair.legacy.only();
    for (name, value) in [
        ("x-forwarded-for", "127.0.0.1"),
        ("x-forwarded-proto", "http"),
        ("x-forwarded-host", "shop.example"),
        ("via", "1.1 banyan"),
        ("host", "shop.example"),
    ] {
        assert_eq!(request.field(name), Some(value), "{name}");
    }
    assert_eq!(request.field("forwarded"), None);
    let trace = request.field("traceparent").unwrap();
    assert!(trace.len() == 55 && trace.starts_with("00-"), "{trace}");
    assert_eq!(pair.site.logged("/a")["request_id"], request.field("x-request-id").unwrap());
}

const ROUTE: &str =
    "routes: [{ name: a, match: { path: /x }, new: new, stage: canary, canary: { percent: 0, by: client } }]\n";
const ASK: &str = "Banyan-Force: new\r\nBanyan-Explain: 1\r\n";

#[test]
fn a_side_is_forced_and_explained_only_for_whom_the_file_allows() {
    let secret = "Banyan-Secret: s3cret\r\n";
    let rows = [
        ("nobody", "", secret, false),
        ("the network", "force: { networks: [127.0.0.0/8] }", "", true),
        ("another network", "force: { networks: [192.0.2.0/24] }", secret, false),
        ("the secret", "force: { secret: s3cret }", secret, true),
        ("no secret", "force: { secret: s3cret }", "", false),
        ("a wrong secret", "force: { secret: s3cret }", "Banyan-Secret: s3creT\r\n", false),
        ("a longer secret", "force: { secret: s3cret }", "Banyan-Secret: s3cret1\r\n", false),
        ("the secret twice", "force: { secret: s3cret }", "Banyan-Secret: s3cret\r\nBanyan-Secret: s3cret\r\n", false),
        ("both", "force: { networks: [127.0.0.0/8], secret: s3cret }", secret, true),
        ("one of both", "force: { networks: [127.0.0.0/8], secret: s3cret }", "", false),
        ("the other of both", "force: { networks: [192.0.2.0/24], secret: s3cret }", secret, false),
    ];
    for (row, force, lines, may) in rows {
        let pair = Pair::start(&format!("{ROUTE}{force}"));
        let answer = pair.site.get_with("/x", &format!("{ASK}{lines}"));
        assert_eq!(answer.served_by(), if may { "new" } else { "legacy" }, "{row}");
        let decision = may.then_some("route=a; side=new; reason=force; bucket=-; generation=1");
        assert_eq!(answer.field("banyan-decision"), decision, "{row}");
        let request = if may { pair.new.only() } else { pair.legacy.only() };
        assert!(request.fields.iter().all(|(name, _)| !name.starts_with("banyan-")), "{row}");
    }
}

#[test]
fn a_spoofed_address_forces_nothing() {
    let pair = Pair::start(&format!("{ROUTE}force: {{ networks: [192.0.2.0/24] }}"));
    let answer = pair.site.get_with("/x", &format!("{ASK}X-Forwarded-For: 192.0.2.1\r\nForwarded: for=192.0.2.1\r\n"));
    assert_eq!((answer.served_by(), answer.field("banyan-decision")), ("legacy", None));
}

#[test]
fn a_decision_is_explained_as_it_was_made() {
    let pair = Pair::start(&format!("{ROUTE}force: {{ networks: [127.0.0.0/8] }}"));
    let explained = |target: &str, lines: &str| -> String {
        let answer = pair.site.get_with(target, &format!("Banyan-Explain: 1\r\n{lines}"));
        answer.field("banyan-decision").unwrap_or_default().to_owned()
    };
    let bucket = banyan::routing::bucket_of("a", "127.0.0.1").0;
    let outside = format!("route=a; side=legacy; reason=outside-percent; bucket={bucket}; generation=1");
    assert_eq!(explained("/x", ""), outside);
    // What is no side forces none, and nobody is told unless he asks.
    assert_eq!(explained("/x", "Banyan-Force: both\r\n"), outside);
    assert_eq!(
        explained("/y", "Banyan-Force: new\r\n"),
        "route=-; side=legacy; reason=no-route; bucket=-; generation=1"
    );
    assert_eq!(pair.site.get("/x").field("banyan-decision"), None);
    assert_eq!(pair.site.get_with("/x", "Banyan-Explain: 0\r\n").field("banyan-decision"), None);
}
