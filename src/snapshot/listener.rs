//! Listeners as they are configured.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use super::ListenerTls;

/// Where clients connect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListenerSettings {
    /// The address; port 0 takes any free one.
    pub address: SocketAddr,
    /// Whether `%2F` is an ordinary byte of its segment rather than refused.
    pub opaque_slashes: bool,
    /// How long clients may take.
    pub timeouts: ClientTimeouts,
    /// How much clients may ask for.
    pub limits: ClientLimits,
    /// How clients are spoken to securely; `None`: not at all.
    pub tls: Option<Arc<ListenerTls>>,
}

impl ListenerSettings {
    /// The settings of what was bound at `place` among these addresses, as configured now; addresses take a restart, the rest
    /// does not. The same address twice (only port 0 may be) is told apart by the order.
    #[must_use]
    pub fn of<'l>(
        configured: &'l [ListenerSettings],
        bound: &[SocketAddr],
        place: usize,
    ) -> Option<&'l ListenerSettings> {
        let address = bound.get(place)?;
        let before = bound[..place].iter().filter(|other| *other == address).count();
        configured.iter().filter(|listener| listener.address == *address).nth(before)
    }
}

/// How long clients may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClientTimeouts {
    /// From accepting the connection, or from a request's first byte, to the end of its head.
    pub header: Duration,
    /// Between two requests on one connection.
    pub idle: Duration,
    /// How long in all the facade waits for a client within a body, in either direction; each byte that moves buys some of it
    /// back, by `ClientLimits::min_rate`.
    pub body: Duration,
    /// Of a TLS handshake.
    pub handshake: Duration,
    /// Without a byte in either direction of a connection that speaks another protocol, such as WebSocket.
    pub tunnel: Duration,
}

/// How much clients of a listener may ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClientLimits {
    /// Open connections over all workers.
    pub connections: usize,
    /// Open connections from one address (an IPv6 /64 counts as one); trusted proxies are not counted.
    pub per_client: Option<usize>,
    /// Requests on one connection.
    pub requests: Option<u64>,
    /// Fields of a head.
    pub headers: usize,
    /// Bytes of a head.
    pub head: usize,
    /// Bytes of a target.
    pub target: usize,
    /// Bytes of a body.
    pub body: Option<u64>,
    /// Bytes per second that a body must move on average while the facade waits for the client.
    pub min_rate: u64,
}

impl Default for ClientLimits {
    fn default() -> ClientLimits {
        ClientLimits {
            connections: 65_536,
            per_client: None,
            requests: None,
            headers: 100,
            head: 64 * 1024,
            target: 8 * 1024,
            body: None,
            min_rate: 240,
        }
    }
}
