//! A copy is sent, and its answer read: with connections of its own, within its own time.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, StatusCode};
use http_body_util::BodyExt;
use hyper::body::Body as _;
use tokio::time::{Instant, timeout_at};

use super::Exchange;
use crate::errors::Failure;
use crate::names::Side;
use crate::routing::{Authorities, Original, Rewrite};
use crate::snapshot::{HostRule, ShadowPlan};
use crate::telemetry::Failed;
use crate::upstream::{Answer, Backend, Checkout, Connection, Endpoint, Patience, Pools, SendError, Wanted};
use crate::wire::body::RequestBody;
use crate::wire::headers;
use crate::wire::lines::lines_of;
use crate::wire::outgoing::Delimiting;

/// What a system answered.
#[derive(Debug, Clone)]
pub(super) struct Heard {
    pub(super) side: Side,
    pub(super) status: StatusCode,
    /// As the client is or would be sent them.
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
    /// From sending the request to the answer's end.
    pub(super) took: Duration,
    pub(super) backend: Arc<str>,
    pub(super) endpoint: Arc<Endpoint>,
}

/// Asks one side what the client asked.
pub(super) struct Ask<'a> {
    pub(super) exchange: &'a Exchange,
    pub(super) plan: &'a ShadowPlan,
    pub(super) side: Side,
    pub(super) backend: &'a Arc<Backend>,
    pub(super) pools: &'a Rc<Pools>,
}

