//! One request to one backend.

use http::header::{CONTENT_LENGTH, HOST, TRANSFER_ENCODING};
use http::uri::PathAndQuery;
use http::{HeaderValue, Method, Request, Response, StatusCode, Uri, Version};
use hyper::body::{Body, Incoming};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

use super::view::View;
use crate::errors::Failure;
use crate::names::Side;
use crate::routing::{Decision, Original, Rewrite, Route};
use crate::snapshot::HostRule;
use crate::upstream::{Backend, Connection, Endpoint, Pools, SendError};
use crate::wire::body::{RequestBody, Tally};
use crate::wire::headers::{self, Hop};

/// A connection that was unused for longer may have been closed by the backend just now; a request over it is prepared to
/// be sent once more over a new one.
const STALE_AFTER: Duration = Duration::from_millis(100);

/// What a request is forwarded with.
pub(super) struct Forward<'a> {
    pub(super) pools: &'a Pools,
    pub(super) backend: &'a Arc<Backend>,
    pub(super) endpoint: &'a Arc<Endpoint>,
    pub(super) decision: &'a Decision,
    pub(super) view: &'a View,
}

impl Forward<'_> {
    /// The route, if one matched.
    pub(super) fn route(&self) -> Option<&Route> {
        self.decision.route.map(|id| self.view.generation.snapshot.rules.route(id))
    }

    /// How paths are rewritten, if the request goes to new and the route says so.
    pub(super) fn rewrite(&self) -> Option<&Rewrite> {
        self.route().filter(|_| self.decision.side == Side::New)?.rewrite.as_ref()
    }

    /// Whether the client's own path is needed later on, to map the answer back.
    pub(super) fn needs_original(&self) -> bool {
        self.rewrite().is_some()
    }

    /// What was matched, for rewriting and for mapping back.
    pub(super) fn original<'p>(&'p self, path: &'p str) -> Original<'p> {
        Original { alternative: self.decision.alternative, captures: &self.decision.captures, path }
    }

    /// Makes of the client's request the one that the backend is sent.
    pub(super) fn prepare(
        &self,
        request: Request<RequestBody>,
        host: Option<&HeaderValue>,
        hop: &Hop,
        trusted: bool,
    ) -> Request<RequestBody> {
        let (mut parts, body) = request.into_parts();
        parts.version = Version::HTTP_11;
        parts.extensions.clear();
        if let Some(target) = self.target(&parts.uri) {
            parts.uri = target;
        }
        headers::add_forwarding(&mut parts.headers, hop, trusted, host);
        let host = match &self.backend.settings.host {
            HostRule::Preserve => host.unwrap_or(&self.endpoint.host),
            HostRule::Endpoint => &self.endpoint.host,
            HostRule::Literal(host) => host,
        };
        parts.headers.insert(HOST, host.clone());
        // Said outright, because hyper takes a GET without a known length for one without a body.
        if !body.is_end_stream() && body.size_hint().exact().is_none() {
            parts.headers.insert(TRANSFER_ENCODING, HeaderValue::from_static("chunked"));
        }
        Request::from_parts(parts, body)
    }

    /// The target in origin form, rewritten where the route says so; `None` if the client's own serves.
    fn target(&self, uri: &Uri) -> Option<Uri> {
        let rewritten = self.rewrite().map(|rewrite| rewrite.path(self.original(uri.path())));
        if rewritten.is_none() && uri.authority().is_none() {
            return None;
        }
        let path = rewritten.as_deref().unwrap_or(uri.path());
        let text = match uri.query() {
            Some(query) => format!("{path}?{query}"),
            None => path.to_owned(),
        };
        // Both parts come from a target that was parsed, and templates are checked when they are loaded.
        PathAndQuery::try_from(text).ok().map(Uri::from)
    }

    /// Sends the request and waits for the answer's head. A connection that turns out to have been closed meanwhile is
    /// replaced once, if nothing was sent over it or if sending the request again is safe.
    pub(super) async fn send(
        &self,
        mut request: Request<RequestBody>,
        began: Instant,
        tally: Option<&Tally>,
    ) -> Result<(Response<Incoming>, Connection), Failure> {
        let timeouts = &self.backend.settings.timeouts;
        let snapshot = &self.view.generation.snapshot;
        let total = began + self.route().map_or(snapshot.default_timeout, |route| route.timeout);
        let mut pooled = self.pools.take(self.endpoint.id);
        loop {
            let (mut connection, again) = match pooled.take() {
                Some(connection) => {
                    let again = copy_if_safe(&request, &connection);
                    (connection, Some(again))
                }
                None => (self.connect(total).await?, None),
            };
            let first_byte = Instant::now() + timeouts.first_byte;
            let (deadline, late) =
                if first_byte < total { (first_byte, Failure::FirstByteTimeout) } else { (total, Failure::Timeout) };
            match (connection.send(request, deadline, late).await, again) {
                (Ok(answer), _) if !is_relayable(&answer) => return Err(Failure::BadAnswer),
                (Ok(answer), _) => return Ok((answer, connection)),
                (Err(SendError::NotSent(unsent)), Some(_)) => request = *unsent,
                (Err(SendError::MaybeSent(Failure::Reset)), Some(Some(copy))) => request = copy,
                (Err(SendError::NotSent(_)), None) => return Err(Failure::Reset),
                (Err(SendError::MaybeSent(_)), _) if tally.is_some_and(Tally::is_broken) => {
                    return Err(Failure::ClientBody);
                }
                (Err(SendError::MaybeSent(failure)), _) => return Err(failure),
            }
        }
    }

    async fn connect(&self, total: Instant) -> Result<Connection, Failure> {
        let patience = self.backend.settings.timeouts.connect;
        let left = total.saturating_duration_since(Instant::now());
        match Connection::open(self.endpoint, patience.min(left)).await {
            Err(Failure::ConnectTimeout) if left < patience => Err(Failure::Timeout),
            result => result,
        }
    }
}

/// Whether the answer's head is one that every client reads as hyper has read it: nobody asked for another protocol, and
/// its body is framed once (RFC 9112 section 6.3).
fn is_relayable(answer: &Response<Incoming>) -> bool {
    let fields = answer.headers();
    let mut lengths = fields.get_all(CONTENT_LENGTH).iter();
    let length = lengths.next();
    let mut codings = fields.get_all(TRANSFER_ENCODING).iter();
    let framed_once = match codings.next() {
        None => lengths.next().is_none() && length.is_none_or(|value| value.as_bytes().iter().all(u8::is_ascii_digit)),
        Some(coding) => {
            length.is_none() && codings.next().is_none() && coding.as_bytes().eq_ignore_ascii_case(b"chunked")
        }
    };
    framed_once && answer.status() != StatusCode::SWITCHING_PROTOCOLS
}

/// A copy to send again, where that is safe (RFC 9110 section 9.2.2): a safe method without a body, and only over a
/// connection that was unused for a while, which is when a backend may close it just as the request goes out.
fn copy_if_safe(request: &Request<RequestBody>, connection: &Connection) -> Option<Request<RequestBody>> {
    let safe = matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS);
    if !safe || !request.body().is_end_stream() || connection.idle_since().elapsed() < STALE_AFTER {
        return None;
    }
    let mut copy = Request::new(RequestBody::Empty);
    *copy.method_mut() = request.method().clone();
    *copy.uri_mut() = request.uri().clone();
    *copy.headers_mut() = request.headers().clone();
    Some(copy)
}
