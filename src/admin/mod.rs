//! What operators see over HTTP: metrics, health, commands and differences. On its own listener, never through a client's.

mod diffs;
mod token;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::SystemTime;

use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::{Deserialize, Serialize};
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot};

use crate::control::{Command, Outcome};
use crate::shadow::Queue;
use crate::state::{Live, ReloadStatus};
use crate::store::Store;
use crate::telemetry::AccessQueue;
use crate::telemetry::export::Scrape;
pub use diffs::{Decided, Decision};
pub use token::Token;

/// What the handlers need.
#[derive(Debug, Clone)]
pub struct Admin {
    /// What is live.
    pub live: Arc<Live>,
    /// The store of comparisons.
    pub store: Store,
    /// The copies that wait.
    pub copies: Arc<Queue>,
    /// The access log, for its losses.
    pub access: Arc<AccessQueue>,
    /// Where commands go.
    pub commands: mpsc::Sender<Command>,
    /// What a caller must show to change anything.
    pub token: Arc<Token>,
}

/// The answer of `/readyz`.
#[derive(Debug, Serialize)]
struct Readiness {
    ready: bool,
    generation: u64,
    reload: ReloadStatus,
}

/// The answer to `POST /api/v1/reload`.
#[derive(Debug, Serialize, Deserialize, PartialEq, Eq)]
pub struct ReloadAnswer {
    /// Whether the configuration on the disk is live now.
    pub live: bool,
    /// The generation that is live now.
    pub generation: u64,
    /// What changed, or why not.
    pub messages: Vec<String>,
}

#[derive(Debug, Deserialize)]
struct ReloadQuery {
    #[serde(default)]
    confirm: bool,
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
        Router::new()
            .route("/livez", get(async || "alive\n"))
            .route("/readyz", get(readyz))
            .route("/metrics", get(metrics))
            .route("/api/v1/reload", post(reload))
            .merge(diffs::routes(&self))
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
    scrape.counter("banyan_store_errors_total", "Failures to open or write the store.", admin.store.errors());
    let (batches, comparisons) = admin.store.lost();
    scrape.counter("banyan_store_lost_batches_total", "Batches that were never written.", batches);
    scrape.counter("banyan_store_lost_comparisons_total", "Comparisons that were never written.", comparisons);
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
    match scrape.render() {
        Ok(text) => ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], text).into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}

async fn reload(State(admin): State<Admin>, Query(query): Query<ReloadQuery>, headers: HeaderMap) -> Response {
    if !admin.token.admits(&headers) {
        return unauthorized();
    }
    let (reply, outcome) = oneshot::channel();
    let command = Command::Reload { confirm: query.confirm, reply: Some(reply) };
    let sent = admin.commands.send(command).await;
    let (Ok(()), Ok(outcome)) = (sent, outcome.await) else {
        return (StatusCode::SERVICE_UNAVAILABLE, "the facade is going down\n").into_response();
    };
    let generation = admin.live.current().number;
    let (status, live, messages) = match outcome {
        Outcome::Adopted(_, changes) => (StatusCode::OK, true, changes),
        Outcome::Unchanged(_) => (StatusCode::OK, true, Vec::new()),
        Outcome::Invalid(errors) => (StatusCode::UNPROCESSABLE_ENTITY, false, errors),
        Outcome::Unconfirmed(removals) => (StatusCode::CONFLICT, false, removals),
        Outcome::BeingWritten(path) => {
            (StatusCode::LOCKED, false, vec![format!("{} is being written", path.display())])
        }
    };
    (status, Json(ReloadAnswer { live, generation, messages })).into_response()
}

fn unauthorized() -> Response {
    (StatusCode::UNAUTHORIZED, [(header::WWW_AUTHENTICATE, "Bearer")], "a bearer token is needed\n").into_response()
}
