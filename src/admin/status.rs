//! How everything stands: `status` and `tenants`.

use std::sync::Arc;

use axum::extract::State;
use axum::http::HeaderMap;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Admin;
use super::aside::{Written, aside_json};
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
) -> Result<Written, Fault> {
    let peers = Relay::of(&headers).compare(&admin).await;
    look(&admin, move |overview| Status { peers, ..overview.status(query.routes) }).await
}

/// Tenants
///
/// A row for each tenant of the configuration and for the busiest others.
#[utoipa::path(
    get, path = "/api/v1/tenants", tag = "status", params(TenantsQuery),
    responses((status = 200, description = "How tenants stand.", body = Tenants))
)]
async fn tenants(State(admin): State<Admin>, Query(query): Query<TenantsQuery>) -> Result<Written, Fault> {
    let (unsaid, most) = TENANTS;
    let (offset, limit) = (query.offset, query.limit.unwrap_or(unsaid).min(most));
    let page = move |overview: &Overview| {
        let (tenants, all) = overview.tenants(offset as usize, limit as usize);
        Tenants { tenants, all }
    };
    look(&admin, page).await
}

async fn look<T: Serialize>(
    admin: &Admin,
    look: impl FnOnce(&Overview) -> T + Send + 'static,
) -> Result<Written, Fault> {
    let overview = Arc::clone(&admin.overview);
    aside_json(move || Ok(look(&overview))).await
}
