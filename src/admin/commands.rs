//! Commands over HTTP: rollback, kill, resume, ramps, reload.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Extension, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use serde::{Deserialize, Serialize};
use tokio::sync::oneshot;
use tokio::time::timeout;

use super::Admin;
use super::fault::Fault;
use super::input::{Input, Query};
use crate::config::{self, Bundle, Options};
use crate::control::{Caller, Command, Done, MadeFrom, Order, Outcome, RampOrder, Refused, Reloaded, ResumeOrder};
use crate::directives::{Scope, Target, Unit};

/// How long an answer waits for the disk. What is not written by then is said not to be durable, and is written later.
const DURABLE_PATIENCE: Duration = Duration::from_secs(2);
/// The most characters of a reason.
const LONGEST_REASON: usize = 1000;

/// What `POST /api/v1/rollback` is told: a route, a group, a tenant (alone: on all routes), or a generation to put back.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RollbackOrder {
    /// The route.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub route: Option<String>,
    /// The group; not with `route`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// Only this tenant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tenant: Option<String>,
    /// For how long: `1h`, `30m`. Without it, until it is resumed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub r#for: Option<String>,
    /// Put this generation back and hold it instead; alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub generation: Option<u64>,
    /// Why.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub reason: String,
}

/// What `POST /api/v1/kill` is told.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct KillOrder {
    /// For how long: `1h`, `30m`. Without it, until it is resumed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub r#for: Option<String>,
    /// Why.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub reason: String,
}

/// What `POST /api/v1/resume` is told; nothing at all lifts the kill switch.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ResumeTold {
    /// The pin of this route.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub route: Option<String>,
    /// The pin of this group; not with `route`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// The pin of this tenant, on that route or group or everywhere.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tenant: Option<String>,
    /// End the hold of a generation: the files count again; alone.
    pub file: bool,
    /// All pins and the kill switch; alone.
    pub all: bool,
    /// Why.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub reason: String,
}

/// What `POST /api/v1/ramp` is told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RampTold {
    /// The route, or `group:NAME`.
    pub unit: String,
    /// `pause`, `continue`, `skip` (to the next step) or `back` (to the one before).
    pub action: RampAction,
    /// Why.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
}

/// What a ramp is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RampAction {
    /// Stay where it is.
    Pause,
    /// Go on after a pause.
    Continue,
    /// To the next step at once.
    Skip,
    /// To the step before at once.
    Back,
}

/// The answer to a command that was obeyed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Acted {
    /// The generation that is live with it.
    pub generation: u64,
    /// Whether anything changed: the same command twice is no change.
    pub changed: bool,
    /// Whether it is on the disk. It is in force in any case, and is written as soon as it can be.
    pub durable: bool,
    /// What changed, in words.
    pub changes: Vec<String>,
    /// Routes that stay with new, since they have no legacy backend to go back to.
    pub left_alone: Vec<String>,
    /// What the other instances said, where `admin.peers` names any.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub peers: Vec<PeerAnswer>,
}

/// What another instance said to the same command.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PeerAnswer {
    /// Its address, as `admin.peers` has it.
    pub address: String,
    /// Whether it obeyed.
    pub ok: bool,
    /// Its status; 0 if it did not answer.
    pub status: u16,
    /// Its live generation, if it obeyed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub generation: Option<u64>,
    /// Whether it is on its disk.
    #[serde(default)]
    pub durable: bool,
    /// Why it did not obey.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub message: String,
}

/// The answer to `POST /api/v1/reload`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReloadAnswer {
    /// Whether the configuration on the disk is live now.
    pub live: bool,
    /// The generation that is live now.
    pub generation: u64,
    /// Whether a generation of before is held, so that the files do not count.
    pub held: bool,
    /// Whether it is on the disk for the next start.
    pub durable: bool,
    /// What changed, or why not.
    pub messages: Vec<String>,
    /// What the other instances said, where `admin.peers` names any.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub peers: Vec<PeerAnswer>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ReloadQuery {
    #[serde(default)]
    confirm: bool,
}

