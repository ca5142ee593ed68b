//! How everything stands: `status` and `tenants`.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use axum::{Json, Router};
use serde::{Deserialize, Serialize};

use super::Admin;
use super::fault::Fault;
use super::input::Query;
use crate::control::overview::{Overview, Status, TenantStatus};

/// How many tenants are answered if nothing else is asked for, and at most.
const TENANTS: (usize, usize) = (1000, 20_000);

/// The answer of `GET /api/v1/tenants`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Tenants {
    /// The busiest first.
    pub tenants: Vec<TenantStatus>,
    /// How many there are in all: those of the configuration and the busiest others.
    pub all: usize,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct TenantsQuery {
    /// How many are left out.
    #[serde(default)]
    offset: usize,
    /// How many are answered.
    limit: Option<usize>,
}

/// What viewers may see.
pub(super) fn for_viewers() -> Router<Admin> {
    Router::new().route("/api/v1/status", get(status)).route("/api/v1/tenants", get(tenants))
}

async fn status(State(admin): State<Admin>) -> Result<Json<Status>, Fault> {
    aside(&admin, Overview::status).await.map(Json)
}

async fn tenants(State(admin): State<Admin>, Query(query): Query<TenantsQuery>) -> Result<Json<Tenants>, Fault> {
    let (unsaid, most) = TENANTS;
    let (offset, limit) = (query.offset, query.limit.unwrap_or(unsaid).min(most));
    let (tenants, all) = aside(&admin, move |overview| overview.tenants(offset, limit)).await?;
    Ok(Json(Tenants { tenants, all }))
}

/// On a thread of its own: with thousands of rows it takes milliseconds that a rollback should not wait for.
async fn aside<T: Send + 'static>(
    admin: &Admin,
    look: impl FnOnce(&Overview) -> T + Send + 'static,
) -> Result<T, Fault> {
    let overview = Arc::clone(&admin.overview);
    let looked = tokio::task::spawn_blocking(move || look(&overview)).await;
    looked.map_err(|_| Fault::new(StatusCode::INTERNAL_SERVER_ERROR, "it cannot be looked at"))
}
