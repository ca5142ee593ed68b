//! Differences over HTTP: what analysts see, and what they decide.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Extension, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Admin;
use super::fault::{Fault, Problem};
use super::input::{Input, Part, Query};
use crate::clock::now_ms;
use crate::control::Caller;
use crate::diff::SignatureId;
use crate::report::top::{TopFilter, top};
use crate::report::view::{ActView, ComparisonView, SignatureView};
use crate::report::{moment, show, when};
use crate::store::read::{Kept, ReadError};
use crate::store::{AcceptError, Reader};

/// How many signatures are answered if nothing else is asked for.
const LIMIT: u32 = 100;
/// How long an acceptance holds if nothing else is said: 30 days, in milliseconds.
const HOLDS_MS: u64 = 30 * 86_400_000;
/// The most characters of a reason or a name.
const LONGEST: usize = 1000;

/// What `GET /api/v1/diffs` may be asked.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct DiffsQuery {
    /// Only since then: `24h`, `2026-11-21` or RFC 3339.
    #[param(nullable = false)]
    since: Option<String>,
    /// Only this route.
    #[param(nullable = false)]
    route: Option<String>,
    /// Noise, transient and accepted ones, too.
    #[serde(default)]
    all: bool,
    /// At most so many: 100 if unsaid; 0: all.
    #[param(nullable = false, value_type = Option<u64>, maximum = 4_294_967_295u64)]
    limit: Option<u32>,
}

/// The answer of `GET /api/v1/diffs`.
#[derive(Debug, Serialize, ToSchema)]
struct Diffs {
    compared: u64,
    unknown: u64,
    signatures: Vec<SignatureView>,
    /// Left out: noise and transient ones, accepted ones, and what is beyond the limit.
    noise: usize,
    accepted: usize,
    more: usize,
}

/// The answer of `GET /api/v1/diffs/{id}`.
#[derive(Debug, Serialize, ToSchema)]
struct Diff {
    signature: SignatureView,
    history: Vec<ActView>,
    comparisons: Vec<Comparison>,
}

/// A comparison that shows a signature, in short.
#[derive(Debug, Serialize, ToSchema)]
struct Comparison {
    id: u64,
    at: String,
    tenant: String,
    request_id: String,
    method: String,
    target: String,
}

/// What `POST /api/v1/diffs/{id}/accept` and `…/reopen` are told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Decision {
    /// Why.
    pub reason: String,
    /// Who says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// Until when it is accepted: `30d`, `2026-12-31` or RFC 3339. Without it, and without `forever`, 30 days.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<String>,
    /// Accepted for good.
    #[serde(default)]
    pub forever: bool,
}

/// The answer to a decision, or why there is none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Decided {
    /// What was done, or what is wrong.
    pub message: String,
}

/// What viewers may see.
pub(super) fn for_viewers() -> OpenApiRouter<Admin> {
    OpenApiRouter::new().routes(routes!(diffs)).routes(routes!(diff)).routes(routes!(comparison))
}

/// What owners may decide.
pub(super) fn for_owners() -> OpenApiRouter<Admin> {
    OpenApiRouter::new().routes(routes!(accept)).routes(routes!(reopen))
}

/// Differences
///
/// Signatures by impact: real ones first, the most frequent first.
#[utoipa::path(
    get, path = "/api/v1/diffs", tag = "differences", params(DiffsQuery),
    responses((status = 200, description = "The signatures.", body = Diffs))
)]
async fn diffs(State(admin): State<Admin>, Query(query): Query<DiffsQuery>) -> Result<Response, Fault> {
    let now_ms = now_ms();
    let since_ms = match &query.since {
        Some(text) => when::since(text, now_ms)
            .ok_or_else(|| Fault::senseless(format!("`{text}` is no moment: {}", when::WHAT)))?,
        None => 0,
    };
    let limit = query.limit.unwrap_or(LIMIT) as usize;
    let filter = TopFilter { since_ms, route: query.route, judgement: None, all: query.all, limit };
    let found = admin.ask_store(move |reader| top(reader, &filter, now_ms)).await?;
    let signatures = found.rows.iter().map(|row| SignatureView::of(row, now_ms)).collect();
    let (compared, unknown) = (found.compared, found.unknown);
    let (noise, accepted, more) = (found.noise, found.accepted, found.more);
    Ok(Json(Diffs { compared, unknown, signatures, noise, accepted, more }).into_response())
}