/// What operators may do.
pub(super) fn for_operators() -> Router<Admin> {
    Router::new()
        .route("/api/v1/rollback", post(rollback))
        .route("/api/v1/kill", post(kill))
        .route("/api/v1/resume", post(resume))
        .route("/api/v1/ramp", post(ramp))
}

/// What owners may do.
pub(super) fn for_owners() -> Router<Admin> {
    Router::new().route("/api/v1/reload", post(reload))
}

async fn rollback(
    State(admin): State<Admin>,
    Extension(caller): Extension<Caller>,
    Input(told): Input<RollbackOrder>,
) -> Result<Json<Acted>, Fault> {
    let why = reason(told.reason)?;
    if let Some(number) = told.generation {
        if told.route.is_some() || told.group.is_some() || told.tenant.is_some() || told.r#for.is_some() {
            return Err(Fault::senseless("`generation` stands alone: it puts the whole configuration back"));
        }
        return put_back(&admin, number, why, &caller).await;
    }
    let scope = scope(told.route, told.group, told.tenant)?;
    if scope.is_kill() {
        return Err(Fault::senseless("say which `route`, `group` or `tenant`; for everything there is `kill`"));
    }
    let hold_for = told.r#for.as_deref().map(time).transpose()?;
    Ok(acted(admin.helm.rollback(Order { scope, hold_for, why }, &caller)?).await)
}

async fn kill(
    State(admin): State<Admin>,
    Extension(caller): Extension<Caller>,
    Input(told): Input<KillOrder>,
) -> Result<Json<Acted>, Fault> {
    let hold_for = told.r#for.as_deref().map(time).transpose()?;
    let order = Order { scope: Scope::KILL, hold_for, why: reason(told.reason)? };
    Ok(acted(admin.helm.rollback(order, &caller)?).await)
}

async fn resume(
    State(admin): State<Admin>,
    Extension(caller): Extension<Caller>,
    Input(told): Input<ResumeTold>,
) -> Result<Response, Fault> {
    let why = reason(told.reason)?;
    let names_one = told.route.is_some() || told.group.is_some() || told.tenant.is_some();
    if u8::from(names_one) + u8::from(told.all) + u8::from(told.file) > 1 {
        return Err(Fault::senseless("`file`, `all` and a pin exclude each other"));
    }
    if told.file {
        let (reply, outcome) = oneshot::channel();
        let reloaded = command(&admin, Command::Unhold { why, caller, reply }, outcome).await?;
        return Ok(reload_answer(&admin, reloaded).await);
    }
    let order = match told.all {
        true => ResumeOrder::All,
        false => ResumeOrder::Pin(scope(told.route, told.group, told.tenant)?),
    };
    Ok(acted(admin.helm.resume(&order, &why, &caller)?).await.into_response())
}

async fn ramp(
    State(admin): State<Admin>,
    Extension(caller): Extension<Caller>,
    Input(told): Input<RampTold>,
) -> Result<Json<Acted>, Fault> {
    let order = match told.action {
        RampAction::Pause => RampOrder::Pause,
        RampAction::Continue => RampOrder::Continue,
        RampAction::Skip => RampOrder::Skip,
        RampAction::Back => RampOrder::Back,
    };
    let done = admin.helm.ramp(&Unit::parse(&told.unit), order, reason(told.reason)?, &caller)?;
    Ok(acted(done).await)
}

async fn reload(
    State(admin): State<Admin>,
    Extension(caller): Extension<Caller>,
    Query(query): Query<ReloadQuery>,
) -> Result<Response, Fault> {
    let (reply, outcome) = oneshot::channel();
    let order = Command::Reload { confirm: query.confirm, caller, reply: Some(reply) };
    let reloaded = command(&admin, order, outcome).await?;
    Ok(reload_answer(&admin, reloaded).await)
}

