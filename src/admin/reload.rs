//! Commands that load: reload, and the end of a hold.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Extension, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use serde::Deserialize;
use tokio::sync::oneshot;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Admin;
use super::commands::durable;
use super::fault::Fault;
use super::input::Query;
use super::orders::{ReloadAnswer, ResumeTold};
use super::peers::{PeerAnswer, Relay};
use crate::control::{Caller, Command, Outcome, Refused, Reloaded};

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ReloadQuery {
    /// Whether what the new configuration takes away is meant.
    #[serde(default)]
    confirm: bool,
}

/// What owners may do.
pub(super) fn for_owners() -> OpenApiRouter<Admin> {
    OpenApiRouter::new().routes(routes!(reload))
}

/// Reload
///
/// Loads the configuration from the disk, and makes it live.
#[utoipa::path(
    post, path = "/api/v1/reload", tag = "control", params(ReloadQuery),
    responses(
        (status = 200, description = "It is live.", body = ReloadAnswer),
        (status = 409, description = "It must be confirmed, or a generation is held, or another one is live.", body = ReloadAnswer),
        (status = 422, description = "It is invalid.", body = ReloadAnswer),
        (status = 423, description = "It is being written.", body = ReloadAnswer),
    )
)]
async fn reload(
    State(admin): State<Admin>,
    Extension(caller): Extension<Caller>,
    Extension(relay): Extension<Relay>,
    Query(query): Query<ReloadQuery>,
) -> Result<Response, Fault> {
    let (reply, outcome) = oneshot::channel();
    let order = Command::Reload { confirm: query.confirm, caller, reply: Some(reply) };
    let reloaded = command(&admin, order, outcome).await?;
    let path = if query.confirm { "/api/v1/reload?confirm=true" } else { "/api/v1/reload" };
    Ok(answer(&admin, reloaded, relay.pass_on_bytes(&admin, path, Bytes::new())).await.into_response())
}

/// Ends the hold of a generation: the files count again.
pub(super) async fn unhold(
    admin: &Admin,
    why: String,
    caller: Caller,
    relay: Relay,
    told: &ResumeTold,
) -> Result<(StatusCode, Json<ReloadAnswer>), Fault> {
    let (reply, outcome) = oneshot::channel();
    let reloaded = command(admin, Command::Unhold { why, caller, reply }, outcome).await?;
    Ok(answer(admin, reloaded, relay.pass_on(admin, "/api/v1/resume", told)).await)
}

async fn command(admin: &Admin, command: Command, outcome: oneshot::Receiver<Reloaded>) -> Result<Reloaded, Fault> {
    admin.commands.send(command).await.map_err(|_| Fault::leaving())?;
    outcome.await.map_err(|_| Fault::leaving())
}

/// What came of it here; only what is live here goes to the peers.
async fn answer(
    admin: &Admin,
    reloaded: Reloaded,
    peers: impl Future<Output = Vec<PeerAnswer>>,
) -> (StatusCode, Json<ReloadAnswer>) {
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
    let written = async {
        match reloaded.durable {
            Some(told) => durable(told).await,
            None => !admin.helm.ledger().is_behind(),
        }
    };
    let asked = async { if live { peers.await } else { Vec::new() } };
    let (durable, peers) = tokio::join!(written, asked);
    (status, Json(ReloadAnswer { live, generation, held, durable, messages, peers }))
}
