//! How much clients may ask for: connections, and bytes of a body.

use std::net::Ipv4Addr;

use crate::harness::frames::{DATA, END_HEADERS, HEADERS};
use crate::harness::http2::{Raw, block, frame, request};
use crate::harness::{Client, Pair, until};

const PER_CLIENT: &str = "banyan_rejected_total{reason=\"per_client\"}";
const CONNECTIONS: &str = "banyan_rejected_total{reason=\"connections\"}";

#[test]
fn more_connections_than_there_may_be_are_closed_at_once() {
    let pair = Pair::listening("limits: { connections: 3 }", "");
    let mut open: Vec<Client> = (0..3).map(|_| pair.site.client()).collect();
    for client in &mut open {
        assert_eq!(client.ask("GET", "/").status, 200);
    }
    assert_eq!(pair.site.client().closed(), b"");
    pair.site.await_metric(CONNECTIONS, 1);
    drop(open.pop());
    until("room for another", || {
        let mut client = pair.site.client();
        client.try_send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").then(|| client.next()).flatten()
    });
    // Those who were there have noticed nothing.
    assert_eq!(open[0].ask("GET", "/").status, 200);
}

#[test]
fn one_address_has_only_so_many_connections() {
    let pair = Pair::listening("limits: { per_client: 2 }", "");
    let from = |last| Client::connect_from(Ipv4Addr::new(127, 0, 0, last), pair.site.address());
    let mut own = [from(5), from(5)];
    for client in &mut own {
        assert_eq!(client.ask("GET", "/").status, 200);
    }
    assert_eq!(from(5).closed(), b"");
    pair.site.await_metric(PER_CLIENT, 1);
    assert_eq!(from(6).ask("GET", "/").status, 200);
}

#[test]
fn a_trusted_proxy_has_as_many_as_it_likes() {
    let rest = "subject: { trusted_proxies: [127.0.0.5] }";
    let pair = Pair::listening("limits: { per_client: 1 }", rest);
    let from = |last| Client::connect_from(Ipv4Addr::new(127, 0, 0, last), pair.site.address());
    let mut proxies: Vec<Client> = (0..5).map(|_| from(5)).collect();
    for client in &mut proxies {
        assert_eq!(client.ask("GET", "/").status, 200);
    }
}

#[test]
fn limits_are_changed_by_a_reload() {
    let pair = Pair::listening("limits: { connections: 1 }", "");
    let mut first = pair.site.client();
    assert_eq!(first.ask("GET", "/").status, 200);
    assert_eq!(pair.site.client().closed(), b"");
    pair.rewrite("listen: [{ address: 127.0.0.1:0, limits: { connections: 2 } }]");
    assert_eq!(pair.site.client().ask("GET", "/").status, 200);
}

#[test]
fn a_body_that_says_it_is_too_large_reaches_nobody() {
    let pair = Pair::listening("limits: { body: 10B }", "");
    pair.site.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 11\r\n\r\n").assert_problem(413);
    let mut client = Raw::connect(pair.site.address());
    client.send(frame(HEADERS, END_HEADERS, 1, block(&request("POST", "/", &[("content-length", "11")]))));
    assert!(String::from_utf8_lossy(&client.wait(DATA).payload).contains("413"));
    pair.assert_untouched();
}

#[test]
fn a_body_that_becomes_too_large_is_broken_off() {
    let pair = Pair::listening("limits: { body: 10B }", "");
    let chunked = "POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
    pair.site.send(format!("{chunked}b\r\nhello world\r\n")).assert_problem(413);
    let mut client = Raw::connect(pair.site.address());
    client.send(frame(HEADERS, END_HEADERS, 1, block(&request("POST", "/b", &[]))));
    client.send(frame(DATA, 0, 1, b"hello world"));
    assert!(String::from_utf8_lossy(&client.wait(DATA).payload).contains("413"));
    assert!(pair.legacy.requests().iter().all(|request| !request.body.complete));
    assert_eq!(pair.site.send(format!("{chunked}a\r\nhello worl\r\n0\r\n\r\n")).status, 200);
}

#[test]
fn many_connections_at_once_are_all_served_wherever_they_came_in() {
    let pair = Pair::start("");
    let mut clients: Vec<Client> = (0..200).map(|_| pair.site.client()).collect();
    for _ in 0..3 {
        for client in &mut clients {
            assert_eq!(client.ask("GET", "/").status, 200);
        }
    }
    pair.site.await_metric("banyan_connections", 200);
    drop(clients);
    pair.site.await_metric("banyan_connections", 0);
}
