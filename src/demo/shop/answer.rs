//! The shapes of a shop's answers.

use bytes::Bytes;
use http::header::{ALLOW, CONTENT_TYPE, LOCATION};
use http::{HeaderName, HeaderValue, Response, StatusCode};
use http_body_util::Full;
use serde_json::{Value, json};

/// What a page gives back.
pub(super) type Answer = Response<Full<Bytes>>;

/// A JSON answer.
pub(super) fn json(status: StatusCode, body: &Value) -> Answer {
    content(status, "application/json", body)
}

/// An error as a problem (RFC 9457).
pub(super) fn problem(status: StatusCode, detail: &str) -> Answer {
    let title = status.canonical_reason().unwrap_or("Error");
    let body = json!({ "title": title, "status": status.as_u16(), "detail": detail });
    content(status, "application/problem+json", &body)
}

/// The wrong method, with those that would do.
pub(super) fn not_allowed(allow: &'static str) -> Answer {
    let answer = problem(StatusCode::METHOD_NOT_ALLOWED, &format!("this page takes {allow}"));
    with(answer, ALLOW, allow)
}

/// No body, but the methods of a page.
pub(super) fn options(allow: &'static str) -> Answer {
    with(empty(StatusCode::NO_CONTENT), ALLOW, allow)
}

/// Elsewhere.
pub(super) fn redirect(status: StatusCode, location: &str) -> Answer {
    with(empty(status), LOCATION, location)
}

/// The same answer with one more header. A value that cannot stand in a header is left out.
pub(super) fn with(mut answer: Answer, name: HeaderName, value: &str) -> Answer {
    if let Ok(value) = HeaderValue::from_str(value) {
        answer.headers_mut().append(name, value);
    }
    answer
}

fn content(status: StatusCode, kind: &str, body: &Value) -> Answer {
    let mut answer = Response::new(Full::new(Bytes::from(format!("{body}\n"))));
    *answer.status_mut() = status;
    with(answer, CONTENT_TYPE, kind)
}

fn empty(status: StatusCode) -> Answer {
    let mut answer = Response::new(Full::default());
    *answer.status_mut() = status;
    answer
}
