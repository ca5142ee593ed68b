//! What another configuration would change, before it is live: recent requests are decided by the live rules and by the
//! candidate's, and whoever would move is counted.
//!
//! - [`forecast`]: what is told
//! - [`candidate`]: the configuration that may come, as it was sent
//! - [`judge`]: one request, decided by both
//! - [`line`]: the same of a line of the access log, as far as a line tells
//! - [`tally`]: who moves, by route
//! - [`mod@warnings`]: what should make somebody look twice

pub mod candidate;
pub mod forecast;
mod judge;
mod line;
mod tally;
mod warnings;

#[cfg(test)]
mod tests;

use std::io::{self, BufRead};
use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

pub use candidate::Candidate;
pub use forecast::{Forecast, Moved, Portion, RouteForecast, TenantMove, Warning};

use crate::config::{self, Options};
use crate::routing::{Overrides, Percent, RouteId};
use crate::snapshot::Snapshot;
use crate::state::Live;
use crate::telemetry::Input;

/// How often the sample takes what the workers have offered.
const DRAIN_EVERY: Duration = Duration::from_secs(1);

/// A configuration, and what beats its rules.
#[derive(Debug, Clone, Copy)]
pub struct Ruling<'r> {
    /// The configuration.
    pub snapshot: &'r Snapshot,
    /// The pins and ramps, compiled against it.
    pub overrides: &'r Overrides,
}

/// What would change here if this configuration went live.
///
/// # Errors
/// What is wrong with it, a line for each mistake.
pub fn plan(live: &Live, candidate: &Candidate) -> Result<Forecast, Vec<String>> {
    let generation = Arc::clone(&live.current());
    let loaded = candidate.load(&Options {
        state_dir: Some(generation.snapshot.state_dir.clone()),
        without_tls: true,
        ..Options::default()
    });
    let clean = loaded.is_clean();
    let Some(snapshot) = loaded.snapshot.filter(|_| clean) else {
        return Err(loaded.diagnostics.errors().map(config::render::told).collect());
    };
    let overrides = begun(generation.standing.overrides(&snapshot.rules), &snapshot);
    let now = Ruling { snapshot: &generation.snapshot, overrides: &generation.overrides };
    let then = Ruling { snapshot: &snapshot, overrides: &overrides };
    Ok(forecast(&live.sample.inputs(), generation.number, now, then))
}

/// What should make somebody look twice, where no request is at hand to count by.
#[must_use]
pub fn warnings(live: &Snapshot, candidate: &Snapshot) -> Vec<Warning> {
    let (now, then) = (begun(Overrides::default(), live), begun(Overrides::default(), candidate));
    let ruling = |snapshot, overrides| Ruling { snapshot, overrides };
    let mut found = warnings::of(&tally::Tally::default(), ruling(live, &now), ruling(candidate, &then), false);
    found.retain(|warning| warning.code != warnings::FEW_REQUESTS);
    found
}

/// Ramps that have not begun begin with their first step.
fn begun(mut overrides: Overrides, snapshot: &Snapshot) -> Overrides {
    for (id, ramp) in (0..).map(RouteId).zip(&snapshot.ramps) {
        if let Some(first) = ramp.as_ref().and_then(|ramp| ramp.steps.first())
            && overrides.ramped(id) == Percent::ZERO
        {
            overrides.ramp(id, *first);
        }
    }
    overrides
}

/// What becomes of these requests if the candidate takes the place of what is live, numbered `generation`.
#[must_use]
pub fn forecast<I: Deref<Target = Input>>(
    inputs: &[I],
    generation: u64,
    live: Ruling<'_>,
    candidate: Ruling<'_>,
) -> Forecast {
    let judge = judge::Judge::new(live, candidate);
    let mut tally = tally::Tally::default();
    for input in inputs {
        tally.count(judge.judge(input, generation));
    }
    finish(tally, live, candidate, None)
}

/// The same by an access log, which is read to its end. A line that is no record is counted, and so is one that does not say
/// enough.
///
/// # Errors
/// The log cannot be read.
pub fn forecast_of_log(log: &mut dyn BufRead, live: &Snapshot, candidate: &Snapshot) -> io::Result<Forecast> {
    let (now, then) = (begun(Overrides::default(), live), begun(Overrides::default(), candidate));
    let (live, candidate) =
        (Ruling { snapshot: live, overrides: &now }, Ruling { snapshot: candidate, overrides: &then });
    let judge = line::LineJudge::new(live.snapshot, candidate);
    let mut tally = tally::Tally::default();
    let mut broken = 0;
    let mut buffer = Vec::new();
    while line::next(log, &mut buffer)? {
        match line::Line::parse(&buffer) {
            Some(line) => judge.count(&line, &mut tally),
            None => broken += 1,
        }
    }
    Ok(finish(tally, live, candidate, Some(broken)))
}

fn finish(tally: tally::Tally, live: Ruling<'_>, candidate: Ruling<'_>, broken: Option<u64>) -> Forecast {
    let warnings = warnings::of(&tally, live, candidate, broken.is_some());
    let mut forecast = tally.finish();
    forecast.broken = broken.unwrap_or(0);
    forecast.changes = config::changes(live.snapshot, candidate.snapshot);
    forecast.warnings = warnings;
    forecast
}

/// Keeps the sample fresh: takes what the workers have offered, once a second, until the task is dropped.
pub(super) async fn keep_sampling(live: Arc<Live>) {
    let mut ticks = tokio::time::interval(DRAIN_EVERY);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        live.sample.drain();
    }
}
