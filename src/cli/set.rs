//! `set`: one key of a route, or of a group's routes, in the text of its file.

mod edits;

use std::io::{self, Write};

use clap::{Args, ValueEnum};
use serde::Serialize;
use similar::TextDiff;

use super::call::{Where, report};
use super::plan::{ask, warned};
use super::{Exit, complain};
use crate::admin::ReloadAnswer;
use crate::config::edit::{EditError, KeyPath, ReplaceError, Target, Value, replace};
use crate::config::{self, Disk, Format, Loaded, Options};
use crate::control::plan::{self, Warning};
use edits::Edits;

#[derive(Debug, Args)]
pub(super) struct SetArgs {
    /// A route, or `group:NAME` for all routes of a group that have the key
    route: String,
    /// The key, such as `stage` or `canary.percent`
    key: String,
    /// Its value, in YAML
    #[arg(allow_hyphen_values = true)]
    value: String,
    /// Only show what would change
    #[arg(long)]
    dry_run: bool,
    /// How the outcome is printed
    #[arg(long, short, value_enum, default_value = "text")]
    output: Form,
    #[command(flatten)]
    at: Where,
}

/// How an outcome is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Form {
    /// For people
    Text,
    /// For programs
    Json,
}

/// What came of it, for programs.
#[derive(Debug, Default, Serialize)]
struct Outcome {
    /// The routes whose key was set.
    routes: Vec<String>,
    /// The files that changed, or would.
    files: Vec<String>,
    /// What that changes, in words.
    changes: Vec<String>,
    /// The same as a unified diff.
    diff: String,
    /// What the facade would ask back about.
    confirm: Vec<String>,
    /// Whether anything was written.
    written: bool,
    /// The generation that is live, where a facade was asked to reload.
    generation: Option<u64>,
}

/// Edits, validates, writes, and has the facade load it.
pub(super) fn set(args: &SetArgs, out: &mut impl Write) -> io::Result<Exit> {
    let (path, value) = match (KeyPath::parse(&args.key), Value::parse(&args.value)) {
        (Ok(path), Ok(value)) => (path, value),
        (Err(error), _) | (_, Err(error)) => return Ok(refused(&error)),
    };
    let target = Target::parse(&args.route);
    let options = Options { state_dir: args.at.state_dir.clone(), without_tls: true, ..Options::default() };
    let before = config::load(&Disk, &args.at.config.config, &options);
    let edits = match Edits::make(&before.bundle, &target, &path, &value) {
        Ok(edits) => edits,
        Err(error) => {
            complain(&format!("banyan: {error}"));
            return Ok(Exit::No);
        }
    };
    edits.left.iter().for_each(|name| complain(&format!("{name} has no `{path}` of its own and stays as it is")));
    if edits.list.is_empty() {
        complain(&format!("nothing changes: `{path}` of {target} has this value already"));
        return finish(args, &Outcome { routes: edits.routes, ..Outcome::default() }, Exit::Ok, out);
    }
    let after = config::load(&edits.overlay(), &args.at.config.config, &options);
    complain_of(&after);
    if !after.is_clean() {
        complain("nothing is written: the configuration would be invalid");
        return Ok(Exit::No);
    }
    let mut outcome = told(&before, &after, edits.routes.clone());
    outcome.files = edits.list.iter().map(|edit| edit.path.display().to_string()).collect();
    outcome.diff =
        edits.list.iter().map(|edit| unified(&edit.path.display().to_string(), &edit.before, &edit.after)).collect();
    show(args, &outcome, out)?;
    warn(args, &before, &after, &outcome.routes);
    if args.dry_run {
        return finish(args, &outcome, Exit::Ok, out);
    }
    let exit = match write(&edits) {
        Ok(()) => {
            outcome.written = true;
            load_it(args, &mut outcome, out)?
        }
        Err(exit) => exit,
    };
    finish(args, &outcome, exit, out)
}

fn refused(error: &EditError) -> Exit {
    complain(&format!("banyan: {error}"));
    Exit::No
}

