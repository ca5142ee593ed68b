//! An answer on its way to a client.

use std::future::{Future, poll_fn};
use std::io::Write as _;
use std::task::{Poll, ready};

use bytes::Bytes;
use http::response::Parts;
use http::{HeaderValue, Response, StatusCode, Version, header};
use hyper::body::Body;

use super::socket::Socket;
use super::writer::Writer;
use crate::runtime::turn::after_others;
use crate::wire::lines::Lines;
use crate::wire::outgoing::{Delimiting, Outgoing, OutgoingError, head_memory};

/// What of the request says how its answer looks.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asked {
    pub(super) is_head: bool,
    pub(super) version: Version,
    pub(super) keep_alive: bool,
    pub(super) takes_trailers: bool,
}

/// What became of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sent {
    /// It is out, and both sides know whether the connection goes on.
    Whole { go_on: bool },
    /// It was a 101 and is out: from here on the connection speaks something else.
    Switched,
    /// It broke off, or the client is gone.
    Broken,
}

/// Sends an answer; `lines` are those of its fields that are lines already. What it returns holds no more than what is to be sent.
pub(super) fn send<B>(
    socket: &Socket,
    response: Response<B>,
    mut lines: Option<Lines>,
    asked: Asked,
) -> impl Future<Output = Sent>
where
    B: Body<Data = Bytes> + Unpin,
{
    let (mut parts, body) = response.into_parts();
    let switches = parts.status == StatusCode::SWITCHING_PROTOCOLS;
    let told = socket.answering();
    let exact = body.size_hint().exact();
    let form = Form::of(parts.status, exact, asked);
    match &mut lines {
        Some(lines) if form != Form::Bodyless => lines.set_length(exact),
        Some(_) => {}
        None => form.say_length(&mut parts, exact),
    }
    let go_on = told && asked.keep_alive && form != Form::UntilClose;
    let mut head = head_memory();
    write_head(&mut head, &parts, lines.as_ref(), form, asked, go_on || switches);
    let mut out = match form {
        Form::Bodyless => Outgoing::head_of(head, body),
        Form::Chunked => Outgoing::new(head, body, Delimiting::Chunked),
        Form::Length | Form::UntilClose => Outgoing::new(head, body, Delimiting::Length),
    };
    out.set_trailers(asked.takes_trailers);
    async move {
        after_others().await;
        let sent = stream(socket, &mut out, form).await;
        // What goes on after a 101 is not idle, whatever passes: it has a time of its own.
        if !switches {
            socket.answered();
        }
        match sent {
            Ok(()) if switches => Sent::Switched,
            Ok(()) => Sent::Whole { go_on },
            Err(()) => Sent::Broken,
        }
    }
}

async fn stream<B>(socket: &Socket, out: &mut Outgoing<B>, form: Form) -> Result<(), ()>
where
    B: Body<Data = Bytes> + Unpin,
{
    let mut first = true;
    poll_fn(|cx| {
        // A body that is there at once leaves with its head.
        let begun = if std::mem::take(&mut first) { out.poll_first(cx) } else { Ok(()) };
        let sent = match begun {
            Ok(()) => out.poll_send(&mut Writer(socket), cx),
            Err(error) => Poll::Ready(Err(OutgoingError::Body(error))),
        };
        match sent {
            Poll::Ready(Ok(())) => Poll::Ready(Ok(())),
            Poll::Ready(Err(error)) => {
                if matches!(error, OutgoingError::Body(_)) && form == Form::UntilClose {
                    socket.reset();
                }
                Poll::Ready(Err(()))
            }
            Poll::Pending => {
                ready!(socket.poll_gone(cx));
                Poll::Ready(Err(()))
            }
        }
    })
    .await
}

/// How an answer's body is delimited (RFC 9112 section 6.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// There is none, whatever the head says.
    Bodyless,
    Length,
    Chunked,
    UntilClose,
}

impl Form {
    /// `exact` is the body's length, where it is known.
    fn of(status: StatusCode, exact: Option<u64>, asked: Asked) -> Form {
        if asked.is_head
            || status.is_informational()
            || status == StatusCode::NO_CONTENT
            || status == StatusCode::NOT_MODIFIED
        {
            Form::Bodyless
        } else if exact.is_some() {
            Form::Length
        } else if asked.version == Version::HTTP_11 {
            Form::Chunked
        } else {
            Form::UntilClose
        }
    }

    /// Makes Content-Length say what is sent.
    fn say_length(self, parts: &mut Parts, exact: Option<u64>) {
        let Some(length) = exact.filter(|_| self == Form::Length) else {
            if self != Form::Bodyless {
                parts.headers.remove(header::CONTENT_LENGTH);
            }
            return;
        };
        let said = parts.headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok());
        if said.and_then(|said| said.parse().ok()) != Some(length) {
            parts.headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
        }
    }
}

fn write_head(out: &mut Vec<u8>, parts: &Parts, lines: Option<&Lines>, form: Form, asked: Asked, go_on: bool) {
    out.extend_from_slice(if asked.version == Version::HTTP_10 { b"HTTP/1.0 " } else { b"HTTP/1.1 " });
    out.extend_from_slice(parts.status.as_str().as_bytes());
    out.push(b' ');
    match parts.extensions.get::<hyper::ext::ReasonPhrase>() {
        Some(reason) => out.extend_from_slice(reason.as_bytes()),
        None => out.extend_from_slice(parts.status.canonical_reason().unwrap_or_default().as_bytes()),
    }
    out.extend_from_slice(b"\r\n");
    if let Some(lines) = lines {
        lines.write(out);
    }
    for (name, value) in &parts.headers {
        let (name, value) = (name.as_str().as_bytes(), value.as_bytes());
        out.reserve(name.len() + value.len() + 4);
        out.extend_from_slice(name);
        out.extend_from_slice(b": ");
        out.extend_from_slice(value);
        out.extend_from_slice(b"\r\n");
    }
    if form == Form::Chunked {
        out.extend_from_slice(b"transfer-encoding: chunked\r\n");
    }
    if !go_on {
        out.extend_from_slice(b"connection: close\r\n");
    } else if asked.version == Version::HTTP_10 {
        out.extend_from_slice(b"connection: keep-alive\r\n");
    }
    // Writing to a vector cannot fail.
    let _ = out.write_all(b"\r\n");
}
