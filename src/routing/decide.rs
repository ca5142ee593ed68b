//! The decision: one pure function of rules and request, with its reason.
//!
//! The first that speaks decides: the kill switch, a pin on route and tenant, on the tenant, on the route or its group, then a forced
//! side, then the route's stage. Each is asked for an answer and may have none.

use super::asker::Asker;
use super::canary::{Answer, Terms};
use super::index::Found;
use super::{
    BackendId, Bucket, Captures, CohortId, FlagId, Overrides, PinOn, RequestView, RouteId, Rules, Subject, Trace,
    TraceStep,
};
use crate::names::{Key, Side, Stage};

/// Which side and which backend answer a request, and why. Plain data without heap.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Decision {
    /// The route; `None` where none matched.
    pub route: Option<RouteId>,
    /// Which alternative of the route's `match:`, from 0.
    pub alternative: u16,
    /// What the captures of that alternative's path took.
    pub captures: Captures,
    /// The side that answers.
    pub side: Side,
    /// The backend that answers; `None`: there is none on that side, and the facade answers 404 itself. A route of stage
    /// `legacy`, `shadow` or `canary` without a legacy backend comes to this, which is what `legacy: none` asks for.
    pub backend: Option<BackendId>,
    /// Why.
    pub reason: Reason,
    /// The subject's bucket, where the route's percentage was computed.
    pub bucket: Option<Bucket>,
}

/// Why a decision is as it is. [`Rules::reason_text`] spells it with names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reason {
    /// No route matched; what is left goes to `defaults.legacy`.
    NoRoute,
    /// To legacy: the kill switch is on.
    Kill,
    /// To legacy: an operator or a guard pinned it.
    Pin(PinOn),
    /// The caller forced the side.
    Force,
    /// The stage alone says it.
    Stage(Stage),
    /// To new: one of the canary's tenants.
    Tenant,
    /// To new: a member of this cohort.
    Cohort(CohortId),
    /// To new: this flag is on.
    Flag(FlagId),
    /// To new: inside the percentage.
    Percent,
    /// To legacy: one of the canary's excepted tenants.
    ExceptTenant,
    /// To legacy: a member of this excepted cohort.
    ExceptCohort(CohortId),
    /// To legacy: not a member of the cohort that the percentage is of.
    OutsideCohort(CohortId),
    /// To legacy: outside the percentage.
    OutsidePercent,
    /// To legacy: without this key nobody is inside a percentage.
    MissingKey(Key),
    /// To legacy: nothing in a canary without a percentage holds.
    NotInCanary,
}

