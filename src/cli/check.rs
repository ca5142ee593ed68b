//! `check` and `test`: what a pipeline asks before a configuration goes live.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use clap::Args;

use super::{ConfigArg, Exit, Output, complain};
use crate::config::{self, Disk, Format, Loaded, Options};

#[derive(Debug, Args)]
pub(super) struct CheckArgs {
    /// The file to check, instead of --config
    file: Option<PathBuf>,
    #[command(flatten)]
    config: ConfigArg,
    /// How findings are printed
    #[arg(long, short, value_enum, default_value = "text")]
    output: Output,
}

#[derive(Debug, Args)]
pub(super) struct TestArgs {
    /// The file whose tests are run, instead of --config
    file: Option<PathBuf>,
    #[command(flatten)]
    config: ConfigArg,
}

fn load(file: Option<&Path>, config: &ConfigArg) -> (PathBuf, Loaded) {
    let path = file.unwrap_or(&config.config).to_path_buf();
    let loaded = config::load(&Disk, &path, &Options::default());
    (path, loaded)
}

/// Prints every finding; exit 1 if anything is an error.
pub(super) fn check(args: &CheckArgs, out: &mut impl Write) -> io::Result<Exit> {
    let (path, loaded) = load(args.file.as_deref(), &args.config);
    let format = match args.output {
        Output::Text => Format::Text,
        Output::Json => Format::Json,
        Output::Github => Format::Github,
    };
    out.write_all(config::render(&loaded.diagnostics, format).as_bytes())?;
    let clean = loaded.is_clean();
    if args.output == Output::Text {
        let found = &loaded.diagnostics;
        let errors = found.errors().count() + found.more_errors;
        let warnings = found.warnings().count() + found.more_warnings;
        let verdict = if clean { "valid" } else { "invalid" };
        let routes = loaded.snapshot.as_ref().map_or(0, |snapshot| snapshot.rules.routes.len());
        let what =
            if clean { format!("{routes} routes, {} tests passed, ", loaded.tests.len()) } else { String::new() };
        complain(&format!("{}: {verdict} ({what}{errors} errors, {warnings} warnings)", path.display()));
    }
    Ok(if clean { Exit::Ok } else { Exit::No })
}

/// Runs the tests and prints a line for each; exit 1 if one fails or the file is invalid.
pub(super) fn test(args: &TestArgs, out: &mut impl Write) -> io::Result<Exit> {
    let (path, loaded) = load(args.file.as_deref(), &args.config);
    if loaded.snapshot.is_none() {
        out.write_all(config::render(&loaded.diagnostics, Format::Text).as_bytes())?;
        complain(&format!("{}: invalid; no test was run", path.display()));
        return Ok(Exit::No);
    }
    for test in &loaded.tests {
        let verdict = if test.passed { "ok    " } else { "FAILED" };
        writeln!(out, "{verdict} {}  {}: {}", test.place, test.request, test.outcome)?;
    }
    let failed = loaded.tests.iter().filter(|test| !test.passed).count();
    complain(&format!("{} tests, {failed} failed", loaded.tests.len()));
    Ok(if failed == 0 { Exit::Ok } else { Exit::No })
}
