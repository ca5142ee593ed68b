//! What another configuration would change.

use axum::extract::{DefaultBodyLimit, State};
use axum::routing::post;
use axum::{Json, Router};
use serde::{Deserialize, Serialize};
use tokio::sync::Semaphore;

use super::Admin;
use super::fault::Fault;
use super::input::Input;
use crate::control::plan::{self, Candidate, Forecast};

/// The largest configuration, in bytes of JSON: what a load takes, and room for escapes.
const LARGEST: usize = 80 << 20;

/// One plan at a time: it takes a core for as long as it lasts, and data workers need them, too.
static AT_WORK: Semaphore = Semaphore::const_new(1);

/// The body of `POST /api/v1/plan`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlanAsked {
    /// The text of one file, or all that a load has read, as `banyan plan` sends it.
    pub configuration: String,
}

/// What viewers may ask.
pub(super) fn for_viewers() -> Router<Admin> {
    Router::new().route("/api/v1/plan", post(plan)).layer(DefaultBodyLimit::max(LARGEST))
}

async fn plan(State(admin): State<Admin>, Input(asked): Input<PlanAsked>) -> Result<Json<Forecast>, Fault> {
    let candidate = Candidate::of(asked.configuration)
        .map_err(|error| Fault::senseless(format!("the configuration came damaged: {error}")))?;
    // It is never closed.
    let _turn = AT_WORK.acquire().await.map_err(|_| Fault::leaving())?;
    let planned = tokio::task::spawn_blocking(move || plan::plan(&admin.live, &candidate)).await;
    match planned.map_err(|_| Fault::leaving())? {
        Ok(forecast) => Ok(Json(forecast)),
        Err(mistakes) => Err(Fault::senseless(mistakes.join("\n"))),
    }
}
