//! One connection to an endpoint, and one exchange over it, whichever version of HTTP it speaks.

use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http::response::Parts;
use http::{Method, StatusCode};
use tokio::net::TcpStream;
use tokio::time::Instant;

use super::answer::Download;
use super::bulkhead::Slot;
use super::http1::exchange::Http1;
use super::http2::session::{Session, Share};
use super::place::Place;
use super::{AnswerBody, Endpoint, Pools, http1, http2};
use crate::errors::Failure;
use crate::wire::body::RequestBody;
use crate::wire::lines::Lines;
use crate::wire::outgoing::Delimiting;
use crate::wire::stream::Stream;

/// A connection to an endpoint, or a place on one that is shared.
#[derive(Debug)]
pub struct Connection {
    pub(super) place: Rc<Place>,
    speaks: Speaks,
    /// Whether the request it was checked out for asks for another protocol.
    pub(super) upgrade: bool,
    pub(super) idle_since: Instant,
}

#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "a connection is boxed as a whole")]
enum Speaks {
    Http1(Http1, Slot),
    Http2(Share),
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

#[derive(Debug)]
enum Head {
    Http1(http1::head::Head),
    Http2(http2::exchange::Head),
}

impl Answer {
    /// Its status. 101 only where an upgrade was wanted: the connection speaks another protocol from here on.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        match &self.0 {
            Head::Http1(head) => head.status,
            Head::Http2(head) => head.parts.status,
        }
    }

    /// The head, and the body that comes over `connection`. Within the body, `patience` is the longest time without a byte. The
    /// fields are lines where they came over HTTP/1; what stops at the facade is taken out of lines already.
    #[must_use]
    pub fn into_parts(
        self,
        connection: Box<Connection>,
        pools: Rc<Pools>,
        patience: Duration,
    ) -> (Parts, Option<Lines>, AnswerBody) {
        match self.0 {
            Head::Http1(head) => {
                let (parts, fields, body) = http1::download::Download::new(head, connection, pools, patience);
                (parts, Some(fields), AnswerBody(Download::Http1(body)))
            }
            Head::Http2(head) => {
                let (parts, body) = http2::download::Download::new(head, connection, patience);
                (parts, None, AnswerBody(Download::Http2(body)))
            }
        }
    }

    /// Of a 101: the head, and what is left of the connection. `None` for any other answer.
    #[must_use]
    pub fn into_raw(self, connection: Box<Connection>) -> Option<(Parts, RawConnection)> {
        let (Head::Http1(head), Speaks::Http1(http1, slot)) = (self.0, connection.speaks) else { return None };
        if head.status != StatusCode::SWITCHING_PROTOCOLS {
            return None;
        }
        let (stream, early) = http1.into_stream()?;
        let (mut parts, fields) = head.into_parts();
        parts.headers = fields.to_map();
        Some((parts, RawConnection { stream, early, slot }))
    }
}

/// A connection that speaks another protocol from here on.
#[derive(Debug)]
pub struct RawConnection {
    /// Its socket.
    pub stream: Stream,
    /// What came in after the head of the answer.
    pub early: Bytes,
    #[expect(dead_code, reason = "held so that it counts as one of its backend's connections")]
    slot: Slot,
}

/// Why there is no answer.
#[derive(Debug)]
pub enum SendError {
    /// Nothing of the request was written, or the backend says that it has done nothing; here is its body back.
    NotSent(RequestBody),
    /// The request, or some of it, may have arrived.
    MaybeSent(Failure),
}

/// What a new socket turned out to speak.
pub(super) enum Opened {
    Http1(Box<Connection>),
    Http2(Rc<Session>),
}

