//! Rollback, kill and resume: the questions before, and what is done.
//!
//! What they are on is named as pins are: `orders-read`, `group:orders`, `tenant:acme`, `group:orders tenant:acme`, `all`.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Extension, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use serde::Deserialize;

use super::consequence::{Consequence, killed, resumed, rolled_back};
use super::frame::Frame;
use super::link::local;
use super::posted::Posted;
use super::trouble::Trouble;
use crate::admin::{Acted, Admin, Fault, Flash, KillOrder, ResumeTold, RollbackOrder, Who, aside};
use crate::directives::{Scope, Target};

#[derive(Debug, Deserialize)]
struct Asked {
    #[serde(default)]
    scope: String,
    #[serde(default)]
    back: String,
}

/// The questions.
pub(super) fn for_viewers() -> Router<Admin> {
    Router::new().route("/rollback", get(ask_rollback)).route("/resume", get(ask_resume)).route("/kill", get(ask_kill))
}

/// What is done.
pub(super) fn for_operators() -> Router<Admin> {
    Router::new()
        .route("/act/rollback", post(rollback))
        .route("/act/resume", post(resume))
        .route("/act/kill", post(kill))
}

async fn ask_rollback(
    State(admin): State<Admin>,
    Extension(who): Extension<Who>,
    Query(asked): Query<Asked>,
) -> Result<Response, Trouble> {
    let scope = scope(&asked.scope)?;
    ask(admin, who, asked.back, move |seen| rolled_back(seen, &scope)).await
}

async fn ask_resume(
    State(admin): State<Admin>,
    Extension(who): Extension<Who>,
    Query(asked): Query<Asked>,
) -> Result<Response, Trouble> {
    let scope = scope(&asked.scope)?;
    ask(admin, who, asked.back, move |seen| resumed(seen, &scope)).await
}

/// The one that is possible: to turn the switch on, or off.
async fn ask_kill(
    State(admin): State<Admin>,
    Extension(who): Extension<Who>,
    Query(asked): Query<Asked>,
) -> Result<Response, Trouble> {
    let is_killed = admin.live.current().overrides.is_killed();
    let what = move |seen: &Consequence| if is_killed { resumed(seen, &Scope::KILL) } else { killed(seen) };
    ask(admin, who, asked.back, what).await
}

async fn ask(
    admin: Admin,
    who: Who,
    back: String,
    what: impl FnOnce(&Consequence) -> Option<super::question::Question> + Send + 'static,
) -> Result<Response, Trouble> {
    let frame = Frame::of(&admin, &who, "");
    let (overview, live) = (Arc::clone(&admin.overview), Arc::clone(&admin.live.current()));
    let question = aside(move || {
        let status = overview.status(true);
        what(&Consequence { rules: &live.snapshot.rules, standing: &live.standing, status: &status })
    });
    let mut question = question.await?.ok_or_else(|| Trouble::unknown("route, group or pin"))?;
    question.refused = frame.needs_operator();
    question.back = local(&back).to_owned();
    question.asked(frame)
}