impl Rules {
    /// Decides a request.
    ///
    /// `overrides` were compiled against these rules. They leave a route without a legacy backend alone.
    ///
    /// `force` is the side that somebody who may do so asked for; the caller has verified that. It is ignored where
    /// the route has no backend on that side, and where no route matches.
    ///
    /// `subject` is filled with the keys that were looked up on the way, each at most once, and no others; a caller
    /// that wants the tenant in any case asks [`Subject::tenant`] afterwards, which does not look twice.
    ///
    /// `trace` is [`NoTrace`](super::NoTrace) on the data plane.
    pub fn decide<'a, T: Trace>(
        &self,
        view: &RequestView<'a>,
        overrides: &Overrides,
        force: Option<Side>,
        subject: &mut Subject<'a>,
        trace: &mut T,
    ) -> Decision {
        let decision = match self.index.find(&self.routes, view, trace) {
            Some(found) => self.decide_found(found, view, (overrides, force), subject, trace),
            None => self.decide_none(force, trace),
        };
        trace.record(|| TraceStep::Decided {
            route: decision.route.map(|id| self.route(id).name.clone()),
            side: decision.side,
            reason: self.reason_text(decision.reason),
        });
        decision
    }

    /// A reason with its names: `stage:live`, `cohort:beta`, `outside-percent`, `except:cohort:large`.
    #[must_use]
    pub fn reason_text(&self, reason: Reason) -> String {
        self.reason_parts(reason).concat()
    }

    /// The same in two parts: a word, and the name that it is about, if any.
    #[must_use]
    pub fn reason_parts(&self, reason: Reason) -> [&str; 2] {
        match reason {
            Reason::NoRoute => ["no-route", ""],
            Reason::Kill => ["kill", ""],
            Reason::Pin(on) => ["pin:", on.as_str()],
            Reason::Force => ["force", ""],
            Reason::Stage(stage) => ["stage:", stage.as_str()],
            Reason::Tenant => ["tenant", ""],
            Reason::Cohort(id) => ["cohort:", self.cohort_name(id)],
            Reason::Flag(id) => ["flag:", self.flag_name(id)],
            Reason::Percent => ["percent", ""],
            Reason::ExceptTenant => ["except:tenant", ""],
            Reason::ExceptCohort(id) => ["except:cohort:", self.cohort_name(id)],
            Reason::OutsideCohort(id) => ["outside-cohort:", self.cohort_name(id)],
            Reason::OutsidePercent => ["outside-percent", ""],
            Reason::MissingKey(key) => ["missing-key:", key.as_str()],
            Reason::NotInCanary => ["not-in-canary", ""],
        }
    }

    fn decide_none<T: Trace>(&self, force: Option<Side>, trace: &mut T) -> Decision {
        trace.record(|| TraceStep::NoRoute);
        if let Some(side) = force {
            trace.record(|| TraceStep::Force { side, taken: false });
        }
        Decision {
            route: None,
            alternative: 0,
            captures: Captures::NONE,
            side: Side::Legacy,
            backend: self.fallthrough,
            reason: Reason::NoRoute,
            bucket: None,
        }
    }

    fn decide_found<'a, T: Trace>(
        &self,
        found: Found<'_>,
        view: &RequestView<'a>,
        (overrides, force): (&Overrides, Option<Side>),
        subject: &mut Subject<'a>,
        trace: &mut T,
    ) -> Decision {
        let mut asker = Asker::new(self, view, subject, trace);
        let answer = overridden(&found, overrides, &mut asker)
            .or_else(|| forced(&found, force, asker.trace))
            .unwrap_or_else(|| self.ask_stage(&found, overrides, &mut asker));
        let side = if answer.to_new { Side::New } else { Side::Legacy };
        Decision {
            route: Some(found.leaf.route()),
            alternative: found.leaf.alternative(),
            captures: found.captures,
            side,
            backend: found.leaf.backend(side),
            reason: answer.reason,
            bucket: answer.bucket,
        }
    }

    fn ask_stage<T: Trace>(&self, found: &Found<'_>, overrides: &Overrides, asker: &mut Asker<'_, '_, T>) -> Answer {
        let stage = found.leaf.stage();
        let to_new = match stage {
            Stage::Legacy | Stage::Shadow => false,
            Stage::Live | Stage::Complete => true,
            Stage::Canary => {
                // A route in this stage without `canary:` lets nobody through; the configuration refuses it before.
                let Some(plan) = self.index.canary(&found.leaf) else {
                    return Answer { to_new: false, reason: Reason::NotInCanary, bucket: None };
                };
                let terms = Terms::new(plan, found.leaf, self.route(found.leaf.route()), overrides);
                return asker.ask_canary(&terms);
            }
        };
        Answer { to_new, reason: Reason::Stage(stage), bucket: None }
    }
}

/// What the kill switch and pins say; they are silent where there is no legacy backend to go back to.
fn overridden<T: Trace>(found: &Found<'_>, overrides: &Overrides, asker: &mut Asker<'_, '_, T>) -> Option<Answer> {
    let reason = asker.overridden(overrides, found.leaf.route())?;
    let taken = found.leaf.backend(Side::Legacy).is_some();
    let rules = asker.rules;
    asker.trace.record(|| TraceStep::Override { what: rules.reason_text(reason), taken });
    taken.then_some(Answer { to_new: false, reason, bucket: None })
}

/// What a forced side says; it is silent where there is no backend on that side.
fn forced<T: Trace>(found: &Found<'_>, force: Option<Side>, trace: &mut T) -> Option<Answer> {
    let side = force?;
    let taken = found.leaf.backend(side).is_some();
    trace.record(|| TraceStep::Force { side, taken });
    taken.then_some(Answer { to_new: side == Side::New, reason: Reason::Force, bucket: None })
}

#[cfg(test)]
mod tests;
