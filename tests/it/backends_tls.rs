//! Backends over TLS: who is trusted, who one is, and what is spoken.

use std::fs;

use super::harness::{Authority, Client, Handshake, Latch, Modern, Recorder, Script, Site, Terminator};

/// A facade before one backend over TLS, and the files it is configured with.
struct Secure {
    site: Site,
    terminator: Terminator,
    behind: Recorder,
}

/// What a test says of its backend.
struct Setup<'a> {
    /// The names in the backend's certificate.
    names: &'a [&'a str],
    protocols: &'a [&'a str],
    /// Within `tls:`.
    tls: &'a str,
    /// Beside `tls:`.
    rest: &'a str,
    /// Whether the backend asks for a certificate.
    asks: bool,
    /// Whether the facade is told of an authority that the backend's certificate is not from.
    stranger: bool,
}

const PLAIN: Setup<'static> =
    Setup { names: &["127.0.0.1"], protocols: &["http/1.1"], tls: "", rest: "", asks: false, stranger: false };

impl Secure {
    fn start(setup: &Setup<'_>) -> Secure {
        let behind = Recorder::start("behind");
        let authority = Authority::new();
        let server = authority.issue(setup.names).server(setup.protocols, setup.asks.then_some(&authority));
        let terminator = Terminator::start(server, behind.address);
        let folder = tempfile::tempdir().unwrap();
        let etc = folder.path().join("etc");
        fs::create_dir(&etc).unwrap();
        let trusted = if setup.stranger { Authority::new() } else { authority };
        fs::write(etc.join("ca.pem"), trusted.pem()).unwrap();
        trusted.issue(&["facade"]).save(&etc, "facade");
        let (port, tls, rest) = (terminator.address.port(), setup.tls, setup.rest);
        let yaml = format!(
            "backends: {{ b: {{ endpoints: [\"https://127.0.0.1:{port}\"], tls: {{ ca: ca.pem{tls} }}{rest} }} }}\n\
             defaults: {{ legacy: b }}"
        );
        fs::write(etc.join("routes.yaml"), Site::whole(&yaml)).unwrap();
        Secure { site: Site::start_in(folder), terminator, behind }
    }
}

#[test]
fn a_backend_whose_certificate_is_trusted_is_spoken_to() {
    let secure = Secure::start(&PLAIN);
    let answer = secure.site.get("/a");
    assert_eq!((answer.status, answer.text()), (200, "behind".to_owned()));
    let seen = secure.terminator.handshakes();
    let expected = Handshake { name: None, protocol: Some("http/1.1".to_owned()), certified: false, resumed: false };
    assert_eq!(seen, [expected]);
}

#[test]
fn a_certificate_of_another_authority_is_not_trusted() {
    let secure = Secure::start(&Setup { stranger: true, ..PLAIN });
    secure.site.get("/a").assert_problem(502);
    assert_eq!(secure.behind.bytes(), 0);
    secure.site.await_metric("banyan_upstream_errors_total{backend=\"b\",reason=\"tls\"}", 1);
}

#[test]
fn a_certificate_for_another_name_is_not_trusted() {
    let secure = Secure::start(&Setup { names: &["elsewhere.example"], ..PLAIN });
    secure.site.get("/a").assert_problem(502);
    assert_eq!(secure.behind.bytes(), 0);
}

const CHECKED: &str = ", health: { path: /healthz, every: 100ms, unhealthy_after: 2, healthy_after: 2 }";

/// How the facade counts the endpoint behind the terminator.
fn healthy(secure: &Secure) -> String {
    format!("banyan_endpoint_healthy{{backend=\"b\",endpoint=\"{}\"}}", secure.terminator.address)
}

#[test]
fn health_is_asked_for_over_tls() {
    let secure = Secure::start(&Setup { rest: CHECKED, ..PLAIN });
    secure.site.await_metric(&healthy(&secure), 1);
    assert_eq!(secure.behind.request(0).line(), "GET /healthz");
    secure.behind.on("/healthz", Script::raw("HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n"));
    secure.site.await_metric(&healthy(&secure), 0);
}

#[test]
fn who_shows_a_certificate_that_is_not_trusted_is_not_healthy() {
    let secure = Secure::start(&Setup { stranger: true, rest: CHECKED, ..PLAIN });
    secure.site.await_metric(&healthy(&secure), 0);
    assert_eq!(secure.behind.bytes(), 0);
}

#[test]
fn the_name_can_be_said() {
    let secure = Secure::start(&Setup { names: &["orders.example"], tls: ", server_name: orders.example", ..PLAIN });
    assert_eq!(secure.site.get("/a").status, 200);
    assert_eq!(secure.terminator.handshakes()[0].name.as_deref(), Some("orders.example"));
}

