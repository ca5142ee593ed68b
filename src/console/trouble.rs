//! Why there is no page, as a page.

use askama::Template;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};

use super::page::{page, written};
use crate::admin::Fault;

/// Why there is no page.
#[derive(Debug)]
pub(super) enum Trouble {
    /// What the API would answer.
    Fault(Fault),
    /// Whoever asks has to log in there.
    LogIn(String),
    /// Whoever asks was led here by another site, so their browser keeps the session's cookie back: they have to ask again from here.
    Again(String),
}

#[derive(Template)]
#[template(path = "console/trouble.html")]
struct Page {
    status: StatusCode,
    message: String,
}

#[derive(Template)]
#[template(path = "console/again.html")]
struct Again {
    here: String,
}

impl Trouble {
    /// Something went wrong that never should.
    pub(super) fn broken() -> Trouble {
        Trouble::new(StatusCode::INTERNAL_SERVER_ERROR, "the facade made a mistake; its log says more")
    }

    /// There is no such thing.
    pub(super) fn unknown(what: &str) -> Trouble {
        Trouble::new(StatusCode::NOT_FOUND, format!("there is no such {what}"))
    }

    /// In these words.
    pub(super) fn new(status: StatusCode, message: impl Into<String>) -> Trouble {
        Trouble::Fault(Fault::new(status, message))
    }
}

impl From<Fault> for Trouble {
    fn from(fault: Fault) -> Trouble {
        Trouble::Fault(fault)
    }
}

impl IntoResponse for Trouble {
    fn into_response(self) -> Response {
        let fault = match self {
            Trouble::LogIn(login) => return Redirect::to(&login).into_response(),
            Trouble::Again(here) => return page(&Again { here }).into_response(),
            Trouble::Fault(fault) => fault,
        };
        let page = Page { status: fault.status, message: fault.message.clone() };
        // The status, what is counted and when to come back are the API's.
        let mut answer = fault.into_response();
        answer.headers_mut().remove(header::WWW_AUTHENTICATE);
        answer.headers_mut().remove(header::CONTENT_LENGTH);
        if let Ok(text) = written(&page) {
            *answer.body_mut() = text.into();
            answer.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
        }
        answer
    }
}
