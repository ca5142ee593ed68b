//! Commands that take effect at once: rollback, kill, resume, ramps.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::{Extension, State};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use tokio::sync::oneshot;
use tokio::time::timeout;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Admin;
use super::fault::{Fault, Problem};
use super::input::Input;
use super::orders::{Acted, KillOrder, RampAction, RampTold, ReloadAnswer, ResumeTold, RollbackOrder};
use super::peers::{PeerAnswer, Relay};
use super::reload;
use crate::config::{self, Bundle, Options};
use crate::control::{Caller, Done, MadeFrom, Order, RampOrder, Refused, ResumeOrder};
use crate::directives::{Scope, Target, Unit};

/// How long an answer waits for the disk. What is not written by then is said not to be durable, and is written later.
const DURABLE_PATIENCE: Duration = Duration::from_secs(2);
/// The most characters of a reason.
const LONGEST_REASON: usize = 1000;
/// Why peers are not told to put a generation back.
const OWN_NUMBERS: &str = "not told: each instance numbers its generations itself";

/// What operators may do.
pub(super) fn for_operators() -> OpenApiRouter<Admin> {
    OpenApiRouter::new().routes(routes!(rollback)).routes(routes!(kill)).routes(routes!(resume)).routes(routes!(ramp))
}

/// Roll back
///
/// A route, a group or a tenant goes to legacy; or a generation of before is put back and held. In force when this answers.
#[utoipa::path(
    post, path = "/api/v1/rollback", tag = "control", request_body = RollbackOrder,
    responses(
        (status = 200, description = "In force.", body = Acted),
        (status = 404, description = "There is no such route, group or generation.", body = Problem),
        (status = 409, description = "Another generation is live, or there is no legacy to go back to.", body = Problem),
    )
)]
pub(super) async fn rollback(
    State(admin): State<Admin>,
    Extension(caller): Extension<Caller>,
    Extension(relay): Extension<Relay>,
    Input(told): Input<RollbackOrder>,
) -> Result<Json<Acted>, Fault> {
    let why = reason(told.reason.clone())?;
    if let Some(number) = told.generation {
        if told.route.is_some() || told.group.is_some() || told.tenant.is_some() || told.r#for.is_some() {
            return Err(Fault::senseless("`generation` stands alone: it puts the whole configuration back"));
        }
        let done = put_back(&admin, number, why, &caller).await?;
        return Ok(acted(done, async { relay.kept_back(&admin, OWN_NUMBERS) }).await);
    }
    let scope = scope(told.route.clone(), told.group.clone(), told.tenant.clone())?;
    if scope.is_kill() {
        return Err(Fault::senseless("say which `route`, `group` or `tenant`; for everything there is `kill`"));
    }
    let hold_for = told.r#for.as_deref().map(time).transpose()?;
    let done = admin.helm.rollback(Order { scope, hold_for, why }, &caller)?;
    let mut acted = acted_with(done, &admin, relay, "/api/v1/rollback", &told).await;
    // Afterwards: whoever is in a hurry is obeyed first.
    if let Some(tenant) = told.tenant.filter(|tenant| !admin.overview.knows_tenant(tenant)) {
        acted.notes.push(format!("no request of the tenant `{tenant}` was seen, and the files do not name it"));
    }
    Ok(acted)
}

/// Kill
///
/// Everything goes to legacy, but for routes that have none. In force when this answers.
#[utoipa::path(
    post, path = "/api/v1/kill", tag = "control", request_body = KillOrder,
    responses(
        (status = 200, description = "In force.", body = Acted),
        (status = 409, description = "Another generation is live.", body = Problem),
    )
)]
pub(super) async fn kill(
    State(admin): State<Admin>,
    Extension(caller): Extension<Caller>,
    Extension(relay): Extension<Relay>,
    Input(told): Input<KillOrder>,
) -> Result<Json<Acted>, Fault> {
    let hold_for = told.r#for.as_deref().map(time).transpose()?;
    let order = Order { scope: Scope::KILL, hold_for, why: reason(told.reason.clone())? };
    let done = admin.helm.rollback(order, &caller)?;
    Ok(acted_with(done, &admin, relay, "/api/v1/kill", &told).await)
}

/// Resume
///
/// Lifts a pin, the kill switch, all of them, or the hold of a generation; for the last, the answer is that of a reload.
#[utoipa::path(
    post, path = "/api/v1/resume", tag = "control", request_body = ResumeTold,
    responses(
        (status = 200, description = "In force.", body = Resumed),
        (status = 404, description = "There is no such route or group.", body = Problem),
        (status = 409, description = "Another generation is live.", body = NotResumed),
        (status = 422, description = "It makes no sense, or the files are invalid.", body = NotResumed),
        (status = 423, description = "The files are being written.", body = ReloadAnswer),
    )
)]
async fn resume(
    State(admin): State<Admin>,
    Extension(caller): Extension<Caller>,
    Extension(relay): Extension<Relay>,
    Input(told): Input<ResumeTold>,
) -> Result<Response, Fault> {
    let why = reason(told.reason.clone())?;
    let names_one = told.route.is_some() || told.group.is_some() || told.tenant.is_some();
    if u8::from(names_one) + u8::from(told.all) + u8::from(told.file) > 1 {
        return Err(Fault::senseless("`file`, `all` and a pin exclude each other"));
    }
    if told.file {
        return Ok(reload::unhold(&admin, why, caller, relay, &told).await?.into_response());
    }
    Ok(lift(&admin, why, &caller, relay, told).await?.into_response())
}