async fn rollback(
    State(admin): State<Admin>,
    Extension(who): Extension<Who>,
    Extension(posted): Extension<Posted>,
) -> Result<Response, Trouble> {
    let scope = scope(posted.get("scope"))?;
    let (route, group) = named(&scope.target);
    let (tenant, reason) = (tenant(&scope), posted.get("reason").to_owned());
    let told = RollbackOrder { route, group, tenant, r#for: posted.some("for"), reason, generation: None };
    let done = admin.roll_back(&who, told).await.map(|acted| told_of(&acted, "It was on legacy already."));
    back(&who, &posted, done)
}

async fn kill(
    State(admin): State<Admin>,
    Extension(who): Extension<Who>,
    Extension(posted): Extension<Posted>,
) -> Result<Response, Trouble> {
    let told = KillOrder { r#for: posted.some("for"), reason: posted.get("reason").to_owned() };
    let done = admin.kill(&who, told).await.map(|acted| told_of(&acted, "The kill switch was on already."));
    back(&who, &posted, done)
}

async fn resume(
    State(admin): State<Admin>,
    Extension(who): Extension<Who>,
    Extension(posted): Extension<Posted>,
) -> Result<Response, Trouble> {
    let scope = scope(posted.get("scope"))?;
    let (route, group) = named(&scope.target);
    let (tenant, reason) = (tenant(&scope), posted.get("reason").to_owned());
    let told = ResumeTold { route, group, tenant, reason, ..ResumeTold::default() };
    let done = admin.resume(&who, told).await.map(|acted| told_of(&acted, "There was nothing to resume."));
    back(&who, &posted, done)
}

/// Leads back to where the question was asked, where the next page says what came of it.
///
/// # Errors
/// There is no session whose next page could say why it was not done.
pub(super) fn back(who: &Who, posted: &Posted, done: Result<String, Fault>) -> Result<Response, Trouble> {
    let flash = match (done, &who.session) {
        (Ok(text), _) => Flash { is_good: true, text },
        (Err(fault), Some(_)) => Flash { is_good: false, text: format!("Not done: {}.", fault.message) },
        (Err(fault), None) => return Err(fault.into()),
    };
    if let Some(session) = &who.session {
        session.say(flash);
    }
    Ok(Redirect::to(local(posted.get("back"))).into_response())
}

/// What came of a command.
pub(super) fn told_of(acted: &Acted, unchanged: &str) -> String {
    let mut said = match acted.changed {
        true => format!("Done, generation {}: {}.", acted.generation, acted.changes.join("; ")),
        false => unchanged.to_owned(),
    };
    if !acted.left_alone.is_empty() {
        said += &format!(" Left with new, having no legacy: {}.", acted.left_alone.join(", "));
    }
    for note in &acted.notes {
        said += &format!(" Note: {note}.");
    }
    if !acted.durable {
        said += " It is in force, but not on the disk yet.";
    }
    for peer in acted.peers.iter().filter(|peer| !peer.ok) {
        said += &format!(" {} did not obey: {}.", peer.address, peer.message);
    }
    said
}

fn scope(text: &str) -> Result<Scope, Trouble> {
    let scope = Scope::parse(text).ok().filter(|_| !text.is_empty());
    scope.ok_or_else(|| {
        Trouble::new(StatusCode::BAD_REQUEST, "say what it is about: a route, group:NAME or tenant:NAME")
    })
}

fn named(target: &Target) -> (Option<String>, Option<String>) {
    match target {
        Target::Everything => (None, None),
        Target::Route(name) => (Some(name.to_string()), None),
        Target::Group(name) => (None, Some(name.to_string())),
    }
}

fn tenant(scope: &Scope) -> Option<String> {
    scope.tenant.as_ref().map(ToString::to_string)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::admin::PeerAnswer;

    #[test]
    fn what_came_of_it_is_told_in_full() {
        let mut acted = Acted { generation: 7, changed: true, durable: true, ..Acted::default() };
        acted.changes = vec!["orders-read is on legacy".to_owned()];
        assert_eq!(told_of(&acted, "as before"), "Done, generation 7: orders-read is on legacy.");
        acted.durable = false;
        acted.left_alone = vec!["a".to_owned(), "b".to_owned()];
        let (address, message) = ("http://x".to_owned(), "no answer".to_owned());
        acted.peers = vec![PeerAnswer { address, message, ..PeerAnswer::default() }];
        let said = told_of(&acted, "");
        for part in ["having no legacy: a, b.", "not on the disk yet", "http://x did not obey: no answer."] {
            assert!(said.contains(part), "{said}");
        }
        assert_eq!(told_of(&Acted { durable: true, ..Acted::default() }, "as before"), "as before");
    }
}
