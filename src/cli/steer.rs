//! Commands that undo and redo: rollback, kill, resume, ramp. They take effect in the running facade at once.

use std::io::{self, Write};

use clap::{Args, Subcommand};
use serde::Serialize;

use super::call::{self, Where};
use super::{Exit, complain};
use crate::admin::{Acted, KillOrder, RampAction, RampTold, ReloadAnswer, ResumeTold, RollbackOrder};
use crate::report::printable;

#[derive(Debug, Args)]
pub(super) struct RollbackArgs {
    /// The route, or group:NAME; with --tenant alone: all routes
    #[arg(value_name = "ROUTE|group:NAME", required_unless_present_any = ["tenant", "to"])]
    target: Option<String>,
    /// Only this tenant
    #[arg(long)]
    tenant: Option<String>,
    /// For how long: 30m, 1h; without it, until `banyan resume`
    #[arg(long, value_name = "TIME")]
    r#for: Option<String>,
    /// Put this generation back instead, and hold it whatever the files say, until `banyan resume --file`
    #[arg(long, value_name = "GENERATION", conflicts_with_all = ["target", "tenant", "for"])]
    to: Option<u64>,
    #[command(flatten)]
    how: How,
}

#[derive(Debug, Args)]
pub(super) struct KillArgs {
    /// For how long: 30m, 1h; without it, until `banyan resume`
    #[arg(long, value_name = "TIME")]
    r#for: Option<String>,
    #[command(flatten)]
    how: How,
}

#[derive(Debug, Args)]
pub(super) struct ResumeArgs {
    /// The route, or group:NAME; nothing at all: the kill switch
    #[arg(value_name = "ROUTE|group:NAME")]
    target: Option<String>,
    /// The pin of this tenant
    #[arg(long)]
    tenant: Option<String>,
    /// End the hold of a generation: the files count again
    #[arg(long, conflicts_with_all = ["target", "tenant", "all"])]
    file: bool,
    /// All pins and the kill switch
    #[arg(long, conflicts_with_all = ["target", "tenant"])]
    all: bool,
    #[command(flatten)]
    how: How,
}

/// What a ramp is told.
#[derive(Debug, Subcommand)]
pub(super) enum RampCommand {
    /// Stay at the step where it is
    Pause(RampArgs),
    /// Go on after a pause
    Continue(RampArgs),
    /// Go to the next step at once
    Skip(RampArgs),
    /// Go to the step before at once
    Back(RampArgs),
}

#[derive(Debug, Args)]
pub(super) struct RampArgs {
    /// The route, or group:NAME
    #[arg(value_name = "ROUTE|group:NAME")]
    unit: String,
    #[command(flatten)]
    how: How,
}

/// What all of them may be told.
#[derive(Debug, Args)]
struct How {
    #[command(flatten)]
    at: Where,
    /// Why; it goes into the audit
    #[arg(long, default_value = "", hide_default_value = true)]
    reason: String,
    /// Only if this generation is still live
    #[arg(long, value_name = "GENERATION")]
    if_generation: Option<u64>,
}

/// Pins to legacy, or puts a generation back.
pub(super) fn rollback(args: RollbackArgs, out: &mut impl Write) -> io::Result<Exit> {
    let (route, group) = target(args.target);
    let (tenant, generation) = (args.tenant, args.to);
    let reason = args.how.reason.clone();
    let order = RollbackOrder { route, group, tenant, r#for: args.r#for, generation, reason };
    act(&args.how, "/api/v1/rollback", &order, out)
}

/// Sends everything to legacy.
pub(super) fn kill(args: KillArgs, out: &mut impl Write) -> io::Result<Exit> {
    let order = KillOrder { r#for: args.r#for, reason: args.how.reason.clone() };
    act(&args.how, "/api/v1/kill", &order, out)
}

/// Lifts pins, the kill switch or the hold.
pub(super) fn resume(args: ResumeArgs, out: &mut impl Write) -> io::Result<Exit> {
    let (route, group) = target(args.target);
    let reason = args.how.reason.clone();
    let order = ResumeTold { route, group, tenant: args.tenant, file: args.file, all: args.all, reason };
    act(&args.how, "/api/v1/resume", &order, out)
}

/// Tells a ramp what to do.
pub(super) fn ramp(command: RampCommand, out: &mut impl Write) -> io::Result<Exit> {
    let (args, action) = match command {
        RampCommand::Pause(args) => (args, RampAction::Pause),
        RampCommand::Continue(args) => (args, RampAction::Continue),
        RampCommand::Skip(args) => (args, RampAction::Skip),
        RampCommand::Back(args) => (args, RampAction::Back),
    };
    let order = RampTold { unit: args.unit, action, reason: args.how.reason.clone() };
    act(&args.how, "/api/v1/ramp", &order, out)
}

/// Route and group of a target.
fn target(text: Option<String>) -> (Option<String>, Option<String>) {
    match text {
        Some(text) => match text.strip_prefix("group:") {
            Some(group) => (None, Some(group.to_owned())),
            None => (Some(text), None),
        },
        None => (None, None),
    }
}

fn act(how: &How, path: &str, order: &impl Serialize, out: &mut impl Write) -> io::Result<Exit> {
    let json = serde_json::to_string(order)?;
    let answer = match how.at.remote().and_then(|remote| remote.ask("POST", path, &json, how.if_generation)) {
        Ok(answer) => answer,
        Err(exit) => return Ok(exit),
    };
    if let (200, Ok(acted)) = (answer.status, serde_json::from_slice::<Acted>(&answer.body)) {
        return report(&acted, out);
    }
    // Where the end of a hold loads the files, the answer is that of a reload.
    match serde_json::from_slice::<ReloadAnswer>(&answer.body) {
        Ok(reloaded) => call::report(answer.status, &reloaded, out),
        Err(_) => Ok(answer.refused()),
    }
}

/// What changed, who stays, and whether every instance obeyed.
fn report(acted: &Acted, out: &mut impl Write) -> io::Result<Exit> {
    for change in &acted.changes {
        writeln!(out, "{}", printable(change))?;
    }
    if !acted.changed {
        writeln!(out, "nothing to change: it is so already")?;
    }
    if !acted.left_alone.is_empty() {
        writeln!(out, "left with new, there is no legacy to go back to: {}", acted.left_alone.join(", "))?;
    }
    for note in &acted.notes {
        writeln!(out, "note: {}", printable(note))?;
    }
    if !acted.pins.is_empty() {
        writeln!(out, "pinned now: {}", printable(&acted.pins.join(", ")))?;
    }
    if let Some(held) = acted.held {
        writeln!(out, "generation {held} is held, whatever the files say")?;
    }
    complain(&format!("generation {} is live", acted.generation));
    if !acted.durable {
        complain("in force, but NOT ON THE DISK yet: it would not survive a restart now (banyan_ledger_waiting)");
    }
    call::peers(&acted.peers, Exit::Ok, out)
}
