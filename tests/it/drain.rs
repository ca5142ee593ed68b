//! Going down without anybody noticing.

use std::net::TcpStream;
use std::time::{Duration, Instant};

use crate::harness::{End, Latch, Pair, Script, until};

const ANSWER: &str = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n";

/// Waits until nobody can connect any more.
fn await_refused(address: std::net::SocketAddr) {
    until("a refused connection", || TcpStream::connect(address).is_err().then_some(()));
}

#[test]
fn a_request_in_flight_is_finished_and_nothing_new_is_taken() {
    let Pair { site, legacy, .. } = Pair::start("drain: { grace: 10s }");
    let latch = Latch::default();
    legacy.on("/slow", Script::default().wait(&latch).send(ANSWER).send("done"));
    legacy.on("/body", Script::raw(ANSWER).send("do").wait(&latch).send("ne"));
    let address = site.address();
    let (mut idle, mut busy, mut reading, mut fresh) = (site.client(), site.client(), site.client(), site.client());
    assert_eq!(idle.ask("GET", "/a").status, 200);
    busy.send("GET /slow HTTP/1.1\r\nHost: a\r\n\r\n");
    reading.send("GET /body HTTP/1.1\r\nHost: a\r\n\r\n");
    reading.only_head();
    until("both requests", || (legacy.requests().len() == 3).then_some(()));
    let log = site.folder.path().join("access.log");
    let stopping = std::thread::spawn(move || site.stop());
    assert_eq!(idle.closed(), b"");
    await_refused(address);
    // Accepted, and silent: it was promised nothing.
    assert_eq!(fresh.closed(), b"");
    latch.open();
    let answer = busy.answer();
    assert_eq!((answer.text().as_str(), answer.end), ("done", End::Length));
    assert_eq!(busy.closed(), b"");
    assert_eq!(reading.closed(), b"done");
    let (in_order, _folder) = stopping.join().unwrap();
    assert!(in_order);
    // The log is whole when the facade is gone.
    assert_eq!(std::fs::read_to_string(log).unwrap().lines().count(), 3);
}

#[test]
fn what_takes_longer_than_the_grace_is_cut() {
    let Pair { site, legacy, .. } = Pair::start("drain: { grace: 300ms }");
    legacy.on("/hang", Script::hang());
    let mut client = site.client();
    client.send("GET /hang HTTP/1.1\r\nHost: a\r\n\r\n");
    legacy.request(0);
    let log = site.folder.path().join("access.log");
    let began = Instant::now();
    let stopping = std::thread::spawn(move || site.stop());
    client.closed();
    legacy.closed(0);
    let (in_order, _folder) = stopping.join().unwrap();
    assert!(!in_order);
    assert!(began.elapsed() < Duration::from_secs(5));
    let line: serde_json::Value = serde_json::from_str(std::fs::read_to_string(log).unwrap().trim()).unwrap();
    assert_eq!((&line["path"], &line["error"]), (&"/hang".into(), &"client_gone".into()));
}

#[test]
fn it_says_that_it_leaves_before_it_does() {
    let Pair { site, legacy, .. } = Pair::start("drain: { delay: 1s, grace: 5s }");
    let (address, admin) = (site.address(), site.facade().admin);
    let stopping = std::thread::spawn(move || site.stop());
    let ask = |target: &str| {
        let mut client = crate::harness::Client::connect(admin);
        client.ask("GET", target)
    };
    let answer = until("not ready", || Some(ask("/readyz")).filter(|answer| answer.status == 503));
    assert_eq!(answer.json()["ready"], false);
    assert_eq!(ask("/livez").status, 200);
    // Whoever has not heard yet is still served.
    assert_eq!(crate::harness::Client::connect(address).ask("GET", "/late").text(), "legacy");
    let (in_order, _folder) = stopping.join().unwrap();
    assert!(in_order);
    assert!(TcpStream::connect(address).is_err());
    assert_eq!(legacy.lines(), ["GET /late"]);
}

#[test]
fn a_request_that_comes_while_draining_over_an_open_connection_is_the_last() {
    let Pair { site, legacy, .. } = Pair::start("drain: { grace: 10s }");
    let latch = Latch::default();
    legacy.on("/slow", Script::default().wait(&latch).send(ANSWER).send("done"));
    let address = site.address();
    let mut client = site.client();
    client.send("GET /slow HTTP/1.1\r\nHost: a\r\n\r\n");
    legacy.request(0);
    let stopping = std::thread::spawn(move || site.stop());
    await_refused(address);
    latch.open();
    let answer = client.answer();
    assert_eq!((answer.text().as_str(), answer.field("connection")), ("done", Some("close")));
    assert_eq!(client.closed(), b"");
    assert!(stopping.join().unwrap().0);
}
