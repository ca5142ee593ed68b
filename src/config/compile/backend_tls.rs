//! TLS towards backends: whom to trust, and with what certificate to go.

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use aws_lc_rs::digest::{Context, SHA256};
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};

use super::tls::chain;
use super::{At, Cx, Place, values};
use crate::config::diagnostic::Finding;
use crate::config::file;
use crate::config::gather::beside;
use crate::config::read::Text;
use crate::snapshot::BackendTls;

/// How large a file of certificates or a key may be.
const MAX_PEM: u64 = 1024 * 1024;

/// How a backend is spoken to over TLS; `None` where it is not, or something about it is wrong. Certificates and keys are left
/// alone where they are to stay `unread`.
pub(super) fn compile(backend: &file::Backend, unread: bool, cx: &mut Cx<'_>) -> Option<Arc<BackendTls>> {
    if !says_https(backend, cx) {
        return None;
    }
    if unread {
        return Some(Arc::new(BackendTls { config: None, server_name: None, own: None, made_of: [0; 32] }));
    }
    let none = file::BackendTls { ca: None, server_name: None, client_cert: None, client_key: None };
    let (tls, place) = match &backend.tls {
        Some(at) => (&**at.get()?, at.place),
        None => (&none, backend.endpoints.place),
    };
    let mut digest = Context::new(&SHA256);
    let server_name = server_name(tls.server_name.as_ref(), &mut digest, cx);
    if server_name.is_none() {
        check_hosts(backend, cx);
    }
    let roots = match &tls.ca {
        Some(named) => authorities(named, &mut digest, cx),
        None => machine_roots(place, cx),
    };
    let own = own_certificate(tls, place, &mut digest, cx);
    let (roots, own) = (roots?, own?);
    let shown = own.as_ref().and_then(|(chain, _)| chain.first().cloned());
    match client_config(roots, own) {
        Ok(config) => {
            let mut made_of = [0; 32];
            made_of.copy_from_slice(digest.finish().as_ref());
            Some(Arc::new(BackendTls { config: Some(Arc::new(config)), server_name, own: shown, made_of }))
        }
        Err(error) => {
            let at = tls.client_key.as_ref().map_or(place, |key| key.place);
            cx.report.error(at, "tls-key", format!("this certificate and key cannot be used: {error}"));
            None
        }
    }
}

/// Whether the endpoints say `https`; some but not all is an error, and so is `tls` where none does.
fn says_https(backend: &file::Backend, cx: &mut Cx<'_>) -> bool {
    let mut endpoints = values(Some(&backend.endpoints)).map(|(endpoint, place)| (endpoint.address.tls, place));
    let Some((first, _)) = endpoints.next() else { return false };
    if let Some((_, place)) = endpoints.find(|(tls, _)| *tls != first) {
        cx.report.error(place, "mixed-schemes", "the endpoints of one backend are all `http://` or all `https://`");
        return false;
    }
    if let Some(tls) = backend.tls.as_ref().filter(|_| !first) {
        let finding = Finding::error(tls.place, "tls-without-https", "`tls` says nothing without `https://` endpoints");
        cx.report.add(finding.help("write the endpoints as `https://…`"));
    }
    first
}

