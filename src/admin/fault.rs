//! Why a request to the admin API is not obeyed.

use axum::Json;
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::refusal::Refusal;
use crate::control::Refused;

/// The body of every answer that is no success.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Problem {
    /// What is wrong, and the way out where there is one.
    pub message: String,
}

/// Why a request is not obeyed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The status of the answer.
    pub status: StatusCode,
    /// What is wrong, and the way out where there is one.
    pub message: String,
    /// When to try again, in seconds.
    pub(super) retry_after: Option<u64>,
    /// What it is counted as, where it is turned away before anything was done.
    pub(super) refusal: Option<Refusal>,
}

impl Fault {
    /// With this status, in these words.
    pub fn new(status: StatusCode, message: impl Into<String>) -> Fault {
        Fault { status, message: message.into(), retry_after: None, refusal: None }
    }

    /// There is nothing at this path.
    #[must_use]
    pub fn no_path() -> Fault {
        Fault::unknown("path").because(Refusal::Path)
    }

    /// Counted as this.
    pub(super) fn because(self, refusal: Refusal) -> Fault {
        Fault { refusal: Some(refusal), ..self }
    }

    /// To be tried again in so many seconds.
    pub(super) fn after(self, seconds: u64) -> Fault {
        Fault { retry_after: Some(seconds), ..self }
    }

    /// What was asked about is not there.
    pub(super) fn unknown(what: &str) -> Fault {
        Fault::new(StatusCode::NOT_FOUND, format!("there is no such {what}"))
    }

    /// The request is well-formed and makes no sense.
    pub(super) fn senseless(message: impl Into<String>) -> Fault {
        Fault::new(StatusCode::UNPROCESSABLE_ENTITY, message)
    }

    /// Something went wrong that never should.
    pub(super) fn broken() -> Fault {
        Fault::new(StatusCode::INTERNAL_SERVER_ERROR, "the facade made a mistake; its log says more")
    }

    /// The control thread is gone: the facade goes down.
    pub(super) fn leaving() -> Fault {
        Fault::new(StatusCode::SERVICE_UNAVAILABLE, "the facade is going down")
    }
}

impl IntoResponse for Fault {
    fn into_response(self) -> Response {
        let mut answer = (self.status, Json(Problem { message: self.message })).into_response();
        if self.status == StatusCode::UNAUTHORIZED {
            answer.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if let Some(seconds) = self.retry_after {
            answer.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if let Some(refusal) = self.refusal {
            answer.extensions_mut().insert(refusal);
        }
        answer
    }
}

impl From<QueryRejection> for Fault {
    fn from(rejection: QueryRejection) -> Fault {
        Fault::new(rejection.status(), rejection.body_text())
    }
}

impl From<PathRejection> for Fault {
    fn from(rejection: PathRejection) -> Fault {
        Fault::new(rejection.status(), rejection.body_text())
    }
}

impl From<Refused> for Fault {
    fn from(refused: Refused) -> Fault {
        let status = match refused {
            Refused::Moved { .. } | Refused::WithoutLegacy(_) => StatusCode::CONFLICT,
            Refused::Unknown(_) | Refused::NoGeneration(_) => StatusCode::NOT_FOUND,
            Refused::Senseless(_) => StatusCode::UNPROCESSABLE_ENTITY,
        };
        Fault::new(status, refused.to_string())
    }
}
