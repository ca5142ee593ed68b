//! The console: what owners and analysts see in a browser, and what they can do there.
//!
//! Pages are made here, from the views that the API answers with, and work without a script; a little of it keeps them up to date.
//! Nothing is asked of another host. What strangers sent stands on these pages, so they can do nothing: every text is escaped by the
//! templates, what a screen would obey is written out ([`page`]), and a content security policy forbids what is left ([`headers`]).
//!
//! - [`door`]: who may see and do what · [`session`]: logging in and out · [`posted`]: what forms bring
//! - [`frame`]: what stands around every page · [`page`]: how they are written · [`trouble`]: why there is none
//! - [`assets`]: style, script and icon · [`headers`]: what browsers are told
//! - [`board`]: every route at a glance
//! - [`chart`]: lines over time, sparklines and bars
//! - [`differences`]: signatures by impact · [`signature`]: one of them · [`comparison`]: one comparison, side by side
//! - [`changes`]: what was changed, by whom, and how it is undone
//! - [`plan`]: what a routes.yaml would do
//! - [`act`]: rollback, kill, resume · [`question`]: what is asked before · [`consequence`]: what it will do, in words
//! - [`mod@link`]: addresses within the console

mod act;
mod ago;
pub mod assets;
mod board;
mod certificate;
mod changes;
pub mod chart;
mod comparison;
mod consequence;
mod differences;
mod door;
pub mod frame;
mod headers;
mod link;
mod page;
mod plan;
mod posted;
mod question;
mod session;
mod signature;
mod trouble;

use axum::{Router, middleware};

use crate::admin::Admin;
use crate::snapshot::Role;

/// Every page, to be served beside the API.
pub fn pages(admin: &Admin) -> Router<Admin> {
    let viewers = board::for_viewers()
        .merge(differences::for_viewers())
        .merge(signature::for_viewers())
        .merge(comparison::for_viewers())
        .merge(changes::for_viewers())
        .merge(plan::for_viewers())
        .merge(session::for_viewers())
        .merge(act::for_viewers());
    Router::new()
        .merge(assets::routes())
        .merge(session::for_everybody())
        .merge(door::behind(Role::Viewer, viewers, admin))
        .merge(door::behind(Role::Operator, act::for_operators(), admin))
        .merge(door::behind(Role::Operator, changes::for_operators(), admin))
        .merge(door::behind(Role::Owner, differences::for_owners(), admin))
        .layer(middleware::map_response(headers::told))
}
