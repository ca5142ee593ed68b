//! What operators see and do over HTTP: metrics, health, commands and differences. On its own listener, never through a client's.
//!
//! - [`access`]: who may do what
//! - [`commands`]: rollback, kill, resume, ramps, reload
//! - [`diffs`]: differences, and what is decided on them
//! - [`fault`], [`input`]: what is refused, and how requests are read
//! - [`status`]: how routes and tenants stand
//! - [`token`]: the token of the state directory

mod access;
mod commands;
mod diffs;
mod fault;
mod input;
mod status;
mod token;

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::SystemTime;

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde::Serialize;
use tokio::net::TcpListener;
use tokio::sync::mpsc;

use crate::control::{Command, Helm, Overview};
use crate::shadow::Queue;
use crate::state::{Generation, Live, ReloadStatus};
use crate::store::Store;
use crate::telemetry::AccessQueue;
use crate::telemetry::export::Scrape;
use access::Role;
pub use commands::{Acted, KillOrder, PeerAnswer, RampAction, RampTold, ReloadAnswer, ResumeTold, RollbackOrder};
pub use diffs::{Decided, Decision};
pub use fault::Problem;
pub use status::Tenants;
pub use token::Token;

/// What the handlers need.
#[derive(Debug, Clone)]
pub struct Admin {
    /// What is live.
    pub live: Arc<Live>,
    /// Where directives take effect.
    pub helm: Arc<Helm>,
    /// How everything stands.
    pub overview: Arc<Overview>,
    /// The store of comparisons.
    pub store: Store,
    /// The copies that wait.
    pub copies: Arc<Queue>,
    /// The access log, for its losses.
    pub access: Arc<AccessQueue>,
    /// Where commands go that load.
    pub commands: mpsc::Sender<Command>,
    /// What a caller must show.
    pub token: Arc<Token>,
}

/// The answer of `/readyz`.
#[derive(Debug, Serialize)]
struct Readiness {
    ready: bool,
    generation: u64,
    reload: ReloadStatus,
}

impl Admin {
    /// Serves until the task is dropped.
    ///
    /// # Errors
    /// The listener broke.
    pub async fn serve(self, listener: TcpListener) -> io::Result<()> {
        axum::serve(listener, self.router()).await
    }

    fn router(self) -> Router {
        let behind = |role: Role, routes: Router<Admin>| access::behind(role, routes, &self);
        Router::new()
            .route("/livez", get(async || "alive\n"))
            .route("/readyz", get(readyz))
            .route("/metrics", get(metrics))
            .merge(behind(Role::Viewer, diffs::for_viewers().merge(status::for_viewers())))
            .merge(behind(Role::Operator, commands::for_operators()))
            .merge(behind(Role::Owner, commands::for_owners().merge(diffs::for_owners())))
            .with_state(self)
    }
}

/// Binds the admin listener.
///
/// # Errors
/// The address cannot be bound.
pub fn bind(address: SocketAddr) -> io::Result<std::net::TcpListener> {
    let listener = std::net::TcpListener::bind(address)?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

async fn readyz(State(admin): State<Admin>) -> impl IntoResponse {
    let ready = !admin.live.is_leaving();
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let generation = admin.live.current().number;
    (status, Json(Readiness { ready, generation, reload: admin.live.reload() }))
}

async fn metrics(State(admin): State<Admin>) -> Response {
    let live = &admin.live;
    let generation = Arc::clone(&live.current());
    let mut scrape = Scrape::default();
    scrape.routes(generation.meters.iter().chain([&generation.unrouted]).map(|meter| &**meter));
    scrape.backends(generation.backends.iter().map(|backend| &*backend.meter));
    scrape.shadows(generation.shadow_meters.iter().flatten().map(|meter| &**meter));
    scrape.gauge(
        "banyan_shadow_queue_bytes",
        "Bytes held by copies that wait or are under way.",
        admin.copies.held() as u64,
    );
    scrape.facade(&live.meter);
    scrape.gauge("banyan_generation", "The live generation.", generation.number);
    let uptime = SystemTime::now().duration_since(live.started).map_or(0, |up| up.as_secs());
    scrape.gauge("banyan_uptime_seconds", "Time since the facade began to serve.", uptime);
    scrape.counter("banyan_access_log_lost_total", "Access-log lines that were dropped.", admin.access.lost());
    let store = &admin.store;
    scrape.counter("banyan_store_errors_total", "Failures of the store of comparisons.", store.errors());
    scrape.counter("banyan_store_lost_total", "Comparisons that the store lost.", store.lost().1);
    let help = "Whether comparisons are being recorded.";
    scrape.gauge("banyan_store_recording", help, u64::from(store.is_recording()));
    directives(&mut scrape, &admin.helm, &generation);
    scrape.counters("banyan_guard_trips_total", "Routes that a guard rolled back.", "route", admin.overview.trips());
    match scrape.render() {
        Ok(text) => ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], text).into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}

/// What beats the rules, and whether it is kept.
fn directives(scrape: &mut Scrape, helm: &Helm, generation: &Generation) {
    let standing = &generation.standing;
    let mut pins: BTreeMap<String, u64> = BTreeMap::new();
    for pin in standing.pins.iter().filter(|pin| !pin.scope.is_kill()) {
        *pins.entry(pin.scope.target.to_string()).or_default() += 1;
    }
    scrape.gauges("banyan_pins", "Pins, by what they are on; `all`: tenants on all routes.", "route", pins);
    let killed = u64::from(generation.overrides.is_killed());
    scrape.gauge("banyan_killed", "1 while the kill switch is on.", killed);
    let held = u64::from(standing.hold.is_some());
    scrape.gauge("banyan_held", "1 while a generation of before is held.", held);
    let ledger = helm.ledger();
    let waiting = "Directives and records that are not on the disk yet.";
    scrape.gauge("banyan_ledger_waiting", waiting, ledger.waiting() as u64);
    scrape.counter("banyan_ledger_errors_total", "Failures to write directives and records.", ledger.errors());
}
