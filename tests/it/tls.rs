//! Listeners that speak TLS: which certificate is shown, who is let in, and what a reload changes.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use crate::harness::tls::{ask, client_config, connect, shown};
use crate::harness::{Authority, Client, Pair, Recorder, Script, Site, until};

const ONE: &str = "tls: { certificates: [{ cert: a.pem, key: a.key }] }";
const TWO: &str = "tls: { certificates: [{ cert: a.pem, key: a.key }, { cert: b.pem, key: b.key }] }";
const MUTUAL: &str = "tls: { certificates: [{ cert: a.pem, key: a.key }], client_ca: ca.pem }";

/// A facade whose listener has these settings, with `a` and `b` beside its file.
struct Secured {
    pair: Pair,
    authority: Authority,
}

impl Secured {
    fn start(settings: &str) -> Secured {
        Secured::with(settings, "")
    }

    fn with(settings: &str, rest: &str) -> Secured {
        let authority = Authority::new();
        let folder = tempfile::tempdir().unwrap();
        let etc = folder.path().join("etc");
        std::fs::create_dir(&etc).unwrap();
        authority.issue(&["a.example"]).save(&etc, "a");
        authority.issue(&["*.b.example"]).save(&etc, "b");
        std::fs::write(etc.join("ca.pem"), authority.pem()).unwrap();
        let (legacy, new) = (Recorder::start("legacy"), Recorder::start("new"));
        let rest = format!("listen: [{{ address: 127.0.0.1:0, {settings} }}]\n{rest}");
        std::fs::write(etc.join("routes.yaml"), Site::whole(&Pair::yaml(&legacy, &new, &rest))).unwrap();
        let site = Site::start_in(folder);
        Secured { pair: Pair { site, legacy, new }, authority }
    }

    fn etc(&self) -> std::path::PathBuf {
        self.pair.site.folder.path().join("etc")
    }
}

#[test]
fn a_request_over_tls_is_relayed_and_says_so() {
    let secured = Secured::start(ONE);
    let config = client_config(&secured.authority, None, &["http/1.1"]);
    let mut client = connect(secured.pair.site.address(), "a.example", &config).unwrap();
    assert_eq!(client.conn.alpn_protocol(), Some(&b"http/1.1"[..]));
    for _ in 0..3 {
        assert!(ask(&mut client, "/x").unwrap().ends_with("legacy"));
    }
    assert_eq!(secured.pair.legacy.request(0).field("x-forwarded-proto"), Some("https"));
}

#[test]
fn the_name_that_is_asked_for_chooses_the_certificate() {
    let secured = Secured::start(TWO);
    let address = secured.pair.site.address();
    let config = client_config(&secured.authority, None, &[]);
    let a = shown(&connect(address, "a.example", &config).unwrap());
    let b = shown(&connect(address, "www.b.example", &config).unwrap());
    assert_ne!(a, b);
    // Nobody has a certificate for this one: the first is shown, and the client refuses it.
    assert!(connect(address, "c.example", &config).is_err());
}

#[test]
fn a_renewed_certificate_is_shown_at_once_and_open_connections_go_on() {
    let secured = Secured::start(ONE);
    let address = secured.pair.site.address();
    let config = client_config(&secured.authority, None, &[]);
    let mut old = connect(address, "a.example", &config).unwrap();
    let before = shown(&old);
    ask(&mut old, "/before").unwrap();
    let renewed = secured.authority.issue(&["a.example"]);
    renewed.save(&secured.etc(), "a");
    until("the renewed certificate", || {
        (shown(&connect(address, "a.example", &config).unwrap()) == renewed.certificate()).then_some(())
    });
    assert_ne!(before, renewed.certificate());
    assert!(ask(&mut old, "/after").unwrap().ends_with("legacy"));
}

#[test]
fn a_pair_that_does_not_fit_changes_nothing() {
    let secured = Secured::start(ONE);
    let address = secured.pair.site.address();
    let config = client_config(&secured.authority, None, &[]);
    let before = shown(&connect(address, "a.example", &config).unwrap());
    let renewed = secured.authority.issue(&["a.example"]);
    std::fs::write(secured.etc().join("a.pem"), &renewed.cert).unwrap();
    secured.pair.site.await_metric("banyan_reload_total{result=\"rejected\"}", 1);
    assert_eq!(shown(&connect(address, "a.example", &config).unwrap()), before);
    std::fs::write(secured.etc().join("a.key"), &renewed.key).unwrap();
    until("the renewed pair", || {
        (shown(&connect(address, "a.example", &config).unwrap()) == renewed.certificate()).then_some(())
    });
}

