//! The command line: data on stdout, messages on stderr, and exit codes that pipelines can rely on.

mod audit;
mod call;
mod check;
mod demo;
mod diffs;
mod explain;
mod gate;
mod history;
mod messages;
mod moment;
mod plan;
mod secure;
mod serve;
mod set;
mod status;
mod steer;
mod store;
mod token;

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, CommandFactory, Parser, Subcommand, ValueEnum};

use crate::config;

/// A strangler-fig migration proxy: sends each request to the legacy or the new system by rules in routes.yaml.
#[derive(Debug, Parser)]
#[command(name = "banyan", version, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

/// Where the configuration is.
#[derive(Debug, Args)]
struct ConfigArg {
    /// The configuration file
    #[arg(long, short, env = "BANYAN_CONFIG", default_value = "routes.yaml", value_name = "FILE", global = true)]
    config: PathBuf,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the facade: SIGHUP reloads, SIGUSR1 opens the access log anew, SIGTERM drains
    Serve(serve::ServeArgs),
    /// See it work: two sample systems, the facade before them, steady traffic
    Demo(demo::DemoArgs),
    /// Validate a configuration; every mistake at once
    Check(check::CheckArgs),
    /// Run the `tests:` of a configuration
    Test(check::TestArgs),
    /// Say how a request would be decided, step by step
    Explain(explain::ExplainArgs),
    /// How each route stands: stage, share on new, errors, times, comparisons, pins, guard
    Status(status::StatusArgs),
    /// How each tenant stands: the sides it is on, share on new, errors, comparisons
    Tenants(status::TenantsArgs),
    /// Send a route, a group or a tenant back to legacy, now; or put a generation of before back
    Rollback(steer::RollbackArgs),
    /// Send everything back to legacy, now
    Kill(steer::KillArgs),
    /// Lift a pin, the kill switch or the hold of a generation
    Resume(steer::ResumeArgs),
    /// Pause or move a ramp
    #[command(subcommand)]
    Ramp(steer::RampCommand),
    /// The generations of before: who made them, and what they changed
    History(history::HistoryArgs),
    /// Who did what, when and why; all of it, to be kept or searched
    Audit(audit::AuditArgs),
    /// Make a token for the admin API
    Token(token::TokenArgs),
    /// Differences between the two systems: the most frequent, one in full, acceptances, exports
    #[command(subcommand)]
    Diffs(diffs::DiffsCommand),
    /// Say whether a route's answers match well enough to go on; exit 0 or 1
    Gate(gate::GateArgs),
    /// Print the JSON Schema (draft-07) of routes.yaml
    Schema,
    /// Tell whom another configuration would move, by recent requests or an access log
    Plan(plan::PlanArgs),
    /// Set a key of a route in its file: comments kept, validated, then written and loaded
    Set(set::SetArgs),
    /// Make the running facade load its configuration anew
    Reload(call::ReloadArgs),
    /// Ask the running facade whether it is ready
    Healthcheck(call::HealthArgs),
    /// Print shell completions
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Print the manual page
    Man,
}

/// How findings are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Output {
    /// For people
    Text,
    /// For programs
    Json,
    /// For GitHub annotations
    Github,
}

/// How rows are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Rows {
    /// Columns, for people
    Table,
    /// A JSON array
    Json,
    /// Comma-separated values
    Csv,
}

/// What a command came to; the numbers are the exit codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Exit {
    Ok = 0,
    /// A negative answer: invalid, not passed, refused.
    No = 1,
    Unreachable = 3,
    Denied = 4,
    Conflict = 5,
}

/// Parses the command line and obeys it.
#[must_use]
pub fn run() -> ExitCode {
    // clap itself exits with 2 on wrong usage.
    let cli = Cli::parse();
    let obeyed = obey(cli.command);
    messages::flush();
    match obeyed {
        Ok(exit) => ExitCode::from(exit as u8),
        // Whoever reads our output has gone: `banyan schema | head` is no error.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(error) => {
            complain(&format!("banyan: {error}"));
            ExitCode::from(Exit::No as u8)
        }
    }
}

fn obey(command: Command) -> io::Result<Exit> {
    let mut out = io::stdout().lock();
    match command {
        Command::Serve(args) => {
            drop(out);
            serve::serve(args)
        }
        Command::Demo(args) => {
            drop(out);
            demo::demo(args)
        }
        Command::Check(args) => check::check(&args, &mut out),
        Command::Test(args) => check::test(&args, &mut out),
        Command::Explain(args) => explain::explain(&args, &mut out),
        Command::Status(args) => status::status(&args, &mut out),
        Command::Tenants(args) => status::tenants(&args, &mut out),
        Command::Rollback(args) => steer::rollback(args, &mut out),
        Command::Kill(args) => steer::kill(args, &mut out),
        Command::Resume(args) => steer::resume(args, &mut out),
        Command::Ramp(command) => steer::ramp(command, &mut out),
        Command::History(args) => history::history(&args, &mut out),
        Command::Audit(args) => audit::audit(&args, &mut out),
        Command::Token(args) => token::token(&args, &mut out),
        Command::Diffs(command) => diffs::diffs(&command, &mut out),
        Command::Gate(args) => gate::gate(&args, &mut out),
        Command::Schema => {
            serde_json::to_writer_pretty(&mut out, &config::schema())?;
            writeln!(out)?;
            Ok(Exit::Ok)
        }
        Command::Plan(args) => plan::plan(&args, &mut out),
        Command::Set(args) => set::set(&args, &mut out),
        Command::Reload(args) => call::reload(&args, &mut out),
        Command::Healthcheck(args) => call::healthcheck(&args, &mut out),
        Command::Completions { shell } => {
            let mut text = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "banyan", &mut text);
            out.write_all(&text)?;
            Ok(Exit::Ok)
        }
        Command::Man => {
            clap_mangen::Man::new(Cli::command()).render(&mut out)?;
            Ok(Exit::Ok)
        }
    }
}

/// Writes a message to stderr.
fn complain(message: &str) {
    // If even stderr is gone, there is nobody left to tell.
    let _ = writeln!(io::stderr().lock(), "{message}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }
}
