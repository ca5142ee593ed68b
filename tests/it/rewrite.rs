//! Paths of the new side, and its answers mapped back to what clients know.

use crate::harness::{Pair, Script};

const ORDERS: &str = "\
force: { networks: [127.0.0.0/8] }
routes:
  - name: orders
    match: { path: \"/orders/{id}\" }
    new: new
    stage: live
    rewrite: { path: \"/v2/orders/{id}\", response: [location, cookies] }";

#[test]
fn only_what_goes_to_new_is_rewritten() {
    let pair = Pair::start(ORDERS);
    pair.site.get("/orders/7?full=1&x=%2F");
    assert_eq!(pair.new.only().target, "/v2/orders/7?full=1&x=%2F");
    pair.site.get_with("/orders/7?full=1", "Banyan-Force: legacy\r\n");
    assert_eq!(pair.legacy.only().target, "/orders/7?full=1");
    assert_eq!(pair.site.logged("/orders/7")["path"], "/orders/7");
}

#[test]
fn a_location_of_the_new_side_is_one_that_clients_know() {
    let pair = Pair::start(ORDERS);
    let backend = pair.new.address;
    let rows = [
        ("/v2/orders/9", "/orders/9".to_owned()),
        ("/v2/orders/9?a=b#c", "/orders/9?a=b#c".to_owned()),
        (&format!("http://{backend}/v2/orders/9"), "http://shop.example/orders/9".to_owned()),
        ("http://shop.example/v2/orders/9", "http://shop.example/orders/9".to_owned()),
        ("https://elsewhere.example/v2/orders/9", "https://elsewhere.example/v2/orders/9".to_owned()),
        ("/login", "/login".to_owned()),
        ("/v2/orders/../admin", "/v2/orders/../admin".to_owned()),
    ];
    for (n, (sent, received)) in rows.iter().enumerate() {
        let head = format!(
            "HTTP/1.1 201 Created\r\nLocation: {sent}\r\nContent-Location: {sent}\r\nContent-Length: 0\r\n\r\n"
        );
        pair.new.on(&format!("/v2/orders/{n}"), Script::raw(head));
        let answer = pair.site.get(&format!("/orders/{n}"));
        assert_eq!(answer.field("location"), Some(received.as_str()), "{sent}");
        assert_eq!(answer.field("content-location"), Some(received.as_str()), "{sent}");
    }
}

#[test]
fn cookies_of_the_new_side_come_back_to_it() {
    let pair = Pair::start(ORDERS);
    let cookies = "Set-Cookie: a=1; Path=/v2/orders; HttpOnly\r\nSet-Cookie: b=2; Path=/\r\n\
                   Set-Cookie: c=3; Domain=127.0.0.1; Path=/v2/orders/7\r\nSet-Cookie: d=4\r\n";
    pair.new.on("/v2/orders/7", Script::with(cookies, "ok"));
    let answer = pair.site.get("/orders/7");
    assert_eq!(
        answer.values("set-cookie"),
        ["a=1; Path=/orders; HttpOnly", "b=2; Path=/", "c=3; Path=/orders/7", "d=4"]
    );
}

#[test]
fn answers_of_legacy_are_left_alone() {
    let pair = Pair::start(ORDERS);
    let lines = "Location: /v2/orders/9\r\nSet-Cookie: a=1; Path=/v2/orders\r\n";
    pair.legacy.on("/orders/7", Script::with(lines, "ok"));
    let answer = pair.site.get_with("/orders/7", "Banyan-Force: legacy\r\n");
    assert_eq!(answer.field("location"), Some("/v2/orders/9"));
    assert_eq!(answer.field("set-cookie"), Some("a=1; Path=/v2/orders"));
}
