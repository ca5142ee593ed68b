//! What another configuration would change.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use tokio::sync::SemaphorePermit;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Admin;
use super::aside::{Written, aside, aside_json};
use super::check::SentConfiguration;
use super::fault::Fault;
use super::input::{CONFIGURATION, Input};
use crate::control::plan::{self, Candidate, Forecast};
use crate::state::Live;

/// What viewers may ask.
pub(super) fn for_viewers() -> OpenApiRouter<Admin> {
    OpenApiRouter::new().routes(routes!(plan))
}

/// Plan
///
/// Whom a configuration would move, by a sample of what was asked of late. It is not adopted, and nothing but what is sent is read.
#[utoipa::path(
    post, path = "/api/v1/plan", tag = "rules", request_body = SentConfiguration,
    responses((status = 200, description = "What would change.", body = Forecast))
)]
async fn plan(
    State(admin): State<Admin>,
    Input(told): Input<SentConfiguration, CONFIGURATION>,
) -> Result<Written, Fault> {
    let turn = turn(&admin)?;
    let (candidate, live) = (told.candidate()?, Arc::clone(&admin.live));
    let planned = aside_json(move || planned(&live, &candidate)).await;
    drop(turn);
    planned
}

impl Admin {
    /// Whom a configuration would move; why it cannot be told, where it is invalid.
    pub(crate) async fn plan(&self, told: SentConfiguration) -> Result<Forecast, Fault> {
        let _turn = turn(self)?;
        let (candidate, live) = (told.candidate()?, Arc::clone(&self.live));
        aside(move || planned(&live, &candidate)).await?
    }
}

fn turn(admin: &Admin) -> Result<SemaphorePermit<'_>, Fault> {
    admin
        .keeper
        .checks
        .try_acquire()
        .map_err(|_| Fault::new(StatusCode::SERVICE_UNAVAILABLE, "another configuration is being looked at").after(1))
}

fn planned(live: &Live, candidate: &Candidate) -> Result<Forecast, Fault> {
    plan::plan(live, candidate).map_err(|errors| Fault::senseless(errors.join("\n")))
}
