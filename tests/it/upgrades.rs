//! Upgrades: nothing passes before the 101, everything after it, and a route that moves takes its streams along.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::harness::{Latch, Pair, Script, Site, until};

const ASK: &str = "GET /chat HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, Upgrade\r\nUpgrade: Echo\r\n\r\n";
const SWITCH: &str = "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: echo\r\nX-Own: 1\r\n\r\n";

/// A backend that switches to saying everything twice, once the latch is open; what it was sent before and after that.
fn parrot(latch: &Latch, answer: &'static str) -> (SocketAddr, Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (latch, (told, heard)) = (latch.clone(), channel());
    thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            stream.read_exact(&mut byte).unwrap();
            head.push(byte[0]);
        }
        told.send(String::from_utf8(head).unwrap()).unwrap();
        latch.wait();
        stream.set_nonblocking(true).unwrap();
        let mut space = [0; 4096];
        assert!(stream.read(&mut space).is_err(), "something came before the protocol was switched");
        stream.set_nonblocking(false).unwrap();
        stream.write_all(answer.as_bytes()).unwrap();
        while let Ok(count @ 1..) = stream.read(&mut space) {
            let said = String::from_utf8_lossy(&space[..count]).into_owned();
            stream.write_all(said.repeat(2).as_bytes()).unwrap();
            told.send(said).unwrap();
        }
        told.send("END".to_owned()).unwrap();
    });
    (address, heard)
}

fn site(backend: SocketAddr) -> Site {
    Site::start(&format!("backends: {{ b: {{ endpoints: [\"http://{backend}\"] }} }}\ndefaults: {{ legacy: b }}"))
}

fn client(site: &Site) -> TcpStream {
    let stream = TcpStream::connect(site.address()).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    stream
}

/// Reads until the text ends like this.
#[track_caller]
fn read_to(stream: &mut TcpStream, end: &str) -> String {
    let mut text = Vec::new();
    while !text.ends_with(end.as_bytes()) {
        let mut byte = [0];
        assert_eq!(stream.read(&mut byte).unwrap(), 1, "ended after {:?}", String::from_utf8_lossy(&text));
        text.push(byte[0]);
    }
    String::from_utf8(text).unwrap()
}

#[test]
fn nothing_passes_before_the_switch_and_everything_after_it() {
    let latch = Latch::default();
    let (backend, heard) = parrot(&latch, SWITCH);
    let site = site(backend);
    let mut client = client(&site);
    client.write_all(format!("{ASK}early").as_bytes()).unwrap();
    let head = heard.recv().unwrap();
    assert!(head.contains("\r\nconnection: upgrade\r\nupgrade: Echo\r\n"), "{head}");
    latch.open();
    let answer = read_to(&mut client, "\r\n\r\n").to_ascii_lowercase();
    assert!(answer.starts_with("http/1.1 101 "), "{answer}");
    for line in ["connection: upgrade", "upgrade: echo", "x-served-by: legacy", "x-own: 1"] {
        assert_eq!(answer.matches(line).count(), 1, "{line} in {answer}");
    }
    assert!(!answer.contains("connection: close") && !answer.contains("transfer-encoding"), "{answer}");
    assert_eq!(read_to(&mut client, "earlyearly"), "earlyearly");
    assert_eq!(heard.recv().unwrap(), "early");
    client.write_all(b"more").unwrap();
    assert_eq!(read_to(&mut client, "moremore"), "moremore");
    assert_eq!(site.metric("banyan_connections"), 1);
    client.shutdown(Shutdown::Write).unwrap();
    let mut rest = Vec::new();
    client.read_to_end(&mut rest).unwrap();
    assert_eq!(heard.iter().last().as_deref(), Some("END"));
    let line = site.logged("/chat");
    assert_eq!((&line["status"], &line["bytes_in"], &line["bytes_out"]), (&101.into(), &9.into(), &18.into()));
    assert_eq!(line["error"], serde_json::Value::Null);
}

#[test]
fn either_end_that_breaks_takes_the_other_along() {
    let latch = Latch::default();
    latch.open();
    let (backend, heard) = parrot(&latch, SWITCH);
    let site = site(backend);
    let mut client = client(&site);
    client.write_all(ASK.as_bytes()).unwrap();
    read_to(&mut client, "\r\n\r\n");
    let socket = socket2::SockRef::from(&client);
    socket.set_linger(Some(Duration::ZERO)).unwrap();
    drop(client);
    assert_eq!(heard.iter().last().as_deref(), Some("END"));
    site.await_metric("banyan_connections", 0);
}

