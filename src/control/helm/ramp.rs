//! Ramps at the helm: their steps by the clock, and what operators say of them.

use std::sync::Arc;

use super::{Caller, Done, Helm, Inner, Move, Refused};
use crate::directives::{RampState, Standing, Unit};
use crate::ledger::Change;
use crate::routing::Percent;
use crate::snapshot::RampSettings;
use crate::state::Generation;

/// What an operator says of a ramp.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RampOrder {
    /// Stay where it is.
    Pause,
    /// Go on after a pause.
    Continue,
    /// To the next step at once.
    Skip,
    /// To the step before at once.
    Back,
}

impl Helm {
    /// Obeys an operator on a ramp.
    ///
    /// # Errors
    /// There is no such ramp, or no such step.
    pub fn ramp(&self, unit: &Unit, order: RampOrder, why: String, caller: &Caller) -> Result<Done, Refused> {
        let mut inner = self.inner();
        self.is_still(caller)?;
        let live = Arc::clone(&self.live.current());
        let unknown = || Refused::Unknown(format!("ramp of `{unit}`"));
        let state = live.standing.ramp(unit).ok_or_else(unknown)?;
        let settings = settings_of(unit, &live).ok_or_else(unknown)?;
        let at = settings.step_of(state.percent());
        let step = |percent: Option<Percent>, which: &str| {
            let percent =
                percent.ok_or_else(|| Refused::Senseless(format!("the ramp of `{unit}` has no {which} step")));
            percent.map(|percent| RampState { percent: percent.thousandths(), ..state.clone() })
        };
        let next = match order {
            RampOrder::Pause => RampState { paused: true, ..state.clone() },
            RampOrder::Continue => RampState { paused: false, ..state.clone() },
            RampOrder::Skip => step(settings.steps.get(at + 1).copied(), "next")?,
            RampOrder::Back => step(at.checked_sub(1).map(|at| settings.steps[at]), "earlier")?,
        };
        if next == *state {
            return Ok(self.unchanged());
        }
        Ok(self.step(&mut inner, Some(state), next, why, caller))
    }

    /// Sets a ramp as its clock or the file says, unless somebody has said something else in the meantime. `from` is `None` where
    /// it begins; a ramp that climbs must be neither paused nor pinned.
    pub(in crate::control) fn step_ramp(
        &self,
        unit: &Unit,
        (from, to): (Option<Percent>, Percent),
        climbs: bool,
        why: String,
        caller: &Caller,
    ) {
        let mut inner = self.inner();
        let live = Arc::clone(&self.live.current());
        let known = live.standing.ramp(unit);
        let paused = known.is_some_and(|known| known.paused);
        let stopped = climbs && (paused || live.standing.is_pinned(unit));
        if known.map(RampState::percent) == from && !stopped {
            let next = RampState { unit: unit.clone(), percent: to.thousandths(), paused };
            let _ = self.step(&mut inner, known, next, why, caller);
        }
    }

    /// Forgets a ramp that the rules do not have any more.
    pub(in crate::control) fn end_ramp(&self, unit: &Unit, why: String, caller: &Caller) {
        let mut inner = self.inner();
        let live = Arc::clone(&self.live.current());
        let Some(known) = live.standing.ramp(unit) else { return };
        let act = self.act(caller, "step", &unit.to_string(), describe(known), "no ramp".to_owned(), why);
        let mut standing = Standing::clone(&live.standing);
        standing.ramps.retain(|ramp| ramp.unit != *unit);
        let (changes, words) = (vec![Change::Unramp(unit.clone())], vec![format!("{unit}: the ramp is over")]);
        let _ = self.apply(&mut inner, Move { standing, made_from: None, changes, words, act });
    }

    fn step(
        &self,
        inner: &mut Inner,
        known: Option<&RampState>,
        next: RampState,
        why: String,
        caller: &Caller,
    ) -> Done {
        let (from, to) = (known.map_or(String::new(), describe), describe(&next));
        let change = if from.is_empty() { to.clone() } else { format!("{from} → {to}") };
        let words = vec![format!("{}: ramp {change}", next.unit)];
        let act = self.act(caller, "step", &next.unit.to_string(), from, to, why);
        let mut standing = Standing::clone(&self.live.current().standing);
        standing.ramps.retain(|ramp| ramp.unit != next.unit);
        standing.ramps.push(next.clone());
        self.apply(inner, Move { standing, made_from: None, changes: vec![Change::Ramp(next)], words, act })
    }
}

/// The steps of a unit's ramp.
fn settings_of(unit: &Unit, live: &Generation) -> Option<Arc<RampSettings>> {
    let target = unit.target();
    let mut routes = crate::directives::routes_of(&target, &live.snapshot.rules);
    routes.find_map(|(id, _)| live.snapshot.ramps.get(id.0 as usize)?.clone())
}

/// `25 %`, `25 %, paused`.
fn describe(ramp: &RampState) -> String {
    format!("{} %{}", ramp.percent(), if ramp.paused { ", paused" } else { "" })
}
