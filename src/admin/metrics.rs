//! Metrics, as Prometheus scrapes them; without a token.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::SystemTime;

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Admin;
use super::fault::Fault;
use crate::control::Helm;
use crate::state::Generation;
use crate::telemetry::export::Scrape;

/// What everybody may see.
pub(super) fn for_everybody() -> OpenApiRouter<Admin> {
    OpenApiRouter::new().routes(routes!(metrics))
}

/// Metrics
#[utoipa::path(
    get, path = "/metrics", tag = "health",
    responses((status = 200, description = "Prometheus text.", body = String, content_type = "text/plain"))
)]
async fn metrics(State(admin): State<Admin>) -> Response {
    let live = &admin.live;
    let generation = Arc::clone(&live.current());
    let mut scrape = Scrape::default();
    scrape.routes(generation.meters.iter().chain([&generation.unrouted]).map(|meter| &**meter));
    scrape.backends(generation.backends.iter().map(|backend| &*backend.meter));
    scrape.endpoints(generation.backends.iter().flat_map(|backend| {
        let name = &*backend.settings.name;
        backend.endpoints.iter().map(move |endpoint| (name, &*endpoint.address.authority, endpoint.is_up()))
    }));
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
    let refused = "Requests to the admin API that were turned away.";
    scrape.counters("banyan_admin_refused_total", refused, "reason", admin.keeper.refusals.counts());
    scrape.counters("banyan_guard_trips_total", "Routes that a guard rolled back.", "route", admin.overview.trips());
    match scrape.render() {
        Ok(text) => ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], text).into_response(),
        Err(error) => Fault::new(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
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
