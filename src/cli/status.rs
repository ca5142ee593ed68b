//! `status` and `tenants`: how everything stands in the running facade.

use std::io::{self, Write};
use std::time::Duration;

use clap::Args;
use serde::de::DeserializeOwned;

use super::call::Where;
use super::{Exit, Rows, complain, diffs};
use crate::admin::Tenants;
use crate::control::overview::{Compared, RouteStatus, SideStatus, Status, TenantStatus};
use crate::report::printable;
use crate::report::sheet::{Cell, Sheet};

#[derive(Debug, Args)]
pub(super) struct StatusArgs {
    /// Only this route or group; all if none is said
    #[arg(value_name = "ROUTE|group:NAME")]
    only: Option<String>,
    #[command(flatten)]
    at: Where,
    /// How it is printed
    #[arg(long, short, value_enum, default_value_t = Rows::Table)]
    output: Rows,
}

#[derive(Debug, Args)]
pub(super) struct TenantsArgs {
    #[command(flatten)]
    at: Where,
    /// At most so many, the busiest first
    #[arg(long, default_value_t = 100)]
    limit: usize,
    /// How it is printed
    #[arg(long, short, value_enum, default_value_t = Rows::Table)]
    output: Rows,
}

/// A row for each route.
pub(super) fn status(args: &StatusArgs, out: &mut impl Write) -> io::Result<Exit> {
    let mut status: Status = match fetch(&args.at, "/api/v1/status") {
        Ok(status) => status,
        Err(exit) => return Ok(exit),
    };
    if let Some(only) = &args.only {
        let is_meant = |route: &RouteStatus| match only.strip_prefix("group:") {
            Some(group) => route.group.as_deref() == Some(group),
            None => route.name == *only,
        };
        status.routes.retain(is_meant);
        if status.routes.is_empty() {
            complain(&format!("banyan: there is no route or group `{only}`"));
            return Ok(Exit::No);
        }
    }
    match args.output {
        Rows::Json => {
            serde_json::to_writer_pretty(&mut *out, &status)?;
            writeln!(out)?;
        }
        Rows::Csv => diffs::print(&routes(&status), Rows::Csv, out)?,
        Rows::Table => {
            headlines(&status, out)?;
            routes(&status).write_table(out)?;
        }
    }
    Ok(Exit::Ok)
}

/// A row for each tenant.
pub(super) fn tenants(args: &TenantsArgs, out: &mut impl Write) -> io::Result<Exit> {
    let found: Tenants = match fetch(&args.at, &format!("/api/v1/tenants?limit={}", args.limit)) {
        Ok(found) => found,
        Err(exit) => return Ok(exit),
    };
    if args.output == Rows::Json {
        serde_json::to_writer_pretty(&mut *out, &found)?;
        writeln!(out)?;
        return Ok(Exit::Ok);
    }
    diffs::print(&rows_of(&found.tenants), args.output, out)?;
    if found.all > found.tenants.len() {
        complain(&format!("{} of {} tenants; --limit shows more", found.tenants.len(), found.all));
    }
    Ok(Exit::Ok)
}

fn fetch<T: DeserializeOwned>(at: &Where, path: &str) -> Result<T, Exit> {
    let answer = at.remote()?.get(path)?;
    match serde_json::from_slice(&answer.body) {
        Ok(found) if answer.status == 200 => Ok(found),
        _ => Err(answer.refused()),
    }
}

/// What is not as the files say it.
fn headlines(status: &Status, out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "generation {} (configuration {})", status.generation, status.configuration)?;
    if status.killed {
        let alone: Vec<&str> = status.left_alone.iter().map(String::as_str).collect();
        let but = if alone.is_empty() { String::new() } else { format!(" but {}, which have none", alone.join(", ")) };
        writeln!(out, "THE KILL SWITCH IS ON: everything goes to legacy{}; `banyan resume` lifts it", printable(&but))?;
    }
    if let Some(held) = status.held {
        writeln!(out, "generation {held} is HELD, whatever the files say; `banyan resume --file` ends that")?;
    }
    if status.reload.serving_kept || !status.reload.accepted {
        let what =
            if status.reload.serving_kept { "the kept configuration is served" } else { "the last reload was refused" };
        writeln!(out, "{}: {}", what, printable(&status.reload.messages.join("; ")))?;
    }
    if !status.durable {
        writeln!(out, "NOT EVERYTHING IS ON THE DISK: what is in force might not survive a restart")?;
    }
    for pin in &status.pins {
        let left = |seconds: f64| humantime::format_duration(Duration::from_secs(seconds.max(0.0) as u64)).to_string();
        let until = pin.ends_in_s.map_or(String::new(), |seconds| format!(", for {} more", left(seconds)));
        let unknown = if pin.known { "" } else { " (the configuration has no such route or group)" };
        let why = if pin.why.is_empty() { String::new() } else { format!(": {}", pin.why) };
        let (scope, by, why) = (printable(&pin.scope), printable(&pin.by), printable(&why));
        writeln!(out, "pinned: {scope}{unknown} by {by} since {}{until}{why}", pin.since)?;
    }
    for backend in &status.backends {
        for endpoint in &backend.endpoints {
            let trouble = [(!endpoint.healthy, "is UNHEALTHY"), (endpoint.ejected, "is EJECTED for what it answered")];
            let unresolved = [(!endpoint.resolved, "has NO ADDRESS")];
            for (_, what) in trouble.into_iter().chain(unresolved).filter(|(is_so, _)| *is_so) {
                writeln!(out, "{}: {} {what}", printable(&backend.name), printable(&endpoint.address))?;
            }
        }
    }
    for peer in &status.peers {
        let said =
            if peer.agrees { "agrees".to_owned() } else { format!("DISAGREES: {}", peer.differences.join("; ")) };
        writeln!(out, "{}: {}", peer.address, printable(&said))?;
    }
    writeln!(out, "rates and times are over the last {:.0} s", status.span_s)
}

