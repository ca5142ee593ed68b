//! What another configuration would change.

use std::sync::Arc;

use axum::extract::{DefaultBodyLimit, State};
use axum::http::StatusCode;
use axum::routing::post;
use axum::{Json, Router};
use serde::{Deserialize, Serialize};
use tokio::sync::Semaphore;

use super::Admin;
use super::fault::Fault;
use super::input::Input;
use crate::control::plan::{self, Candidate, Forecast};

/// The most bytes of a configuration that is sent: a hundred thousand routes fit.
const MOST: usize = 64 * 1024 * 1024;

/// One plan at a time: it takes a core for as long as it lasts, and data workers need theirs.
static AT_WORK: Semaphore = Semaphore::const_new(1);

/// A configuration that is sent.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sent {
    /// The text of one routes.yaml without includes and variables, or everything that `banyan` read (`banyan plan` sends that).
    pub config: String,
}

/// What viewers may ask.
pub(super) fn for_viewers() -> Router<Admin> {
    Router::new().route("/api/v1/plan", post(plan)).layer(DefaultBodyLimit::max(MOST))
}

async fn plan(State(admin): State<Admin>, Input(sent): Input<Sent>) -> Result<Json<Forecast>, Fault> {
    let candidate = Candidate::of(sent.config).map_err(|error| Fault::senseless(error.to_string()))?;
    // It is never closed.
    let _turn = AT_WORK.acquire().await.map_err(|_| Fault::leaving())?;
    let live = Arc::clone(&admin.live);
    // It takes a moment, and rollbacks must not wait for it.
    let planned = tokio::task::spawn_blocking(move || plan::plan(&live, &candidate)).await;
    let planned = planned.map_err(|_| Fault::new(StatusCode::INTERNAL_SERVER_ERROR, "it cannot be planned"))?;
    planned.map(Json).map_err(|errors| Fault::senseless(errors.join("\n")))
}
