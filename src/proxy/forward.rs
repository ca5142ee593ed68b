//! One attempt: one request to one endpoint.

use std::future::Future;
use std::sync::Arc;

use http::{HeaderValue, Method};
use tokio::time::Instant;

use super::replay::Replay;
use super::ticket::Ticket;
use super::view::View;
use crate::errors::Failure;
use crate::names::Side;
use crate::routing::{Decision, Original, Rewrite, Route};
use crate::snapshot::{HostRule, Protocol};
use crate::upstream::{Answer, Backend, Checkout, Connection, Endpoint, Patience, Pools, SendError, Wanted};
use crate::wire::headers::{self, Forwarding, Hop};
use crate::wire::ids::RequestId;
use crate::wire::outgoing::Delimiting;
use crate::wire::request::Parts;

/// Where a request came from.
#[derive(Clone, Copy)]
pub(super) struct Origin<'a> {
    pub(super) hop: &'a Hop,
    pub(super) trusted: bool,
    pub(super) host: Option<&'a HeaderValue>,
    /// The protocol it wants to switch to.
    pub(super) switch: Option<&'a HeaderValue>,
}

/// One attempt to have a request answered.
pub(super) struct Forward<'a> {
    pub(super) pools: &'a Pools,
    pub(super) backend: &'a Arc<Backend>,
    pub(super) endpoint: Arc<Endpoint>,
    /// The side that is asked: legacy too where it steps in for new.
    pub(super) side: Side,
    pub(super) decision: &'a Decision,
    pub(super) view: &'a View,
}

/// Why an attempt has no answer.
#[derive(Debug, Clone, Copy)]
pub(super) struct Miss {
    pub(super) failure: Failure,
    /// Whether the backend may have acted upon the request.
    pub(super) sent: bool,
}

impl Forward<'_> {
    /// The route, if one matched.
    pub(super) fn route(&self) -> Option<&Route> {
        self.decision.route.map(|id| self.view.generation.snapshot.rules.route(id))
    }

    /// How paths are rewritten, if the request goes to new and the route says so.
    pub(super) fn rewrite(&self) -> Option<&Rewrite> {
        self.route().filter(|_| self.side == Side::New)?.rewrite.as_ref()
    }

    /// What was matched, for rewriting and for mapping back.
    pub(super) fn original<'p>(&'p self, path: &'p str) -> Original<'p> {
        Original { alternative: self.decision.alternative, captures: &self.decision.captures, path }
    }

    /// The protocol that the backend is asked to switch to: one that is spoken to by HTTP/2 alone cannot.
    fn switch<'o>(&self, from: &Origin<'o>) -> Option<&'o HeaderValue> {
        from.switch.filter(|_| self.backend.settings.protocol != Protocol::Http2)
    }

    /// Writes the head of the request to the backend.
    fn write_head(
        &self,
        out: &mut Vec<u8>,
        (parts, delimiting): (&Parts, Delimiting),
        (from, request_id): (&Origin<'_>, &RequestId),
        http2: bool,
    ) {
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
        let Origin { hop, trusted, host: client_host, .. } = *from;
        let forwarding = Forwarding { hop, trusted, client_host, host, request_id };
        headers::write_request_fields(out, &parts.fields, &forwarding);
        if let Some(protocol) = self.switch(from) {
            headers::write_switch(out, protocol);
        }
        if http2 {
            headers::write_takes_trailers(out, &parts.fields);
        } else if delimiting == Delimiting::Chunked {
            out.extend_from_slice(b"transfer-encoding: chunked\r\n");
        }
        out.extend_from_slice(b"\r\n");
    }

    /// Sends the request and waits for the answer's head, until the second of two moments. The first, where there is one, is since
    /// when a connection that was used before has been waiting to be used. A connection that turns out to have been closed
    /// meanwhile is replaced once, if nothing was sent over it or if sending the request again is safe (RFC 9110 section 9.2.2: a
    /// safe method; and without a body).
    pub(super) fn attempt(
        &self,
        parts: &Parts,
        body: &mut Replay,
        from: &Origin<'_>,
        (began, until): (Option<Instant>, Instant),
        ticket: &mut Ticket,
    ) -> impl Future<Output = Result<(Answer, Box<Connection>), Miss>> {
        let delimiting = body.delimiting();
        let safe = matches!(parts.method, Method::GET | Method::HEAD | Method::OPTIONS) && body.is_empty();
        let mut wanted = Wanted { until, fresh: false, upgrade: self.switch(from).is_some() };
        let mut sent = false;
        async move {
            loop {
                let checkout = self.pools.checkout(self.backend, &self.endpoint, wanted).await;
                let Checkout { mut connection, reused } = checkout.map_err(|failure| Miss { failure, sent })?;
                wanted.fresh = true;
                let patience = self.patience(began.filter(|_| reused), wanted.until);
                let http2 = connection.is_http2();
                let write = |out: &mut Vec<u8>| {
                    self.write_head(out, (parts, delimiting), (from, ticket.request_id()), http2);
                    if let Some(copy) = &mut ticket.copy {
                        copy.sent(out);
                    }
                };
                // Whoever calls has seen that it is there.
                let Some(outgoing) = body.take() else { return Err(Miss { failure: Failure::Reset, sent: true }) };
                match connection.send(write, &parts.method, outgoing, delimiting, patience).await {
                    Ok(answer) => return Ok((answer, connection)),
                    Err(SendError::NotSent(unsent)) => {
                        body.put_back(unsent);
                        if !reused {
                            return Err(Miss { failure: Failure::Reset, sent });
                        }
                    }
                    Err(SendError::MaybeSent(Failure::Reset)) if reused && safe => sent = true,
                    // A backend that refuses a request says that it has not acted upon it.
                    Err(SendError::MaybeSent(Failure::Refused)) => {
                        return Err(Miss { failure: Failure::Refused, sent });
                    }
                    Err(SendError::MaybeSent(failure)) => return Err(Miss { failure, sent: true }),
                }
            }
        }
    }

    /// How long an exchange may take that began then, or else begins now.
    fn patience(&self, began: Option<Instant>, until: Instant) -> Patience {
        let timeouts = &self.backend.settings.timeouts;
        let began = began.unwrap_or_else(Instant::now);
        let left = until.saturating_duration_since(began);
        let (answer, late) = if timeouts.first_byte < left {
            (timeouts.first_byte, Failure::FirstByteTimeout)
        } else {
            (left, Failure::Timeout)
        };
        Patience { began, answer, idle: timeouts.idle, late }
    }
}
