//! What a proxy writes of a request to a backend: the client's own fields, and where the request came from.

use http::header::{FORWARDED, TE, VIA};
use http::{HeaderName, HeaderValue};

use super::{TRACEPARENT, TRACESTATE, TRAILERS, X_FORWARDED_FOR, X_FORWARDED_HOST, X_FORWARDED_PROTO};
use crate::fields::Fields;
use crate::wire::ids::{self, RequestId};

const VIA_BANYAN: &[u8] = b"1.1 banyan";

/// What is the same for every request of one connection.
#[derive(Debug, Clone)]
pub struct Hop {
    /// The peer's address as text.
    pub address: HeaderValue,
    /// `http` or `https`.
    pub proto: HeaderValue,
}

/// What a proxy adds to a request.
#[derive(Debug, Clone, Copy)]
pub struct Forwarding<'a> {
    /// The hop the request came over.
    pub hop: &'a Hop,
    /// Whether the peer is a trusted proxy, whose chain is continued.
    pub trusted: bool,
    /// The Host the client sent.
    pub client_host: Option<&'a HeaderValue>,
    /// The Host the backend is sent.
    pub host: &'a HeaderValue,
    /// The request's id, from [`request_id`].
    pub request_id: &'a RequestId,
}

/// Writes the fields of a request to a backend: the client's own, and what tells the backend where the request came from.
/// What a trusted peer said before is kept and continued. Each field ends with CRLF; the empty line is the caller's.
pub fn write_request_fields(out: &mut Vec<u8>, fields: &Fields, forwarding: &Forwarding<'_>) {
    let Forwarding { hop, trusted, client_host, host, request_id } = *forwarding;
    line(out, b"host", host.as_bytes());
    let mut found = Found::default();
    for (name, value) in fields.iter().filter(|(name, _)| !found.takes(name)) {
        line(out, name, value);
    }
    let chain = |out: &mut Vec<u8>, name: &HeaderName, last: &[u8]| {
        out.extend_from_slice(name.as_str().as_bytes());
        out.extend_from_slice(b": ");
        for value in fields.get_all(name) {
            out.extend_from_slice(value);
            out.extend_from_slice(b", ");
        }
        out.extend_from_slice(last);
        out.extend_from_slice(b"\r\n");
    };
    let kept = |seen: bool, name: &HeaderName| if seen && trusted { fields.get(name) } else { None };
    if found.chain && trusted {
        chain(out, &X_FORWARDED_FOR, hop.address.as_bytes());
    } else {
        line(out, b"x-forwarded-for", hop.address.as_bytes());
    }
    let proto = kept(found.proto, &X_FORWARDED_PROTO).unwrap_or(hop.proto.as_bytes());
    line(out, b"x-forwarded-proto", proto);
    if let Some(host) = kept(found.host, &X_FORWARDED_HOST).or(client_host.map(HeaderValue::as_bytes)) {
        line(out, b"x-forwarded-host", host);
    }
    if found.forwarded && trusted {
        chain(out, &FORWARDED, &forwarded_element(hop, client_host));
    }
    if found.via {
        chain(out, &VIA, VIA_BANYAN);
    } else {
        line(out, b"via", VIA_BANYAN);
    }
    line(out, b"x-request-id", request_id.as_bytes());
    match kept(found.trace, &TRACEPARENT).filter(|value| ids::is_traceparent(value)) {
        Some(trace) => {
            line(out, b"traceparent", trace);
            fields.get_all(&TRACESTATE).for_each(|state| line(out, b"tracestate", state));
        }
        None => line(out, b"traceparent", &ids::new_traceparent()),
    }
}

/// Which of the headers that a proxy writes itself the request has already.
#[derive(Debug, Default)]
struct Found {
    chain: bool,
    proto: bool,
    host: bool,
    forwarded: bool,
    trace: bool,
    via: bool,
}

impl Found {
    /// Whether the proxy writes this one itself.
    fn takes(&mut self, name: &[u8]) -> bool {
        let place = match name {
            b"x-forwarded-for" => &mut self.chain,
            b"x-forwarded-proto" => &mut self.proto,
            b"x-forwarded-host" => &mut self.host,
            b"forwarded" => &mut self.forwarded,
            b"traceparent" => &mut self.trace,
            b"via" => &mut self.via,
            other => return matches!(other, b"host" | b"x-request-id" | b"tracestate" | b"te"),
        };
        *place = true;
        true
    }
}

/// Writes that trailers are taken, if the client takes them. For HTTP/2, where gRPC asks for it; over HTTP/1.1 it would have
/// to be named in Connection as well (RFC 9110 section 10.1.4).
pub fn write_takes_trailers(out: &mut Vec<u8>, fields: &Fields) {
    if fields.contains(&TE) {
        line(out, b"te", TRAILERS.as_bytes());
    }
}

/// Not inlined: what is written a dozen times a request is fetched once.
#[inline(never)]
fn line(out: &mut Vec<u8>, name: &[u8], value: &[u8]) {
    out.reserve(name.len() + value.len() + 4);
    out.extend_from_slice(name);
    out.extend_from_slice(b": ");
    out.extend_from_slice(value);
    out.extend_from_slice(b"\r\n");
}

/// Writes that the sender wants to switch to another protocol.
pub fn write_switch(out: &mut Vec<u8>, protocol: &HeaderValue) {
    line(out, b"connection", b"upgrade");
    line(out, b"upgrade", protocol.as_bytes());
}

fn forwarded_element(hop: &Hop, host: Option<&HeaderValue>) -> Vec<u8> {
    let mut element = b"for=".to_vec();
    let address = hop.address.as_bytes();
    if address.contains(&b':') {
        element.extend_from_slice(b"\"[");
        element.extend_from_slice(address);
        element.extend_from_slice(b"]\"");
    } else {
        element.extend_from_slice(address);
    }
    element.extend_from_slice(b";proto=");
    element.extend_from_slice(hop.proto.as_bytes());
    // A host that passed the check of `wire::host` holds no quote.
    if let Some(host) = host {
        element.extend_from_slice(b";host=\"");
        element.extend_from_slice(host.as_bytes());
        element.push(b'"');
    }
    element
}