/// One difference
///
/// With its history and the comparisons that show it.
#[utoipa::path(
    get, path = "/api/v1/diffs/{id}", tag = "differences", params(("id" = String, Path, description = "The signature: 16 hexadecimal digits.")),
    responses(
        (status = 200, description = "The signature.", body = Diff),
        (status = 404, description = "There is no such signature.", body = Problem),
    )
)]
async fn diff(State(admin): State<Admin>, Part(id): Part<String>) -> Result<Response, Fault> {
    let id = SignatureId::parse(&id).ok_or_else(|| Fault::unknown("signature"))?;
    let shown =
        admin.ask_store(move |reader| show::show(reader, id)).await?.ok_or_else(|| Fault::unknown("signature"))?;
    let signature = SignatureView::of(&shown.row, now_ms());
    let history = shown.history.iter().map(ActView::from).collect();
    let comparisons = shown.samples.into_iter().map(Comparison::from).collect();
    Ok(Json(Diff { signature, history, comparisons }).into_response())
}

impl From<Kept> for Comparison {
    fn from(kept: Kept) -> Comparison {
        let Kept { id, tenant, request_id, method, target, .. } = kept;
        Comparison { id, at: moment(kept.at_ms), tenant, request_id, method, target }
    }
}

/// One comparison
///
/// In full, redacted.
#[utoipa::path(
    get, path = "/api/v1/comparisons/{id}", tag = "differences",
    params(("id" = String, Path, description = "Its number in the store.")),
    responses(
        (status = 200, description = "The comparison.", body = ComparisonView),
        (status = 404, description = "There is no such comparison.", body = Problem),
    )
)]
async fn comparison(State(admin): State<Admin>, Part(id): Part<String>) -> Result<Response, Fault> {
    let id = id.parse().map_err(|_| Fault::unknown("comparison"))?;
    let kept =
        admin.ask_store(move |reader| reader.comparison(id)).await?.ok_or_else(|| Fault::unknown("comparison"))?;
    Ok(Json(ComparisonView::from(kept)).into_response())
}

/// Accept a difference
#[utoipa::path(
    post, path = "/api/v1/diffs/{id}/accept", tag = "differences", params(("id" = String, Path, description = "The signature: 16 hexadecimal digits.")), request_body = Decision,
    responses(
        (status = 200, description = "It is accepted.", body = Decided),
        (status = 404, description = "There is no such signature.", body = Problem),
    )
)]
async fn accept(
    State(admin): State<Admin>,
    Extension(caller): Extension<Caller>,
    Part(id): Part<String>,
    Input(told): Input<Decision>,
) -> Result<Json<Decided>, Fault> {
    admin.accept(caller, id, told).await.map(Json)
}

/// Take an acceptance back
#[utoipa::path(
    post, path = "/api/v1/diffs/{id}/reopen", tag = "differences", params(("id" = String, Path, description = "The signature: 16 hexadecimal digits.")), request_body = Decision,
    responses(
        (status = 200, description = "It is reopened.", body = Decided),
        (status = 404, description = "There is no such signature.", body = Problem),
    )
)]
async fn reopen(
    State(admin): State<Admin>,
    Extension(caller): Extension<Caller>,
    Part(id): Part<String>,
    Input(told): Input<Decision>,
) -> Result<Json<Decided>, Fault> {
    admin.reopen(caller, id, told).await.map(Json)
}

