//! What the guards and ramps want done.

use std::fmt;
use std::sync::Arc;

use super::Measure;
use crate::directives::Unit;
use crate::routing::Percent;

/// What the guards and ramps want done. Whoever drives them does it before the next look; what is not done is asked for again,
/// except trips and warnings, which are told once until the guard holds again.
#[derive(Debug, Clone, PartialEq)]
pub enum Finding {
    /// Pin this unit to legacy: on one of its routes new does not keep to the guard.
    Trip {
        /// What to pin.
        unit: Unit,
        /// The route that the evidence is of.
        route: Arc<str>,
        /// The thresholds that are breached.
        breaches: Vec<Measure>,
        /// The step before, which the unit's ramp goes on from; `None` without a ramp, and at its first step.
        back_to: Option<Percent>,
    },
    /// Tell somebody: the guard is breached where nothing is rolled back.
    Warn {
        /// What the route belongs to.
        unit: Unit,
        /// The route that the evidence is of.
        route: Arc<str>,
        /// The thresholds that are breached.
        breaches: Vec<Measure>,
    },
    /// Begin a ramp with this percentage.
    Begin {
        /// Whose ramp.
        unit: Unit,
        /// The first step.
        percent: Percent,
    },
    /// Set a ramp to another percentage.
    Step {
        /// Whose ramp.
        unit: Unit,
        /// What it has.
        from: Percent,
        /// What it gets.
        to: Percent,
        /// Why.
        why: StepReason,
    },
    /// Forget a ramp: its unit has none any more, or is not in stage canary.
    Drop {
        /// Whose ramp.
        unit: Unit,
        /// What it had.
        percent: Percent,
    },
}

/// Why a ramp gets another percentage.
#[derive(Debug, Clone, PartialEq)]
pub enum StepReason {
    /// Its guard held for the whole step, by so many answers of new.
    Held {
        /// How many.
        answers: u64,
        /// What was measured.
        measures: Vec<Measure>,
    },
    /// The file has other steps now.
    OtherSteps,
}

impl Finding {
    /// What it is about.
    #[must_use]
    pub fn unit(&self) -> &Unit {
        match self {
            Finding::Trip { unit, .. }
            | Finding::Warn { unit, .. }
            | Finding::Begin { unit, .. }
            | Finding::Step { unit, .. }
            | Finding::Drop { unit, .. } => unit,
        }
    }

    /// Why, in words: for a guard its evidence.
    #[must_use]
    pub fn why(&self) -> String {
        match self {
            Finding::Trip { route, breaches, .. } | Finding::Warn { route, breaches, .. } => {
                format!("{route}: {}", listed(breaches))
            }
            Finding::Begin { .. } => "in stage canary".to_owned(),
            Finding::Step { why, .. } => why.to_string(),
            Finding::Drop { .. } => "no ramp in stage canary any more".to_owned(),
        }
    }
}

/// `group:orders: tripped by orders-read: error_rate 5.12 %, limit 1 % (…)`
impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unit = self.unit();
        match self {
            Finding::Trip { .. } => write!(f, "{unit}: tripped by {}", self.why()),
            Finding::Warn { .. } => write!(f, "{unit}: breached by {}", self.why()),
            Finding::Begin { percent, .. } => write!(f, "{unit}: ramp begins at {percent} %"),
            Finding::Step { from, to, why, .. } => write!(f, "{unit}: ramp {from} % → {to} %: {why}"),
            Finding::Drop { percent, .. } => write!(f, "{unit}: ramp ends at {percent} %: {}", self.why()),
        }
    }
}

impl fmt::Display for StepReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StepReason::Held { answers, measures } => {
                write!(f, "the guard held over {answers} answers of new: {}", listed(measures))
            }
            StepReason::OtherSteps => f.write_str("the steps are others"),
        }
    }
}

fn listed(measures: &[Measure]) -> String {
    measures.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}
