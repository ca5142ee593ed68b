//! The routes of the live generation.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Admin;
use super::aside::{Written, aside_json};
use super::fault::{Fault, Problem};
use super::input::Part;
use crate::report::route::RouteView;
use crate::routing::RouteId;

/// The answer of `GET /api/v1/routes`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Routes {
    /// The live generation.
    pub generation: u64,
    /// The routes in file order.
    pub routes: Vec<RouteView>,
}

/// What viewers may see.
pub(super) fn for_viewers() -> OpenApiRouter<Admin> {
    OpenApiRouter::new().routes(routes!(routes)).routes(routes!(route))
}

/// Routes
///
/// All of them, in file order, as the live generation has them.
#[utoipa::path(
    get, path = "/api/v1/routes", tag = "rules",
    responses((status = 200, description = "The routes.", body = Routes))
)]
async fn routes(State(admin): State<Admin>) -> Result<Written, Fault> {
    let live = Arc::clone(&admin.live.current());
    let view = move || {
        let count = u32::try_from(live.snapshot.rules.routes.len()).unwrap_or(u32::MAX);
        let routes = (0..count).map(|id| RouteView::of(&live, RouteId(id))).collect();
        Ok(Routes { generation: live.number, routes })
    };
    aside_json(view).await
}

/// One route
#[utoipa::path(
    get, path = "/api/v1/routes/{name}", tag = "rules", params(("name" = String, Path, description = "Its name.")),
    responses(
        (status = 200, description = "The route.", body = RouteView),
        (status = 404, description = "There is no such route.", body = Problem),
    )
)]
async fn route(State(admin): State<Admin>, Part(name): Part<String>) -> Result<Json<RouteView>, Fault> {
    let live = Arc::clone(&admin.live.current());
    let found = (0..).zip(&live.snapshot.rules.routes).find(|(_, route)| *route.name == *name);
    let (id, _) = found.ok_or_else(|| Fault::unknown("route"))?;
    Ok(Json(RouteView::of(&live, RouteId(id))))
}
