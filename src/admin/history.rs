//! The generations of before.

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Admin;
use super::aside::aside;
use super::fault::{Fault, Problem};
use super::input::Part;
use crate::config::{self, Bundle, Options};
use crate::control::Past;
use crate::control::history::text_diff;
use crate::report::moment;

/// What stands in a diff in place of a secret.
const REDACTED: &str = "(secret)";

/// The answer of `GET /api/v1/history`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct History {
    /// Newest first; the live one is the first.
    pub generations: Vec<PastView>,
}

/// A generation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PastView {
    /// Its number.
    pub number: u64,
    /// When it went live (RFC 3339).
    pub at: String,
    /// Who made it.
    pub by: String,
    /// What it changed, in words.
    pub changes: Vec<String>,
    /// Whether it is live.
    pub live: bool,
    /// Whether its configuration is held, whatever the files say.
    pub held: bool,
}

/// A generation with what it changed in the files.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PastDiff {
    /// The generation.
    #[serde(flatten)]
    pub generation: PastView,
    /// The files against those of the generation before, as a unified diff; empty where nothing but a directive changed, `null`
    /// where one of the two is not kept any more. Secrets are left out.
    pub diff: Option<String>,
}

/// What viewers may see.
pub(super) fn for_viewers() -> OpenApiRouter<Admin> {
    OpenApiRouter::new().routes(routes!(history)).routes(routes!(generation))
}

/// History
///
/// The last 100 generations, with who made them and what they changed, in words.
#[utoipa::path(
    get, path = "/api/v1/history", tag = "history",
    responses((status = 200, description = "The generations.", body = History))
)]
async fn history(State(admin): State<Admin>) -> Json<History> {
    Json(History { generations: admin.generations() })
}

/// One generation
///
/// With what it changed in the files, as a unified diff.
#[utoipa::path(
    get, path = "/api/v1/history/{number}", tag = "history",
    params(("number" = u64, Path, description = "Its number.")),
    responses(
        (status = 200, description = "The generation.", body = PastDiff),
        (status = 404, description = "It is not kept.", body = Problem),
    )
)]
async fn generation(State(admin): State<Admin>, Part(number): Part<u64>) -> Result<Json<PastDiff>, Fault> {
    admin.generation(number).await.map(Json)
}

impl Admin {
    /// The generations that are remembered, newest first; the live one is the first.
    pub(crate) fn generations(&self) -> Vec<PastView> {
        self.helm.history().iter().map(|past| view(self, past)).collect()
    }

    /// One generation, with what it changed in the files.
    pub(crate) async fn generation(self, number: u64) -> Result<PastDiff, Fault> {
        let all = self.helm.history();
        let place = all.iter().position(|past| past.number == number).ok_or_else(|| Fault::unknown("generation"))?;
        let generation = view(&self, &all[place]);
        let both = all.get(place + 1).cloned().map(|before| (before, all[place].clone()));
        let diff = aside(move || {
            let (before, after) = both?;
            Some(redacted_diff(&files(&self, &before)?, &files(&self, &after)?))
        });
        Ok(PastDiff { generation, diff: diff.await? })
    }
}

fn view(admin: &Admin, past: &Past) -> PastView {
    let live = admin.live.current();
    PastView {
        number: past.number,
        at: moment(past.at_ms),
        by: past.by.to_string(),
        changes: past.changes.clone(),
        live: past.number == live.number,
        held: live.standing.hold.as_ref().is_some_and(|hold| hold.generation == past.number),
    }
}

/// What a generation was loaded from: from memory, else from the ledger.
fn files(admin: &Admin, past: &Past) -> Option<Bundle> {
    let text = match &past.made_from {
        Some(made_from) => made_from.text.clone(),
        None => admin.helm.ledger().bundle(past.number).ok()??,
    };
    Bundle::from_text(&text).ok()
}

impl Admin {
    /// The text of the main file that is live, without the one secret that it may hold in plain text.
    pub(crate) fn live_text(&self) -> Option<String> {
        let bundle = Bundle::from_text(&self.helm.adopted().text).ok()?;
        let text = bundle.text(&bundle.main)?.to_owned();
        let live = self.live.current();
        let secret = live.snapshot.trust.force.as_ref().and_then(|force| force.secret.clone());
        Some(secret.map_or(text.clone(), |secret| text.replace(&*secret, REDACTED)))
    }

    /// This text as the main file, among the files and variables that the live configuration was loaded from.
    pub(crate) fn among_live(&self, text: String) -> Option<String> {
        let bundle = Bundle::from_text(&self.helm.adopted().text).ok()?;
        bundle.with_main(text).to_text().ok()
    }
}

/// The diff without the one secret that a file may hold in plain text.
fn redacted_diff(before: &Bundle, after: &Bundle) -> String {
    let mut diff = text_diff(before, after);
    if diff.is_empty() {
        return diff;
    }
    for bundle in [before, after] {
        let snapshot =
            config::load(bundle, &bundle.main, &Options { without_tls: true, ..Options::default() }).snapshot;
        let force = snapshot.and_then(|snapshot| snapshot.trust.force);
        if let Some(secret) = force.and_then(|force| force.secret) {
            diff = diff.replace(&*secret, REDACTED);
        }
    }
    diff
}
