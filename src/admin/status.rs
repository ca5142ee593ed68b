//! How everything stands: `status` and `tenants`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Admin;
use super::fault::Fault;
use super::input::Query;
use super::peers::Relay;
use crate::control::overview::{Overview, Status, TenantStatus};

/// How many tenants are answered if nothing else is asked for, and at most.
const TENANTS: (u32, u32) = (1000, 20_000);

/// The answer of `GET /api/v1/tenants`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Tenants {
    /// The busiest first.
    pub tenants: Vec<TenantStatus>,
    /// How many there are in all: those of the configuration and the busiest others.
    pub all: usize,
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct StatusQuery {
    /// Whether there is a row for each route; so if unsaid.
    #[serde(default = "yes")]
    #[param(default = true)]
    routes: bool,
}

fn yes() -> bool {
    true
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct TenantsQuery {
    /// How many are left out.
    #[serde(default)]
    #[param(value_type = u64, maximum = 4_294_967_295u64)]
    offset: u32,
    /// How many are answered.
    #[param(nullable = false, value_type = Option<u64>, maximum = 4_294_967_295u64)]
    limit: Option<u32>,
}

/// What viewers may see.
pub(super) fn for_viewers() -> OpenApiRouter<Admin> {
    OpenApiRouter::new().routes(routes!(status)).routes(routes!(tenants))
}

/// Status
///
/// A row for each route.
#[utoipa::path(
    get, path = "/api/v1/status", tag = "status", params(StatusQuery),
    responses((status = 200, description = "How everything stands.", body = Status))
)]
async fn status(
    State(admin): State<Admin>,
    headers: HeaderMap,
    Query(query): Query<StatusQuery>,
) -> Result<Json<Status>, Fault> {
    let mut status = look(&admin, move |overview| overview.status(query.routes)).await?;
    status.peers = Relay::of(&headers).compare(&admin, &status).await;
    Ok(Json(status))
}

/// Tenants
///
/// A row for each tenant of the configuration and for the busiest others.
#[utoipa::path(
    get, path = "/api/v1/tenants", tag = "status", params(TenantsQuery),
    responses((status = 200, description = "How tenants stand.", body = Tenants))
)]
async fn tenants(State(admin): State<Admin>, Query(query): Query<TenantsQuery>) -> Result<Json<Tenants>, Fault> {
    let (unsaid, most) = TENANTS;
    let (offset, limit) = (query.offset, query.limit.unwrap_or(unsaid).min(most));
    let (tenants, all) = look(&admin, move |overview| overview.tenants(offset as usize, limit as usize)).await?;
    Ok(Json(Tenants { tenants, all }))
}

async fn look<T: Send + 'static>(
    admin: &Admin,
    look: impl FnOnce(&Overview) -> T + Send + 'static,
) -> Result<T, Fault> {
    let overview = Arc::clone(&admin.overview);
    super::aside(move || look(&overview)).await
}
