//! `history`: the generations of before, and what each changed.

use std::io::{self, Write};

use clap::Args;

use super::call::Where;
use super::{Exit, Rows, complain, diffs};
use crate::admin::{History, PastDiff, PastView};
use crate::report::printable;
use crate::report::sheet::{Cell, Sheet};

#[derive(Debug, Args)]
pub(super) struct HistoryArgs {
    /// This one, with what it changed in the files
    number: Option<u64>,
    #[command(flatten)]
    at: Where,
    /// At most so many, the newest first
    #[arg(long, default_value_t = 20)]
    limit: usize,
    /// How it is printed
    #[arg(long, short, value_enum, default_value_t = Rows::Table)]
    output: Rows,
}

/// A row for each generation, or one with its diff.
pub(super) fn history(args: &HistoryArgs, out: &mut impl Write) -> io::Result<Exit> {
    let remote = match args.at.remote() {
        Ok(remote) => remote,
        Err(exit) => return Ok(exit),
    };
    if let Some(number) = args.number {
        return match remote.read(&format!("/api/v1/history/{number}"), &[]) {
            Ok(found) => one(&found, args.output, out),
            Err(exit) => Ok(exit),
        };
    }
    let mut found: History = match remote.read("/api/v1/history", &[]) {
        Ok(found) => found,
        Err(exit) => return Ok(exit),
    };
    let more = found.generations.len().saturating_sub(args.limit);
    found.generations.truncate(args.limit);
    diffs::print(&rows(&found.generations), args.output, out)?;
    if more > 0 {
        complain(&format!("{more} more; --limit shows them"));
    }
    Ok(Exit::Ok)
}

fn rows(generations: &[PastView]) -> Sheet {
    let row = |past: &PastView| {
        let state = match (past.live, past.held) {
            (true, _) => "live",
            (false, true) => "held",
            (false, false) => "",
        };
        let changes = past.changes.join("; ");
        vec![
            Cell::Count(past.number),
            Cell::Text(past.at.clone()),
            Cell::Text(past.by.clone()),
            state.into(),
            Cell::Text(changes),
        ]
    };
    Sheet { columns: vec!["number", "at", "by", "state", "changes"], rows: generations.iter().map(row).collect() }
}

fn one(found: &PastDiff, output: Rows, out: &mut impl Write) -> io::Result<Exit> {
    if output != Rows::Table {
        serde_json::to_writer_pretty(&mut *out, found)?;
        writeln!(out)?;
        return Ok(Exit::Ok);
    }
    rows(std::slice::from_ref(&found.generation)).write_table(out)?;
    match &found.diff {
        Some(diff) if diff.is_empty() => complain("the files did not change"),
        Some(diff) => {
            writeln!(out)?;
            for line in diff.lines() {
                writeln!(out, "{}", printable(line))?;
            }
        }
        None => complain("the files of this generation, or of the one before, are not kept any more"),
    }
    Ok(Exit::Ok)
}
