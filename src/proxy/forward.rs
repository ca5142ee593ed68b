//! One request to one backend.

use std::sync::Arc;

use http::request::Parts;
use http::{HeaderValue, Method};
use hyper::body::Body;
use tokio::time::Instant;

use super::copying::Copying;
use super::view::View;
use crate::errors::Failure;
use crate::names::Side;
use crate::routing::{Decision, Original, Rewrite, Route};
use crate::snapshot::HostRule;
use crate::upstream::{Answer, Backend, Checkout, Connection, Endpoint, Patience, Pools, SendError, Wanted};
use crate::wire::body::RequestBody;
use crate::wire::headers::{self, Forwarding, Hop};
use crate::wire::outgoing::Delimiting;

/// Where a request came from.
#[derive(Clone, Copy)]
pub(super) struct Origin<'a> {
    pub(super) hop: &'a Hop,
    pub(super) trusted: bool,
    pub(super) host: Option<&'a HeaderValue>,
    pub(super) request_id: &'a HeaderValue,
}

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

    /// What was matched, for rewriting and for mapping back.
    pub(super) fn original<'p>(&'p self, path: &'p str) -> Original<'p> {
        Original { alternative: self.decision.alternative, captures: &self.decision.captures, path }
    }

    /// Writes the head of the request to the backend.
    fn write_head(&self, out: &mut Vec<u8>, parts: &Parts, delimiting: Delimiting, from: &Origin<'_>, http2: bool) {
        out.extend_from_slice(parts.method.as_str().as_bytes());
        out.push(b' ');
        match self.rewrite() {
            Some(rewrite) => out.extend_from_slice(rewrite.path(self.original(parts.uri.path())).as_bytes()),
            None => out.extend_from_slice(parts.uri.path().as_bytes()),
        }
        if let Some(query) = parts.uri.query() {
            out.push(b'?');
            out.extend_from_slice(query.as_bytes());
        }
        out.extend_from_slice(b" HTTP/1.1\r\n");
        let host = match &self.backend.settings.host {
            HostRule::Preserve => from.host.unwrap_or(&self.endpoint.host),
            HostRule::Endpoint => &self.endpoint.host,
            HostRule::Literal(host) => host,
        };
        let Origin { hop, trusted, host: client_host, request_id } = *from;
        let forwarding = Forwarding { hop, trusted, client_host, host, request_id };
        headers::write_request_fields(out, &parts.headers, &forwarding);
        if http2 {
            headers::write_takes_trailers(out, &parts.headers);
        } else if delimiting == Delimiting::Chunked {
            out.extend_from_slice(b"transfer-encoding: chunked\r\n");
        }
        out.extend_from_slice(b"\r\n");
    }

    /// Sends the request and waits for the answer's head. A connection that turns out to have been closed meanwhile is
    /// replaced once, if nothing was sent over it or if sending the request again is safe (RFC 9110 section 9.2.2: a safe
    /// method; and without a body, which is gone once it is sent).
    pub(super) async fn send(
        &self,
        parts: &Parts,
        mut body: RequestBody,
        from: &Origin<'_>,
        began: Instant,
        mut copy: Option<&mut Copying>,
    ) -> Result<(Answer, Box<Connection>), Failure> {
        let timeouts = &self.backend.settings.timeouts;
        let snapshot = &self.view.generation.snapshot;
        let total = began + self.route().map_or(snapshot.default_timeout, |route| route.timeout);
        let delimiting = if body.size_hint().exact().is_some() { Delimiting::Length } else { Delimiting::Chunked };
        let safe = matches!(parts.method, Method::GET | Method::HEAD | Method::OPTIONS) && body.is_end_stream();
        let mut wanted = Wanted { until: total, fresh: false, upgrade: false };
        loop {
            let checkout = self.pools.checkout(self.backend, self.endpoint, wanted).await?;
            let Checkout { mut connection, reused } = checkout;
            wanted.fresh = true;
            let sent = if reused { began } else { Instant::now() };
            let left = total.saturating_duration_since(sent);
            let (answer, late) = if timeouts.first_byte < left {
                (timeouts.first_byte, Failure::FirstByteTimeout)
            } else {
                (left, Failure::Timeout)
            };
            let patience = Patience { began: sent, answer, idle: timeouts.idle, late };
            let http2 = connection.is_http2();
            let write = |out: &mut Vec<u8>| {
                self.write_head(out, parts, delimiting, from, http2);
                if let Some(copy) = &mut copy {
                    copy.sent(out);
                }
            };
            match connection.send(write, &parts.method, body, delimiting, patience).await {
                Ok(answer) => return Ok((answer, connection)),
                Err(SendError::NotSent(unsent)) if reused => body = unsent,
                Err(SendError::MaybeSent(Failure::Reset)) if reused && safe => body = RequestBody::Empty,
                Err(SendError::NotSent(_)) => return Err(Failure::Reset),
                Err(SendError::MaybeSent(failure)) => return Err(failure),
            }
        }
    }
}