impl Connection {
    /// Connects to the first of the endpoint's addresses that accepts. `slot` is given back when the socket is closed.
    pub(super) async fn open(
        place: &Rc<Place>,
        endpoint: &Endpoint,
        slot: Slot,
        upgrade: bool,
    ) -> Result<Opened, Failure> {
        let socket = connect(endpoint).await?;
        let (stream, http2) = match &place.tls {
            Some(tls) => {
                let (stream, http2) = tls.connect(socket, upgrade).await?;
                (stream.into(), http2)
            }
            // Without the means to speak it, https is not spoken in the clear.
            None if endpoint.address.tls => return Err(Failure::Tls),
            None => (socket.into(), place.knows_http2() && !upgrade),
        };
        if http2 {
            let freed = Rc::clone(&place.freed);
            return Session::begin(stream, endpoint.address.tls, slot, freed).await.map(Opened::Http2);
        }
        let speaks = Speaks::Http1(Http1::new(stream), slot);
        Ok(Opened::Http1(Box::new(Connection::new(place, speaks, upgrade))))
    }

    /// A place for one request on a shared connection.
    pub(super) fn over(place: &Rc<Place>, session: &Rc<Session>) -> Box<Connection> {
        Box::new(Connection::new(place, Speaks::Http2(session.share()), false))
    }

    fn new(place: &Rc<Place>, speaks: Speaks, upgrade: bool) -> Connection {
        Connection { place: Rc::clone(place), speaks, upgrade, idle_since: Instant::now() }
    }

    /// Whether it speaks HTTP/2.
    #[must_use]
    pub fn is_http2(&self) -> bool {
        matches!(self.speaks, Speaks::Http2(_))
    }

    /// Whether an unused connection can take a request: it is open, and nothing came in unasked.
    pub(super) fn is_usable(&mut self) -> bool {
        self.http1().is_some_and(Http1::is_usable)
    }

    pub(super) fn http1(&mut self) -> Option<&mut Http1> {
        match &mut self.speaks {
            Speaks::Http1(http1, _) => Some(http1),
            Speaks::Http2(_) => None,
        }
    }

    /// Sends a request and waits for the answer's head. `write` writes the head of the request as HTTP/1.1 has it, whichever
    /// version is spoken; dropped before there is an answer, the exchange is cancelled.
    ///
    /// # Errors
    /// Why there is no answer.
    pub fn send<'c>(
        &'c mut self,
        write: impl FnOnce(&mut Vec<u8>) + 'c,
        method: &'c Method,
        body: RequestBody,
        how: Delimiting,
        patience: Patience,
    ) -> Sending<'c> {
        Sending(match &mut self.speaks {
            Speaks::Http1(http1, _) => Request::Http1(http1.send(write, method, (body, how), patience, self.upgrade)),
            // In a box: the others need not carry it.
            Speaks::Http2(share) => {
                Request::Http2(Box::pin(http2::exchange::send(share, write, method, body, patience)))
            }
        })
    }
}

/// A request that is being sent, and then waits for its answer's head. A value that is polled and no async function: those keep each
/// argument twice, and this one lies within the memory of every request under way.
#[must_use = "futures do nothing unless they are polled"]
pub struct Sending<'c>(Request<'c>);

enum Request<'c> {
    Http1(http1::exchange::Sending<'c>),
    Http2(Pin<Box<dyn Future<Output = Result<http2::exchange::Head, SendError>> + 'c>>),
}

impl Future for Sending<'_> {
    type Output = Result<Answer, SendError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let head = match &mut self.0 {
            Request::Http1(sending) => ready!(Pin::new(sending).poll(cx)).map(Head::Http1),
            Request::Http2(sending) => ready!(sending.as_mut().poll(cx)).map(Head::Http2),
        };
        Poll::Ready(head.map(Answer))
    }
}

async fn connect(endpoint: &Endpoint) -> Result<TcpStream, Failure> {
    let addresses = endpoint.addresses();
    if addresses.is_empty() {
        return Err(Failure::Unresolved);
    }
    for address in addresses.iter() {
        match TcpStream::connect(address).await {
            Ok(stream) => {
                // Small requests must not wait for a full segment; a socket without the option only is slower.
                let _ = stream.set_nodelay(true);
                return Ok(stream);
            }
            Err(error) => tracing::debug!(%address, %error, "cannot connect"),
        }
    }
    Err(Failure::Connect)
}
