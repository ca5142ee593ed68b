//! `gate`: whether a route is good enough to go on, for pipelines.

use std::io::{self, Write};

use clap::Args;

use super::store::StoreAt;
use super::{Exit, complain, moment};
use crate::report::gate::Gate;
use crate::routing::Percent;
use crate::snapshot::Snapshot;
use crate::store::Reader;
use crate::store::read::ReadError;

#[derive(Debug, Args)]
pub(super) struct GateArgs {
    /// A route, `group:NAME`, or `all`
    #[arg(value_name = "ROUTE")]
    what: String,
    #[command(flatten)]
    at: StoreAt,
    /// Of the comparisons that could be judged, at least so many match or differ by noise only
    #[arg(long, value_name = "PERCENT", default_value = "99.9%", value_parser = percent)]
    min_match: Percent,
    /// At least so many comparisons could be judged
    #[arg(long, value_name = "N", default_value_t = 10_000)]
    min_n: u64,
    /// Of all comparisons, at most so many could not be judged
    #[arg(long, value_name = "PERCENT", default_value = "1%", value_parser = percent)]
    max_unknown: Percent,
    /// Only since then: 24h, 2026-11-21
    #[arg(long, value_parser = moment::since)]
    since: Option<u64>,
}

fn percent(text: &str) -> Result<Percent, String> {
    Percent::parse(text).map_err(|error| error.to_string())
}

/// Prints n, share and interval, and what is missing; exit 0 if it passes.
pub(super) fn gate(args: &GateArgs, out: &mut impl Write) -> io::Result<Exit> {
    let snapshot = args.at.snapshot();
    if snapshot.is_none() {
        complain(&format!("note: {} cannot be used; only recorded routes are known", args.at.config().display()));
    }
    let reader = match args.at.open(snapshot.as_ref()) {
        Ok(reader) => reader,
        Err(exit) => return Ok(exit),
    };
    match ask(args, snapshot.as_ref(), &reader, out) {
        Ok(exit) => exit,
        Err(error) => {
            complain(&format!("banyan: {error}"));
            Ok(Exit::No)
        }
    }
}

fn ask(
    args: &GateArgs,
    snapshot: Option<&Snapshot>,
    reader: &Reader,
    out: &mut impl Write,
) -> Result<io::Result<Exit>, ReadError> {
    let recorded = reader.routes(0)?.into_iter().map(|summary| summary.route).collect();
    let routes = match chosen(&args.what, snapshot, recorded) {
        Ok(routes) => routes,
        Err(why) => {
            complain(&format!("banyan: {why}"));
            return Ok(Ok(Exit::No));
        }
    };
    let gate = Gate { min_match: args.min_match, min_n: args.min_n, max_unknown: args.max_unknown };
    let passage = gate.ask(reader, &routes, args.since.unwrap_or(0))?;
    let written = passage.lines().iter().try_for_each(|line| writeln!(out, "{line}"));
    Ok(written.map(|()| if passage.passes() { Exit::Ok } else { Exit::No }))
}

/// The names of the routes that are meant.
fn chosen(what: &str, snapshot: Option<&Snapshot>, recorded: Vec<String>) -> Result<Vec<String>, String> {
    let configured = snapshot.map(|snapshot| snapshot.rules.routes.as_slice()).unwrap_or_default();
    if what == "all" {
        // What was recorded for a route that is gone says nothing about those that are there.
        let names: Vec<String> = configured.iter().map(|route| route.name.to_string()).collect();
        return Ok(if snapshot.is_some() { names } else { recorded });
    }
    if let Some(group) = what.strip_prefix("group:") {
        let of_group = configured.iter().filter(|route| route.group.as_deref() == Some(group));
        let names: Vec<String> = of_group.map(|route| route.name.to_string()).collect();
        return if names.is_empty() { Err(format!("no route is in a group `{group}`")) } else { Ok(names) };
    }
    let known = configured.iter().any(|route| *route.name == *what) || recorded.iter().any(|route| route == what);
    if known { Ok(vec![what.to_owned()]) } else { Err(format!("there is no route `{what}`")) }
}