#[test]
fn no_key_is_copied_into_the_state_directory() {
    let secured = Secured::start(ONE);
    let key = std::fs::read_to_string(secured.etc().join("a.key")).unwrap();
    let secret = key.lines().nth(1).unwrap();
    let Secured { pair, .. } = secured;
    let (_, folder) = pair.site.stop();
    for entry in std::fs::read_dir(folder.path().join("state")).unwrap() {
        let bytes = std::fs::read(entry.unwrap().path()).unwrap();
        assert!(!bytes.windows(secret.len()).any(|window| window == secret.as_bytes()));
    }
}

#[test]
fn the_kept_configuration_reads_its_certificates_from_the_disk() {
    let secured = Secured::start(ONE);
    let Secured { pair: Pair { site, legacy, new }, authority } = secured;
    let (_, folder) = site.stop();
    std::fs::write(folder.path().join("etc/routes.yaml"), "version: 2\n").unwrap();
    let renewed = authority.issue(&["a.example"]);
    renewed.save(&folder.path().join("etc"), "a");
    let site = Site::start_in(folder);
    let config = client_config(&authority, None, &[]);
    assert_eq!(shown(&connect(site.address(), "a.example", &config).unwrap()), renewed.certificate());
    drop((legacy, new));
}

#[test]
fn putting_an_old_generation_back_brings_back_no_old_certificate() {
    let secured = Secured::start(ONE);
    let site = &secured.pair.site;
    let config = client_config(&secured.authority, None, &[]);
    let first = site.generation();
    let renewed = secured.authority.issue(&["a.example"]);
    renewed.save(&secured.etc(), "a");
    until("the renewed certificate", || {
        (shown(&connect(site.address(), "a.example", &config).unwrap()) == renewed.certificate()).then_some(())
    });
    assert_eq!(site.command("rollback", &serde_json::json!({ "generation": first })).status, 200);
    assert_eq!(shown(&connect(site.address(), "a.example", &config).unwrap()), renewed.certificate());
    let again = secured.authority.issue(&["a.example"]);
    again.save(&secured.etc(), "a");
    until("a certificate renewed while a generation is held", || {
        (shown(&connect(site.address(), "a.example", &config).unwrap()) == again.certificate()).then_some(())
    });
    // Nor does a start with a generation that is held, whatever it was made from.
    let Secured { pair: Pair { site, .. }, authority } = secured;
    let (_, folder) = site.stop();
    let site = Site::start_in(folder);
    let config = client_config(&authority, None, &[]);
    assert_eq!(shown(&connect(site.address(), "a.example", &config).unwrap()), again.certificate());
}

#[test]
fn who_must_show_a_certificate_is_let_in_by_one_of_the_right_authority_alone() {
    let secured = Secured::start(MUTUAL);
    let address = secured.pair.site.address();
    let asked = |shows| {
        let config = client_config(&secured.authority, shows, &[]);
        connect(address, "a.example", &config).and_then(|mut client| ask(&mut client, "/x"))
    };
    let own = secured.authority.issue(&["client"]);
    assert!(asked(Some(&own)).unwrap().ends_with("legacy"));
    assert!(asked(None).is_err());
    assert!(asked(Some(&Authority::new().issue(&["client"]))).is_err());
    assert_eq!(secured.pair.legacy.lines(), ["GET /x"]);
}

#[test]
fn another_authority_is_in_force_at_once_and_no_ticket_outlives_the_one_before() {
    let secured = Secured::start(MUTUAL);
    let address = secured.pair.site.address();
    let own = secured.authority.issue(&["client"]);
    let config = client_config(&secured.authority, Some(&own), &[]);
    let asked = |target: &str| connect(address, "a.example", &config).and_then(|mut client| ask(&mut client, target));
    // The second one comes by a ticket.
    asked("/a").unwrap();
    asked("/b").unwrap();
    let other = Authority::new();
    std::fs::write(secured.etc().join("ca.pem"), other.pem()).unwrap();
    secured.pair.site.reload(false);
    assert!(asked("/c").is_err());
    let welcome = client_config(&secured.authority, Some(&other.issue(&["client"])), &[]);
    let mut client = connect(address, "a.example", &welcome).unwrap();
    assert!(ask(&mut client, "/d").unwrap().ends_with("legacy"));
    // An authority that cannot be read lets nobody else in.
    std::fs::write(secured.etc().join("ca.pem"), "").unwrap();
    secured.pair.site.await_metric("banyan_reload_total{result=\"rejected\"}", 1);
    assert!(asked("/e").is_err());
    assert_eq!(secured.pair.legacy.lines(), ["GET /a", "GET /b", "GET /d"]);
}

