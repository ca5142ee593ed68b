//! Certificates and keys of listeners: read, checked, and put together for handshakes.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use aws_lc_rs::digest::{Context, SHA256};
use rustls::crypto::{CryptoProvider, aws_lc_rs::Ticketer, aws_lc_rs::default_provider};
use rustls::pki_types::pem::{self, PemObject as _};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, UnixTime};
use rustls::server::{ClientHello, NoServerSessionStorage, ResolvesServerCert, WebPkiClientVerifier};
use rustls::sign::CertifiedKey;
use rustls::{RootCertStore, ServerConfig};

use super::{At, Cx, values};
use crate::config::file::{self, Certificate};
use crate::config::gather::beside;
use crate::config::place::Place;
use crate::config::read::Text;
use crate::snapshot::ListenerTls;

/// How large a file of certificates or a key may be.
const MAX_PEM: u64 = 1024 * 1024;

/// What a listener speaks within TLS, the preferred first (RFC 7301).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Speaks {
    /// HTTP/2 and HTTP/1.1.
    Both,
    /// HTTP/1.1.
    Http1,
}

/// Reads and checks everything; `None` where anything is wrong, or nothing is configured.
pub(super) fn compile(
    tls: Option<&At<file::ListenerTls>>,
    speaks: Speaks,
    unread: bool,
    cx: &mut Cx<'_>,
) -> Option<Arc<ListenerTls>> {
    let at = tls?;
    let tls = at.get()?;
    let asks_clients = tls.client_ca.is_some();
    if unread {
        let unread = ListenerTls { config: None, certificates: Vec::new(), asks_clients, digest: [0; 32] };
        return Some(Arc::new(unread));
    }
    let provider = Arc::new(default_provider());
    let mut digest = Context::new(&SHA256);
    let mut resolver = ByName::default();
    let mut whole = true;
    for (place, (pair, at)) in values(Some(&tls.certificates)).enumerate() {
        match certified(pair, &provider, &mut digest, cx) {
            Some(key) => resolver.add(Arc::new(key), place == 0, at, cx),
            None => whole = false,
        }
    }
    let roots = tls.client_ca.as_ref().map(|file| authorities(file, &mut digest, cx));
    if !whole || resolver.all.is_empty() || matches!(roots, Some(None)) {
        return None;
    }
    let certificates = resolver.all.iter().filter_map(|key| key.cert.first().cloned()).collect();
    match server_config(provider, resolver, roots.flatten(), speaks) {
        Ok(config) => {
            let mut bytes = [0; 32];
            digest.update(&[speaks as u8]);
            bytes.copy_from_slice(digest.finish().as_ref());
            Some(Arc::new(ListenerTls { config: Some(Arc::new(config)), certificates, asks_clients, digest: bytes }))
        }
        Err(error) => {
            cx.report.error(at.place, "tls", format!("this cannot be spoken: {error}"));
            None
        }
    }
}

fn server_config(
    provider: Arc<CryptoProvider>,
    resolver: ByName,
    roots: Option<RootCertStore>,
    speaks: Speaks,
) -> Result<ServerConfig, String> {
    let told = |error: &dyn std::error::Error| error.to_string();
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|error| told(&error))?;
    let builder = match roots {
        Some(roots) => {
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build();
            builder.with_client_cert_verifier(verifier.map_err(|error| told(&error))?)
        }
        None => builder.with_no_client_auth(),
    };
    let mut config = builder.with_cert_resolver(Arc::new(resolver));
    config.alpn_protocols = match speaks {
        Speaks::Both => vec![b"h2".to_vec(), b"http/1.1".to_vec()],
        Speaks::Http1 => vec![b"http/1.1".to_vec()],
    };
    // Tickets are sealed with a key of this configuration's own: none outlives the client CA it was given under. What they
    // replace is a table behind a lock. Early data is off, as it can be replayed (RFC 8446 section 8).
    config.ticketer = Ticketer::new().map_err(|error| told(&error))?;
    config.session_storage = Arc::new(NoServerSessionStorage {});
    Ok(config)
}

