use rcgen::{BasicConstraints, CertificateParams, IsCa, KeyPair, date_time_ymd};

use super::*;
use crate::config::diagnostic::Report;
use crate::config::{Disk, Format, Loaded, Options, load, render};

/// A folder with certificates and a configuration.
struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Folder {
        Folder(tempfile::tempdir().unwrap())
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.0.path().join(name), text).unwrap();
    }

    /// Writes `name.pem` and `name.key` for these hosts.
    fn pair(&self, name: &str, hosts: &[&str]) {
        let key = KeyPair::generate().unwrap();
        let hosts: Vec<String> = hosts.iter().map(ToString::to_string).collect();
        let certificate = CertificateParams::new(hosts).unwrap().self_signed(&key).unwrap();
        self.write(&format!("{name}.pem"), &certificate.pem());
        self.write(&format!("{name}.key"), &key.serialize_pem());
    }

    fn load(&self, tls: &str) -> Loaded {
        let text = format!(
            "version: 1\nlisten: [{{ address: 127.0.0.1:8443, tls: {tls} }}]\ndefaults: {{ legacy: none }}\nbackends: {{}}\n"
        );
        self.write("routes.yaml", &text);
        load(&Disk, &self.0.path().join("routes.yaml"), &Options::default())
    }

    /// The codes of what is wrong or odd.
    fn codes(&self, tls: &str) -> Vec<&'static str> {
        self.load(tls).diagnostics.list.iter().map(|found| found.code).collect()
    }
}

const A: &str = "{ certificates: [{ cert: a.pem, key: a.key }] }";

#[test]
fn a_pair_that_fits_is_taken() {
    let folder = Folder::new();
    folder.pair("a", &["a.example"]);
    let loaded = folder.load(A);
    assert!(loaded.is_clean(), "{}", render(&loaded.diagnostics, Format::Text));
    let tls = loaded.snapshot.unwrap().listeners[0].tls.clone().unwrap();
    assert!(tls.config.is_some() && !tls.asks_clients && tls.certificates.len() == 1);
    assert!(!format!("{tls:?}").contains("PRIVATE"));
}

#[test]
fn what_does_not_fit_is_refused_where_it_is_named() {
    let folder = Folder::new();
    folder.pair("a", &["a.example"]);
    folder.pair("b", &["b.example"]);
    folder.write("empty", "");
    folder.write("garbage", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
    for (tls, code) in [
        ("{ certificates: [{ cert: a.pem, key: b.key }] }", "tls-key"),
        ("{ certificates: [{ cert: a.pem, key: a.pem }] }", "tls-key"),
        ("{ certificates: [{ cert: a.key, key: a.key }] }", "tls-certificate"),
        ("{ certificates: [{ cert: empty, key: a.key }] }", "tls-certificate"),
        ("{ certificates: [{ cert: garbage, key: a.key }] }", "tls-certificate"),
        ("{ certificates: [{ cert: none.pem, key: a.key }] }", "unreadable"),
        ("{ certificates: [] }", "empty-list"),
        ("{ certificates: [{ cert: a.pem, key: a.key }], client_ca: empty }", "tls-client-ca"),
        ("{ certificates: [{ cert: a.pem, key: a.key }], client_ca: garbage }", "tls-client-ca"),
        ("{ certificates: [{ cert: a.pem, key: a.key }], client_ca: none.pem }", "unreadable"),
    ] {
        let loaded = folder.load(tls);
        let found: Vec<_> = loaded.diagnostics.errors().map(|found| (found.code, found.line)).collect();
        assert_eq!(found, [(code, 2)], "{tls}: {}", render(&loaded.diagnostics, Format::Text));
    }
}

#[test]
fn no_message_quotes_a_key() {
    let folder = Folder::new();
    folder.pair("a", &["a.example"]);
    folder.write("broken", "-----BEGIN PRIVATE KEY-----\ns3cret!\n-----END PRIVATE KEY-----\n");
    let loaded = folder.load("{ certificates: [{ cert: a.pem, key: broken }] }");
    assert!(!render(&loaded.diagnostics, Format::Text).contains("s3cret"));
    assert!(!loaded.bundle.to_text().unwrap().contains("s3cret"));
}

#[test]
fn a_certificate_that_has_expired_is_told_with_its_date() {
    let folder = Folder::new();
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(vec!["a.example".to_owned()]).unwrap();
    (params.not_before, params.not_after) = (date_time_ymd(2019, 1, 1), date_time_ymd(2020, 2, 29));
    folder.write("a.pem", &params.self_signed(&key).unwrap().pem());
    folder.write("a.key", &key.serialize_pem());
    let loaded = folder.load(A);
    assert!(loaded.snapshot.is_some());
    assert!(render(&loaded.diagnostics, Format::Text).contains("expired on 2020-02-29"));
}

#[test]
fn a_second_certificate_without_a_name_is_never_shown() {
    let folder = Folder::new();
    folder.pair("a", &["a.example"]);
    folder.pair("b", &[]);
    let both = "{ certificates: [{ cert: a.pem, key: a.key }, { cert: b.pem, key: b.key }] }";
    assert_eq!(folder.codes(both), ["tls-unnamed"]);
}

#[test]
fn other_bytes_are_other_settings() {
    let folder = Folder::new();
    folder.pair("a", &["a.example"]);
    let settings = || folder.load(A).snapshot.unwrap().listeners[0].tls.clone();
    let (one, same) = (settings(), settings());
    assert_eq!(one, same);
    folder.pair("a", &["a.example"]);
    assert_ne!(one, settings());
}

#[test]
fn names_are_found_exactly_before_by_their_star() {
    let mut report = Report::default();
    let mut cx = Cx { report: &mut report, source: &Disk };
    let mut names = ByName::default();
    for (place, hosts) in
        [&["default.example"][..], &["*.shop.example", "*.b.example"], &["a.shop.example"]].iter().enumerate()
    {
        let key = KeyPair::generate().unwrap();
        let hosts = hosts.iter().map(ToString::to_string).collect::<Vec<_>>();
        let certificate = CertificateParams::new(hosts).unwrap().self_signed(&key).unwrap();
        let der = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
        let certified = CertifiedKey::from_der(vec![certificate.der().clone()], der, &default_provider()).unwrap();
        names.add(Arc::new(certified), place == 0, Place::default(), &mut cx);
    }
    let found =
        |name: &str| names.of(name).map(|keys| names.all.iter().position(|key| Arc::ptr_eq(key, &keys[0])).unwrap());
    assert_eq!(found("a.shop.example"), Some(2));
    assert_eq!(found("B.Shop.Example."), Some(1));
    assert_eq!(found("default.example"), Some(0));
    for unknown in ["shop.example", "x.y.shop.example", "example", ""] {
        assert_eq!(found(unknown), None, "{unknown}");
    }
}

#[test]
fn an_authority_must_be_one() {
    let folder = Folder::new();
    folder.pair("a", &["a.example"]);
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(vec![]).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    folder.write("ca.pem", &params.self_signed(&key).unwrap().pem());
    let loaded = folder.load("{ certificates: [{ cert: a.pem, key: a.key }], client_ca: ca.pem }");
    let tls = loaded.snapshot.unwrap().listeners[0].tls.clone().unwrap();
    assert!(tls.asks_clients);
}

#[test]
fn what_is_left_unread_serves_nobody() {
    let folder = Folder::new();
    folder.load(A);
    let options = Options { without_tls: true, ..Options::default() };
    let loaded = load(&Disk, &folder.0.path().join("routes.yaml"), &options);
    assert!(loaded.snapshot.unwrap().listeners[0].tls.clone().unwrap().config.is_none());
}
