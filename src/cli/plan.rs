//! `plan`: whom another configuration would move, before it is live.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Write};
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};

use super::call::{Remote, Where};
use super::{Exit, complain};
use crate::admin::SentConfiguration;
use crate::config::{self, Disk, Format, Loaded, Options};
use crate::control::plan::{self, Forecast, Portion, RouteForecast, Warning};
use crate::report::printable;
use crate::report::sheet::{Cell, Sheet};
use crate::routing::Percent;

/// How many routes are shown.
const ROUTES: usize = 50;

#[derive(Debug, Args)]
pub(super) struct PlanArgs {
    /// The configuration that might go live
    file: PathBuf,
    /// Decide the requests of an access log (`-`: standard input) instead of those the running facade has seen; --config is
    /// what was live then
    #[arg(long, value_name = "FILE")]
    log: Option<PathBuf>,
    /// Exit 1 if more than this share of all requests changes sides
    #[arg(long, value_name = "PERCENT", value_parser = percentage)]
    fail_if_moved: Option<Percent>,
    /// How it is printed
    #[arg(long, short, value_enum, default_value = "table")]
    output: Form,
    #[command(flatten)]
    at: Where,
}

/// How a forecast is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Form {
    /// For people
    Table,
    /// For programs
    Json,
}

fn percentage(text: &str) -> Result<Percent, String> {
    Percent::parse(text).map_err(|error| error.to_string())
}

/// Prints the forecast.
pub(super) fn plan(args: &PlanArgs, out: &mut impl Write) -> io::Result<Exit> {
    let options = Options { state_dir: args.at.state_dir.clone(), without_tls: true, ..Options::default() };
    let Some(candidate) = load(&args.file, &options) else { return Ok(Exit::No) };
    let forecast = match &args.log {
        Some(log) => {
            let Some(live) = load(&args.at.config.config, &options) else { return Ok(Exit::No) };
            of_log(log, &live, &candidate)
        }
        None => args.at.remote().and_then(|remote| ask(&remote, &candidate)),
    };
    let forecast = match forecast {
        Ok(forecast) => forecast,
        Err(exit) => return Ok(exit),
    };
    match args.output {
        Form::Table => show(&forecast, out)?,
        Form::Json => {
            serde_json::to_writer_pretty(&mut *out, &forecast)?;
            writeln!(out)?;
        }
    }
    out.flush()?;
    Ok(args.fail_if_moved.map_or(Exit::Ok, |most| judge(&forecast, most)))
}

/// The configuration, if it is valid; what is wrong with it is said.
fn load(path: &Path, options: &Options) -> Option<Loaded> {
    let loaded = config::load(&Disk, path, options);
    if loaded.is_clean() {
        return Some(loaded);
    }
    complain(config::render(&loaded.diagnostics, Format::Text).trim_end());
    complain(&format!("{}: invalid; nothing is planned", path.display()));
    None
}

fn of_log(path: &Path, live: &Loaded, candidate: &Loaded) -> Result<Forecast, Exit> {
    let (Some(live), Some(candidate)) = (&live.snapshot, &candidate.snapshot) else { return Err(Exit::No) };
    let open = || -> io::Result<Box<dyn BufRead>> {
        if path == Path::new("-") {
            return Ok(Box::new(io::stdin().lock()));
        }
        Ok(Box::new(BufReader::new(File::open(path)?)))
    };
    open().and_then(|mut log| plan::forecast_of_log(&mut *log, live, candidate)).map_err(|error| {
        complain(&format!("banyan: {}: {error}", path.display()));
        Exit::No
    })
}

/// What the facade makes of it.
pub(super) fn ask(remote: &Remote, candidate: &Loaded) -> Result<Forecast, Exit> {
    let refuse = |error: &dyn std::fmt::Display| {
        complain(&format!("banyan: {error}"));
        Exit::No
    };
    let bundle = Some(candidate.bundle.to_text().map_err(|error| refuse(&error))?);
    let sent = SentConfiguration { config: None, bundle };
    let body = serde_json::to_string(&sent).map_err(|error| refuse(&error))?;
    let answer = remote.post("/api/v1/plan", &body)?;
    if answer.status != 200 {
        return Err(answer.refused());
    }
    serde_json::from_slice(&answer.body).map_err(|error| refuse(&error))
}

fn judge(forecast: &Forecast, most: Percent) -> Exit {
    if forecast.requests == 0 {
        complain("no request could be decided, so nothing says that few would move");
        return Exit::No;
    }
    let moved = &forecast.moved.either;
    if moved.share * 100_000.0 <= f64::from(most.thousandths()) {
        return Exit::Ok;
    }
    complain(&format!("{} of all requests would change sides, more than {most} %", share(moved)));
    Exit::No
}

