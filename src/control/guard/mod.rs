//! Guards roll back what does not keep to its thresholds; ramps climb while their guards hold.
//!
//! Once a second somebody calls [`Guards::tick`] with the live generation and does what it finds. Everything is judged by the
//! counts of that generation and by the monotonic time that is passed in, so that nothing here sleeps, writes or locks.
//!
//! - [`evidence`]: what was seen within a span of time
//! - [`window`]: what was seen of late
//! - [`judge()`]: evidence against limits
//! - [`watch`]: one guarded route · [`climb`]: one ramp
//! - [`finding`]: what they want done · [`view`]: how they stand

mod climb;
mod evidence;
mod finding;
mod judge;
mod view;
mod watch;
mod window;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use tokio::time::Instant;

use crate::directives::{RampState, Target, Unit};
use crate::names::Stage;
use crate::routing::RouteId;
use crate::snapshot::Snapshot;
use crate::state::Generation;

use climb::Climb;
pub use climb::Waits;
pub use evidence::{Evidence, SideEvidence, Times};
pub use finding::{Finding, StepReason};
pub use judge::{Estimate, Figure, Judgement, Measure, State, judge};
pub use view::{GuardState, GuardView, RampView};
use watch::{Duty, Watch};
pub use window::Window;

/// All guards and ramps of the live generation.
#[derive(Debug, Default)]
pub struct Guards {
    /// What the rest was made for.
    snapshot: Option<Arc<Snapshot>>,
    /// The guarded routes, in file order.
    watches: Vec<Watch>,
    /// Their places by name.
    places: HashMap<Arc<str>, usize>,
    /// The ramps of units in stage canary.
    climbs: BTreeMap<Unit, Climb>,
}

impl Guards {
    /// Looks at the counts of the live generation and says what is to be done; called about once a second, the first time as soon
    /// as there is a generation, since only what is counted after that is seen.
    ///
    /// Pins and the states of ramps are those of the generation: what was found is done by putting it into the next one.
    pub fn tick(&mut self, generation: &Generation, now: Instant) -> Vec<Finding> {
        if self.snapshot.as_ref().is_none_or(|snapshot| !Arc::ptr_eq(snapshot, &generation.snapshot)) {
            self.rebuild(generation);
        }
        let mut found = Vec::new();
        let mut tripped: HashMap<Unit, usize> = HashMap::new();
        let rules = &generation.snapshot.rules;
        for watch in &mut self.watches {
            // Pins leave a route alone that has no legacy backend to go back to.
            let is_pinned = generation.overrides.is_pinned(watch.route) && rules.route(watch.route).legacy.is_some();
            watch.look(is_pinned, now);
            // The pin for the first of its routes stops the others as well.
            if tripped.contains_key(&watch.unit) {
                continue;
            }
            let Some(breaches) = watch.tell() else { continue };
            let (unit, route) = (watch.unit.clone(), Arc::clone(&watch.name));
            if watch.duty == Duty::Trips {
                tripped.insert(unit.clone(), found.len());
                found.push(Finding::Trip { unit, route, breaches, back_to: None });
            } else {
                found.push(Finding::Warn { unit, route, breaches });
            }
        }
        self.climb(&generation.standing.ramps, &tripped, now, &mut found);
        found
    }

    /// Begins anew where a pin on one of these was lifted.
    pub fn rearm(&mut self, lifted: &[Target]) {
        if lifted.is_empty() {
            return;
        }
        let Some(snapshot) = self.snapshot.clone() else { return };
        for watch in &mut self.watches {
            let rule = snapshot.rules.route(watch.route);
            if lifted.iter().any(|target| *target == Target::Everything || target.names(rule)) {
                watch.rearm();
            }
        }
    }

    /// `tripped`: the places of the trips among what was found.
    fn climb(&mut self, ramps: &[RampState], tripped: &HashMap<Unit, usize>, now: Instant, found: &mut Vec<Finding>) {
        let states: HashMap<&Unit, &RampState> = ramps.iter().map(|state| (&state.unit, state)).collect();
        for (unit, climb) in &mut self.climbs {
            let state = states.get(unit).copied();
            match tripped.get(unit).and_then(|&place| found.get_mut(place)) {
                Some(Finding::Trip { back_to, .. }) => *back_to = climb.trip(state),
                _ => found.extend(climb.look(state, &mut self.watches, now)),
            }
        }
        for state in ramps.iter().filter(|state| !self.climbs.contains_key(&state.unit)) {
            found.push(Finding::Drop { unit: state.unit.clone(), percent: state.percent() });
        }
    }

    /// Takes in another snapshot. Routes whose guard, stage and backends are the same keep their windows.
    fn rebuild(&mut self, generation: &Generation) {
        let snapshot = &generation.snapshot;
        let mut before: HashMap<Arc<str>, Watch> =
            self.watches.drain(..).map(|watch| (Arc::clone(&watch.name), watch)).collect();
        let climbs_before = std::mem::take(&mut self.climbs);
        let ids = || (0_u32..).zip(&snapshot.rules.routes).map(|(id, rule)| (RouteId(id), rule));
        for (id, rule) in ids() {
            let (Some(ramp), Stage::Canary) = (snapshot.ramp(id), rule.stage) else { continue };
            let unit = rule.group.clone().map_or_else(|| Unit::Route(Arc::clone(&rule.name)), Unit::Group);
            let climb = || Climb::new(unit.clone(), Arc::clone(ramp), climbs_before.get(&unit));
            self.climbs.entry(unit.clone()).or_insert_with(climb);
        }
        self.places.clear();
        for (id, rule) in ids() {
            let unit = rule.group.clone().map_or_else(|| Unit::Route(Arc::clone(&rule.name)), Unit::Group);
            let climb = self.climbs.get_mut(&unit);
            let Some(watch) = Watch::new(id, generation, climb.is_some(), before.remove(&rule.name)) else { continue };
            let place = self.watches.len();
            if let Some(climb) = climb {
                climb.routes.push(place);
            }
            self.places.insert(Arc::clone(&rule.name), place);
            self.watches.push(watch);
        }
        self.snapshot = Some(Arc::clone(snapshot));
    }
}

#[cfg(test)]
mod tests;
