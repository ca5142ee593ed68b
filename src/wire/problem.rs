//! Answers that the facade makes itself: `application/problem+json` (RFC 9457).

use bytes::Bytes;
use http::{HeaderValue, Response, header};
use serde::Serialize;

use super::headers::{SERVED_BY_FACADE, X_SERVED_BY, add_date};
use crate::errors::Failure;

#[derive(Serialize)]
struct Problem<'a> {
    title: &'a str,
    status: u16,
    detail: &'a str,
    request_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    route: Option<&'a str>,
}

/// The answer to a request that is not relayed.
#[must_use]
pub fn response(failure: Failure, request_id: &str, route: Option<&str>) -> Response<Bytes> {
    let status = failure.status();
    let problem = Problem {
        title: status.canonical_reason().unwrap_or("Error"),
        status: status.as_u16(),
        detail: failure.detail(),
        request_id,
        route,
    };
    // Plain strings and a number always serialize.
    let body = serde_json::to_vec(&problem).unwrap_or_default();
    let mut response = Response::new(Bytes::from(body));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    headers.insert(X_SERVED_BY, SERVED_BY_FACADE);
    add_date(headers);
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if status == http::StatusCode::METHOD_NOT_ALLOWED {
        headers.insert(header::ALLOW, HeaderValue::from_static("GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"));
    }
    response
}
