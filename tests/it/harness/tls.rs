//! Certificates made on the spot, and a client that shows and checks them.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use super::wait::PATIENCE;

/// An authority that signs certificates.
#[derive(Debug)]
pub struct Authority {
    pub certificate: CertificateDer<'static>,
    pub pem: String,
    issuer: Issuer<'static, KeyPair>,
}

/// A certificate and its key.
#[derive(Debug)]
pub struct Signed {
    pub certificate: CertificateDer<'static>,
    pub pem: String,
    pub key: String,
    der: Vec<u8>,
}

impl Authority {
    pub fn new() -> Authority {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(Vec::<String>::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let certificate = params.self_signed(&key).unwrap();
        let (pem, der) = (certificate.pem(), certificate.der().clone());
        Authority { certificate: der, pem, issuer: Issuer::new(params, key) }
    }

    /// A certificate for these hosts.
    pub fn sign(&self, hosts: &[&str]) -> Signed {
        let key = KeyPair::generate().unwrap();
        let hosts: Vec<String> = hosts.iter().map(ToString::to_string).collect();
        let certificate = CertificateParams::new(hosts).unwrap().signed_by(&key, &self.issuer).unwrap();
        let (pem, der) = (certificate.pem(), certificate.der().clone());
        Signed { certificate: der, pem, key: key.serialize_pem(), der: key.serialize_der() }
    }
}

impl Signed {
    /// Writes `NAME.pem` and `NAME.key`.
    pub fn save(&self, folder: &Path, name: &str) {
        std::fs::write(folder.join(format!("{name}.pem")), &self.pem).unwrap();
        std::fs::write(folder.join(format!("{name}.key")), &self.key).unwrap();
    }
}

/// What a client of this authority's servers goes by.
pub fn client_config(authority: &Authority, shows: Option<&Signed>, alpn: &[&str]) -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    roots.add(authority.certificate.clone()).unwrap();
    let builder = ClientConfig::builder_with_provider(Arc::new(default_provider()));
    let builder = builder.with_safe_default_protocol_versions().unwrap().with_root_certificates(roots);
    let mut config = match shows {
        Some(signed) => {
            let key = PrivateKeyDer::try_from(signed.der.clone()).unwrap();
            builder.with_client_auth_cert(vec![signed.certificate.clone()], key).unwrap()
        }
        None => builder.with_no_client_auth(),
    };
    config.alpn_protocols = alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
    Arc::new(config)
}

/// A client's connection behind TLS.
pub type Secure = StreamOwned<ClientConnection, TcpStream>;

/// Connects to what calls itself by this name, and agrees on keys.
pub fn connect(address: SocketAddr, name: &str, config: &Arc<ClientConfig>) -> std::io::Result<Secure> {
    let name = ServerName::try_from(name.to_owned()).unwrap();
    let stream = TcpStream::connect(address)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let mut secure = StreamOwned::new(ClientConnection::new(Arc::clone(config), name).unwrap(), stream);
    while secure.conn.is_handshaking() {
        secure.conn.complete_io(&mut secure.sock)?;
    }
    Ok(secure)
}

/// Asks over HTTP/1.1, and gives the head and body as one text: the body must have a length. An error if there is no answer.
pub fn ask(secure: &mut Secure, target: &str) -> std::io::Result<String> {
    write!(secure, "GET {target} HTTP/1.1\r\nHost: shop.example\r\n\r\n")?;
    let mut text = String::new();
    let mut byte = [0];
    while !text.ends_with("\r\n\r\n") {
        secure.read_exact(&mut byte)?;
        text.push(char::from(byte[0]));
    }
    let lower = text.to_ascii_lowercase();
    let length = lower.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok()).unwrap_or(0);
    let mut body = vec![0; length];
    secure.read_exact(&mut body)?;
    Ok(text + &String::from_utf8_lossy(&body))
}

/// Who the server says it is.
pub fn shown(secure: &Secure) -> CertificateDer<'static> {
    secure.conn.peer_certificates().unwrap()[0].clone().into_owned()
}
