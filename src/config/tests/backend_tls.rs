//! TLS towards backends: what is taken, and what is refused before anything is asked of it.

use super::*;
use crate::snapshot::{BackendLimits, BackendSettings, Protocol};

const FILES: [&str; 3] = ["tls/ca.pem", "tls/facade.pem", "tls/facade.key"];

/// A file with one backend, beside the certificates of the fixtures.
fn backend(text: &str) -> Memory {
    let yaml = format!(
        "version: 1\nlisten: [{{ address: 127.0.0.1:8080 }}]\nbackends: {{ b: {{ {text} }} }}\ndefaults: {{ legacy: b }}\n"
    );
    FILES.iter().fold(Memory::default().with("routes.yaml", yaml), |memory, name| {
        memory.with(name, std::fs::read(fixture("valid").join(name)).unwrap())
    })
}

fn settings(text: &str) -> BackendSettings {
    let loaded = backend(text).load();
    assert!(loaded.is_clean(), "{}", render(&loaded.diagnostics, Format::Text));
    loaded.snapshot.unwrap().backends.remove(0)
}

fn mistake(memory: &Memory) -> Option<&'static str> {
    let loaded = memory.load();
    let mut errors = loaded.diagnostics.errors();
    let code = errors.next().map(|error| error.code);
    assert!(errors.next().is_none(), "{}", render(&loaded.diagnostics, Format::Text));
    code
}

const WHOLE: &str = "endpoints: [\"https://b.example\"], tls: { ca: tls/ca.pem, client_cert: tls/facade.pem, client_key: tls/facade.key }";

#[test]
fn the_scheme_decides_whether_tls_is_spoken() {
    let secure = settings("endpoints: [\"https://b.example\", \"https://10.0.0.1:8443\"], tls: { ca: tls/ca.pem }");
    assert!(secure.tls.is_some());
    let shown: Vec<_> = secure.endpoints.iter().map(|endpoint| (endpoint.port, &*endpoint.authority)).collect();
    assert_eq!(shown, [(443, "b.example"), (8443, "10.0.0.1:8443")]);
    assert!(settings("endpoints: [\"http://b.example:443\"]").tls.is_none());
}

#[test]
fn protocol_and_limits_have_defaults() {
    let plain = settings("endpoints: [\"http://b.example\"]");
    assert_eq!((plain.protocol, plain.limits), (Protocol::Auto, BackendLimits::default()));
    let told = settings("endpoints: [\"http://b.example\"], protocol: http2, limits: { requests: 5, pending: 0 }");
    assert_eq!(told.protocol, Protocol::Http2);
    assert_eq!(told.limits, BackendLimits { requests: 5, connections: 1000, pending: 0 });
}

#[test]
fn a_mistake_is_named() {
    let https = "endpoints: [\"https://b.example\"]";
    for (text, code) in [
        ("endpoints: [\"https://a\", \"http://b\"], tls: { ca: tls/ca.pem }".to_owned(), "mixed-schemes"),
        ("endpoints: [\"http://a\"], tls: { ca: tls/ca.pem }".to_owned(), "tls-without-https"),
        (format!("{https}, tls: {{ ca: tls/none.pem }}"), "unreadable"),
        (format!("{https}, tls: {{ ca: routes.yaml }}"), "tls-ca"),
        (format!("{https}, tls: {{ ca: tls/ca.pem, server_name: \"a b\" }}"), "tls-server-name"),
        (format!("{https}, tls: {{ ca: tls/ca.pem, client_cert: tls/facade.pem }}"), "missing-key"),
        (format!("{https}, tls: {{ ca: tls/ca.pem, client_key: tls/facade.key }}"), "missing-key"),
        (
            format!("{https}, tls: {{ ca: tls/ca.pem, client_cert: tls/facade.key, client_key: tls/facade.key }}"),
            "tls-certificate",
        ),
        (
            format!("{https}, tls: {{ ca: tls/ca.pem, client_cert: tls/facade.pem, client_key: tls/facade.pem }}"),
            "tls-key",
        ),
        // The certificate of somebody else.
        (format!("{https}, tls: {{ ca: tls/ca.pem, client_cert: tls/ca.pem, client_key: tls/facade.key }}"), "tls-key"),
        ("endpoints: [\"http://a\"], limits: { requests: 0 }".to_owned(), "out-of-range"),
        ("endpoints: [\"http://a\"], limits: { connections: 0 }".to_owned(), "out-of-range"),
        ("endpoints: [\"http://a\"], protocol: http3".to_owned(), "bad-value"),
    ] {
        assert_eq!(mistake(&backend(&text)), Some(code), "{text}");
    }
}

#[test]
fn a_key_is_never_kept_and_never_quoted() {
    let loaded = backend(WHOLE).load();
    assert!(loaded.is_clean());
    let kept = loaded.bundle.to_text().unwrap();
    assert!(!kept.contains("PRIVATE KEY") && kept.contains("BEGIN CERTIFICATE"));
    let broken = backend(WHOLE).with("tls/facade.key", "-----BEGIN PRIVATE KEY-----\ns3cret\n");
    let told = render(&broken.load().diagnostics, Format::Text);
    assert!(told.contains("tls-key") && !told.contains("s3cret"), "{told}");
}

#[test]
fn a_backend_is_made_anew_when_its_files_have_changed() {
    let load = |memory: Memory| memory.load().snapshot.unwrap().backends.remove(0);
    let before = load(backend(WHOLE));
    assert_eq!(before, load(backend(WHOLE)));
    let ca = std::fs::read_to_string(fixture("valid/tls/ca.pem")).unwrap();
    assert_ne!(before, load(backend(WHOLE).with("tls/ca.pem", format!("{ca}\n"))));
}

#[test]
fn certificates_stay_unread_where_nobody_is_served() {
    let gone = backend(WHOLE).with("tls/facade.key", "");
    let load = |options: &Options| load(&gone, Path::new("routes.yaml"), options).snapshot;
    assert!(load(&Options::default()).is_none());
    let unread = Options { without_tls: true, ..Options::default() };
    assert!(load(&unread).unwrap().backends[0].tls.as_ref().unwrap().config.is_none());
    assert!(load(&Options { with_tls_of_backends: true, ..unread }).is_none());
}