#[test]
fn a_facade_that_cannot_read_its_authority_does_not_start() {
    let secured = Secured::start(MUTUAL);
    let (_, folder) = secured.pair.site.stop();
    std::fs::remove_file(folder.path().join("etc/ca.pem")).unwrap();
    assert!(Site::try_start(folder, false).is_err());
}

#[test]
fn a_handshake_that_stands_still_is_closed_in_time() {
    let secured = Secured::start(&format!("timeouts: {{ handshake: 300ms, header: 1h }}, {ONE}"));
    let address = secured.pair.site.address();
    for bytes in [&b""[..], b"\x16", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"] {
        let mut client = Client::connect(address);
        client.send(bytes);
        client.closed();
    }
}

#[test]
fn what_is_no_handshake_is_answered_by_no_page() {
    let secured = Secured::start(ONE);
    let mut client = TcpStream::connect(secured.pair.site.address()).unwrap();
    client.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    client.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
    let mut answer = Vec::new();
    let _ = client.read_to_end(&mut answer);
    assert!(!answer.starts_with(b"HTTP"), "{answer:?}");
    let config = client_config(&secured.authority, None, &["gopher"]);
    assert!(connect(secured.pair.site.address(), "a.example", &config).is_err());
    assert_eq!(secured.pair.legacy.connections(), 0);
}

#[test]
fn a_location_is_mapped_back_to_the_scheme_of_the_client() {
    let rest = "routes:\n- { name: a, match: { path: \"/a/{*rest}\" }, new: new, stage: live, rewrite: { path: \"/v2/{*rest}\", response: [location] } }";
    let secured = Secured::with(ONE, rest);
    let moved = format!("Location: http://{}/v2/y\r\n", secured.pair.new.address);
    secured.pair.new.on("/v2/x", Script::with(&moved, ""));
    let config = client_config(&secured.authority, None, &[]);
    let mut client = connect(secured.pair.site.address(), "a.example", &config).unwrap();
    let answer = ask(&mut client, "/a/x").unwrap().to_ascii_lowercase();
    assert!(answer.contains("location: https://shop.example/a/y"), "{answer}");
}

#[test]
fn the_admin_listener_speaks_tls_where_it_is_told_to() {
    let admin = "admin: { address: 127.0.0.1:0, tls: { certificates: [{ cert: a.pem, key: a.key }] } }";
    let secured = Secured::with("", admin);
    let config = client_config(&secured.authority, None, &[]);
    let mut client = connect(secured.pair.site.facade().admin, "a.example", &config).unwrap();
    let site = &secured.pair.site;
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_banyan"));
    let admin = site.facade().admin.to_string();
    let healthy = command.args(["healthcheck", "--admin", &admin, "--config"]).arg(site.config()).output().unwrap();
    assert!(healthy.status.success(), "{}", String::from_utf8_lossy(&healthy.stderr));
    // Whoever does not know the certificate, nor its authority, does not talk to it.
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_banyan"));
    let url = format!("https://{admin}");
    let stranger = command.args(["healthcheck", "--admin", &url, "--config", "/nowhere/routes.yaml"]).output().unwrap();
    assert_eq!(stranger.status.code(), Some(3));
    write!(client, "GET /livez HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    client.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}

#[test]
fn a_session_behind_tls_is_for_this_host_and_tls_alone() {
    let admin = "admin: { address: 127.0.0.1:0, tls: { certificates: [{ cert: a.pem, key: a.key }] } }";
    let secured = Secured::with("", admin);
    let facade = secured.pair.site.facade();
    let link = facade.console_link().unwrap();
    let path = link.strip_prefix(&format!("https://{}", facade.admin)).unwrap();
    let config = client_config(&secured.authority, None, &[]);
    let get = |path: &str, cookie: &str| {
        let mut client = connect(facade.admin, "a.example", &config).unwrap();
        write!(client, "GET {path} HTTP/1.1\r\nHost: localhost\r\n{cookie}Connection: close\r\n\r\n").unwrap();
        let mut answer = String::new();
        client.read_to_string(&mut answer).unwrap();
        answer
    };
    let answer = get(path, "");
    let set = answer.lines().find_map(|line| line.strip_prefix("set-cookie: ")).unwrap();
    assert!(
        set.starts_with("__Host-banyan_session=") && set.ends_with("; Secure") && set.contains("; Path=/;"),
        "{set}"
    );
    let cookie = set.split(';').next().unwrap();
    assert!(get("/", &format!("Cookie: {cookie}\r\n")).starts_with("HTTP/1.1 200"));
    // What a page without TLS may have set is not looked at.
    let plain = cookie.strip_prefix("__Host-").unwrap();
    assert!(get("/", &format!("Cookie: {plain}\r\n")).starts_with("HTTP/1.1 303"));
}
