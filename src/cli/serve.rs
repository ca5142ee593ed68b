//! `serve`: a facade that runs until it is told to go down.

use std::io;
use std::path::PathBuf;
use std::thread::available_parallelism;

use clap::Args;
use sd_notify::NotifyState;
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::{ConfigArg, Exit, complain, messages};
use crate::app::{AppError, Facade};
use crate::control::StartOptions;
use crate::descriptors;
use crate::memory;
use crate::server::Inherited;

#[derive(Debug, Args)]
pub(super) struct ServeArgs {
    #[command(flatten)]
    config: ConfigArg,
    /// Where the token and the kept configuration live, instead of the configuration's `state_dir`
    #[arg(long, env = "BANYAN_STATE_DIR", value_name = "DIR")]
    state_dir: Option<PathBuf>,
    /// Exit 1 rather than serve the kept configuration when the file cannot be taken
    #[arg(long)]
    strict: bool,
    /// How many data workers; one for each core if unsaid
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    workers: Option<u16>,
}

/// Runs the facade until SIGTERM or SIGINT.
pub(super) fn serve(args: ServeArgs) -> io::Result<Exit> {
    // Before there is another thread.
    let descriptors = descriptors::raise();
    messages::start("info");
    let workers = workers(args.workers);
    let options = StartOptions { config: args.config.config, state_dir: args.state_dir, strict: args.strict, workers };
    match descriptors {
        Ok(limit) => tracing::info!(limit = limit.map(tracing::field::display), "descriptors"),
        Err(error) => tracing::warn!(%error, "the limit of descriptors cannot be raised"),
    }
    let facade = match Facade::start_with(options, Inherited::from_environment()) {
        Ok(facade) => facade,
        Err(error) => return Ok(cannot_start(&error)),
    };
    for address in &facade.addresses {
        tracing::info!(%address, workers, "listening");
    }
    tracing::info!(address = %facade.admin, "admin");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(until_told(facade))
}

/// One worker for each core, if nothing else is said.
pub(super) fn workers(said: Option<u16>) -> usize {
    said.map(usize::from).unwrap_or_else(|| available_parallelism().map_or(1, usize::from))
}

pub(super) fn cannot_start(error: &AppError) -> Exit {
    complain(&format!("banyan: {error}"));
    Exit::No
}

/// Obeys signals; drains at the first SIGTERM or SIGINT, ends at once at the second.
pub(super) async fn until_told(facade: Facade) -> io::Result<Exit> {
    let mut reload = signal(SignalKind::hangup())?;
    let mut reopen = signal(SignalKind::user_defined1())?;
    let mut term = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    memory::grow_in_small_pages();
    tell_systemd(&[NotifyState::Ready]);
    loop {
        tokio::select! {
            _ = reload.recv() => {
                let since_boot = NotifyState::monotonic_usec_now().ok();
                tell_systemd(&since_boot.map_or(vec![NotifyState::Reloading], |now| vec![NotifyState::Reloading, now]));
                // What came of it is logged where it is decided.
                let _ = facade.reload(false).await;
                tell_systemd(&[NotifyState::Ready]);
            }
            _ = reopen.recv() => facade.reopen_log().await,
            () = either(&mut term, &mut interrupt) => break,
        }
    }
    tracing::info!("draining");
    tell_systemd(&[NotifyState::Stopping]);
    let stopping = tokio::task::spawn_blocking(move || facade.stop());
    tokio::select! {
        in_order = stopping => {
            let in_order = in_order.unwrap_or(false);
            tracing::info!(in_order, "down");
            Ok(Exit::Ok)
        }
        () = either(&mut term, &mut interrupt) => {
            tracing::warn!("told twice: down at once");
            messages::flush();
            std::process::exit(0);
        }
    }
}

async fn either(one: &mut Signal, other: &mut Signal) {
    tokio::select! {
        _ = one.recv() => {}
        _ = other.recv() => {}
    }
}

fn tell_systemd(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        tracing::debug!(%error, "systemd cannot be told");
    }
}