impl Ask<'_> {
    /// Sends the request and reads the whole answer, unless that is too large.
    pub(super) async fn send(&self) -> Result<Heard, Failed> {
        let began = Instant::now();
        let deadline = began + self.plan.timeout;
        // A copy never takes the place of a request that a client waits for.
        let _permit = self.backend.enter_copy().map_err(Failed::from)?;
        let endpoint = Arc::clone(self.backend.pick(None));
        let exchange = async {
            let (answer, connection) = self.answer(&endpoint, began, deadline).await?;
            let (parts, lines, mut body) = answer.into_parts(connection, Rc::clone(self.pools), self.plan.timeout);
            if body.size_hint().lower() > self.plan.max_body as u64 {
                return Err(Failed::TooLarge);
            }
            let body = read(&mut body, self.plan.max_body).await?;
            let mut fields = lines.map_or(parts.headers, |lines| lines.to_map());
            headers::strip_response(&mut fields);
            self.map_back(&mut fields, &endpoint);
            Ok((parts.status, fields, body))
        };
        let (status, headers, body) = timeout_at(deadline, exchange).await.unwrap_or(Err(Failed::Timeout))?;
        let backend = Arc::clone(&self.backend.settings.name);
        Ok(Heard { side: self.side, status, headers, body, took: began.elapsed(), backend, endpoint })
    }

    async fn answer(
        &self,
        endpoint: &Arc<Endpoint>,
        began: Instant,
        deadline: Instant,
    ) -> Result<(Answer, Box<Connection>), Failed> {
        let exchange = self.exchange;
        let mut wanted = Wanted { until: deadline, fresh: false, upgrade: false };
        loop {
            let checkout = self.pools.checkout(self.backend, endpoint, wanted).await.map_err(Failed::from)?;
            let Checkout { mut connection, reused } = checkout;
            wanted.fresh = true;
            let patience =
                Patience { began, answer: self.plan.timeout, idle: self.plan.timeout, late: Failure::Timeout };
            let body =
                if exchange.body.is_empty() { RequestBody::Empty } else { RequestBody::Whole(exchange.body.clone()) };
            let http2 = connection.is_http2();
            let write = |out: &mut Vec<u8>| self.write_head(out, endpoint, http2);
            match connection.send(write, &exchange.method, body, Delimiting::Length, patience).await {
                Ok(answer) => return Ok((answer, connection)),
                // The connection had been closed meanwhile.
                Err(SendError::NotSent(_)) if reused => {}
                Err(SendError::MaybeSent(Failure::Reset)) if reused && exchange.method.is_safe() => {}
                Err(SendError::NotSent(_)) => return Err(Failed::Reset),
                Err(SendError::MaybeSent(failure)) => return Err(failure.into()),
            }
        }
    }

    /// Writes the head that the answering side was sent, with what must differ.
    fn write_head(&self, out: &mut Vec<u8>, endpoint: &Endpoint, http2: bool) {
        let exchange = self.exchange;
        let (path, query) = match exchange.target.split_once('?') {
            Some((path, query)) => (path, Some(query)),
            None => (&*exchange.target, None),
        };
        out.extend_from_slice(exchange.method.as_str().as_bytes());
        out.push(b' ');
        match self.rewrite() {
            Some(rewrite) => out.extend_from_slice(rewrite.path(self.original(path)).as_bytes()),
            None => out.extend_from_slice(path.as_bytes()),
        }
        if let Some(query) = query {
            out.push(b'?');
            out.extend_from_slice(query.as_bytes());
        }
        out.extend_from_slice(b" HTTP/1.1\r\n");
        let host = match (&self.backend.settings.host, &exchange.host) {
            (HostRule::Preserve, Some(host)) => host.as_bytes(),
            (HostRule::Preserve, None) | (HostRule::Endpoint, _) => endpoint.host.as_bytes(),
            (HostRule::Literal(host), _) => host.as_bytes(),
        };
        field(out, b"host", host);
        let is_shadow = self.side == exchange.shadow;
        let (set, remove) = if is_shadow { (&self.plan.set[..], &self.plan.remove[..]) } else { (&[][..], &[][..]) };
        for (name, value) in lines_of(&exchange.head) {
            let framing: [&[u8]; 3] = [b"host", b"content-length", b"transfer-encoding"];
            let replaced =
                set.iter().map(|(name, _)| name).chain(remove).any(|other| other.as_str().as_bytes() == name);
            // That trailers are taken is said in HTTP/2 alone.
            if !framing.contains(&name) && !replaced && (http2 || name != b"te") {
                field(out, name, value);
            }
        }
        for (name, value) in set {
            field(out, name.as_str().as_bytes(), value.as_bytes());
        }
        field(out, b"banyan-shadow", b"1");
        if !exchange.body.is_empty() || !exchange.method.is_safe() {
            field(out, b"content-length", exchange.body.len().to_string().as_bytes());
        }
        out.extend_from_slice(b"\r\n");
    }

    fn rewrite(&self) -> Option<&Rewrite> {
        if self.side == Side::New { self.exchange.rules().rewrite.as_ref() } else { None }
    }

    fn original<'p>(&'p self, path: &'p str) -> Original<'p> {
        let decision = &self.exchange.decision;
        Original { alternative: decision.alternative, captures: &decision.captures, path }
    }

    fn map_back(&self, fields: &mut HeaderMap, endpoint: &Endpoint) {
        let Some(rewrite) = self.rewrite() else { return };
        let path = self.exchange.target.split('?').next().unwrap_or_default();
        let client = self.exchange.host.as_deref().unwrap_or_default();
        // What the answering side was told.
        let secure = lines_of(&self.exchange.head).any(|line| line == (b"x-forwarded-proto", b"https"));
        let client_scheme = if secure { "https" } else { "http" };
        let authorities = Authorities { client_scheme, client, backend: &endpoint.address.authority };
        rewrite.map_back(fields, self.original(path), authorities, &endpoint.address.host);
    }
}

fn field(out: &mut Vec<u8>, name: &[u8], value: &[u8]) {
    for part in [name, b": ", value, b"\r\n"] {
        out.extend_from_slice(part);
    }
}

/// Reads a body of at most so many bytes.
async fn read(body: &mut crate::upstream::AnswerBody, most: usize) -> Result<Bytes, Failed> {
    let mut first = Bytes::new();
    let mut rest = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(|_| Failed::Reset)?.into_data() else { continue };
        if first.len() + rest.len() + data.len() > most {
            return Err(Failed::TooLarge);
        }
        // Most answers are one piece, which needs no copying.
        if first.is_empty() {
            first = data;
        } else {
            rest.extend_from_slice(&data);
        }
    }
    if rest.is_empty() {
        return Ok(first);
    }
    let mut whole = BytesMut::with_capacity(first.len() + rest.len());
    whole.extend_from_slice(&first);
    whole.extend_from_slice(&rest);
    Ok(whole.freeze())
}
