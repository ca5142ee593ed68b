//! What another configuration would change.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Admin;
use super::aside::{Written, aside_json};
use super::check::SentConfiguration;
use super::fault::Fault;
use super::input::{CONFIGURATION, Input};
use crate::control::plan::{self, Forecast};

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
    let Ok(_turn) = admin.keeper.checks.try_acquire() else {
        let fault = Fault::new(StatusCode::SERVICE_UNAVAILABLE, "another configuration is being looked at");
        return Err(fault.after(1));
    };
    let (candidate, live) = (told.candidate()?, Arc::clone(&admin.live));
    let planned = move || plan::plan(&live, &candidate).map_err(|errors| Fault::senseless(errors.join("\n")));
    aside_json(planned).await
}
