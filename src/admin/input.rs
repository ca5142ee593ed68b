//! What requests bring: JSON, queries and path parts, refused in the API's own words.

use std::time::Duration;

use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::header::{self, HeaderMap};
use axum::http::{HeaderValue, StatusCode};
use bytes::Bytes;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde::de::DeserializeOwned;
use serde_json::error::Category;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::timeout;

use super::fault::Fault;
use super::refusal::Refusal;

/// The most bytes of a body, where a route says nothing else.
pub(super) const ENOUGH: usize = 64 * 1024;
/// The most bytes of a body that holds a configuration.
pub(super) const CONFIGURATION: usize = 72 * 1024 * 1024;
/// From how many bytes on a body is large; so may be one that does not say.
const LARGE: usize = 1024 * 1024;
/// How many large bodies are read at a time, in this process.
static ROOM: Semaphore = Semaphore::const_new(4);
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
        if !is_of(request.headers(), "application/json") {
            let message = "a body is needed, with Content-Type: application/json";
            return Err(Fault::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, message).because(Refusal::Type));
        }
        // Held until it has been read into what it means.
        let _room = room(request.headers())?;
        let told = body(request, MOST).await?;
        // Or a list would do, its items taken for the fields in their order.
        if told.trim_ascii_start().first().is_some_and(|byte| *byte != b'{') {
            return Err(Fault::senseless("the body is no JSON object"));
        }
        match serde_json::from_slice(&told) {
            Ok(told) => Ok(Input(told)),
            Err(error) if error.classify() == Category::Data => Err(Fault::senseless(error.to_string())),
            Err(error) => Err(Fault::new(StatusCode::BAD_REQUEST, format!("the body is no JSON: {error}"))),
        }
    }
}

/// The fields of a form of at most so many bytes, in their order (WHATWG URL, section 5.1).
///
/// # Errors
/// It is no such form, or too large, or came too slowly.
pub async fn form(request: Request, most: usize) -> Result<Vec<(String, String)>, Fault> {
    if !is_of(request.headers(), "application/x-www-form-urlencoded") {
        let message = "a form is needed, with Content-Type: application/x-www-form-urlencoded";
        return Err(Fault::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, message).because(Refusal::Type));
    }
    let _room = room(request.headers())?;
    let told = body(request, most).await?;
    Ok(form_urlencoded::parse(&told).into_owned().collect())
}

/// Room for a body that may be large.
fn room(headers: &HeaderMap) -> Result<Option<SemaphorePermit<'static>>, Fault> {
    if length(headers).is_some_and(|length| length <= LARGE) {
        return Ok(None);
    }
    ROOM.try_acquire().map(Some).map_err(|_| {
        let fault = Fault::new(StatusCode::SERVICE_UNAVAILABLE, "other large bodies are being read");
        fault.because(Refusal::Crowded).after(1)
    })
}

fn length(headers: &HeaderMap) -> Option<usize> {
    headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

async fn body(request: Request, most: usize) -> Result<Bytes, Fault> {
    let too_large = || {
        let message = format!("a body has at most {most} bytes here");
        Fault::new(StatusCode::PAYLOAD_TOO_LARGE, message).because(Refusal::Size)
    };
    if length(request.headers()).is_some_and(|length| length > most) {
        return Err(too_large());
    }
    match timeout(PATIENCE, Limited::new(request.into_body(), most).collect()).await {
        Ok(Ok(collected)) => Ok(collected.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(too_large()),
        Ok(Err(_)) => Err(Fault::new(StatusCode::BAD_REQUEST, "the body broke off")),
        Err(_) => Err(Fault::new(StatusCode::REQUEST_TIMEOUT, "the body came too slowly").because(Refusal::Slow)),
    }
}

/// Whether the only Content-Type is this one, with or without parameters. A page of another site cannot send JSON unasked.
fn is_of(headers: &HeaderMap, kind: &str) -> bool {
    let mut values = headers.get_all(header::CONTENT_TYPE).iter();
    let essence = |value: &HeaderValue| {
        let essence = value.to_str().ok()?.split(';').next()?.trim_ascii().to_ascii_lowercase();
        Some(essence == kind)
    };
    values.next().and_then(essence) == Some(true) && values.next().is_none()
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use axum::body::Body;
    use http_body_util::channel::Channel;
    use serde_json::Value;

    use super::*;

    async fn read(request: Request) -> Result<Value, StatusCode> {
        Input::<Value>::from_request(request, &()).await.map(|Input(value)| value).map_err(|fault| fault.status)
    }

    /// It says how long it is, so that it needs no room that another test may hold.
    fn request(kind: &str, body: impl Into<Body>) -> Request {
        let request = Request::post("/").header(header::CONTENT_TYPE, kind).header(header::CONTENT_LENGTH, 10);
        request.body(body.into()).unwrap()
    }

    #[tokio::test]
    async fn only_an_object_of_a_decent_size_is_read() {
        assert_eq!(read(request("application/json", " {} ")).await, Ok(serde_json::json!({})));
        assert_eq!(read(request("Application/JSON; charset=utf-8", "{}")).await, Ok(serde_json::json!({})));
        for (kind, body, status) in [
            ("text/plain", "{}".to_owned(), 415),
            ("application/jsonp", "{}".to_owned(), 415),
            ("application/json", String::new(), 400),
            ("application/json", "{".to_owned(), 400),
            ("application/json", "[]".to_owned(), 422),
            ("application/json", "7".to_owned(), 422),
            ("application/json", format!("{{\"a\":\"{}\"}}", "x".repeat(ENOUGH)), 413),
            ("application/json", format!("{{\"a\":{}", "[".repeat(ENOUGH - 8)), 400),
        ] {
            assert_eq!(
                read(request(kind, body.clone())).await.map_err(|status| status.as_u16()),
                Err(status),
                "{body:.20}"
            );
        }
        let twice = Request::post("/").header(header::CONTENT_TYPE, "application/json");
        let twice = twice.header(header::CONTENT_TYPE, "text/plain").body("{}".into()).unwrap();
        assert_eq!(read(twice).await, Err(StatusCode::UNSUPPORTED_MEDIA_TYPE));
    }

    #[tokio::test]
    async fn only_so_many_large_bodies_are_read_at_a_time() {
        let large = |length: usize| {
            let mut headers = HeaderMap::new();
            headers.insert(header::CONTENT_LENGTH, length.into());
            room(&headers)
        };
        assert!(large(LARGE).is_ok_and(|room| room.is_none()));
        let held: Vec<_> = (0..10).map_while(|_| large(LARGE + 1).ok()).collect();
        assert!((1..=4).contains(&held.len()));
        assert_eq!(large(LARGE + 1).err().map(|fault| fault.status), Some(StatusCode::SERVICE_UNAVAILABLE));
        assert!(large(LARGE).is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_never_ends_is_not_waited_for() {
        let (sender, body) = Channel::<Bytes, Infallible>::new(1);
        let answer = read(request("application/json", Body::new(body))).await;
        assert_eq!(answer, Err(StatusCode::REQUEST_TIMEOUT));
        drop(sender);
    }
}
