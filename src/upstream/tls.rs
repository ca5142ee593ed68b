//! TLS towards one endpoint, as one worker speaks it.

use std::sync::Arc;

use rustls::ClientConfig;
use rustls::client::Resumption;
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::Endpoint;
use crate::errors::Failure;
use crate::snapshot::{BackendSettings, Protocol};

const H2: &[u8] = b"h2";
const HTTP1: &[u8] = b"http/1.1";
/// Sessions remembered of one endpoint: their tickets are used once, so a few are needed at a time.
const SESSIONS: usize = 32;

/// How an endpoint is connected to over TLS. It remembers sessions for one worker alone, so that no worker ever waits for
/// another's lock.
pub struct Tls {
    name: ServerName<'static>,
    connector: TlsConnector,
    /// Offers HTTP/1.1 alone: HTTP/2 knows no `Upgrade`.
    to_upgrade: TlsConnector,
    protocol: Protocol,
}

impl std::fmt::Debug for Tls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tls").field("name", &self.name).field("protocol", &self.protocol).finish_non_exhaustive()
    }
}

impl Tls {
    /// `None` where the endpoint is not spoken to over TLS, or nothing says how.
    #[must_use]
    pub fn new(settings: &BackendSettings, endpoint: &Endpoint) -> Option<Tls> {
        let tls = settings.tls.as_ref().filter(|_| endpoint.address.tls)?;
        let trust = tls.config.as_ref()?;
        let own = || ServerName::try_from(endpoint.address.host.to_string()).ok();
        let name = tls.server_name.clone().or_else(own)?;
        let offering = |protocols: &[&[u8]]| {
            let mut config = ClientConfig::clone(trust);
            config.resumption = Resumption::in_memory_sessions(SESSIONS);
            config.alpn_protocols = protocols.iter().map(|protocol| protocol.to_vec()).collect();
            TlsConnector::from(Arc::new(config))
        };
        let protocol = settings.protocol;
        let to_upgrade = offering(&[HTTP1]);
        let connector = match protocol {
            Protocol::Auto => offering(&[H2, HTTP1]),
            Protocol::Http1 => to_upgrade.clone(),
            Protocol::Http2 => offering(&[H2]),
        };
        Some(Tls { name, connector, to_upgrade, protocol })
    }

    /// Shakes hands. Whether HTTP/2 was agreed on.
    ///
    /// # Errors
    /// [`Failure::Tls`].
    pub async fn connect(&self, stream: TcpStream, upgrade: bool) -> Result<(TlsStream<TcpStream>, bool), Failure> {
        let connector = if upgrade { &self.to_upgrade } else { &self.connector };
        let stream = connector.connect(self.name.clone(), stream).await.map_err(|error| {
            tracing::debug!(name = ?self.name, %error, "no TLS with a backend");
            Failure::Tls
        })?;
        let http2 = stream.get_ref().1.alpn_protocol() == Some(H2);
        if self.protocol == Protocol::Http2 && !upgrade && !http2 {
            tracing::debug!(name = ?self.name, "a backend does not speak HTTP/2");
            return Err(Failure::Tls);
        }
        Ok((stream, http2))
    }
}