fn show(forecast: &Forecast, out: &mut impl Write) -> io::Result<()> {
    if forecast.changes.is_empty() {
        writeln!(out, "no rule changes")?;
    }
    forecast.changes.iter().try_for_each(|line| writeln!(out, "{}", printable(line)))?;
    let is_told = |row: &&RouteForecast| row.moved.either.share > 0.0 || row.arriving.share > 0.0 || row.leaving > 0;
    let told: Vec<&RouteForecast> = forecast.routes.iter().filter(is_told).collect();
    if !told.is_empty() {
        let columns =
            vec!["route", "requests", "on new", "then", "to new", "to legacy", "rerouted", "tenants", "users"];
        writeln!(out)?;
        Sheet { columns, rows: told.iter().take(ROUTES).map(|row| cells(row)).collect() }.write_table(out)?;
        if told.len() > ROUTES {
            writeln!(out, "and {} more routes whose requests move", told.len() - ROUTES)?;
        }
    }
    for row in told.iter().take(ROUTES).filter(|row| !row.tenants.is_empty()) {
        let named: Vec<String> = row
            .tenants
            .iter()
            .map(|one| {
                let ways = [(one.to_new, "new"), (one.to_legacy, "legacy")];
                let ways =
                    ways.iter().filter(|(count, _)| *count > 0).map(|(count, side)| format!("{count} to {side}"));
                format!("{} ({})", printable(&one.tenant), ways.collect::<Vec<_>>().join(", "))
            })
            .collect();
        writeln!(out, "tenants of {}: {}", printable(name(row)), named.join(", "))?;
    }
    summary(forecast, forecast.routes.len() - told.len(), out)?;
    for warning in &forecast.warnings {
        writeln!(out, "{}", warned(warning))?;
    }
    Ok(())
}

/// A warning as a line.
pub(super) fn warned(warning: &Warning) -> String {
    let about = warning.route.as_ref().map(|route| format!("{route}: ")).unwrap_or_default();
    format!("warning[{}]: {}{}", warning.code, printable(&about), printable(&warning.message))
}

fn summary(forecast: &Forecast, still: usize, out: &mut impl Write) -> io::Result<()> {
    let moved = &forecast.moved;
    let still = match still {
        0 => String::new(),
        1 => "; on one other route nothing moves".to_owned(),
        more => format!("; on {more} other routes nothing moves"),
    };
    writeln!(
        out,
        "\nof {} requests, {} go to new and {} to legacy{still}",
        forecast.requests,
        share(&moved.to_new),
        share(&moved.to_legacy)
    )?;
    let beside = [
        (forecast.untold, "could not be decided"),
        (forecast.left_out, "were forced or pinned and say nothing"),
        (forecast.broken, "lines of the log were no records"),
    ];
    let beside = beside.iter().filter(|(count, _)| *count > 0);
    beside.into_iter().try_for_each(|(count, what)| writeln!(out, "{count} {what}"))
}

fn name(row: &RouteForecast) -> &str {
    if row.route.is_empty() { "(no route)" } else { &row.route }
}

fn cells(row: &RouteForecast) -> Vec<Cell> {
    let moved = &row.moved;
    let both = |new: u64, legacy: u64| match (new, legacy) {
        (0, 0) => String::new(),
        (new, 0) => format!("{new} to new"),
        (0, legacy) => format!("{legacy} to legacy"),
        (new, legacy) => format!("{new} to new, {legacy} to legacy"),
    };
    let some = |portion: &Portion| if portion.share > 0.0 { share(portion) } else { String::new() };
    let rerouted = match (row.arriving.share > 0.0, row.leaving) {
        (false, 0) => String::new(),
        (true, 0) => format!("{} arrive", some(&row.arriving)),
        (false, leaving) => format!("{leaving} leave"),
        (true, leaving) => format!("{} arrive, {leaving} leave", some(&row.arriving)),
    };
    let texts = [
        percent(row.new_before.share),
        percent(row.new_after.share),
        some(&moved.to_new),
        some(&moved.to_legacy),
        rerouted,
        both(moved.tenants_to_new, moved.tenants_to_legacy),
        both(moved.users_to_new, moved.users_to_legacy),
    ];
    [Cell::from(name(row)), Cell::Count(row.requests)].into_iter().chain(texts.into_iter().map(Cell::Text)).collect()
}

/// A share with its interval: `12.3 % (10.6 to 14.3)`.
fn share(portion: &Portion) -> String {
    let [low, high] = [portion.low, portion.high].map(|end| format!("{:.1}", end * 100.0));
    format!("{} ({low} to {high})", percent(portion.share))
}

fn percent(share: f64) -> String {
    format!("{:.1} %", share * 100.0)
}
