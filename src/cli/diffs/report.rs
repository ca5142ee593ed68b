//! `diffs report`: what differs, as one HTML file.

use std::io::{self, Write};
use std::path::PathBuf;

use clap::Args;

use super::unreadable;
use crate::cli::call::{Answer, Asked, ask};
use crate::cli::store::StoreAt;
use crate::cli::{Exit, complain, moment};
use crate::clock::now_ms;
use crate::report::export::ExportError;
use crate::report::html::{Scope, report};
use crate::snapshot::Snapshot;

/// The metric that tells what the store lost.
const LOST: &str = "banyan_store_lost_total ";

#[derive(Debug, Args)]
pub(in crate::cli) struct ReportArgs {
    #[command(flatten)]
    at: StoreAt,
    /// Only this route
    #[arg(long)]
    route: Option<String>,
    /// Only since then: 24h, 2026-11-21; unsaid: all that is kept
    #[arg(long, value_parser = moment::since)]
    since: Option<u64>,
    /// The file to write; - is standard output
    #[arg(long, value_name = "FILE", default_value = "report.html")]
    out: PathBuf,
}

pub(super) fn write(args: &ReportArgs, out: &mut impl Write) -> io::Result<Exit> {
    let snapshot = args.at.snapshot();
    let reader = match args.at.open(snapshot.as_ref()) {
        Ok(reader) => reader,
        Err(exit) => return Ok(exit),
    };
    let scope = Scope {
        since_ms: args.since.unwrap_or(0),
        route: args.route.clone(),
        now_ms: now_ms(),
        store: args.at.state_dir(snapshot.as_ref()).display().to_string(),
        lost: snapshot.as_ref().and_then(lost),
    };
    // Whole or not at all: half a page in a file would look like a whole one.
    let mut page = Vec::new();
    match report(&reader, &scope, &mut page) {
        Ok(()) => {}
        Err(ExportError::Read(error)) => return unreadable(&error),
        Err(ExportError::Write(error)) => return Err(error),
    }
    if args.out.as_os_str() == "-" {
        out.write_all(&page)?;
        return Ok(Exit::Ok);
    }
    if let Err(error) = std::fs::write(&args.out, &page) {
        complain(&format!("banyan: {} cannot be written: {error}", args.out.display()));
        return Ok(Exit::No);
    }
    complain(&format!("{}: {} KiB, to be opened in a browser", args.out.display(), page.len().div_ceil(1024)));
    Ok(Exit::Ok)
}

/// How many comparisons the running facade has lost; `None` if none answers.
fn lost(snapshot: &Snapshot) -> Option<u64> {
    let asked = Asked { method: "GET", path: "/metrics", token: None, json: "", if_generation: None };
    let Answer { status, body: metrics } = ask(snapshot.admin.address, None, &asked).ok()?;
    let text = String::from_utf8(metrics).ok().filter(|_| status == 200)?;
    text.lines().find_map(|line| line.strip_prefix(LOST)?.trim().parse().ok())
}
