//! A client over TLS that shows and checks certificates.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;

use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, StreamOwned};

use super::authority::{Authority, Identity};
use super::wait::PATIENCE;

/// What a client of this authority's servers goes by.
pub fn client_config(authority: &Authority, shows: Option<&Identity>, alpn: &[&str]) -> Arc<ClientConfig> {
    let builder = ClientConfig::builder_with_provider(Arc::new(default_provider()));
    let builder = builder.with_safe_default_protocol_versions().unwrap().with_root_certificates(authority.roots());
    let mut config = match shows {
        Some(own) => builder.with_client_auth_cert(vec![own.certificate()], own.private_key()).unwrap(),
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
