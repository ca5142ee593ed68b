//! What differs between the shops, as the facade itself has found it out.

use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use super::traffic::Traffic;
use crate::clock::now_ms;
use crate::diff::{Judgement, Verdict};
use crate::report::export::ExportError;
use crate::report::html::{self, Scope};
use crate::report::top::{Top, TopFilter, top};
use crate::report::{Cell, Sheet, share};
use crate::store::Reader;
use crate::store::read::{ReadError, SignatureRow, Tally};

/// The report's name, in the state directory.
const REPORT: &str = "banyan-report.html";
/// Requests a second while one waits: enough to see rare differences soon.
const RATE: f64 = 200.0;
/// So many comparisons show most of what there is.
const ENOUGH: u64 = 600;
/// How long to wait at most.
const PATIENCE: Duration = Duration::from_secs(20);
/// How often the store is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// What was found, and where the report is.
#[derive(Debug)]
pub struct Findings {
    top: Top,
    report: PathBuf,
}

/// Asks the facade steadily until its store holds enough comparisons and each difference is settled, but not for ever; then
/// writes the report. `lost` is what the store has lost. Blocks.
///
/// # Errors
/// No thread can be started, the store cannot be read, the report cannot be written.
pub fn gather(facade: SocketAddr, state_dir: &Path, lost: impl Fn() -> u64) -> io::Result<Findings> {
    let filter = TopFilter { since_ms: now_ms(), all: true, ..TopFilter::default() };
    let traffic = Traffic::start(facade, RATE)?;
    let began = Instant::now();
    let found = loop {
        let found = look(state_dir, &filter)?;
        if is_settled(&found) || began.elapsed() > PATIENCE {
            break found;
        }
        thread::sleep(LOOK_EVERY);
    };
    drop(traffic);
    let report = state_dir.join(REPORT);
    let scope = Scope {
        since_ms: filter.since_ms,
        route: None,
        now_ms: now_ms(),
        store: state_dir.display().to_string(),
        lost: Some(lost()),
    };
    let mut page = Vec::new();
    let reader = Reader::open(state_dir).map_err(unreadable)?;
    html::report(&reader, &scope, &mut page).map_err(|error| match error {
        ExportError::Read(error) => unreadable(error),
        ExportError::Write(error) => error,
    })?;
    std::fs::write(&report, page)?;
    Ok(Findings { top: found, report })
}

/// What comparisons have come to since a moment in milliseconds since 1970, in a line; `None` without any.
#[must_use]
pub fn line(state_dir: &Path, since_ms: u64) -> Option<String> {
    let routes = Reader::open(state_dir).ok()?.routes(since_ms).ok()?;
    let mut tally = Tally::default();
    routes.iter().for_each(|route| tally.merge(&route.tally));
    let all = tally.unknown().of;
    let counts = Verdict::ALL.map(|verdict| format!("{} {}", tally.of(verdict), verdict.as_str()));
    (all > 0).then(|| format!("{all} comparisons since the demo began: {}", counts.join(", ")))
}

impl Findings {
    /// Prints what was found, and how to go on.
    ///
    /// # Errors
    /// When the writer fails.
    pub fn write(&self, config: &Path, out: &mut impl Write) -> io::Result<()> {
        writeln!(out, "After {} comparisons it says what differs, and what is noise:\n", self.top.compared)?;
        self.sheet().write_table(out)?;
        writeln!(out, "\nThe whole report, for a browser: {}\n", self.report.display())?;
        writeln!(out, "Go on, in a second terminal:\n")?;
        let config =
            if config == Path::new("routes.yaml") { String::new() } else { format!(" -c {}", config.display()) };
        let id = self.top.rows.first().map_or_else(|| "ID".to_owned(), |row| row.id.to_string());
        writeln!(out, "  banyan diffs top{config}")?;
        writeln!(out, "  banyan diffs show {id}{config}")?;
        writeln!(out, "  banyan gate orders-read{config} --min-match 99% --min-n 100")?;
        writeln!(out, "  banyan status{config}")?;
        writeln!(out, "  banyan rollback customers{config} --reason drill    # and see who answers customers now")?;
        writeln!(out, "  banyan resume customers{config}")
    }

    fn sheet(&self) -> Sheet {
        let row = |row: &SignatureRow| -> Vec<Cell> {
            vec![
                Cell::Text(format!("  {}", row.id)),
                row.judgement().as_str().into(),
                Cell::Text(row.route.clone()),
                Cell::Text(row.path.clone()),
                row.kind.as_str().into(),
                Cell::Text(share(row.share())),
            ]
        };
        let columns =
            vec!["  signature", "judgement", "route", "where", "kind", "share of comparisons (95 % interval)"];
        Sheet { columns, rows: self.top.rows.iter().map(row).collect() }
    }
}

/// Each look is a reader of its own: one reader sees one moment.
fn look(state_dir: &Path, filter: &TopFilter) -> io::Result<Top> {
    let reader = Reader::open(state_dir).map_err(unreadable)?;
    top(&reader, filter, now_ms()).map_err(unreadable)
}

fn is_settled(found: &Top) -> bool {
    let judged = |wanted: Judgement| found.rows.iter().any(|row| row.judgement() == wanted);
    found.compared >= ENOUGH && judged(Judgement::Real) && judged(Judgement::Noise) && !judged(Judgement::TooFew)
}

fn unreadable(error: ReadError) -> io::Error {
    io::Error::other(error.to_string())
}
