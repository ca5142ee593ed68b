//! Talking to an admin listener that speaks TLS.

use std::fmt;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::verify_server_cert_signed_by_trust_anchor;
use rustls::crypto::{CryptoProvider, aws_lc_rs::default_provider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{ClientConfig, ClientConnection, DigitallySignedStruct, RootCertStore, SignatureScheme, StreamOwned};

use crate::snapshot::ListenerTls;

/// How the facade is known, and what it is shown.
#[derive(Debug, Clone, Default, Args)]
pub(super) struct SecureArgs {
    /// Authorities that the admin listener's certificate may be from, besides the machine's own
    #[arg(long, value_name = "FILE")]
    admin_ca: Option<PathBuf>,
    /// The certificate to show it, where it asks for one
    #[arg(long, value_name = "FILE", requires = "admin_key")]
    admin_cert: Option<PathBuf>,
    /// The key of that certificate
    #[arg(long, value_name = "FILE", requires = "admin_cert")]
    admin_key: Option<PathBuf>,
}

/// A stream that may be behind TLS.
pub(super) trait Stream: Read + Write {}

impl<T: Read + Write> Stream for T {}

/// How a facade is spoken to securely.
#[derive(Clone)]
pub(super) struct Secure {
    config: Arc<ClientConfig>,
    name: ServerName<'static>,
}

impl Secure {
    /// `known` is what the configuration says it shows: that is believed without an authority. `host` is what it must else be
    /// certified as.
    ///
    /// # Errors
    /// A file cannot be used.
    pub(super) fn new(args: &SecureArgs, known: Option<&ListenerTls>, host: &str) -> io::Result<Secure> {
        let provider = Arc::new(default_provider());
        let known = known.map(|tls| tls.certificates.clone()).unwrap_or_default();
        let roots = roots(args.admin_ca.as_deref())?;
        let verifier = Known { known, roots, provider: Arc::clone(&provider) };
        let builder = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(io::Error::other)?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(verifier));
        let config = match (&args.admin_cert, &args.admin_key) {
            (Some(cert), Some(key)) => {
                let key = PrivateKeyDer::from_pem_slice(&std::fs::read(key)?)
                    .map_err(|_| io::Error::other(format!("no key in {}", key.display())))?;
                builder.with_client_auth_cert(certificates(cert)?, key).map_err(io::Error::other)?
            }
            _ => builder.with_no_client_auth(),
        };
        let name = ServerName::try_from(host.to_owned()).map_err(io::Error::other)?;
        Ok(Secure { config: Arc::new(config), name })
    }

    /// Speaks TLS over this connection.
    pub(super) fn over(&self, stream: TcpStream) -> io::Result<impl Stream + use<>> {
        let connection =
            ClientConnection::new(Arc::clone(&self.config), self.name.clone()).map_err(io::Error::other)?;
        Ok(StreamOwned::new(connection, stream))
    }
}

impl fmt::Debug for Secure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.name)
    }
}

/// An admin listener's address as it was said.
#[derive(Debug, Clone)]
pub(super) struct AdminUrl {
    pub(super) address: SocketAddr,
    /// The name in it, or the address.
    pub(super) host: String,
    /// Whether it is spoken to securely; unsaid, the configuration knows.
    pub(super) secure: Option<bool>,
}

fn roots(named: Option<&Path>) -> io::Result<RootCertStore> {
    let mut roots = RootCertStore::empty();
    // What of the machine's own cannot be read is not trusted, that is all.
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if let Some(path) = named {
        for certificate in certificates(path)? {
            roots.add(certificate).map_err(io::Error::other)?;
        }
    }
    Ok(roots)
}

fn certificates(path: &Path) -> io::Result<Vec<CertificateDer<'static>>> {
    let bytes = std::fs::read(path)?;
    let found = CertificateDer::pem_slice_iter(&bytes).collect::<Result<Vec<_>, _>>().unwrap_or_default();
    if found.is_empty() {
        return Err(io::Error::other(format!("no certificate in {}", path.display())));
    }
    Ok(found)
}

/// Believes the certificates it knows, and those that an authority has signed.
#[derive(Debug)]
struct Known {
    known: Vec<CertificateDer<'static>>,
    roots: RootCertStore,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Known {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        _ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        if self.known.iter().any(|known| known == end_entity) {
            return Ok(ServerCertVerified::assertion());
        }
        let certificate = ParsedCertificate::try_from(end_entity)?;
        let algorithms = self.provider.signature_verification_algorithms.all;
        verify_server_cert_signed_by_trust_anchor(&certificate, &self.roots, intermediates, now, algorithms)?;
        rustls::client::verify_server_name(&certificate, name)?;
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signed, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signed, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
