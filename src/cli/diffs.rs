//! `diffs`: what analysts do with differences.

mod decide;
mod replay;
mod report;

use std::fs::File;
use std::io::{self, Write};
use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use super::store::StoreAt;
use super::{Exit, Rows, complain, moment};
use crate::clock::now_ms;
use crate::diff::{Judgement, SignatureId};
use crate::report::export::{ExportError, Format, Scope, What, export};
use crate::report::top::{TopFilter, top};
use crate::report::view::{ActView, ComparisonView, SignatureView};
use crate::report::{Sheet, show};
use crate::store::read::ReadError;
use decide::{AcceptArgs, ReopenArgs};
use replay::Replay;
use report::ReportArgs;

#[derive(Debug, Subcommand)]
pub(super) enum DiffsCommand {
    /// Difference signatures by impact: real ones first, the most frequent first
    Top(TopArgs),
    /// One signature in full, with a sample side by side
    Show(ShowArgs),
    /// Live with a difference, for a while or for good
    Accept(AcceptArgs),
    /// Take an acceptance back
    Reopen(ReopenArgs),
    /// Rows for other tools
    Export(ExportArgs),
    /// All of it as one HTML file, to be read, mailed, printed
    Report(ReportArgs),
}

#[derive(Debug, Args)]
pub(super) struct TopArgs {
    #[command(flatten)]
    at: StoreAt,
    /// Only this route
    #[arg(long)]
    route: Option<String>,
    /// Only what is held to be this: real, rare, too_few, transient or noise
    #[arg(long, value_parser = judgement)]
    judgement: Option<Judgement>,
    /// Only since then: 24h, 2026-11-21
    #[arg(long, value_parser = moment::since)]
    since: Option<u64>,
    /// Noise, transient and accepted ones too
    #[arg(long)]
    all: bool,
    /// At most so many; 0: all
    #[arg(long, default_value_t = 20)]
    limit: usize,
    /// How rows are printed
    #[arg(long, short, value_enum, default_value = "table")]
    output: Rows,
}

#[derive(Debug, Args)]
pub(super) struct ShowArgs {
    /// The signature
    #[arg(value_parser = signature)]
    id: SignatureId,
    #[command(flatten)]
    at: StoreAt,
    /// Which of its samples, counted from the newest
    #[arg(long, value_name = "N", default_value_t = 1)]
    sample: usize,
    #[command(flatten)]
    replay: Replay,
    /// How it is printed
    #[arg(long, short, value_enum, default_value = "text")]
    output: Whole,
}

/// How one thing is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Whole {
    /// For people
    Text,
    /// For programs
    Json,
}

