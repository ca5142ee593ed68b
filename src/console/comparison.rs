//! One comparison, side by side: what was asked, what both sides answered, what differs, and why it counts or does not.
//!
//! All of it comes from strangers and is bounded: rows, depth and characters; what is not shown is said.
//!
//! - [`view`]: what the page shows · [`terms`]: the rules in words
//! - [`body`]: two bodies, as what they are: [`merged`] (a tree), [`lines`], [`bytes`]
//! - [`pairs`], [`hashes`]: what in two containers belongs together · [`quiet`]: what need not be looked at · [`way`]: where something stands, and which rule is about it
//! - [`headers`]: those of both answers · [`text`]: texts, safe and cut

pub(crate) mod body;
pub(crate) mod bytes;
mod hashes;
pub(crate) mod headers;
pub(crate) mod lines;
pub(crate) mod merged;
mod pairs;
mod quiet;
mod terms;
pub(crate) mod text;
pub(crate) mod view;
pub(crate) mod way;

use std::sync::Arc;

use askama::Template;
use axum::Router;
use axum::extract::{Extension, Path, Query, State};
use axum::response::Response;
use axum::routing::get;
use serde::Deserialize;

use super::differences::unreadable;
use super::frame::Frame;
use super::page::{html, written};
use super::trouble::Trouble;
use crate::admin::{Admin, Who, aside};
use crate::clock::now_ms;
use crate::store::Reader;
use view::{Source, View};

#[derive(Debug, Deserialize)]
struct Asked {
    /// What it is looked at for: a signature, or `ROUTE (VERDICT)`.
    #[serde(default)]
    of: String,
}

#[derive(Template)]
#[template(path = "console/comparison.html")]
struct Page {
    frame: Frame,
    view: View,
}

/// What viewers may see.
pub(super) fn for_viewers() -> Router<Admin> {
    Router::new().route("/comparisons/{id}", get(comparison))
}

async fn comparison(
    State(admin): State<Admin>,
    Extension(who): Extension<Who>,
    Path(id): Path<String>,
    Query(asked): Query<Asked>,
) -> Result<Response, Trouble> {
    let id: u64 = id.parse().map_err(|_| Trouble::unknown("comparison"))?;
    let frame = Frame::of(&admin, &who, "/differences");
    let snapshot = Arc::clone(&admin.live.current().snapshot);
    let text = aside(move || {
        let reader = Reader::open(admin.store.state_dir()).map_err(|error| unreadable(&error))?;
        let source = Source::read(&reader, id, &asked.of, now_ms()).map_err(|error| unreadable(&error))?;
        let source = source.ok_or_else(|| {
            let message = format!("comparison {id} is not kept, or no more: newer ones take the place of older ones");
            Trouble::new(axum::http::StatusCode::NOT_FOUND, message)
        })?;
        written(&Page { frame, view: View::of(&source, &snapshot, now_ms()) })
    });
    Ok(html(text.await??))
}
