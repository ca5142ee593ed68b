//! `audit`: who did what, when and why.

use std::io::{self, Write};

use clap::Args;

use super::call::{Remote, Where};
use super::{Exit, Rows, complain, diffs};
use crate::admin::{Audit, Record};
use crate::report::sheet::{Cell, Sheet};

/// How many records are asked for at a time.
const PAGE: usize = 1000;

#[derive(Debug, Args)]
pub(super) struct AuditArgs {
    #[command(flatten)]
    at: Where,
    /// Only since then: 1d, 2026-11-21; all of it if unsaid
    #[arg(long)]
    since: Option<String>,
    /// Only on exactly this: a route, group:NAME, tenant:NAME, all, a signature
    #[arg(long)]
    on: Option<String>,
    /// At most so many, the newest first; 0: all
    #[arg(long, default_value_t = 0)]
    limit: usize,
    /// How it is printed
    #[arg(long, short, value_enum, default_value_t = Rows::Table)]
    output: Rows,
}

/// A row for each record, page by page.
pub(super) fn audit(args: &AuditArgs, out: &mut impl Write) -> io::Result<Exit> {
    let found = args.at.remote().and_then(|remote| all(args, &remote));
    let (records, unreadable) = match found {
        Ok(found) => found,
        Err(exit) => return Ok(exit),
    };
    diffs::print(&rows(&records), args.output, out)?;
    match unreadable {
        Some(why) => {
            complain(&format!("NOT ALL: {why}"));
            Ok(Exit::No)
        }
        None => Ok(Exit::Ok),
    }
}

fn all(args: &AuditArgs, remote: &Remote) -> Result<(Vec<Record>, Option<String>), Exit> {
    let most = if args.limit == 0 { usize::MAX } else { args.limit };
    let mut records: Vec<Record> = Vec::new();
    let mut before: Option<String> = None;
    loop {
        let limit = PAGE.min(most - records.len()).to_string();
        let mut pairs = vec![("limit", &*limit)];
        pairs.extend(args.since.iter().map(|since| ("since", &**since)));
        pairs.extend(args.on.iter().map(|on| ("on", &**on)));
        pairs.extend(before.iter().map(|before| ("before", &**before)));
        let page: Audit = remote.read("/api/v1/audit", &pairs)?;
        records.extend(page.records);
        records.truncate(most);
        match page.next {
            Some(next) if records.len() < most && page.unreadable.is_none() => before = Some(next.to_string()),
            _ => return Ok((records, page.unreadable)),
        }
    }
}

fn rows(records: &[Record]) -> Sheet {
    let columns = vec!["id", "at", "source", "name", "what", "on", "from", "to", "why", "generation", "request_id"];
    let text = |text: &String| Cell::Text(text.clone());
    let row = |record: &Record| {
        vec![
            record.id.map_or(Cell::Nothing, Cell::Count),
            text(&record.at),
            text(&record.source),
            text(&record.name),
            text(&record.what),
            text(&record.on),
            text(&record.from),
            text(&record.to),
            text(&record.why),
            Cell::Count(record.generation),
            text(&record.request_id),
        ]
    };
    Sheet { columns, rows: records.iter().map(row).collect() }
}