#[derive(Debug, Args)]
pub(super) struct ExportArgs {
    #[command(flatten)]
    at: StoreAt,
    /// What is exported
    #[arg(long, value_enum)]
    what: Exported,
    /// How
    #[arg(long, value_enum, default_value = "csv")]
    format: FormatArg,
    /// Only this route
    #[arg(long)]
    route: Option<String>,
    /// Only since then: 24h, 2026-11-21
    #[arg(long, value_parser = moment::since)]
    since: Option<u64>,
    /// The file to write, instead of standard output
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Exported {
    /// A row for each signature, with its evidence
    Signatures,
    /// A row for each comparison that was kept in full
    Comparisons,
    /// A row for each minute, route, tenant, verdict and reason
    Verdicts,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum FormatArg {
    /// Comma-separated values; what a spreadsheet would take for a formula gets a ' before it
    Csv,
    /// A JSON object on each line
    Jsonl,
    /// Apache Parquet
    Parquet,
}

fn judgement(text: &str) -> Result<Judgement, String> {
    let found = Judgement::ALL.into_iter().find(|judgement| judgement.as_str() == text);
    found.ok_or_else(|| Judgement::ALL.map(Judgement::as_str).join(", "))
}

fn signature(text: &str) -> Result<SignatureId, String> {
    SignatureId::parse(text).ok_or_else(|| "a signature is 16 hexadecimal digits".to_owned())
}

/// Does what a `diffs` command says.
pub(super) fn diffs(command: &DiffsCommand, out: &mut impl Write) -> io::Result<Exit> {
    match command {
        DiffsCommand::Top(args) => top_signatures(args, out),
        DiffsCommand::Show(args) => show_signature(args, out),
        DiffsCommand::Accept(args) => decide::accept(args, out),
        DiffsCommand::Reopen(args) => decide::reopen(args, out),
        DiffsCommand::Export(args) => export_rows(args, out),
        DiffsCommand::Report(args) => report::write(args, out),
    }
}

fn unreadable(error: &ReadError) -> io::Result<Exit> {
    complain(&format!("banyan: {error}"));
    Ok(Exit::No)
}

/// Prints rows as they are wanted.
pub(super) fn print(sheet: &Sheet, output: Rows, out: &mut impl Write) -> io::Result<()> {
    match output {
        Rows::Table => sheet.write_table(out),
        Rows::Json => sheet.write_json(out),
        Rows::Csv => sheet.write_csv(out),
    }
}

fn top_signatures(args: &TopArgs, out: &mut impl Write) -> io::Result<Exit> {
    let reader = match args.at.open(args.at.snapshot().as_ref()) {
        Ok(reader) => reader,
        Err(exit) => return Ok(exit),
    };
    let filter = TopFilter {
        since_ms: args.since.unwrap_or(0),
        route: args.route.clone(),
        judgement: args.judgement,
        all: args.all,
        limit: args.limit,
    };
    let found = match top(&reader, &filter, now_ms()) {
        Ok(found) => found,
        Err(error) => return unreadable(&error),
    };
    if args.output != Rows::Table {
        print(&found.sheet(), args.output, out)?;
    } else if !found.rows.is_empty() {
        print(&found.table(), args.output, out)?;
    }
    found.notes().iter().for_each(|note| complain(note));
    Ok(Exit::Ok)
}

fn show_signature(args: &ShowArgs, out: &mut impl Write) -> io::Result<Exit> {
    let snapshot = args.at.snapshot();
    let reader = match args.at.open(snapshot.as_ref()) {
        Ok(reader) => reader,
        Err(exit) => return Ok(exit),
    };
    let shown = match show::show(&reader, args.id) {
        Ok(Some(shown)) => shown,
        Ok(None) => {
            complain(&format!("banyan: there is no signature {}", args.id));
            return Ok(Exit::No);
        }
        Err(error) => return unreadable(&error),
    };
    if args.replay.is_wanted() {
        let Some(kept) = args.sample.checked_sub(1).and_then(|place| shown.samples.get(place)) else {
            complain(&format!("banyan: there is no sample {}; {} are kept", args.sample, shown.samples.len()));
            return Ok(Exit::No);
        };
        return args.replay.print(kept, snapshot.as_ref(), out);
    }
    match args.output {
        Whole::Text => shown.write(args.sample, out)?,
        Whole::Json => {
            let signature = SignatureView::of(&shown.row, now_ms());
            let history: Vec<ActView> = shown.history.iter().map(ActView::from).collect();
            let samples: Vec<ComparisonView> = shown.samples.into_iter().map(ComparisonView::from).collect();
            let whole = serde_json::json!({ "signature": signature, "history": history, "comparisons": samples });
            serde_json::to_writer_pretty(&mut *out, &whole)?;
            writeln!(out)?;
        }
    }
    Ok(Exit::Ok)
}

fn export_rows(args: &ExportArgs, out: &mut impl Write) -> io::Result<Exit> {
    let reader = match args.at.open(args.at.snapshot().as_ref()) {
        Ok(reader) => reader,
        Err(exit) => return Ok(exit),
    };
    let what = match args.what {
        Exported::Signatures => What::Signatures,
        Exported::Comparisons => What::Comparisons,
        Exported::Verdicts => What::Verdicts,
    };
    let format = match args.format {
        FormatArg::Csv => Format::Csv,
        FormatArg::Jsonl => Format::Jsonl,
        FormatArg::Parquet => Format::Parquet,
    };
    let scope = Scope { since_ms: args.since.unwrap_or(0), route: args.route.clone(), now_ms: now_ms() };
    let exported = match &args.out {
        Some(path) => export(&reader, what, format, &scope, io::BufWriter::new(File::create(path)?)),
        None if format == Format::Parquet && io::IsTerminal::is_terminal(&io::stdout()) => {
            complain("banyan: Parquet is no text: say --out FILE");
            return Ok(Exit::No);
        }
        None => {
            // A lock on standard output cannot go to another thread, which Parquet's writer may want.
            out.flush()?;
            export(&reader, what, format, &scope, io::stdout())
        }
    };
    match exported {
        Ok(rows) => complain(&format!("{rows} rows")),
        Err(ExportError::Read(error)) => return unreadable(&error),
        Err(ExportError::Write(error)) => return Err(error),
    }
    Ok(Exit::Ok)
}