/// The bytes of a file that a key names.
fn read(named: &At<Text>, digest: &mut Context, cx: &mut Cx<'_>) -> Option<(PathBuf, Vec<u8>)> {
    let path = beside(cx.report.files.path(named.place.file), &named.get()?.0);
    match cx.source.read_secret(&path, MAX_PEM) {
        Ok(bytes) => {
            digest.update(&(bytes.len() as u64).to_le_bytes());
            digest.update(&bytes);
            Some((path, bytes))
        }
        Err(error) => {
            cx.report.error(named.place, "unreadable", format!("cannot read `{}`: {error}", path.display()));
            None
        }
    }
}

/// A certificate with its chain and the key that fits it.
fn certified(
    pair: &Certificate,
    provider: &CryptoProvider,
    digest: &mut Context,
    cx: &mut Cx<'_>,
) -> Option<CertifiedKey> {
    let cert = read(&pair.cert, digest, cx);
    let key = read(&pair.key, digest, cx);
    let chain = cert.and_then(|(path, bytes)| chain(&path, &bytes, "tls-certificate", pair.cert.place, cx));
    let key = key.and_then(|(path, bytes)| private_key(&path, &bytes, pair.key.place, cx));
    let (chain, (path, key)) = (chain?, key?);
    check_dates(chain.first()?, pair, cx);
    match CertifiedKey::from_der(chain, key, provider) {
        Ok(certified) => Some(certified),
        Err(rustls::Error::InconsistentKeys(_)) => {
            let message = format!("the key in `{}` is not this certificate's", path.display());
            cx.report.error(pair.key.place, "tls-key", message);
            None
        }
        Err(error) => {
            let message = format!("the key in `{}` cannot be used: {error}", path.display());
            cx.report.error(pair.key.place, "tls-key", message);
            None
        }
    }
}

/// The certificates of a file: at least one, and each of them readable.
pub(super) fn chain(
    path: &std::path::Path,
    bytes: &[u8],
    code: &'static str,
    place: Place,
    cx: &mut Cx<'_>,
) -> Option<Vec<CertificateDer<'static>>> {
    let certificates = CertificateDer::pem_slice_iter(bytes).collect::<Result<Vec<_>, _>>();
    let certificates = match certificates {
        Ok(certificates) if !certificates.is_empty() => certificates,
        Ok(_) => {
            cx.report.error(place, code, format!("there is no certificate in `{}`", path.display()));
            return None;
        }
        Err(error) => {
            cx.report.error(place, code, format!("`{}` is no PEM file: {error}", path.display()));
            return None;
        }
    };
    for (number, certificate) in certificates.iter().enumerate() {
        if let Err(error) = webpki::EndEntityCert::try_from(certificate) {
            let message = format!("certificate {} in `{}` cannot be read: {error:?}", number + 1, path.display());
            cx.report.error(place, code, message);
            return None;
        }
    }
    Some(certificates)
}

fn private_key(
    path: &std::path::Path,
    bytes: &[u8],
    place: Place,
    cx: &mut Cx<'_>,
) -> Option<(PathBuf, PrivateKeyDer<'static>)> {
    match PrivateKeyDer::from_pem_slice(bytes) {
        Ok(key) => Some((path.to_path_buf(), key)),
        Err(pem::Error::NoItemsFound) => {
            let message = format!("there is no private key in `{}` (one under a password is none)", path.display());
            cx.report.error(place, "tls-key", message);
            None
        }
        // What is wrong with it is not quoted: it may be a part of the key.
        Err(_) => {
            cx.report.error(place, "tls-key", format!("`{}` is no PEM file", path.display()));
            None
        }
    }
}

