//! How clients are spoken to securely.

use std::fmt;
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::pki_types::CertificateDer;

/// How clients of a listener are spoken to securely. Two are equal when they were made from the same bytes.
#[derive(Clone)]
pub struct ListenerTls {
    /// What handshakes go by; `None` where its files were not read: then nobody is served.
    pub config: Option<Arc<ServerConfig>>,
    /// The certificates that clients may be shown, without those that lead to their authorities.
    pub certificates: Vec<CertificateDer<'static>>,
    /// Whether clients must show a certificate.
    pub asks_clients: bool,
    /// SHA-256 of all that it was made from.
    pub digest: [u8; 32],
}

impl PartialEq for ListenerTls {
    fn eq(&self, other: &ListenerTls) -> bool {
        self.digest == other.digest
    }
}

impl Eq for ListenerTls {}

/// Without what it holds of keys.
impl fmt::Debug for ListenerTls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let certificates = self.certificates.len();
        f.debug_struct("ListenerTls")
            .field("certificates", &certificates)
            .field("asks_clients", &self.asks_clients)
            .finish_non_exhaustive()
    }
}