#[test]
fn a_backend_that_asks_for_a_certificate_gets_the_facades() {
    let own = ", client_cert: facade.pem, client_key: facade.key";
    let secure = Secure::start(&Setup { asks: true, tls: own, ..PLAIN });
    assert_eq!(secure.site.get("/a").status, 200);
    assert!(secure.terminator.handshakes()[0].certified);
}

#[test]
fn without_a_certificate_a_backend_that_asks_for_one_is_not_reached() {
    let secure = Secure::start(&Setup { asks: true, ..PLAIN });
    secure.site.get("/a").assert_problem(502);
    assert_eq!(secure.behind.bytes(), 0);
}

#[test]
fn a_session_is_resumed() {
    let secure = Secure::start(&PLAIN);
    secure.behind.on("/bye", Script::with("Connection: close\r\n", "bye"));
    let mut client = secure.site.client();
    // The same connection, so that the same worker asks.
    for _ in 0..3 {
        assert_eq!(client.ask("GET", "/bye").text(), "bye");
    }
    let resumed: Vec<bool> = secure.terminator.handshakes().iter().map(|seen| seen.resumed).collect();
    assert_eq!(resumed, [false, true, true]);
}

#[test]
fn protocols_are_offered_as_the_file_says() {
    let agreed = |rest: &str| {
        let secure = Secure::start(&Setup { protocols: &["h2", "http/1.1"], rest, ..PLAIN });
        assert_eq!(secure.site.get("/a").text(), "behind");
        secure.terminator.handshakes()[0].protocol.clone().unwrap()
    };
    assert_eq!([agreed(", protocol: http1"), agreed(", protocol: http2"), agreed("")], ["http/1.1", "h2", "h2"]);
}

#[test]
fn a_backend_without_http2_is_not_taken_for_one() {
    let secure = Secure::start(&Setup { rest: ", protocol: http2", ..PLAIN });
    secure.site.get("/a").assert_problem(502);
    assert_eq!(secure.behind.bytes(), 0);
}

#[test]
fn http2_is_spoken_where_it_is_agreed_on() {
    let (modern, authority) = (Modern::start(), Authority::new());
    let server = authority.issue(&["127.0.0.1"]).server(&["h2"], None);
    let terminator = Terminator::start(server, modern.address);
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("etc")).unwrap();
    fs::write(folder.path().join("etc/ca.pem"), authority.pem()).unwrap();
    let yaml = format!(
        "backends: {{ b: {{ endpoints: [\"https://{}\"], tls: {{ ca: ca.pem }} }} }}\ndefaults: {{ legacy: b }}",
        terminator.address
    );
    fs::write(folder.path().join("etc/routes.yaml"), Site::whole(&yaml)).unwrap();
    let site = Site::start_in(folder);
    let mut client = site.client();
    for _ in 0..3 {
        assert_eq!(client.ask("GET", "/a").text(), "modern");
    }
    assert_eq!(modern.connections(), 1);
    let asked = modern.request(0);
    assert_eq!(asked.head.uri().to_string(), "https://shop.example/a");
}

#[test]
fn a_silent_handshake_is_given_up_in_time() {
    let silent = Recorder::start("silent");
    let yaml = format!(
        "backends: {{ b: {{ endpoints: [\"https://{}\"], timeouts: {{ connect: 200ms }} }} }}\ndefaults: {{ legacy: b }}",
        silent.address
    );
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("etc")).unwrap();
    fs::write(folder.path().join("etc/ca.pem"), Authority::new().pem()).unwrap();
    let yaml = yaml.replace("timeouts", "tls: { ca: ca.pem }, timeouts");
    fs::write(folder.path().join("etc/routes.yaml"), Site::whole(&yaml)).unwrap();
    Site::start_in(folder).get("/a").assert_problem(504);
}

#[test]
fn a_large_body_survives_both_ways() {
    let secure = Secure::start(&PLAIN);
    let large = vec![b'y'; 3 * 1024 * 1024];
    secure.behind.on("/large", Script::ok(&large));
    let mut client = secure.site.client();
    client.send(format!("POST /large HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n", large.len()));
    client.send(&large);
    assert!(client.answer().body.content == large);
    assert!(secure.behind.request(0).body.content == large);
}

#[test]
fn an_answer_over_tls_that_breaks_off_is_cut() {
    let secure = Secure::start(&PLAIN);
    secure.behind.on("/half", Script::raw("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf").close());
    let mut client = secure.site.client();
    client.send("GET /half HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(client.answer().end, super::harness::End::Cut);
}

#[test]
fn an_upload_goes_on_beside_its_answer() {
    let secure = Secure::start(&PLAIN);
    let latch = Latch::default();
    let early = Script::raw("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n").early();
    secure.behind.on("/both", early.wait(&latch).send("0\r\n\r\n"));
    let mut client: Client = secure.site.client();
    client.send("POST /both HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\n\r\nabc");
    client.only_head();
    client.await_bytes("first");
    client.send("def");
    latch.open();
    client.await_bytes("0\r\n\r\n");
}