/// Warns of a certificate that is not valid now. It is taken all the same: clients know what they do with it, and refusing
/// it would keep an older one.
fn check_dates(leaf: &CertificateDer<'static>, pair: &Certificate, cx: &mut Cx<'_>) {
    let Ok(parsed) = webpki::EndEntityCert::try_from(leaf) else { return };
    let usage = webpki::KeyUsage::server_auth();
    // Without authorities nothing is ever verified, but the dates are looked at first.
    let message = match parsed.verify_for_usage(&[], &[], &[], UnixTime::now(), usage, None, None) {
        Err(webpki::Error::CertExpired { not_after, .. }) => format!("this certificate expired on {}", day(not_after)),
        Err(webpki::Error::CertNotValidYet { not_before, .. }) => {
            format!("this certificate is not valid before {}", day(not_before))
        }
        _ => return,
    };
    cx.report.warning(pair.cert.place, "tls-expired", message);
}

fn day(time: UnixTime) -> String {
    let text = humantime::format_rfc3339_seconds(
        std::time::UNIX_EPOCH + std::time::Duration::from_secs(time.as_secs().min(253_402_300_799)),
    );
    text.to_string().split('T').next().unwrap_or_default().to_owned()
}

/// Those whose signature lets a client in; `None` where they cannot all be read. Without any, nobody could come in.
fn authorities(named: &At<Text>, digest: &mut Context, cx: &mut Cx<'_>) -> Option<RootCertStore> {
    let (path, bytes) = read(named, digest, cx)?;
    let mut roots = RootCertStore::empty();
    for (number, certificate) in chain(&path, &bytes, "tls-client-ca", named.place, cx)?.into_iter().enumerate() {
        if let Err(error) = roots.add(certificate) {
            let message = format!("certificate {} in `{}` is no authority: {error}", number + 1, path.display());
            cx.report.error(named.place, "tls-client-ca", message);
            return None;
        }
    }
    Some(roots)
}

/// Certificates by the names they are for (RFC 6066 section 3).
#[derive(Debug, Default)]
struct ByName {
    /// Host names, and for `*.shop.example` what follows the star.
    exact: HashMap<String, Vec<Arc<CertifiedKey>>>,
    wild: HashMap<String, Vec<Arc<CertifiedKey>>>,
    /// All of them; the first is for whoever asks for no name that is known.
    all: Vec<Arc<CertifiedKey>>,
}

impl ByName {
    fn add(&mut self, key: Arc<CertifiedKey>, first: bool, place: Place, cx: &mut Cx<'_>) {
        let leaf = key.cert.first().and_then(|leaf| webpki::EndEntityCert::try_from(leaf).ok());
        let names: Vec<String> =
            leaf.iter().flat_map(|leaf| leaf.valid_dns_names()).map(str::to_ascii_lowercase).collect();
        if names.is_empty() && !first {
            cx.report.warning(place, "tls-unnamed", "this certificate names no host, so nobody is ever shown it");
        }
        for name in names {
            let (map, name) = match name.strip_prefix("*.") {
                Some(rest) => (&mut self.wild, rest.to_owned()),
                None => (&mut self.exact, name),
            };
            map.entry(name).or_default().push(Arc::clone(&key));
        }
        self.all.push(key);
    }

    /// Those for this name: the exact ones, else those with a star in place of its first label.
    fn of(&self, name: &str) -> Option<&[Arc<CertifiedKey>]> {
        let name = name.trim_end_matches('.').to_ascii_lowercase();
        let wild = || self.wild.get(name.split_once('.')?.1);
        self.exact.get(&name).or_else(wild).map(Vec::as_slice)
    }
}

impl ResolvesServerCert for ByName {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let fit = hello.server_name().and_then(|name| self.of(name)).unwrap_or(&self.all[..1.min(self.all.len())]);
        // Of two for the same name, one may be of a kind that this client does not know.
        let spoken = |key: &&Arc<CertifiedKey>| key.key.choose_scheme(hello.signature_schemes()).is_some();
        fit.iter().find(spoken).or(fit.first()).cloned()
    }
}

#[cfg(test)]
mod tests;
