//! The console: what owners and analysts see in a browser, and what they can do there.
//!
//! Pages are made here, from the views that the API answers with, and work without a script; a little of it keeps them up to date.
//! Nothing is asked of another host. What strangers sent stands on these pages, so they can do nothing: every text is escaped by the
//! templates, what a screen would obey is written out ([`page`]), and a content security policy forbids what is left ([`headers`]).
//!
//! - [`door`]: who may see and do what · [`session`]: logging in and out · [`posted`]: what forms bring
//! - [`frame`]: what stands around every page · [`page`]: how they are written · [`trouble`]: why there is none
//! - [`assets`]: style, script and icon · [`headers`]: what browsers are told
//! - [`board`]: every route at a glance · [`route`]: one of them · [`flip`]: what was changed on it
//! - [`burnup`]: how much has migrated over time · [`chart`]: lines over time, sparklines and bars
//! - [`health`]: whether everything is as it should be
//! - [`differences`]: signatures by impact · [`signature`]: one of them · [`comparison`]: one comparison, side by side
//! - [`changes`]: what was changed, by whom, and how it is undone
//! - [`plan`]: what a routes.yaml would do
//! - [`act`]: rollback, kill, resume · [`question`]: what is asked before · [`consequence`]: what it will do, in words
//! - [`mod@link`]: addresses within the console

mod act;
mod ago;
pub mod assets;
mod board;
mod burnup;
mod certificate;
mod changes;
pub mod chart;
mod comparison;
mod consequence;
mod differences;
mod door;
mod flip;
pub mod frame;
mod headers;
mod health;
mod link;
mod number;
mod page;
mod plan;
mod posted;
mod question;
mod route;
#[cfg(test)]
mod safety;
mod session;
mod signature;
mod ticked;
mod trouble;

use axum::extract::Request;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use axum::{Router, middleware};

use crate::admin::{Admin, Fault};
use crate::snapshot::Role;
use trouble::Trouble;

/// Every page, to be served beside the API.
pub fn pages(admin: &Admin) -> Router<Admin> {
    let viewers = [
        board::for_viewers(),
        burnup::for_viewers(),
        route::for_viewers(),
        differences::for_viewers(),
        signature::for_viewers(),
        comparison::for_viewers(),
        changes::for_viewers(),
        plan::for_viewers(),
        health::for_viewers(),
        session::for_viewers(),
        frame::for_viewers(),
        act::for_viewers(),
    ];
    let operators = [act::for_operators(), changes::for_operators()];
    let rooms = [
        (Role::Viewer, merged(viewers)),
        (Role::Operator, merged(operators)),
        (Role::Owner, differences::for_owners()),
    ];
    let guarded = rooms.into_iter().map(|(role, routes)| door::behind(role, routes, admin));
    Router::new()
        .merge(assets::routes())
        .merge(session::for_everybody())
        .merge(merged(guarded))
        .fallback(nowhere)
        .layer(middleware::map_response(headers::told))
}

fn merged(routes: impl IntoIterator<Item = Router<Admin>>) -> Router<Admin> {
    routes.into_iter().fold(Router::new(), Router::merge)
}

/// What neither the API nor the console has: a page for who asks for one, else as the API says it.
async fn nowhere(request: Request) -> Response {
    let wanted = request.headers().get(header::ACCEPT).and_then(|accept| accept.to_str().ok());
    let is_page =
        wanted.is_some_and(|accept| accept.contains("text/html")) && !request.uri().path().starts_with("/api/");
    if is_page { Trouble::from(Fault::no_path()).into_response() } else { Fault::no_path().into_response() }
}
