//! How guards and ramps stand.

use serde::Serialize;
use tokio::time::Instant;

use super::{Guards, Judgement, Measure, Waits};
use crate::control::guard::watch::{Duty, Watch};
use crate::directives::{RampState, Unit};
use crate::routing::Percent;

/// How the guard of a route stands.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct GuardView {
    /// What it rolls back.
    pub unit: Unit,
    /// In a word.
    pub state: GuardState,
    /// Whether a breach rolls back; else it is only told.
    pub trips: bool,
    /// How far back it looks, in seconds.
    pub window_s: f64,
    /// How many answers, or comparisons, it takes.
    pub min_requests: u64,
    /// What was last measured; empty before there was anything.
    pub measures: Vec<Measure>,
}

/// How a guard stands, in a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum GuardState {
    /// New has no part in the route's stage.
    Off,
    /// The route is pinned; its window begins empty when the pin goes.
    Pinned,
    /// There are too few answers to say.
    TooFew,
    /// It is kept to.
    Holds,
    /// It is not.
    Breached,
}

/// How a ramp stands.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RampView {
    /// Whose ramp it is.
    pub unit: Unit,
    /// The percentage in force.
    pub percent: f64,
    /// Which step that is, from 1.
    pub step: usize,
    /// All steps, as percentages.
    pub steps: Vec<f64>,
    /// How long each lasts at least, in seconds.
    pub every_s: f64,
    /// What it waits for.
    pub waits: Waits,
    /// How long the step lasts at least from now on, in seconds; `None` while its clock stands or at the last step.
    pub left_s: Option<f64>,
    /// The answers of new since the step began.
    pub answers: u64,
    /// How many it takes.
    pub min_requests: u64,
}

impl GuardState {
    /// The name, as in JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            GuardState::Off => "off",
            GuardState::Pinned => "pinned",
            GuardState::TooFew => "too_few",
            GuardState::Holds => "holds",
            GuardState::Breached => "breached",
        }
    }
}

impl Guards {
    /// How the guard of a route stands; `None` where it has none, or was not looked at yet.
    #[must_use]
    pub fn guard(&self, route: &str) -> Option<GuardView> {
        let watch = self.watches.get(*self.places.get(route)?)?;
        Some(GuardView {
            unit: watch.unit.clone(),
            state: watch.state(),
            trips: watch.duty == Duty::Trips,
            window_s: watch.settings.window.as_secs_f64(),
            min_requests: watch.settings.min_requests,
            measures: watch.measures.clone(),
        })
    }

    /// How a ramp with this state stands; `None` where the unit has none in stage canary.
    #[must_use]
    pub fn ramp(&self, state: &RampState, now: Instant) -> Option<RampView> {
        let climb = self.climbs.get(&state.unit)?;
        let settings = &climb.settings;
        let left = climb.due().filter(|_| climb.waits != Waits::Finished);
        let watch = climb.routes.first().and_then(|&place| self.watches.get(place));
        Some(RampView {
            unit: state.unit.clone(),
            percent: number(state.percent()),
            step: settings.step_of(state.percent()) + 1,
            steps: settings.steps.iter().copied().map(number).collect(),
            every_s: settings.every.as_secs_f64(),
            waits: climb.waits,
            left_s: left.map(|due| due.saturating_duration_since(now).as_secs_f64()),
            answers: climb.answers,
            min_requests: watch.map_or(0, |watch| watch.settings.min_requests),
        })
    }
}

impl Watch {
    fn state(&self) -> GuardState {
        match (&self.judgement, self.duty) {
            (_, Duty::Rests) => GuardState::Off,
            _ if self.is_pinned => GuardState::Pinned,
            (Judgement::TooFew, _) => GuardState::TooFew,
            (Judgement::Holds, _) => GuardState::Holds,
            (Judgement::Fails(_), _) => GuardState::Breached,
        }
    }
}

fn number(percent: Percent) -> f64 {
    f64::from(percent.thousandths()) / 1000.0
}
