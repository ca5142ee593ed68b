//! A finished exchange, as it is offered for shadowing.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode};
use tokio::time::Instant;

use crate::names::Side;
use crate::routing::{Decision, Route, RouteId};
use crate::snapshot::ShadowPlan;
use crate::state::Generation;
use crate::telemetry::{Mirrored, ShadowMeter, WorkerId};
use crate::upstream::{Backend, Endpoint};
use crate::wire::lines::map_of;

/// A finished exchange: what the answering side was sent, and what it answered. Heads are kept as text of their own, so that a copy
/// does not hold on to the buffers they were read into.
#[derive(Debug)]
pub struct Exchange {
    /// What it was decided by.
    pub generation: Arc<Generation>,
    /// How it was decided; it has a route.
    pub decision: Decision,
    /// The route.
    pub route: RouteId,
    /// The side the copy goes to.
    pub shadow: Side,
    /// The method.
    pub method: Method,
    /// Path and query, as the client sent them.
    pub target: Box<str>,
    /// The Host the client sent.
    pub host: Option<Box<str>>,
    /// The tenant, if one was found.
    pub tenant: Option<Box<str>>,
    /// The request's id.
    pub request_id: Box<str>,
    /// The head as the answering side was sent it: request line, fields, empty line.
    pub head: Vec<u8>,
    /// The request's body.
    pub body: Bytes,
    /// What the client was answered.
    pub answer: Recorded,
    /// Who answered.
    pub endpoint: Arc<Endpoint>,
    /// When the request came.
    pub began: Instant,
}

/// An answer in full.
#[derive(Debug, Clone)]
pub struct Recorded {
    /// Its status.
    pub status: StatusCode,
    /// Its fields, one a line, each line ended by CRLF.
    pub fields: Vec<u8>,
    /// Its body, with content codings on.
    pub body: Bytes,
    /// From the request's head to the answer's end.
    pub took: Duration,
}

/// What an exchange occupies beside what is counted: itself, its place in the queue, allocations rounded up.
const OVERHEAD: usize = 1024;

impl Exchange {
    /// How many bytes it holds.
    #[must_use]
    pub fn bytes(&self) -> usize {
        OVERHEAD
            + self.target.len()
            + self.head.len()
            + self.body.len()
            + self.answer.fields.len()
            + self.answer.body.len()
    }

    /// The route's rules.
    #[must_use]
    pub fn rules(&self) -> &Route {
        self.generation.snapshot.rules.route(self.route)
    }

    /// What of the route is copied, and how it is compared.
    #[must_use]
    pub fn plan(&self) -> Option<&Arc<ShadowPlan>> {
        self.generation.snapshot.shadow(self.route)
    }

    /// The backend of a side.
    #[must_use]
    pub fn backend(&self, side: Side) -> Option<&Arc<Backend>> {
        let route = self.rules();
        let id = match side {
            Side::Legacy => route.legacy,
            Side::New => route.new,
        };
        id.map(|id| self.generation.backend(id))
    }

    /// Where its fate is counted.
    #[must_use]
    pub fn meter(&self) -> Option<&Arc<ShadowMeter>> {
        self.generation.shadow_meter(self.route)
    }

    /// Counts what became of it.
    pub fn count(&self, worker: WorkerId, what: Mirrored) {
        if let Some(meter) = self.meter() {
            meter.mirrored(worker, what);
        }
    }
}

impl Recorded {
    /// The fields of an answer as they are kept.
    #[must_use]
    pub fn flatten(headers: &HeaderMap) -> Vec<u8> {
        let mut fields =
            Vec::with_capacity(headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 4).sum());
        for (name, value) in headers {
            fields.extend_from_slice(name.as_str().as_bytes());
            fields.extend_from_slice(b": ");
            fields.extend_from_slice(value.as_bytes());
            fields.extend_from_slice(b"\r\n");
        }
        fields
    }

    /// The fields, apart again.
    #[must_use]
    pub fn headers(&self) -> HeaderMap {
        map_of(&self.fields)
    }
}

#[cfg(test)]
mod tests {
    use http::{HeaderName, HeaderValue};

    use super::*;

    #[test]
    fn fields_come_back_as_they_were() {
        let mut headers = HeaderMap::new();
        for (name, value) in [("a", "1"), ("set-cookie", "x=1"), ("set-cookie", "y=2; Path=/"), ("b", ""), ("c", "d:e")]
        {
            headers.append(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        assert_eq!(map_of(&Recorded::flatten(&headers)), headers);
    }
}
