//! The answer on its way back: stamped, mapped back where the request was rewritten, streamed.

use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Response, Version, header};
use hyper::body::{Body, Frame, Incoming, SizeHint};

use super::forward::Forward;
use super::ticket::Ticket;
use crate::routing::rewrite::Authorities;
use crate::routing::{Original, Rewrite};
use crate::upstream::{AnswerBody, AnswerError, Connection, Pools};
use crate::wire::headers;

/// The body of an answer to a client.
#[derive(Debug)]
pub enum ProxyBody {
    /// The facade's own.
    Own {
        /// What is left of it.
        bytes: Option<Bytes>,
        #[expect(missing_docs, reason = "held so that it is counted and logged when the answer is done")]
        ticket: Box<Ticket>,
    },
    /// A backend's, as it comes in.
    Relayed {
        /// Where it comes from.
        answer: AnswerBody,
        #[expect(missing_docs, reason = "held so that it is counted and logged when the answer is done")]
        ticket: Box<Ticket>,
    },
}

impl ProxyBody {
    pub(super) fn own(bytes: Bytes, ticket: Ticket) -> ProxyBody {
        let mut ticket = Box::new(ticket);
        ticket.complete = true;
        ticket.bytes_out = bytes.len() as u64;
        ProxyBody::Own { bytes: Some(bytes), ticket }
    }
}

/// Makes of a backend's answer the one that the client is sent.
pub(super) fn relay(
    answer: Response<Incoming>,
    connection: Connection,
    uploading: bool,
    mut ticket: Ticket,
    forward: &Forward<'_>,
    original_path: Option<&str>,
    host: Option<&HeaderValue>,
) -> Response<ProxyBody> {
    let (mut parts, incoming) = answer.into_parts();
    parts.extensions.clear();
    // RFC 9110 section 2.5: a proxy speaks its own version. hyper speaks down to an HTTP/1.0 client by itself.
    parts.version = Version::HTTP_11;
    headers::strip_response(&mut parts.headers);
    headers::stamp(&mut parts.headers, forward.decision.side);
    if let (Some(rewrite), Some(path)) = (forward.rewrite(), original_path) {
        map_back(&mut parts.headers, rewrite, forward.original(path), forward, host);
    }
    if let Some(explained) = ticket.explanation() {
        parts.headers.insert(headers::BANYAN_DECISION, explained);
    }
    ticket.relayed(parts.status);
    let pools: Rc<Pools> = ticket.pools();
    let patience = forward.backend.settings.timeouts.idle;
    let answer = AnswerBody::new(incoming, connection, uploading, pools, patience);
    ticket.complete = answer.is_end_stream();
    Response::from_parts(parts, ProxyBody::Relayed { answer, ticket: Box::new(ticket) })
}

/// Takes the rewriting back out of an answer, so that the client sees the paths it knows.
fn map_back(
    fields: &mut http::HeaderMap,
    rewrite: &Rewrite,
    original: Original<'_>,
    forward: &Forward<'_>,
    host: Option<&HeaderValue>,
) {
    let address = &forward.endpoint.address;
    let authorities = Authorities {
        client_scheme: "http",
        client: host.and_then(|value| value.to_str().ok()).unwrap_or_default(),
        backend: &address.authority,
    };
    if rewrite.location {
        let mapped = |value: &HeaderValue| rewrite.location(original, value.to_str().ok()?, authorities);
        each_value(fields, &header::LOCATION, mapped);
        each_value(fields, &header::CONTENT_LOCATION, mapped);
    }
    if rewrite.cookies {
        each_value(fields, &header::SET_COOKIE, |value| rewrite.cookie(original, value.to_str().ok()?, &address.host));
    }
}

/// Maps every value of a header, in its order; `None` leaves a value as it is.
fn each_value(fields: &mut http::HeaderMap, name: &HeaderName, mapped: impl Fn(&HeaderValue) -> Option<String>) {
    for (_, value) in fields.iter_mut().filter(|(field, _)| *field == name) {
        if let Some(changed) = mapped(value).and_then(|text| HeaderValue::from_str(&text).ok()) {
            *value = changed;
        }
    }
}

impl Body for ProxyBody {
    type Data = Bytes;
    type Error = AnswerError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, AnswerError>>> {
        match &mut *self {
            ProxyBody::Own { bytes, .. } => Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes)))),
            ProxyBody::Relayed { answer, ticket } => {
                let mut frame = ready!(Pin::new(&mut *answer).poll_frame(cx));
                match &mut frame {
                    Some(Ok(frame)) => {
                        ticket.complete = answer.is_end_stream() || frame.is_trailers();
                        if let Some(data) = frame.data_ref() {
                            ticket.bytes_out += data.len() as u64;
                        } else if let Some(trailers) = frame.trailers_mut() {
                            headers::strip_trailers(trailers, &[]);
                        }
                    }
                    Some(Err(_)) => ticket.broken(),
                    None => ticket.complete = true,
                }
                Poll::Ready(frame)
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            ProxyBody::Own { bytes, .. } => bytes.is_none(),
            ProxyBody::Relayed { answer, .. } => answer.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            ProxyBody::Own { bytes, .. } => SizeHint::with_exact(bytes.as_ref().map_or(0, |bytes| bytes.len() as u64)),
            ProxyBody::Relayed { answer, .. } => answer.size_hint(),
        }
    }
}
