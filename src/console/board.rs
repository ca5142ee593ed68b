//! Every route at a glance.

use std::sync::Arc;

use askama::Template;
use axum::Router;
use axum::extract::{Extension, State};
use axum::response::Response;
use axum::routing::get;

use super::frame::Frame;
use super::link;
use super::page::{html, written};
use super::trouble::Trouble;
use crate::admin::{Admin, Who, aside};
use crate::control::overview::Status;

#[derive(Template)]
#[template(path = "console/board.html")]
struct Page {
    frame: Frame,
    rows: Vec<Row>,
}

/// A route.
struct Row {
    name: String,
    href: String,
    owner: String,
    stage: String,
    rate: String,
}

/// What viewers may see.
pub(super) fn for_viewers() -> Router<Admin> {
    Router::new().route("/", get(board))
}

async fn board(State(admin): State<Admin>, Extension(who): Extension<Who>) -> Result<Response, Trouble> {
    let frame = Frame::of(&admin, &who, "/");
    let overview = Arc::clone(&admin.overview);
    let text = aside(move || written(&Page { frame, rows: rows(&overview.status(true)) })).await??;
    Ok(html(text))
}

fn rows(status: &Status) -> Vec<Row> {
    let row = |route: &crate::control::overview::RouteStatus| Row {
        name: route.name.clone(),
        href: link::route(&route.name),
        owner: route.owner.clone().unwrap_or_default(),
        stage: route.stage.clone(),
        rate: format!("{:.1}", route.rate),
    };
    status.routes.iter().map(row).collect()
}
