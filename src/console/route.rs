//! One route: how it stands, how it came there, whether it may go on, and how it is undone.
//!
//! - [`facts`]: what is known of it, gathered once · [`view`]: the same as the page shows it
//! - [`step`]: the step it may take next · [`advice`]: whether it may
//! - [`guard`]: thresholds and what is seen · [`plots`]: the last hour or day
//! - [`ask`]: a request typed in · [`yaml`]: the route as its file has it

mod advice;
mod ask;
mod facts;
mod guard;
mod plots;
mod step;
#[cfg(test)]
pub(in crate::console) mod tests;
mod view;
mod yaml;

use std::sync::Arc;

use askama::Template;
use axum::Router;
use axum::extract::{Extension, Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use serde::Deserialize;

use super::door::LIVE;
use super::frame::Frame;
use super::link::{self, link};
use super::page::{html, written};
use super::ticked::Ticked;
use super::trouble::Trouble;
use crate::admin::{Admin, Who, aside};
use crate::directives::{Scope, Target};
use ask::Typed;
use facts::Facts;
use view::View;

/// What the page may be asked.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Asked {
    /// `day`; else the last hour is shown.
    period: String,
    /// The step that somebody thinks of: `50`, `live`.
    to: String,
    /// Another gate: the least share of matches, and the least number of comparisons.
    min_match: String,
    min_n: String,
    #[serde(flatten)]
    typed: Typed,
}

#[derive(Template)]
#[template(path = "console/route.html")]
struct Page {
    frame: Frame,
    view: View,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct OfTenant {
    tenant: String,
}

/// What viewers may see.
pub(super) fn for_viewers() -> Router<Admin> {
    Router::new().route("/routes/{name}", get(route)).route("/routes/{name}/rollback", get(of_tenant))
}

async fn route(
    State(admin): State<Admin>,
    Extension(who): Extension<Who>,
    Path(name): Path<String>,
    headers: HeaderMap,
    Query(asked): Query<Asked>,
) -> Result<Response, Trouble> {
    let frame = Frame::of(&admin, &who, &link::route(&name));
    // What is brought up to date has not got the file in it: that is long, and the same.
    let with_yaml = !headers.contains_key(LIVE);
    let live = Arc::clone(&admin.live.current());
    let made = aside(move || {
        let view = Facts::gather(&admin, &live, &name, &asked, with_yaml).map(|facts| View::of(&facts, &asked));
        view.map(|view| written(&Page { frame, view }))
    });
    made.await?.ok_or_else(|| Trouble::unknown("route"))?.map(html)
}

/// Leads to the question whether one tenant is to be rolled back on this route.
async fn of_tenant(Path(name): Path<String>, Query(asked): Query<OfTenant>) -> Result<Response, Trouble> {
    if asked.tenant.is_empty() {
        return Err(Trouble::new(StatusCode::BAD_REQUEST, "say which tenant"));
    }
    let scope = Scope { target: Target::Route(name.as_str().into()), tenant: Some(asked.tenant.as_str().into()) };
    let back = link::route(&name);
    Ok(Redirect::to(&link("/rollback", &[("scope", &scope.to_string()), ("back", &back)])).into_response())
}
