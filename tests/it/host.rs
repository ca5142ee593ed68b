//! The one host of a request.

use crate::harness::{Pair, exchange};

#[test]
fn a_request_without_exactly_one_sound_host_is_refused() {
    let pair = Pair::start("");
    for lines in [
        "",
        "Host: a\r\nHost: a\r\n",
        "Host: a\r\nHost: b\r\n",
        "Host:\r\n",
        "Host: a, b\r\n",
        "Host: user@a\r\n",
        "Host: a/x\r\n",
        "Host: a:x\r\n",
        "Host: a:99999\r\n",
        "Host: a:-1\r\n",
        "Host: a:1:2\r\n",
        "Host: [::1\r\n",
        "Host: [x]\r\n",
        "Host: a..b\r\n",
        "Host: a b\r\n",
        "Host: a\\b\r\n",
        "Host: a%41\r\n",
        "Host: \u{e4}.example\r\n",
        "Host: a?b\r\n",
        "Host: a#b\r\n",
        "Host: .\r\n",
        "Host: :80\r\n",
        "Host: http://a\r\n",
    ] {
        let answers = exchange(pair.site.address(), format!("GET / HTTP/1.1\r\nConnection: close\r\n{lines}\r\n"));
        assert_eq!(answers.len(), 1, "{lines:?}");
        answers[0].assert_problem(400);
    }
    pair.assert_untouched();
}

#[test]
fn equivalent_spellings_of_a_host_take_the_same_route() {
    let pair = Pair::start("routes: [{ name: a, match: { host: shop.example, path: /x }, new: new, stage: live }]");
    let spellings = ["shop.example", "SHOP.Example", "shop.example.", "shop.example:80", "Shop.example.:8080"];
    for host in spellings {
        let answer = pair.site.send(format!("GET /x HTTP/1.1\r\nHost: {host}\r\n\r\n"));
        assert_eq!(answer.served_by(), "new", "{host}");
    }
    let seen: Vec<String> =
        pair.new.requests().iter().map(|request| request.field("host").unwrap().to_owned()).collect();
    assert_eq!(seen, spellings);
    assert_eq!(pair.site.send("GET /x HTTP/1.1\r\nHost: shop.example.org\r\n\r\n").served_by(), "legacy");
}

#[test]
fn http_1_0_may_come_without_a_host() {
    let pair = Pair::start("");
    let answers = exchange(pair.site.address(), "GET /x HTTP/1.0\r\n\r\n");
    assert_eq!((answers.len(), answers[0].status), (1, 200));
    // HTTP/1.1 needs one, so the backend is sent its own.
    assert_eq!(pair.legacy.only().field("host"), Some(pair.legacy.address.to_string().as_str()));
}

#[test]
fn a_backend_is_sent_the_host_that_its_settings_say() {
    for (setting, host) in
        [("preserve", Some("shop.example")), ("endpoint", None), ("orders.internal", Some("orders.internal"))]
    {
        let pair = Pair::start(&format!("backends: {{ legacy: {{ endpoints: [LEGACY], host: {setting} }} }}"));
        pair.site.get("/x");
        let request = pair.legacy.only();
        assert_eq!(request.field("host"), Some(host.unwrap_or(&pair.legacy.address.to_string())));
        assert_eq!(request.field("x-forwarded-host"), Some("shop.example"));
    }
}
