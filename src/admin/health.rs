//! Whether the process runs and takes requests; for probes, without a token.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Admin;
use crate::state::ReloadStatus;

/// The answer of `/readyz`.
#[derive(Debug, Serialize, ToSchema)]
struct Readiness {
    /// Whether it takes requests.
    ready: bool,
    /// The live generation.
    generation: u64,
    /// What became of the last reload.
    reload: ReloadStatus,
}

/// What everybody may see.
pub(super) fn for_everybody() -> OpenApiRouter<Admin> {
    OpenApiRouter::new().routes(routes!(livez)).routes(routes!(readyz))
}

/// Alive
#[utoipa::path(
    get, path = "/livez", tag = "health",
    responses((status = 200, description = "The process runs.", body = String, content_type = "text/plain"))
)]
async fn livez() -> &'static str {
    "alive\n"
}

/// Ready
#[utoipa::path(
    get, path = "/readyz", tag = "health",
    responses(
        (status = 200, description = "It takes requests.", body = Readiness),
        (status = 503, description = "It is going down.", body = Readiness),
    )
)]
async fn readyz(State(admin): State<Admin>) -> impl IntoResponse {
    let ready = !admin.live.is_leaving();
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let generation = admin.live.current().number;
    (status, Json(Readiness { ready, generation, reload: admin.live.reload() }))
}
