//! One ramp: it climbs while its guard has enough to say and holds.

use std::sync::Arc;

use tokio::time::Instant;

use super::watch::Watch;
use super::{Evidence, Finding, Judgement, StepReason, judge};
use crate::directives::{RampState, Unit};
use crate::names::{Side, Stage};
use crate::routing::Percent;
use crate::snapshot::RampSettings;

/// What a ramp waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Waits {
    /// For nothing: it stands at its last step.
    Finished,
    /// For its percentage to be set.
    Begin,
    /// For a pin to be lifted.
    Pin,
    /// For an operator to let it go on.
    Pause,
    /// For the step's time to pass.
    Time,
    /// For more answers of new, or for enough of legacy to compare them with.
    Answers,
    /// For the guard to hold: what was seen since the step began, or of late, breaches it.
    Guard,
}

impl Waits {
    /// The name, as in JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Waits::Finished => "finished",
            Waits::Begin => "begin",
            Waits::Pin => "pin",
            Waits::Pause => "pause",
            Waits::Time => "time",
            Waits::Answers => "answers",
            Waits::Guard => "guard",
        }
    }
}

/// One ramp.
#[derive(Debug)]
pub(super) struct Climb {
    pub(super) unit: Unit,
    pub(super) settings: Arc<RampSettings>,
    /// The places of the unit's routes among the watches.
    pub(super) routes: Vec<usize>,
    /// The step that is under way; `None` while its clock stands.
    step: Option<Step>,
    pub(super) waits: Waits,
    /// The answers of new since the step began.
    pub(super) answers: u64,
}

#[derive(Debug, Clone, Copy)]
struct Step {
    percent: Percent,
    began: Instant,
}

impl Climb {
    /// A ramp of a unit in stage canary; it goes on where `before`, of the same unit, left off, unless its settings are others.
    pub(super) fn new(unit: Unit, settings: Arc<RampSettings>, before: Option<&Climb>) -> Climb {
        let step = before.filter(|before| before.settings == settings).and_then(|before| before.step);
        Climb { unit, settings, routes: Vec::new(), step, waits: Waits::Begin, answers: 0 }
    }

    /// When the step under way may end.
    pub(super) fn due(&self) -> Option<Instant> {
        self.step.map(|step| step.began + self.settings.every)
    }

    /// Looks whether the next step may be taken.
    pub(super) fn look(&mut self, state: Option<&RampState>, watches: &mut [Watch], now: Instant) -> Option<Finding> {
        let Some(state) = state else {
            (self.step, self.waits) = (None, Waits::Begin);
            let percent = self.settings.steps.first().copied()?;
            return Some(Finding::Begin { unit: self.unit.clone(), percent });
        };
        let from = state.percent();
        let at = self.settings.step_of(from);
        let here = self.settings.steps.get(at).copied()?;
        if here != from {
            self.stop(Waits::Begin);
            return self.step_to(from, here, StepReason::OtherSteps);
        }
        if self.of(watches).any(|watch| watch.is_pinned) {
            self.stop(Waits::Pin);
            return None;
        }
        if state.paused {
            self.stop(Waits::Pause);
            return None;
        }
        let began = match self.step {
            Some(step) if step.percent == here => step.began,
            _ => self.start(here, watches, now),
        };
        let Some(&next) = self.settings.steps.get(at + 1) else {
            self.waits = Waits::Finished;
            return None;
        };
        self.answers = self.seen(watches).side(Side::New).requests;
        if now.saturating_duration_since(began) < self.settings.every {
            self.waits = Waits::Time;
            return None;
        }
        match self.judge(watches) {
            Ok(why) => self.step_to(from, next, why),
            Err(waits) => {
                self.waits = waits;
                None
            }
        }
    }

    /// The guard has rolled the unit back: gives the step to go on from, if there is one before.
    pub(super) fn trip(&mut self, state: Option<&RampState>) -> Option<Percent> {
        self.stop(Waits::Pin);
        let at = self.settings.step_of(state?.percent());
        self.settings.steps.get(at.checked_sub(1)?).copied()
    }

    /// The step's clock stands; when it goes on it begins anew.
    fn stop(&mut self, waits: Waits) {
        (self.step, self.waits, self.answers) = (None, waits, 0);
    }

    fn start(&mut self, percent: Percent, watches: &mut [Watch], now: Instant) -> Instant {
        self.step = Some(Step { percent, began: now });
        self.answers = 0;
        for &place in &self.routes {
            if let Some(since) = watches.get_mut(place).and_then(|watch| watch.since_step.as_mut()) {
                *since = Evidence::default();
            }
        }
        now
    }

    /// Whether the guard holds for the step: over the unit's routes together there is enough to say and nothing is breached,
    /// and none of them breaches it alone, neither since the step began nor of late.
    fn judge(&self, watches: &[Watch]) -> Result<StepReason, Waits> {
        let fails_alone = |watch: &Watch| {
            let since = watch.since_step.as_ref().map(|since| judge(&watch.settings, since, watch.new_answers()));
            watch.judgement.is_failure() || since.is_some_and(|since| Judgement::of(&since).is_failure())
        };
        if self.of(watches).any(fails_alone) {
            return Err(Waits::Guard);
        }
        // The routes of a unit have one guard.
        let settings = &self.of(watches).next().ok_or(Waits::Answers)?.settings;
        let measures = judge(settings, &self.seen(watches), true);
        match Judgement::of(&measures) {
            Judgement::Fails(_) => Err(Waits::Guard),
            Judgement::Holds if self.answers >= settings.min_requests => {
                Ok(StepReason::Held { answers: self.answers, measures })
            }
            Judgement::Holds | Judgement::TooFew => Err(Waits::Answers),
        }
    }

    /// What the routes that the ramp is of have seen together since the step began.
    fn seen(&self, watches: &[Watch]) -> Evidence {
        let mut together = Evidence::default();
        for watch in self.of(watches).filter(|watch| watch.stage == Stage::Canary) {
            watch.since_step.iter().for_each(|since| together.add(since));
        }
        together
    }

    fn of<'w>(&self, watches: &'w [Watch]) -> impl Iterator<Item = &'w Watch> {
        self.routes.iter().filter_map(|&place| watches.get(place))
    }

    fn step_to(&self, from: Percent, to: Percent, why: StepReason) -> Option<Finding> {
        (from != to).then(|| Finding::Step { unit: self.unit.clone(), from, to, why })
    }
}