impl Admin {
    /// Accepts a signature as this caller: by default for 30 days.
    pub(crate) async fn accept(self, caller: Caller, id: String, told: Decision) -> Result<Decided, Fault> {
        let now_ms = now_ms();
        let until_ms = match (&told.until, told.forever) {
            (Some(_), true) => {
                return Err(Fault::senseless("`until` and `forever` exclude each other"));
            }
            (None, true) => None,
            (None, false) => Some(now_ms + HOLDS_MS),
            (Some(text), false) => match when::until(text, now_ms).filter(|until| *until > now_ms) {
                Some(until) => Some(until),
                None => {
                    let why = format!("`{text}` is no moment to come: {}", when::WHAT);
                    return Err(Fault::senseless(why));
                }
            },
        };
        let until = until_ms.map_or("for good".to_owned(), |until| format!("until {}", moment(until)));
        decide(self, caller, id, told, ("accept", format!("accepted {until}")), move |admin, id, by, told| {
            admin.store.accept(id, by, &told.reason, until_ms)
        })
        .await
    }

    /// Takes an acceptance back as this caller.
    pub(crate) async fn reopen(self, caller: Caller, id: String, told: Decision) -> Result<Decided, Fault> {
        if told.until.is_some() || told.forever {
            return Err(Fault::senseless("what is reopened has no end"));
        }
        decide(self, caller, id, told, ("reopen", "reopened".to_owned()), |admin, id, by, told| {
            admin.store.reopen(id, by, &told.reason)
        })
        .await
    }

    /// Asks the store on a thread that may wait for the disk.
    pub(crate) async fn ask_store<T: Send + 'static>(
        self,
        ask: impl FnOnce(&Reader) -> Result<T, ReadError> + Send + 'static,
    ) -> Result<T, Fault> {
        let asked = tokio::task::spawn_blocking(move || ask(&Reader::open(self.store.state_dir())?)).await;
        match asked {
            Ok(Ok(found)) => Ok(found),
            Ok(Err(error)) => Err(Fault::new(StatusCode::SERVICE_UNAVAILABLE, error.to_string())),
            Err(_) => Err(Fault::new(StatusCode::INTERNAL_SERVER_ERROR, "the store could not be asked")),
        }
    }
}

impl Decision {
    fn by<'d>(&'d self, caller: &'d Caller) -> &'d str {
        self.by.as_deref().unwrap_or(&caller.by.name)
    }
}

async fn decide(
    admin: Admin,
    caller: Caller,
    id: String,
    told: Decision,
    (what, done): (&str, String),
    act: impl FnOnce(&Admin, SignatureId, &str, &Decision) -> Result<(), AcceptError> + Send + 'static,
) -> Result<Decided, Fault> {
    let id = SignatureId::parse(&id).ok_or_else(|| Fault::unknown("signature"))?;
    if told.reason.trim().is_empty() {
        return Err(Fault::senseless("a reason is needed"));
    }
    let by = told.by(&caller).to_owned();
    if told.reason.chars().count() > LONGEST || by.chars().count() > LONGEST {
        return Err(Fault::senseless(format!("longer than {LONGEST} characters")));
    }
    let (helm, why) = (Arc::clone(&admin.helm), told.reason.clone());
    let author = by.clone();
    match tokio::task::spawn_blocking(move || act(&admin, id, &author, &told)).await {
        Ok(Ok(())) => {
            tracing::info!(signature = %id, by, done, "a difference was decided on");
            // The decision itself is on the disk already; its record follows.
            let _ = helm.note(&caller, what, &id.to_string(), done.clone(), why).await;
            Ok(Decided { message: done })
        }
        Ok(Err(AcceptError::Unknown)) => Err(Fault::unknown("signature")),
        Ok(Err(error)) => Err(Fault::new(StatusCode::SERVICE_UNAVAILABLE, error.to_string())),
        Err(_) => Err(Fault::new(StatusCode::INTERNAL_SERVER_ERROR, "the store could not be asked")),
    }
}