fn write(edits: &Edits) -> Result<(), Exit> {
    for (number, edit) in edits.list.iter().enumerate() {
        if let Err(error) = replace(&edit.path, &edit.before, &edit.after) {
            complain(&format!("banyan: {error}"));
            for written in &edits.list[..number] {
                complain(&format!("{} was written before that", written.path.display()));
            }
            return Err(if matches!(error, ReplaceError::Changed(_)) { Exit::Conflict } else { Exit::No });
        }
    }
    Ok(())
}

/// The findings, as `check` prints them.
fn complain_of(loaded: &Loaded) {
    let text = config::render(&loaded.diagnostics, Format::Text);
    if !text.is_empty() {
        complain(text.trim_end());
    }
}

fn told(before: &Loaded, after: &Loaded, routes: Vec<String>) -> Outcome {
    let (changes, confirm) = match (&before.snapshot, &after.snapshot) {
        (Some(before), Some(after)) => (config::changes(before, after), config::needs_confirming(before, after, &[])),
        // It was invalid before: what it is now cannot be told as a change.
        _ => (Vec::new(), Vec::new()),
    };
    Outcome { routes, changes, confirm: confirm.iter().map(ToString::to_string).collect(), ..Outcome::default() }
}

fn unified(path: &str, before: &str, after: &str) -> String {
    TextDiff::from_lines(before, after).unified_diff().header(path, path).to_string()
}

fn show(args: &SetArgs, outcome: &Outcome, out: &mut impl Write) -> io::Result<()> {
    if args.output == Form::Text {
        outcome.changes.iter().try_for_each(|line| writeln!(out, "{line}"))?;
        if args.dry_run {
            write!(out, "{}", outcome.diff)?;
        }
        out.flush()?;
    }
    for line in &outcome.confirm {
        complain(&format!("{line}; the facade takes it only by `banyan reload --confirm`"));
    }
    Ok(())
}

/// Says what should make somebody look twice: with counts, where a facade has seen requests.
fn warn(args: &SetArgs, before: &Loaded, after: &Loaded, routes: &[String]) {
    let counted = || ask(&args.at.remote().ok()?, after).ok().map(|forecast| forecast.warnings);
    let (Some(live), Some(candidate)) = (&before.snapshot, &after.snapshot) else { return };
    let asked = if args.at.is_answered().is_ok() { counted() } else { None };
    let warnings = asked.unwrap_or_else(|| plan::warnings(live, candidate));
    let is_about = |warning: &&Warning| warning.route.as_ref().is_some_and(|route| routes.contains(route));
    warnings.iter().filter(is_about).for_each(|warning| complain(&warned(warning)));
}

fn finish(args: &SetArgs, outcome: &Outcome, exit: Exit, out: &mut impl Write) -> io::Result<Exit> {
    if args.output == Form::Json {
        serde_json::to_writer_pretty(&mut *out, outcome)?;
        writeln!(out)?;
    }
    Ok(exit)
}

/// Makes the facade load it, if there is one.
fn load_it(args: &SetArgs, outcome: &mut Outcome, out: &mut impl Write) -> io::Result<Exit> {
    if let Err(admin) = args.at.is_answered() {
        complain(&format!("written; no facade answers at {admin}"));
        return Ok(Exit::Ok);
    }
    complain("written");
    // The change is in the file, whatever becomes of this: a facade that watches it loads it by itself.
    let by_itself = |_: Exit| {
        complain("the file is written all the same: a facade that watches it loads it by itself (see `banyan status`)");
        Ok(Exit::Ok)
    };
    let answer = match args.at.remote().and_then(|remote| remote.post("/api/v1/reload", "")) {
        Ok(answer) => answer,
        Err(exit) => return by_itself(exit),
    };
    let Ok(mut told) = serde_json::from_slice::<ReloadAnswer>(&answer.body) else {
        return by_itself(answer.refused());
    };
    outcome.generation = Some(told.generation);
    if answer.status == 200 {
        // What changed has been said.
        told.messages.clear();
    }
    match args.output {
        Form::Text => report(answer.status, &told, out),
        Form::Json => report(answer.status, &told, &mut io::sink()),
    }
}
