//! What stands around every page: where one can go, who is logged in, and whether everything is as it should be.

use askama::Template;
use axum::Router;
use axum::extract::{Extension, State};
use axum::response::Response;
use axum::routing::get;

use super::page::page;
use super::trouble::Trouble;
use crate::admin::{Admin, Flash, Who};
use crate::clock::now_ms;
use crate::directives::{Target, without_legacy};
use crate::report::moment;
use crate::snapshot::Role;
use crate::state::ReloadStatus;

/// Where one can go: the address, and what it is called.
const PLACES: [(&str, &str); 5] = [
    ("/", "Board"),
    ("/differences", "Differences"),
    ("/changes", "Changes"),
    ("/plan", "Plan"),
    ("/health", "Health"),
];

/// What stands around a page.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Frame {
    /// Where one can go.
    pub places: Vec<Place>,
    /// The name of the token that is logged in.
    pub name: String,
    /// Its role.
    pub role: &'static str,
    /// Whether it may roll back, kill and resume.
    pub may_operate: bool,
    /// Whether it may reload, accept and put back.
    pub may_own: bool,
    /// What every form carries.
    pub csrf: String,
    /// The live generation.
    pub generation: u64,
    /// Whether the kill switch is on.
    pub killed: bool,
    /// While it is on: how many routes stay with new, since they have no legacy to go back to.
    pub left_alone: usize,
    /// The generation of before that is held.
    pub held: Option<u64>,
    /// Why the last reload was refused, in short.
    pub refused: Option<String>,
    /// Whether every directive is on the disk.
    pub durable: bool,
    /// What came of what was done on the page before.
    pub flash: Option<Flash>,
    /// When the page was made.
    pub now: String,
    /// Of the facade.
    pub version: &'static str,
}

/// A page with nothing in it.
#[derive(Template)]
#[template(path = "console/frame.html")]
struct Bare {
    frame: Frame,
}

/// Where one can go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The address.
    pub href: &'static str,
    /// What it is called.
    pub label: &'static str,
    /// Whether one is there, or below it.
    pub is_here: bool,
}

impl Frame {
    /// What stands around the page at this path, for who asks.
    #[must_use]
    pub fn of(admin: &Admin, who: &Who, path: &str) -> Frame {
        let live = admin.live.current();
        let killed = live.overrides.is_killed();
        let session = who.session.as_ref();
        Frame {
            places: places(path),
            name: who.name.to_string(),
            role: who.role.as_str(),
            may_operate: who.role >= Role::Operator,
            may_own: who.role >= Role::Owner,
            csrf: session.map(|session| session.csrf().to_owned()).unwrap_or_default(),
            generation: live.number,
            killed,
            left_alone: if killed { without_legacy(&Target::Everything, &live.snapshot.rules).len() } else { 0 },
            held: live.standing.hold.as_ref().map(|hold| hold.generation),
            refused: refused(&admin.live.reload()),
            durable: !admin.helm.ledger().is_behind(),
            // What is asked behind a page's back is shown to nobody.
            flash: session.filter(|_| !who.is_behind).and_then(|session| session.said()),
            now: moment(now_ms()),
            version: env!("CARGO_PKG_VERSION"),
        }
    }

    /// What a button says that needs an operator; empty where it may be used.
    #[must_use]
    pub fn needs_operator(&self) -> &'static str {
        if self.may_operate { "" } else { "your token only reads; this needs the role operator" }
    }

    /// What a button says that needs an owner; empty where it may be used.
    #[must_use]
    pub fn needs_owner(&self) -> &'static str {
        if self.may_own { "" } else { "your token may not decide this; it needs the role owner" }
    }
}

/// What viewers may see.
pub(super) fn for_viewers() -> Router<Admin> {
    Router::new().route("/frame", get(bare))
}

/// What stands around every page, alone: how a page that is open for long learns that something has happened.
async fn bare(State(admin): State<Admin>, Extension(who): Extension<Who>) -> Result<Response, Trouble> {
    page(&Bare { frame: Frame::of(&admin, &who, "/frame") })
}

/// The first thing that is wrong with the files, while they are not what is served.
fn refused(reload: &ReloadStatus) -> Option<String> {
    let is_refused = reload.serving_kept || (reload.at.is_some() && !reload.accepted);
    let first = reload.messages.first().and_then(|message| message.lines().next());
    is_refused.then(|| first.unwrap_or("the files cannot be taken").to_owned())
}

fn places(path: &str) -> Vec<Place> {
    let is_here = |href: &str| if href == "/" { path == "/" } else { path.starts_with(href) };
    PLACES.map(|(href, label)| Place { href, label, is_here: is_here(href) }).to_vec()
}