/// A generation of before, from memory; from the ledger if it is not there any more.
async fn put_back(admin: &Admin, number: u64, why: String, caller: &Caller) -> Result<Json<Acted>, Fault> {
    let past = admin.helm.past(number).ok_or(Refused::NoGeneration(number))?;
    let made_from = match past.made_from {
        Some(made_from) => made_from,
        None => {
            let (ledger, state_dir) = (admin.helm.ledger().clone(), admin.store.state_dir().to_path_buf());
            let load = move || -> Option<MadeFrom> {
                let bundle = Bundle::from_text(&ledger.bundle(number).ok()??).ok()?;
                let options = Options { state_dir: Some(state_dir) };
                let snapshot = config::load(&bundle, &bundle.main, &options).snapshot?;
                Some(MadeFrom::new(snapshot, &bundle))
            };
            let loaded = tokio::task::spawn_blocking(load).await.ok().flatten();
            loaded.ok_or(Refused::NoGeneration(number))?
        }
    };
    Ok(acted(admin.helm.hold(number, made_from, why, caller)?).await)
}

async fn command(admin: &Admin, command: Command, outcome: oneshot::Receiver<Reloaded>) -> Result<Reloaded, Fault> {
    admin.commands.send(command).await.map_err(|_| Fault::leaving())?;
    outcome.await.map_err(|_| Fault::leaving())
}

async fn durable(told: oneshot::Receiver<bool>) -> bool {
    matches!(timeout(DURABLE_PATIENCE, told).await, Ok(Ok(true)))
}

async fn acted(done: Done) -> Json<Acted> {
    let names = |routes: Vec<Arc<str>>| routes.iter().map(ToString::to_string).collect();
    Json(Acted {
        generation: done.generation,
        changed: done.changed,
        changes: done.changes,
        left_alone: names(done.left_alone),
        durable: durable(done.durable).await,
        peers: Vec::new(),
    })
}

async fn reload_answer(admin: &Admin, reloaded: Reloaded) -> Response {
    let durable = match reloaded.durable {
        Some(told) => durable(told).await,
        None => !admin.helm.ledger().is_behind(),
    };
    let held = |generation| {
        format!("generation {generation} is held, whatever the files say; `banyan resume --file` ends that")
    };
    let (status, live, messages) = match reloaded.outcome {
        Outcome::Adopted(_, changes) => (StatusCode::OK, true, changes),
        Outcome::Unchanged(_) => (StatusCode::OK, true, Vec::new()),
        Outcome::Invalid(errors) => (StatusCode::UNPROCESSABLE_ENTITY, false, errors),
        Outcome::Unconfirmed(removals) => (StatusCode::CONFLICT, false, removals),
        Outcome::Held(generation) => (StatusCode::CONFLICT, false, vec![held(generation)]),
        Outcome::Moved(live) => (StatusCode::CONFLICT, false, vec![Refused::Moved { live }.to_string()]),
        Outcome::BeingWritten(path) => {
            (StatusCode::LOCKED, false, vec![format!("{} is being written", path.display())])
        }
    };
    let now = Arc::clone(&admin.live.current());
    let (generation, held) = (now.number, now.standing.hold.is_some());
    (status, Json(ReloadAnswer { live, generation, held, durable, messages, peers: Vec::new() })).into_response()
}

/// What a route, a group and a tenant name together.
fn scope(route: Option<String>, group: Option<String>, tenant: Option<String>) -> Result<Scope, Fault> {
    let target = match (route, group) {
        (Some(_), Some(_)) => return Err(Fault::senseless("`route` and `group` exclude each other")),
        (Some(route), None) => Target::Route(route.into()),
        (None, Some(group)) => Target::Group(group.into()),
        (None, None) => Target::Everything,
    };
    if tenant.as_ref().is_some_and(|tenant| tenant.is_empty() || tenant.len() > 256) {
        return Err(Fault::senseless("a tenant has 1 to 256 bytes"));
    }
    Ok(Scope { target, tenant: tenant.map(Arc::from) })
}

fn reason(text: String) -> Result<String, Fault> {
    if text.chars().count() > LONGEST_REASON {
        return Err(Fault::senseless(format!("a reason has at most {LONGEST_REASON} characters")));
    }
    Ok(text)
}

fn time(text: &str) -> Result<Duration, Fault> {
    let time = humantime::parse_duration(text).ok().filter(|time| !time.is_zero());
    time.ok_or_else(|| Fault::senseless(format!("`{text}` is no duration: 30m, 1h, 2days")))
}
