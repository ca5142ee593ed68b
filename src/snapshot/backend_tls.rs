//! TLS towards a backend, as it is configured.

use std::sync::Arc;

use rustls::ClientConfig;
use rustls::pki_types::{CertificateDer, ServerName};

/// How a backend is spoken to over TLS. Two are equal if what they were made of is.
#[derive(Debug, Clone)]
pub struct BackendTls {
    /// Whom to trust, and the own certificate if there is one; neither protocols nor a memory of sessions. `None` where the
    /// configuration was read without looking at certificates: it cannot be served then.
    pub config: Option<Arc<ClientConfig>>,
    /// The name that its certificates must bear; `None`: the endpoint's own host.
    pub server_name: Option<ServerName<'static>>,
    /// The facade's own certificate, if it shows one.
    pub own: Option<CertificateDer<'static>>,
    /// SHA-256 of all it was made of.
    pub made_of: [u8; 32],
}

impl PartialEq for BackendTls {
    fn eq(&self, other: &BackendTls) -> bool {
        self.made_of == other.made_of
    }
}

impl Eq for BackendTls {}
