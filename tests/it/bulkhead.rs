//! What a backend may be given at a time, over all workers.

use super::harness::{Client, Latch, Recorder, Script, Site, until};

const BEGIN: &str = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n";

fn start(recorder: &Recorder, limits: &str) -> Site {
    let address = recorder.address;
    Site::start(&format!(
        "backends: {{ b: {{ endpoints: [\"http://{address}\"], timeouts: {{ connect: 5s }}, limits: {{ {limits} }} }} }}\n\
         defaults: {{ legacy: b }}"
    ))
}

fn in_use(site: &Site) -> (usize, usize, usize) {
    let generation = site.facade().live.current().clone();
    let bulkhead = &generation.backends[0].bulkhead;
    (bulkhead.requests(), bulkhead.connections(), bulkhead.waiting())
}

fn send(client: &mut Client, target: &str) {
    client.send(format!("GET {target} HTTP/1.1\r\nHost: a\r\n\r\n"));
}

#[test]
fn a_request_waits_for_a_connection_that_comes_back() {
    let backend = Recorder::start("b");
    let latch = Latch::default();
    backend.on("/slow", Script::raw(BEGIN).wait(&latch).send("slow"));
    let site = start(&backend, "connections: 1");
    let mut slow = site.client();
    send(&mut slow, "/slow");
    slow.only_head();
    // Some on the same worker, some on the other.
    let mut waiting: Vec<Client> = (0..6).map(|_| site.client()).collect();
    for client in &mut waiting {
        send(client, "/next");
    }
    until("all to wait", || (in_use(&site).2 == 6).then_some(()));
    assert_eq!(in_use(&site).1, 1);
    latch.open();
    for client in &mut waiting {
        assert_eq!(client.answer().text(), "b");
    }
    until("nobody to wait", || (in_use(&site).2 == 0).then_some(()));
    assert!(in_use(&site).1 <= 1);
}

#[test]
fn who_would_wait_behind_too_many_is_answered_at_once() {
    let backend = Recorder::start("b");
    backend.on("/slow", Script::raw(BEGIN).and_hang());
    let site = start(&backend, "connections: 1, pending: 1");
    let mut slow = site.client();
    send(&mut slow, "/slow");
    slow.only_head();
    let mut waiting = site.client();
    send(&mut waiting, "/next");
    until("it to wait", || (in_use(&site).2 == 1).then_some(()));
    site.get("/refused").assert_problem(503);
    site.await_metric("banyan_upstream_errors_total{backend=\"b\",reason=\"limit\"}", 1);
    assert_eq!(backend.lines(), ["GET /slow"]);
    // The one that is closed makes room for the one that waits.
    drop(slow);
    assert_eq!(waiting.answer().text(), "b");
}

#[test]
fn who_waits_too_long_is_told_why() {
    let backend = Recorder::start("b");
    backend.on("/slow", Script::raw(BEGIN).and_hang());
    let address = backend.address;
    let site = Site::start(&format!(
        "backends: {{ b: {{ endpoints: [\"http://{address}\"], timeouts: {{ connect: 100ms }}, limits: {{ connections: 1 }} }} }}\n\
         defaults: {{ legacy: b }}"
    ));
    let mut slow = site.client();
    send(&mut slow, "/slow");
    slow.only_head();
    site.get("/next").assert_problem(503);
    assert_eq!(in_use(&site).2, 0);
}

#[test]
fn an_idle_connection_to_one_endpoint_makes_room_for_another() {
    let (one, other) = (Recorder::start("one"), Recorder::start("other"));
    let site = Site::start(&format!(
        "backends: {{ b: {{ endpoints: [\"http://{}\", \"http://{}\"], balance: round_robin, limits: {{ connections: 1 }} }} }}\n\
         defaults: {{ legacy: b }}",
        one.address, other.address
    ));
    let mut client = site.client();
    let answers: Vec<String> = (0..4).map(|_| client.ask("GET", "/a").text()).collect();
    assert_eq!(answers.iter().filter(|text| *text == "one").count(), 2, "{answers:?}");
    assert_eq!(in_use(&site).1, 1);
}

#[test]
fn a_client_that_goes_gives_back_what_it_held() {
    let backend = Recorder::start("b");
    backend.on("/slow", Script::raw(BEGIN).and_hang());
    let site = start(&backend, "connections: 2");
    for _ in 0..2 {
        let mut client = site.client();
        send(&mut client, "/slow");
        client.only_head();
        client.reset();
    }
    until("all to be given back", || (in_use(&site) == (0, 0, 0)).then_some(()));
}

#[test]
fn connections_that_cannot_be_made_hold_no_place() {
    let address = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let site = Site::start(&format!(
        "backends: {{ b: {{ endpoints: [\"http://{address}\"], limits: {{ connections: 1 }} }} }}\ndefaults: {{ legacy: b }}"
    ));
    for _ in 0..5 {
        site.get("/a").assert_problem(502);
    }
    until("all to be given back", || (in_use(&site) == (0, 0, 0)).then_some(()));
}
