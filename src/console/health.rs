//! Whether everything is as it should be: what is wrong first, in words, with the way out.
//!
//! - [`seen`]: what is known, gathered once · [`wrong`]: what of it is wrong, and what to do
//! - [`files`]: what is wrong with the files, where · [`view`]: the rest of the page

mod files;
mod seen;
mod view;
mod wrong;

use askama::Template;
use axum::Router;
use axum::extract::{Extension, State};
use axum::response::Response;
use axum::routing::get;

use super::frame::Frame;
use super::page::{html, written};
use super::ticked::Ticked;
use super::trouble::Trouble;
use crate::admin::{Admin, Who, aside};
use seen::Seen;
use view::View;
use wrong::Wrong;

#[derive(Template)]
#[template(path = "console/health.html")]
struct Page {
    frame: Frame,
    wrongs: Vec<Wrong>,
    view: View,
}

/// What viewers may see.
pub(super) fn for_viewers() -> Router<Admin> {
    Router::new().route("/health", get(health))
}

async fn health(State(admin): State<Admin>, Extension(who): Extension<Who>) -> Result<Response, Trouble> {
    let frame = Frame::of(&admin, &who, "/health");
    let peers = admin.peers(&who).await;
    let made = aside(move || {
        let seen = Seen::gather(&admin, peers);
        written(&Page { frame, wrongs: wrong::of(&seen), view: View::of(&seen) })
    });
    Ok(html(made.await??))
}