fn routes(status: &Status) -> Sheet {
    let columns = vec![
        "route",
        "stage",
        "new %",
        "req/s",
        "errors legacy",
        "errors new",
        "p50/p99 ms legacy",
        "p50/p99 ms new",
        "match %",
        "compared",
        "pins",
        "guard",
        "ramp",
        "last hit",
    ];
    let row = |route: &RouteStatus| {
        let name = if route.name.is_empty() { "(no route)" } else { &route.name };
        let guard = route.guard.as_ref().map_or(String::new(), |guard| match guard.state.as_str() {
            "breached" => format!("breached: {}", guard.measures.join("; ")),
            state => state.replace('_', " "),
        });
        let ramp = route.ramp.as_ref().map_or(String::new(), |ramp| {
            let left = ramp.left_s.map_or(String::new(), |left| format!(", {left:.0} s"));
            format!("{} % ({} of {}), waits: {}{left}", ramp.percent, ramp.step, ramp.steps.len(), ramp.waits)
        });
        vec![
            name.into(),
            (&*route.stage).into(),
            percent(route.new_share),
            Cell::Real((route.rate * 10.0).round() / 10.0),
            errors(&route.legacy),
            errors(&route.new),
            times(&route.legacy),
            times(&route.new),
            percent(route.compared.match_share),
            Cell::Count(judged(&route.compared)),
            (&*route.pins.join(", ")).into(),
            (&*guard).into(),
            (&*ramp).into(),
            (&*route.last_hit.clone().unwrap_or_default()).into(),
        ]
    };
    Sheet { columns, rows: status.routes.iter().map(row).collect() }
}

fn rows_of(tenants: &[TenantStatus]) -> Sheet {
    let columns = vec![
        "tenant",
        "requests",
        "new %",
        "errors legacy",
        "errors new",
        "match %",
        "compared",
        "pins",
        "new on",
        "mixed on",
    ];
    let row = |tenant: &TenantStatus| {
        let on = |side: &str| {
            let units = tenant.sides.iter().filter(|(_, is)| *is == side).map(|(unit, _)| &**unit);
            units.collect::<Vec<_>>().join(", ")
        };
        let name = if tenant.configured { tenant.tenant.clone() } else { format!("{} *", tenant.tenant) };
        vec![
            (&*name).into(),
            Cell::Count(tenant.requests),
            percent(tenant.new_share),
            Cell::Count(tenant.legacy_errors),
            Cell::Count(tenant.new_errors),
            percent(tenant.compared.match_share),
            Cell::Count(judged(&tenant.compared)),
            (&*tenant.pins.join(", ")).into(),
            (&*on("new")).into(),
            (&*on("mixed")).into(),
        ]
    };
    Sheet { columns, rows: tenants.iter().map(row).collect() }
}

fn judged(compared: &Compared) -> u64 {
    compared.r#match + compared.mismatch + compared.noise
}

fn percent(share: Option<f64>) -> Cell {
    share.map_or(Cell::Nothing, |share| Cell::Text(format!("{:.2}", share * 100.0)))
}

/// `3 of 1200 (0.25 %)`
fn errors(side: &SideStatus) -> Cell {
    let all = side.requests;
    if all == 0 {
        return Cell::Nothing;
    }
    Cell::Text(format!("{} of {all} ({:.2} %)", side.errors, side.errors as f64 * 100.0 / all as f64))
}

fn times(side: &SideStatus) -> Cell {
    match (side.p50_ms, side.p99_ms) {
        (Some(half), Some(most)) => Cell::Text(format!("{half:.1}/{most:.1}")),
        _ => Cell::Nothing,
    }
}
