//! The answer on its way back: stamped, mapped back where the request was rewritten, streamed.

use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Response};
use hyper::body::{Body, Frame, SizeHint};

use super::forward::Forward;
use super::leash::Leash;
use super::ticket::Ticket;
use super::tunnel::Switched;
use crate::errors::Failure;
use crate::names::Side;
use crate::routing::Authorities;
use crate::server::{Reply, Tunnel};
use crate::upstream::{Answer, AnswerBody, AnswerError, Connection};
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
        #[expect(missing_docs, reason = "holds it, once it turns out to be a stream that lasts")]
        leash: Option<Rc<Leash>>,
        #[expect(missing_docs, reason = "held so that it is counted and logged when the answer is done")]
        ticket: Box<Ticket>,
    },
    /// There is none: the connection speaks another protocol from here on.
    Switched,
}

impl ProxyBody {
    pub(super) fn own(bytes: Bytes, mut ticket: Box<Ticket>) -> ProxyBody {
        ticket.complete = true;
        ticket.bytes_out = bytes.len() as u64;
        ProxyBody::Own { bytes: Some(bytes), ticket }
    }
}

/// Makes of a backend's 101 the one that the client is sent, and what goes on after it. `asked` is the protocol that the client
/// asked for.
///
/// # Errors
/// [`Failure::BadAnswer`] where the backend means another protocol; here is the ticket back.
pub(super) fn switch(
    answer: Answer,
    connection: Box<Connection>,
    mut ticket: Box<Ticket>,
    asked: &HeaderValue,
    patience: Duration,
    side: Side,
) -> Result<Reply<ProxyBody>, (Box<Ticket>, Failure)> {
    let Some((mut parts, backend)) = answer.into_raw(connection) else {
        return Err((ticket, Failure::BadAnswer));
    };
    let answered = parts.headers.get(http::header::UPGRADE).cloned();
    headers::strip_response(&mut parts.headers);
    if !headers::confirm_switch(answered.as_ref(), asked, &mut parts.headers) {
        return Err((ticket, Failure::BadAnswer));
    }
    headers::stamp(&mut parts.headers, side);
    headers::add_date(&mut parts.headers);
    if let Some(explained) = ticket.explanation() {
        parts.headers.insert(headers::BANYAN_DECISION, explained);
    }
    ticket.relayed(parts.status);
    let leash = ticket.leash();
    let tunnel: Box<dyn Tunnel> = Box::new(Switched { backend, ticket, leash, patience });
    let response = Response::from_parts(parts, ProxyBody::Switched);
    Ok(Reply { response, lines: None, tunnel: Some(tunnel) })
}

/// Makes of a backend's answer the one that the client is sent. `path` and `scheme` are the client's own.
pub(super) fn relay(
    answer: Answer,
    connection: Box<Connection>,
    mut ticket: Box<Ticket>,
    forward: &Forward<'_>,
    path: &str,
    host: Option<&HeaderValue>,
    scheme: &'static str,
) -> Reply<ProxyBody> {
    let patience = forward.backend.settings.timeouts.idle;
    let (mut parts, mut lines, answer) = answer.into_parts(connection, ticket.pools(), patience);
    // How the backend speaks HTTP is no business of the client's.
    parts.version = http::Version::HTTP_11;
    let rewrite = forward.rewrite();
    // Lines pass as they are; who replaces one needs a map.
    if let Some(lines) = lines.take_if(|_| rewrite.is_some()) {
        parts.headers = lines.to_map();
    }
    if let Some(lines) = &mut lines {
        headers::stamp_lines(lines, forward.side);
    } else {
        headers::strip_response(&mut parts.headers);
        headers::stamp(&mut parts.headers, forward.side);
        headers::add_date(&mut parts.headers);
    }
    if let Some(rewrite) = rewrite {
        let address = &forward.endpoint.address;
        let authorities = Authorities {
            client_scheme: scheme,
            client: host.and_then(|value| value.to_str().ok()).unwrap_or_default(),
            backend: &address.authority,
        };
        rewrite.map_back(&mut parts.headers, forward.original(path), authorities, &address.host);
    }
    if let Some(explained) = ticket.explanation() {
        parts.headers.insert(headers::BANYAN_DECISION, explained);
    }
    ticket.relayed(parts.status);
    if let Some(copy) = &mut ticket.copy {
        copy.answered(parts.status, lines.as_ref(), &parts.headers, answer.size_hint().exact());
    }
    if let Some(allowance) = &ticket.allowance {
        allowance.stamp(&mut parts.headers);
    }
    ticket.complete = answer.is_end_stream();
    if ticket.complete {
        ticket.copied();
    }
    let response = Response::from_parts(parts, ProxyBody::Relayed { answer, leash: None, ticket });
    Reply { response, lines, tunnel: None }
}

impl Body for ProxyBody {
    type Data = Bytes;
    type Error = AnswerError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, AnswerError>>> {
        match &mut *self {
            ProxyBody::Own { bytes, .. } => Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes)))),
            ProxyBody::Switched => Poll::Ready(None),
            ProxyBody::Relayed { answer, leash, ticket } => {
                let Poll::Ready(mut frame) = Pin::new(&mut *answer).poll_frame(cx) else {
                    if leash.is_none() {
                        *leash = ticket.leash();
                    }
                    let Some(leash) = leash else { return Poll::Pending };
                    ready!(leash.poll_pulled(cx));
                    ticket.cut("route_moved");
                    return Poll::Ready(Some(Err(AnswerError::Cut)));
                };
                match &mut frame {
                    Some(Ok(frame)) => {
                        if let Some(data) = frame.data_ref() {
                            ticket.bytes_out += data.len() as u64;
                            if let Some(copy) = &mut ticket.copy {
                                copy.piece(data);
                            }
                        } else if let Some(trailers) = frame.trailers_mut() {
                            headers::strip_trailers(trailers, &[]);
                        }
                        ticket.complete = answer.is_end_stream();
                    }
                    Some(Err(_)) => ticket.broken(),
                    None => ticket.complete = true,
                }
                if ticket.complete {
                    ticket.copied();
                }
                Poll::Ready(frame)
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            ProxyBody::Switched => true,
            ProxyBody::Own { bytes, .. } => bytes.is_none(),
            ProxyBody::Relayed { answer, .. } => answer.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            ProxyBody::Switched => SizeHint::with_exact(0),
            ProxyBody::Own { bytes, .. } => SizeHint::with_exact(bytes.as_ref().map_or(0, |bytes| bytes.len() as u64)),
            ProxyBody::Relayed { answer, .. } => answer.size_hint(),
        }
    }
}