#[test]
fn a_backend_that_switches_to_another_protocol_is_not_believed() {
    let latch = Latch::default();
    latch.open();
    let (backend, _heard) =
        parrot(&latch, "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: other\r\n\r\n");
    let site = site(backend);
    site.send(ASK).assert_problem(502);
}

#[test]
fn a_silent_tunnel_ends_after_its_own_time() {
    let latch = Latch::default();
    latch.open();
    let (backend, _heard) = parrot(&latch, SWITCH);
    let site = Site::start(&format!(
        "listen: [{{ address: 127.0.0.1:0, timeouts: {{ tunnel: 300ms, idle: 100ms, body: 100ms }} }}]\n\
         backends: {{ b: {{ endpoints: [\"http://{backend}\"] }} }}\ndefaults: {{ legacy: b }}"
    ));
    let mut client = client(&site);
    client.write_all(ASK.as_bytes()).unwrap();
    read_to(&mut client, "\r\n\r\n");
    let mut rest = Vec::new();
    assert_eq!(client.read_to_end(&mut rest).unwrap(), 0);
    assert_eq!(site.logged("/chat")["error"], "idle");
}

#[test]
fn a_tunnel_is_no_idle_connection() {
    let latch = Latch::default();
    latch.open();
    let (backend, _heard) = parrot(&latch, SWITCH);
    let site = Site::start(&format!(
        "listen: [{{ address: 127.0.0.1:0, timeouts: {{ header: 100ms, idle: 100ms, body: 100ms }} }}]\n\
         backends: {{ b: {{ endpoints: [\"http://{backend}\"] }} }}\ndefaults: {{ legacy: b }}"
    ));
    let mut client = client(&site);
    client.write_all(ASK.as_bytes()).unwrap();
    read_to(&mut client, "\r\n\r\n");
    let began = Instant::now();
    // Several walks of whoever looks after connections.
    while began.elapsed() < Duration::from_secs(1) {
        client.write_all(b"on").unwrap();
        assert_eq!(read_to(&mut client, "onon"), "onon");
    }
}

#[test]
fn streams_of_a_side_that_lost_its_route_end_after_the_grace() {
    let latch = Latch::default();
    latch.open();
    let (parrot, _heard) = parrot(&latch, SWITCH);
    let routes = |chat: &str, grace: &str| {
        format!(
            "stream_grace: {grace}\n\
             backends: {{ legacy: {{ endpoints: [LEGACY] }}, new: {{ endpoints: [NEW] }}, parrot: {{ endpoints: [\"http://{parrot}\"] }} }}\n\
             routes:\n  - {{ name: events, match: {{ path: /events }}, new: new, stage: live }}\n  \
             - {{ name: chat, match: {{ path: /chat }}, new: parrot, stage: {chat} }}\n  \
             - {{ name: other, match: {{ path: /other }}, new: new, stage: live }}"
        )
    };
    let pair = Pair::start(&routes("live", "300ms"));
    let begin =
        "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n";
    let finish = Latch::default();
    pair.new.on("/events", Script::raw(begin).and_hang());
    pair.new.on("/other", Script::raw(begin).wait(&finish).send("0\r\n\r\n"));
    let (mut events, mut other) = (pair.site.client(), pair.site.client());
    for (client, path) in [(&mut events, "/events"), (&mut other, "/other")] {
        client.send(format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n"));
        client.await_bytes("first");
    }
    let mut chat = client(&pair.site);
    chat.write_all(ASK.as_bytes()).unwrap();
    read_to(&mut chat, "\r\n\r\n");
    // A pin takes the one away, a stage the other.
    assert_eq!(pair.site.command("rollback", &json!({ "route": "events" })).status, 200);
    pair.rewrite(&routes("legacy", "300ms"));
    until("both are counted as left", || {
        let left = |route: &str| pair.site.metric(&format!("banyan_streams_left{{route=\"{route}\"}}"));
        (left("events") == 1 && left("chat") == 1).then_some(())
    });
    let rest = String::from_utf8(events.closed()).unwrap();
    assert!(!rest.contains("0\r\n\r\n"), "a stream that was cut must not seem whole: {rest:?}");
    let mut rest = Vec::new();
    assert_eq!(chat.read_to_end(&mut rest).unwrap(), 0);
    assert_eq!(pair.site.logged("/events")["error"], "route_moved");
    assert_eq!(pair.site.logged("/chat")["error"], "route_moved");
    until("nothing is left", || {
        (!pair.site.admin("GET /metrics").text().contains("banyan_streams_left{")).then_some(())
    });
    // The route that stayed where it was has lost nothing.
    finish.open();
    other.await_bytes("0\r\n\r\n");
}
