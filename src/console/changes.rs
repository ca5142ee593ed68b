//! What was changed: by whom, when and why, and how it is undone.
//!
//! - [`timeline`]: a page of the audit, narrowed down · [`entry`]: a record as people read it
//! - [`generation`]: one generation, in words and in the files
//! - [`back`]: an earlier configuration is put back, and the files count again

mod back;
mod entry;
mod generation;
mod timeline;

use std::sync::Arc;

use askama::Template;
use axum::Router;
use axum::extract::{Extension, Query, State};
use axum::response::Response;
use axum::routing::{get, post};

use super::ago::Ago;
use super::frame::Frame;
use super::link::link;
use super::page::{html, written};
use super::trouble::Trouble;
use crate::admin::{Admin, Who, aside};
use crate::clock::now_ms;
use crate::directives::Pin;
use entry::{Kind, Now, Undo};
use timeline::{Asked, Timeline};

/// The most pins that are listed.
const PINS: usize = 100;

#[derive(Template)]
#[template(path = "console/changes.html")]
struct Page {
    frame: Frame,
    asked: Asked,
    timeline: Timeline,
    pins: Vec<Pinned>,
    /// How many pins there are besides.
    more_pins: usize,
    hold: Option<Held>,
}

/// A pin that is in force.
struct Pinned {
    scope: String,
    href: String,
    by: String,
    why: String,
    since: Ago,
    until: Option<Ago>,
}

/// The hold.
struct Held {
    generation: u64,
    by: String,
    why: String,
    since: Ago,
}

/// What viewers may see.
pub(super) fn for_viewers() -> Router<Admin> {
    Router::new()
        .route("/changes", get(changes))
        .route("/changes/files", get(back::ask_files))
        .route("/changes/{number}", get(generation::generation))
        .route("/changes/{number}/back", get(back::ask_back))
}

/// What operators may do.
pub(super) fn for_operators() -> Router<Admin> {
    Router::new().route("/act/back", post(back::put_back)).route("/act/files", post(back::files))
}

async fn changes(
    State(admin): State<Admin>,
    Extension(who): Extension<Who>,
    Query(asked): Query<Asked>,
) -> Result<Response, Trouble> {
    let frame = Frame::of(&admin, &who, "/changes");
    let live = Arc::clone(&admin.live.current());
    let text = aside(move || {
        let (now_ms, past) = (now_ms(), admin.generations());
        let on = asked.on.trim();
        let route = live.snapshot.rules.routes.iter().find(|route| *route.name == *on);
        let group = route.and_then(|route| route.group.as_ref()).map(|group| format!("group:{group}").to_lowercase());
        let now = Now { standing: &live.standing, past: &past, now_ms };
        let timeline = Timeline::of(admin.helm.ledger(), &asked, group.as_deref(), now);
        let pins = live.standing.pins.iter().take(PINS).map(|pin| Pinned::of(pin, now_ms)).collect();
        let hold = live.standing.hold.as_ref().map(|hold| Held {
            generation: hold.generation,
            by: hold.by.to_string(),
            why: hold.why.clone(),
            since: Ago::of(hold.at_ms, now_ms),
        });
        let more_pins = live.standing.pins.len().saturating_sub(PINS);
        written(&Page { frame, asked, timeline, pins, more_pins, hold })
    });
    Ok(html(text.await??))
}

impl Pinned {
    fn of(pin: &Pin, now_ms: u64) -> Pinned {
        let scope = pin.scope.to_string();
        let href = match pin.scope.is_kill() {
            true => link("/kill", &[("back", "/changes")]),
            false => link("/resume", &[("scope", &scope), ("back", "/changes")]),
        };
        Pinned {
            scope: if pin.scope.is_kill() { "everything (the kill switch)".to_owned() } else { scope },
            href,
            by: pin.by.to_string(),
            why: pin.why.clone(),
            since: Ago::of(pin.at_ms, now_ms),
            until: pin.for_ms.map(|for_ms| Ago::of(pin.at_ms.saturating_add(for_ms), now_ms)),
        }
    }
}
