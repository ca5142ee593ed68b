//! `diffs accept` and `diffs reopen`: decisions go to the running facade, which judges by them at once.

use std::io::{self, Write};

use clap::Args;

use super::signature;
use crate::admin::{Decided, Decision};
use crate::cli::call::Where;
use crate::cli::{Exit, moment};
use crate::diff::SignatureId;
use crate::report;

#[derive(Debug, Args)]
pub(in crate::cli) struct AcceptArgs {
    /// The signature
    #[arg(value_parser = signature)]
    id: SignatureId,
    #[command(flatten)]
    at: Where,
    /// Why
    #[arg(long)]
    reason: String,
    /// For so long; 30d if nothing is said
    #[arg(long = "for", value_name = "TIME", value_parser = moment::for_so_long, conflicts_with_all = ["until", "forever"])]
    span: Option<u64>,
    /// Until then: 2026-12-31
    #[arg(long, value_name = "DATE", value_parser = moment::until, conflicts_with = "forever")]
    until: Option<u64>,
    /// For good
    #[arg(long)]
    forever: bool,
    /// Who says so
    #[arg(long, env = "USER", value_name = "NAME")]
    by: Option<String>,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct ReopenArgs {
    /// The signature
    #[arg(value_parser = signature)]
    id: SignatureId,
    #[command(flatten)]
    at: Where,
    /// Why
    #[arg(long)]
    reason: String,
    /// Who says so
    #[arg(long, env = "USER", value_name = "NAME")]
    by: Option<String>,
}

pub(super) fn accept(args: &AcceptArgs, out: &mut impl Write) -> io::Result<Exit> {
    let until = args.span.or(args.until).map(report::moment);
    let decision = Decision { reason: args.reason.clone(), by: args.by.clone(), until, forever: args.forever };
    tell(&args.at, args.id, "accept", &decision, out)
}

pub(super) fn reopen(args: &ReopenArgs, out: &mut impl Write) -> io::Result<Exit> {
    let decision = Decision { reason: args.reason.clone(), by: args.by.clone(), until: None, forever: false };
    tell(&args.at, args.id, "reopen", &decision, out)
}

fn tell(at: &Where, id: SignatureId, act: &str, decision: &Decision, out: &mut impl Write) -> io::Result<Exit> {
    let body = serde_json::to_string(decision)?;
    let answer = match at.remote().and_then(|remote| remote.post(&format!("/api/v1/diffs/{id}/{act}"), &body)) {
        Ok(answer) => answer,
        Err(exit) => return Ok(exit),
    };
    match serde_json::from_slice(&answer.body) {
        Ok(Decided { message }) if answer.status == 200 => {
            writeln!(out, "{id} {}", report::printable(&message))?;
            Ok(Exit::Ok)
        }
        _ => Ok(answer.refused()),
    }
}