fn server_name(named: Option<&At<Text>>, digest: &mut Context, cx: &mut Cx<'_>) -> Option<ServerName<'static>> {
    let (text, place) = named.and_then(|named| Some((&*named.get()?.0, named.place)))?;
    note(digest, b"server_name", text.as_bytes());
    let name = ServerName::try_from(text.to_owned()).ok();
    if name.is_none() {
        cx.report.error(place, "tls-server-name", format!("`{text}` is no DNS name and no IP address"));
    }
    name
}

/// Each host must be a name that a certificate can bear.
fn check_hosts(backend: &file::Backend, cx: &mut Cx<'_>) {
    for (endpoint, place) in values(Some(&backend.endpoints)) {
        let host = &endpoint.address.host;
        if ServerName::try_from(&**host).is_err() {
            let finding = Finding::error(place, "tls-server-name", format!("no certificate can be for `{host}`"));
            cx.report.add(finding.help("say in `tls.server_name` which name it is for"));
        }
    }
}

/// The authorities of a file; `None` where they cannot all be read.
fn authorities(named: &At<Text>, digest: &mut Context, cx: &mut Cx<'_>) -> Option<Arc<RootCertStore>> {
    let path = beside(cx.report.files.path(named.place.file), &named.get()?.0);
    let bytes = cx.source.read(&path, MAX_PEM);
    let bytes = readable(&path, bytes, named.place, cx)?;
    note(digest, b"ca", &bytes);
    let mut roots = RootCertStore::empty();
    for (number, certificate) in chain(&path, &bytes, "tls-ca", named.place, cx)?.into_iter().enumerate() {
        if let Err(error) = roots.add(certificate) {
            let message = format!("certificate {} in `{}` is no authority: {error}", number + 1, path.display());
            cx.report.error(named.place, "tls-ca", message);
            return None;
        }
    }
    Some(Arc::new(roots))
}

/// The authorities that this machine trusts, read once.
fn machine_roots(place: Place, cx: &mut Cx<'_>) -> Option<Arc<RootCertStore>> {
    static ROOTS: OnceLock<Arc<RootCertStore>> = OnceLock::new();
    let roots = ROOTS.get_or_init(|| {
        let found = rustls_native_certs::load_native_certs();
        for error in &found.errors {
            tracing::warn!(%error, "certificates that this machine trusts cannot be read");
        }
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(found.certs);
        Arc::new(roots)
    });
    if roots.is_empty() {
        let finding = Finding::error(place, "no-roots", "this machine names no authorities that it trusts");
        cx.report.add(finding.help("name a file of them: `tls: { ca: FILE }`"));
        return None;
    }
    Some(Arc::clone(roots))
}

type Own = (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>);

/// The facade's own certificate, if it has one; the outer `None` where it cannot be used.
fn own_certificate(tls: &file::BackendTls, place: Place, digest: &mut Context, cx: &mut Cx<'_>) -> Option<Option<Own>> {
    let (cert, key) = match (&tls.client_cert, &tls.client_key) {
        (None, None) => return Some(None),
        (Some(cert), Some(key)) => (cert, key),
        (cert, _) => {
            let missing = if cert.is_some() { "client_key" } else { "client_cert" };
            let message = format!("`{missing}` is missing here: a certificate and its key go together");
            cx.report.error(place, "missing-key", message);
            return None;
        }
    };
    let read = |named: &At<Text>, cx: &mut Cx<'_>| -> Option<(PathBuf, Vec<u8>)> {
        let path = beside(cx.report.files.path(named.place.file), &named.get()?.0);
        let bytes = cx.source.read_secret(&path, MAX_PEM);
        let bytes = readable(&path, bytes, named.place, cx)?;
        Some((path, bytes))
    };
    let chain = read(cert, cx).and_then(|(path, bytes)| {
        note(digest, b"cert", &bytes);
        chain(&path, &bytes, "tls-certificate", cert.place, cx)
    });
    let key = read(key, cx).and_then(|(path, bytes)| {
        note(digest, b"key", &bytes);
        let parsed = PrivateKeyDer::from_pem_slice(&bytes).ok();
        if parsed.is_none() {
            // What is wrong with it is not quoted: it may be a part of the key.
            let message = format!("there is no private key in `{}` (one under a password is none)", path.display());
            cx.report.error(key.place, "tls-key", message);
        }
        parsed
    });
    Some(Some((chain?, key?)))
}

fn readable(path: &Path, bytes: std::io::Result<Vec<u8>>, place: Place, cx: &mut Cx<'_>) -> Option<Vec<u8>> {
    let told = |error| cx.report.error(place, "unreadable", format!("cannot read `{}`: {error}", path.display()));
    bytes.map_err(told).ok()
}

fn client_config(roots: Arc<RootCertStore>, own: Option<Own>) -> Result<ClientConfig, rustls::Error> {
    let builder = ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots);
    match own {
        Some((chain, key)) => builder.with_client_auth_cert(chain, key),
        None => Ok(builder.with_no_client_auth()),
    }
}

/// Adds to the digest so that no text can run into its neighbour.
fn note(digest: &mut Context, what: &[u8], bytes: &[u8]) {
    digest.update(what);
    digest.update(&(bytes.len() as u64).to_le_bytes());
    digest.update(bytes);
}
