//! Listeners, connections and drain: how requests come in and answers go out, for any [`Handler`].
//!
//! Each data worker is a thread with a current-thread runtime and its own `SO_REUSEPORT` listeners; a connection lives and
//! dies on the worker that accepted it.

mod connection;
mod crew;
mod http1;
mod http2;
mod limits;
mod listen;
mod panic;
mod patience;
mod pulse;
mod watchdog;
mod worker;

use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;

use bytes::Bytes;
use http::Response;
use hyper::body::Body;

use crate::errors::Failure;
use crate::snapshot::{ClientLimits, ClientTimeouts, ListenerTls};
use crate::telemetry::TurnedAway;
use crate::wire::body::ClientBody;
use crate::wire::headers::Hop;
use crate::wire::lines::Lines;
use crate::wire::request::Parts;
use crate::wire::stream::Stream;

pub use crew::{Crew, Doorbell};
pub use limits::Crowd;
pub use listen::{Inherited, Listeners, bind};
pub use worker::{Worker, WorkerHandle};

/// Who is at the other end of a connection.
#[derive(Debug)]
pub struct Peer {
    /// Its address.
    pub address: SocketAddr,
    /// What it looks like to a backend.
    pub hop: Hop,
    /// Which listener it came to: its place in the configuration at start.
    pub listener: usize,
    /// Whether it speaks TLS.
    pub tls: bool,
}

impl Peer {
    /// The scheme of what it asks for.
    #[must_use]
    pub const fn scheme(&self) -> &'static str {
        if self.tls { "https" } else { "http" }
    }
}

/// What a worker does with requests. Each worker has one of its own; nothing in it is shared with other threads.
pub trait Handler: 'static {
    /// The body of its answers.
    type Body: Body<Data = Bytes, Error: Into<Box<dyn std::error::Error + Send + Sync>>> + Unpin + 'static;

    /// Answers a request; its body is `None` where there is none. In a box: a connection that idles does not hold the memory that
    /// an answer takes.
    fn handle(
        &self,
        parts: Parts,
        body: Option<ClientBody>,
        peer: &Rc<Peer>,
    ) -> Pin<Box<impl Future<Output = Reply<Self::Body>>>>;

    /// Answers a request whose head was refused before it was parsed.
    fn refuse(&self, failure: Failure, peer: &Rc<Peer>) -> Response<Self::Body>;

    /// How long clients of this listener may take, as of now.
    fn timeouts(&self, listener: usize) -> ClientTimeouts;

    /// How much clients of this listener may ask for, as of now.
    fn limits(&self, listener: usize) -> ClientLimits;

    /// Whether this is a trusted proxy, behind which there are many clients.
    fn trusts(&self, address: IpAddr) -> bool;

    /// How new clients of this listener are spoken to securely, as of now; `None`: not at all.
    fn tls(&self, listener: usize) -> Option<Arc<ListenerTls>>;

    /// Something happened to a connection.
    fn event(&self, event: Event);

    /// Called several times a second.
    fn tick(&self);
}

/// What a request comes to.
pub struct Reply<B> {
    /// The answer.
    pub response: Response<B>,
    /// Fields of it beside those of `response`, where they passed as lines.
    pub lines: Option<Lines>,
    /// With a 101: what goes on over the connection after it.
    pub tunnel: Option<Box<dyn Tunnel>>,
}

impl<B> Reply<B> {
    /// The answer with all its fields.
    fn into_response(self) -> Response<B> {
        let Reply { mut response, lines, .. } = self;
        if let Some(lines) = lines {
            let beside = std::mem::replace(response.headers_mut(), lines.to_map());
            for (name, value) in &beside {
                response.headers_mut().append(name, value.clone());
            }
        }
        response
    }
}

impl<B> From<Response<B>> for Reply<B> {
    fn from(response: Response<B>) -> Reply<B> {
        Reply { response, lines: None, tunnel: None }
    }
}

/// A connection that has switched to another protocol (RFC 9110 section 7.8).
pub trait Tunnel {
    /// Goes on until either side is done, or for too long nothing has passed. `early` are bytes that the client sent before it
    /// knew; none of them has gone on yet. Dropped, it ends at once.
    fn run(self: Box<Self>, client: Stream, early: Bytes) -> Pin<Box<dyn Future<Output = ()>>>;
}

/// What a handler may want to count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// A connection was accepted.
    Connected,
    /// A connection ended.
    Disconnected,
    /// A connection could not be accepted.
    AcceptFailed,
    /// A connection was accepted and closed at once.
    TurnedAway(TurnedAway),
    /// A request ended in a panic.
    Panicked,
}

#[cfg(test)]
mod tests;
