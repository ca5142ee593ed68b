//! What requests bring: JSON, queries and path parts, refused in the API's own words.

use std::time::Duration;

use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::header::{self, HeaderMap};
use axum::http::{HeaderValue, StatusCode};
use bytes::Bytes;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde::de::DeserializeOwned;
use serde_json::error::Category;
use tokio::time::timeout;

use super::fault::Fault;
use super::refusal::Refusal;

/// The most bytes of a body, where a route says nothing else.
pub(super) const ENOUGH: usize = 64 * 1024;
/// The most bytes of a body that holds a configuration.
pub(super) const CONFIGURATION: usize = 72 * 1024 * 1024;
/// How long a body may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// A JSON body of at most so many bytes.
#[derive(Debug)]
pub(super) struct Input<T, const MOST: usize = ENOUGH>(pub(super) T);

/// The query.
#[derive(Debug, FromRequestParts)]
#[from_request(via(axum::extract::Query), rejection(Fault))]
pub(super) struct Query<T>(pub(super) T);

/// Parts of the path.
#[derive(Debug, FromRequestParts)]
#[from_request(via(axum::extract::Path), rejection(Fault))]
pub(super) struct Part<T>(pub(super) T);

impl<S: Send + Sync, T: DeserializeOwned, const MOST: usize> FromRequest<S> for Input<T, MOST> {
    type Rejection = Fault;

    async fn from_request(request: Request, _state: &S) -> Result<Self, Fault> {
        if !is_json(request.headers()) {
            let message = "a body is needed, with Content-Type: application/json";
            return Err(Fault::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, message).because(Refusal::Type));
        }
        let told = body::<MOST>(request).await?;
        match serde_json::from_slice(&told) {
            Ok(told) => Ok(Input(told)),
            Err(error) if error.classify() == Category::Data => Err(Fault::senseless(error.to_string())),
            Err(error) => Err(Fault::new(StatusCode::BAD_REQUEST, format!("the body is no JSON: {error}"))),
        }
    }
}

async fn body<const MOST: usize>(request: Request) -> Result<Bytes, Fault> {
    let too_large = || {
        let message = format!("a body has at most {MOST} bytes here");
        Fault::new(StatusCode::PAYLOAD_TOO_LARGE, message).because(Refusal::Size)
    };
    let announced = request.headers().get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok());
    if announced.and_then(|length| length.parse().ok()).is_some_and(|length: usize| length > MOST) {
        return Err(too_large());
    }
    match timeout(PATIENCE, Limited::new(request.into_body(), MOST).collect()).await {
        Ok(Ok(collected)) => Ok(collected.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(too_large()),
        Ok(Err(_)) => Err(Fault::new(StatusCode::BAD_REQUEST, "the body broke off")),
        Err(_) => Err(Fault::new(StatusCode::REQUEST_TIMEOUT, "the body came too slowly").because(Refusal::Slow)),
    }
}

/// Whether the only Content-Type is JSON, with or without parameters. A page of another site cannot send that unasked.
fn is_json(headers: &HeaderMap) -> bool {
    let mut values = headers.get_all(header::CONTENT_TYPE).iter();
    let essence = |value: &HeaderValue| {
        let essence = value.to_str().ok()?.split(';').next()?.trim_ascii().to_ascii_lowercase();
        Some(essence == "application/json")
    };
    values.next().and_then(essence) == Some(true) && values.next().is_none()
}
