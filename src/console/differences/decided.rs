//! A difference is accepted, or reopened.

use axum::Router;
use axum::extract::{Extension, State};
use axum::response::Response;
use axum::routing::post;

use crate::admin::{Admin, Decision, Who};
use crate::console::act::back;
use crate::console::posted::Posted;
use crate::console::trouble::Trouble;

/// What owners may decide.
pub(crate) fn for_owners() -> Router<Admin> {
    Router::new().route("/act/accept", post(accept)).route("/act/reopen", post(reopen))
}

async fn accept(
    State(admin): State<Admin>,
    Extension(who): Extension<Who>,
    Extension(posted): Extension<Posted>,
) -> Result<Response, Trouble> {
    let forever = posted.get("until") == "forever";
    let until = if forever { None } else { posted.some("until") };
    let told = Decision { reason: posted.get("reason").to_owned(), by: None, until, forever };
    let done = admin.accept(who.caller(), posted.get("id").to_owned(), told).await;
    let done = done.map(|decided| format!("The difference is {}: it counts as a match until then.", decided.message));
    back(&who, &posted, done)
}

async fn reopen(
    State(admin): State<Admin>,
    Extension(who): Extension<Who>,
    Extension(posted): Extension<Posted>,
) -> Result<Response, Trouble> {
    let told = Decision { reason: posted.get("reason").to_owned(), by: None, until: None, forever: false };
    let done = admin.reopen(who.caller(), posted.get("id").to_owned(), told).await;
    let done = done.map(|_| "The difference is reopened: it counts again from now on.".to_owned());
    back(&who, &posted, done)
}
