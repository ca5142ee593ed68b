//! One connection to an endpoint, and one exchange over it, whichever version of HTTP it speaks.

use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use http::response::Parts;
use http::{Method, StatusCode};
use tokio::net::TcpStream;
use tokio::time::Instant;

use super::http1::exchange::Http1;
use super::http1::head::Head;
use super::http1::upload::Delimiting;
use super::stream::BackendStream;
use super::{AnswerBody, Endpoint, Pools};
use crate::errors::Failure;
use crate::wire::body::RequestBody;

/// A connection to an endpoint.
#[derive(Debug)]
pub struct Connection {
    endpoint: u64,
    http1: Http1,
    /// Whether the request it was checked out for asks for another protocol.
    upgrade: bool,
    idle_since: Instant,
}

/// How long an exchange may take until the answer's head is there.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// When the waiting begins.
    pub began: Instant,
    /// From the end of the request to the answer's head.
    pub answer: Duration,
    /// Without a byte of the request's body moving.
    pub idle: Duration,
    /// What it is called when it runs out.
    pub late: Failure,
}

/// The head of an answer, before its body.
#[derive(Debug)]
pub struct Answer(Head);

impl Answer {
    /// Its status. 101 only where an upgrade was wanted: the connection speaks another protocol from here on.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.0.parts.status
    }

    /// The head, and the body that comes over `connection`. Within the body, `patience` is the longest time without a byte.
    #[must_use]
    pub fn into_parts(self, connection: Box<Connection>, pools: Rc<Pools>, patience: Duration) -> (Parts, AnswerBody) {
        let Head { parts, length, keep_alive } = self.0;
        (parts, AnswerBody::new(connection, length, keep_alive, pools, patience))
    }

    /// Of a 101: the head, the socket, and what came in after the head. `None` for any other answer.
    #[must_use]
    pub fn into_tunnel(self, connection: Box<Connection>) -> Option<(Parts, BackendStream, Bytes)> {
        if self.status() != StatusCode::SWITCHING_PROTOCOLS {
            return None;
        }
        let (stream, early) = connection.http1.into_stream()?;
        Some((self.0.parts, stream, early))
    }
}

/// Why there is no answer.
#[derive(Debug)]
pub enum SendError {
    /// Nothing of the request was written; here is its body back.
    NotSent(RequestBody),
    /// The request, or some of it, may have arrived.
    MaybeSent(Failure),
}

impl Connection {
    /// Connects to the first of the endpoint's addresses that accepts, within `patience`.
    ///
    /// # Errors
    /// [`Failure::Unresolved`], [`Failure::Connect`] or [`Failure::ConnectTimeout`].
    pub async fn open(endpoint: &Endpoint, patience: Duration) -> Result<Box<Connection>, Failure> {
        let addresses = endpoint.addresses();
        if addresses.is_empty() {
            return Err(Failure::Unresolved);
        }
        let connect = async {
            for address in addresses.iter() {
                match TcpStream::connect(address).await {
                    Ok(stream) => return Ok(stream),
                    Err(error) => tracing::debug!(%address, %error, "cannot connect"),
                }
            }
            Err(Failure::Connect)
        };
        let stream = tokio::time::timeout(patience, connect).await.map_err(|_| Failure::ConnectTimeout)??;
        // Small requests must not wait for a full segment; a socket without the option only is slower.
        let _ = stream.set_nodelay(true);
        Ok(Box::new(Connection {
            endpoint: endpoint.id,
            http1: Http1::new(stream.into()),
            upgrade: false,
            idle_since: Instant::now(),
        }))
    }

    /// The endpoint it leads to.
    #[must_use]
    pub fn endpoint(&self) -> u64 {
        self.endpoint
    }

    /// Since when it is unused.
    #[must_use]
    pub fn idle_since(&self) -> Instant {
        self.idle_since
    }

    /// Whether an unused connection can take a request: it is open, and nothing came in unasked.
    pub fn is_usable(&mut self) -> bool {
        self.http1.is_usable()
    }

    pub(super) fn rest(&mut self, since: Instant) {
        self.idle_since = since;
    }

    /// Says whether the next request asks for another protocol: only then is a 101 an answer.
    pub(super) fn expect_upgrade(&mut self, upgrade: bool) {
        self.upgrade = upgrade;
    }

    pub(super) fn http1(&mut self) -> &mut Http1 {
        &mut self.http1
    }

    /// Sends a request, whose head `write` writes, and waits for the answer's head.
    ///
    /// # Errors
    /// Why there is no answer.
    pub async fn send(
        &mut self,
        write: impl FnOnce(&mut Vec<u8>),
        method: &Method,
        body: RequestBody,
        how: Delimiting,
        patience: Patience,
    ) -> Result<Answer, SendError> {
        self.http1.send(write, method, (body, how), patience, self.upgrade).await.map(Answer)
    }
}