/// Lifts a pin, the kill switch, or all of them.
pub(super) async fn lift(
    admin: &Admin,
    why: String,
    caller: &Caller,
    relay: Relay,
    told: ResumeTold,
) -> Result<Json<Acted>, Fault> {
    let order = match told.all {
        true => ResumeOrder::All,
        false => ResumeOrder::Pin(scope(told.route.clone(), told.group.clone(), told.tenant.clone())?),
    };
    let done = admin.helm.resume(&order, &why, caller)?;
    Ok(acted_with(done, admin, relay, "/api/v1/resume", &told).await)
}

/// Move a ramp
///
/// Pauses it, lets it go on, or moves it by a step. In force when this answers.
#[utoipa::path(
    post, path = "/api/v1/ramp", tag = "control", request_body = RampTold,
    responses(
        (status = 200, description = "In force.", body = Acted),
        (status = 404, description = "There is no such route or group, or it has no ramp.", body = Problem),
        (status = 409, description = "Another generation is live.", body = Problem),
    )
)]
async fn ramp(
    State(admin): State<Admin>,
    Extension(caller): Extension<Caller>,
    Extension(relay): Extension<Relay>,
    Input(told): Input<RampTold>,
) -> Result<Json<Acted>, Fault> {
    let order = match told.action {
        RampAction::Pause => RampOrder::Pause,
        RampAction::Continue => RampOrder::Continue,
        RampAction::Skip => RampOrder::Skip,
        RampAction::Back => RampOrder::Back,
    };
    let done = admin.helm.ramp(&Unit::parse(&told.unit), order, reason(told.reason.clone())?, &caller)?;
    Ok(acted_with(done, &admin, relay, "/api/v1/ramp", &told).await)
}

/// What `resume` answers: of a pin, or of the hold.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(untagged)]
#[allow(dead_code, reason = "only the document needs to know that it is either")]
enum Resumed {
    Acted(Acted),
    Reloaded(ReloadAnswer),
}

/// Why nothing was resumed.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(untagged)]
#[allow(dead_code, reason = "only the document needs to know that it is either")]
enum NotResumed {
    Problem(Problem),
    Reloaded(ReloadAnswer),
}

/// A generation of before is put back and held.
async fn put_back(admin: &Admin, number: u64, why: String, caller: &Caller) -> Result<Done, Fault> {
    let made_from = kept(admin, number).await?;
    Ok(admin.helm.hold(number, made_from, why, caller)?)
}

/// The configuration of a generation of before, from memory; from the ledger if it is not there any more.
pub(super) async fn kept(admin: &Admin, number: u64) -> Result<MadeFrom, Fault> {
    let past = admin.helm.past(number).ok_or(Refused::NoGeneration(number))?;
    if let Some(made_from) = past.made_from {
        return Ok(made_from);
    }
    let (ledger, state_dir) = (admin.helm.ledger().clone(), admin.store.state_dir().to_path_buf());
    let load = move || -> Option<MadeFrom> {
        let bundle = Bundle::from_text(&ledger.bundle(number).ok()??).ok()?;
        let options = Options { state_dir: Some(state_dir), without_tls: true, ..Options::default() };
        let snapshot = config::load(&bundle, &bundle.main, &options).snapshot?;
        Some(MadeFrom::new(snapshot, &bundle))
    };
    let loaded = tokio::task::spawn_blocking(load).await.ok().flatten();
    Ok(loaded.ok_or(Refused::NoGeneration(number))?)
}

/// Whether a change is on the disk, or is so within a while.
pub(super) async fn durable(told: oneshot::Receiver<bool>) -> bool {
    matches!(timeout(DURABLE_PATIENCE, told).await, Ok(Ok(true)))
}

/// What is in force here already goes to the peers while the disk takes it.
async fn acted_with(
    done: Done,
    admin: &Admin,
    relay: Relay,
    path: &'static str,
    told: &(impl Serialize + Sync),
) -> Json<Acted> {
    acted(done, relay.pass_on(admin, path, told)).await
}

async fn acted(done: Done, peers: impl Future<Output = Vec<PeerAnswer>>) -> Json<Acted> {
    let names = |routes: Vec<Arc<str>>| routes.iter().map(ToString::to_string).collect();
    let (durable, peers) = tokio::join!(durable(done.durable), peers);
    Json(Acted {
        generation: done.generation,
        changed: done.changed,
        changes: done.changes,
        left_alone: names(done.left_alone),
        pins: done.standing.pins.iter().map(|pin| pin.scope.to_string()).collect(),
        held: done.standing.hold.as_ref().map(|hold| hold.generation),
        notes: Vec::new(),
        durable,
        peers,
    })
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

pub(super) fn reason(text: String) -> Result<String, Fault> {
    if text.chars().count() > LONGEST_REASON {
        return Err(Fault::senseless(format!("a reason has at most {LONGEST_REASON} characters")));
    }
    Ok(text)
}

fn time(text: &str) -> Result<Duration, Fault> {
    let time = humantime::parse_duration(text).ok().filter(|time| !time.is_zero());
    time.ok_or_else(|| Fault::senseless(format!("`{text}` is no duration: 30m, 1h, 2days")))
}
