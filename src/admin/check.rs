//! A configuration is checked without being adopted.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Admin;
use super::aside::aside;
use super::fault::Fault;
use super::input::{CONFIGURATION, Input};
use crate::config::{Bundle, Diagnostic, Loaded, Options};
use crate::control::plan::Candidate;

/// How many are checked at a time: each takes a core while it lasts.
const AT_ONCE: usize = 1;

/// A configuration that is sent, in one of two ways.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct SentConfiguration {
    /// The text of a routes.yaml that stands for itself: it is given neither files nor variables.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub config: Option<String>,
    /// A configuration with its files and variables, as the facade keeps it in `accepted.json`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bundle: Option<String>,
}

/// The answer of `POST /api/v1/check`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Checked {
    /// Whether a reload would take it: no error, and no failed test.
    pub valid: bool,
    /// What was found; at most 100 errors and 100 warnings.
    pub findings: Vec<FindingView>,
    /// How many more errors there are.
    pub more_errors: usize,
    /// How many more warnings there are.
    pub more_warnings: usize,
}

/// Something that was found, as `check -o json` prints it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FindingView {
    /// `error` or `warning`.
    pub severity: String,
    /// What kind of finding, in a word that stays: `unknown-key`.
    pub code: String,
    /// The file.
    pub file: String,
    /// The line, from 1.
    pub line: u32,
    /// The column, from 1, in characters.
    pub col: u32,
    /// What is wrong, in a sentence.
    pub message: String,
    /// The offending line, cut where it is long.
    pub source_line: String,
    /// How many characters of it stand before the offending one.
    #[serde(skip)]
    pub caret: usize,
    /// What may help.
    pub suggestion: Option<String>,
}

/// What viewers may ask.
pub(super) fn for_viewers() -> OpenApiRouter<Admin> {
    OpenApiRouter::new().routes(routes!(check))
}

/// Check
///
/// What is wrong with a configuration. It is not adopted, and nothing but what is sent is read: neither files nor the environment of
/// this machine.
#[utoipa::path(
    post, path = "/api/v1/check", tag = "rules", request_body = SentConfiguration,
    responses((status = 200, description = "What was found.", body = Checked))
)]
async fn check(
    State(admin): State<Admin>,
    Input(told): Input<SentConfiguration, CONFIGURATION>,
) -> Result<Json<Checked>, Fault> {
    admin.check(told).await.map(Json)
}

impl Admin {
    /// What is wrong with a configuration.
    pub(crate) async fn check(&self, told: SentConfiguration) -> Result<Checked, Fault> {
        let Ok(_turn) = self.keeper.checks.try_acquire() else {
            let fault = Fault::new(StatusCode::SERVICE_UNAVAILABLE, "another configuration is being checked");
            return Err(fault.after(1));
        };
        let candidate = told.candidate()?;
        aside(move || Checked::from(candidate.load(&Options::default()))).await
    }
}

impl SentConfiguration {
    /// What was sent.
    pub(super) fn candidate(self) -> Result<Candidate, Fault> {
        match (self.config, self.bundle) {
            (Some(text), None) => Ok(Candidate::Text(text)),
            (None, Some(text)) => match Bundle::from_text(&text) {
                Ok(bundle) => Ok(Candidate::Bundle(Box::new(bundle))),
                Err(error) => Err(Fault::senseless(format!("this is no kept configuration: {error}"))),
            },
            _ => Err(Fault::senseless("one of `config` and `bundle` is needed")),
        }
    }
}

/// How many checks may run.
pub(super) fn turns() -> tokio::sync::Semaphore {
    tokio::sync::Semaphore::new(AT_ONCE)
}

impl From<Loaded> for Checked {
    fn from(loaded: Loaded) -> Checked {
        let found = &loaded.diagnostics;
        Checked {
            valid: loaded.is_clean(),
            findings: found.list.iter().map(FindingView::from).collect(),
            more_errors: found.more_errors,
            more_warnings: found.more_warnings,
        }
    }
}

impl From<&Diagnostic> for FindingView {
    fn from(found: &Diagnostic) -> FindingView {
        FindingView {
            severity: found.severity.as_str().to_owned(),
            code: found.code.to_owned(),
            file: found.file.display().to_string(),
            line: found.line,
            col: found.col,
            message: found.message.clone(),
            source_line: found.source_line.clone(),
            caret: found.caret,
            suggestion: found.suggestion.clone(),
        }
    }
}
