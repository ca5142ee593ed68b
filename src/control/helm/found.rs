//! What guards and ramps find, done at the helm.

use super::{Caller, Helm};
use crate::control::event::Event;
use crate::control::guard::{Finding, StepReason};
use crate::directives::{Author, Source};
use crate::routing::Percent;
use crate::state::Sighting;

impl Helm {
    /// Tells of a difference that was not seen before.
    pub(in crate::control) fn sighted(&self, sighting: &Sighting) {
        let Sighting { route, id, path, kind } = sighting;
        let by = Author::nameless(Source::Shadow);
        let event =
            Event::now("signature", &by, format!("{route}: {path} ({})", kind.as_str()), self.live().current().number);
        self.events().tell(Event { on: id.to_string(), ..event });
    }

    /// Does what a guard or a ramp wants done.
    pub(in crate::control) fn found(&self, finding: &Finding) {
        let why = finding.why();
        let ramp = Caller::of(Source::Ramp);
        match finding {
            Finding::Trip { unit, back_to, .. } => {
                tracing::error!("{finding}");
                self.trip(unit, back_to.map(Percent::thousandths), why, &Caller::of(Source::Guard));
            }
            Finding::Warn { unit, .. } => {
                tracing::warn!("{finding}");
                let by = Author::nameless(Source::Guard);
                let event = Event::now("warning", &by, why, self.live().current().number);
                self.events().tell(Event { on: unit.to_string(), ..event });
            }
            Finding::Begin { unit, percent } => self.step_ramp(unit, (None, *percent), false, why, &ramp),
            Finding::Step { unit, from, to, why: reason } => {
                let climbs = matches!(reason, StepReason::Held { .. });
                self.step_ramp(unit, (Some(*from), *to), climbs, why, &ramp);
            }
            Finding::Drop { unit, .. } => self.end_ramp(unit, why, &ramp),
        }
    }
}
