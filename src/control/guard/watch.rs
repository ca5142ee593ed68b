//! One guarded route: its counts since the last look, its window, and what came of it.

use std::sync::Arc;

use tokio::time::Instant;

use super::{Evidence, Judgement, Measure, Window, judge};
use crate::directives::Unit;
use crate::names::Stage;
use crate::routing::RouteId;
use crate::snapshot::{GuardSettings, Threshold};
use crate::state::Generation;
use crate::telemetry::{GuardMeter, GuardReading, ShadowMeter};
use crate::upstream::Backend;

/// What a breach does on a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Duty {
    /// It rolls the unit back.
    Trips,
    /// It is only told: what would be rolled back to answers already, or is gone.
    Warns,
    /// Nothing is judged: new has no part in this stage.
    Rests,
}

/// One guarded route.
#[derive(Debug)]
pub(super) struct Watch {
    pub(super) route: RouteId,
    pub(super) name: Arc<str>,
    pub(super) unit: Unit,
    pub(super) settings: Arc<GuardSettings>,
    pub(super) stage: Stage,
    pub(super) duty: Duty,
    /// Who answers on either side: what another one did is no evidence.
    backends: [Option<Arc<Backend>>; 2],
    meter: Arc<GuardMeter>,
    shadow: Option<Arc<ShadowMeter>>,
    /// `None` until the first look.
    base: Option<Base>,
    window: Window,
    /// What was seen since the step of the unit's ramp began; kept only where it has one.
    pub(super) since_step: Option<Evidence>,
    pub(super) is_pinned: bool,
    /// What came of the window at the last look that found anything new.
    pub(super) measures: Vec<Measure>,
    pub(super) judgement: Judgement,
    /// Whether a breach was told that has not been followed by a judgement that holds.
    told: bool,
}

/// Whether it is the same backend with the same settings: such a one lives on through reloads.
fn same(one: Option<&Arc<Backend>>, other: Option<&Arc<Backend>>) -> bool {
    match (one, other) {
        (Some(one), Some(other)) => Arc::ptr_eq(one, other),
        (None, None) => true,
        _ => false,
    }
}

/// The counts at the last look.
#[derive(Debug)]
struct Base {
    at: Instant,
    /// `None` as long as the route has had no request.
    reading: Option<Box<GuardReading>>,
    requests: u64,
    verdicts: [u64; 4],
}

impl Watch {
    /// A watch on this route, if it has a guard; it goes on where `before`, of the same route, left off, unless something that
    /// its evidence depends on is another.
    pub(super) fn new(
        route: RouteId,
        generation: &Generation,
        is_ramped: bool,
        before: Option<Watch>,
    ) -> Option<Watch> {
        let snapshot = &generation.snapshot;
        let settings = Arc::clone(snapshot.guard(route)?);
        let meter = Arc::clone(generation.guard_meter(route)?);
        let rule = snapshot.rules.route(route);
        let backends = [rule.legacy, rule.new].map(|id| id.map(|id| Arc::clone(generation.backend(id))));
        let mut watch = Watch {
            route,
            name: Arc::clone(&rule.name),
            unit: rule.group.clone().map_or_else(|| Unit::Route(Arc::clone(&rule.name)), Unit::Group),
            duty: duty(rule.stage, backends[0].is_some(), &settings),
            stage: rule.stage,
            backends,
            meter,
            shadow: generation.shadow_meter(route).cloned(),
            base: None,
            window: Window::new(settings.window),
            settings,
            since_step: is_ramped.then(Evidence::default),
            is_pinned: false,
            measures: Vec::new(),
            judgement: Judgement::TooFew,
            told: false,
        };
        let Some(before) = before.filter(|before| before.is_as(&watch)) else { return Some(watch) };
        watch.since_step = is_ramped.then(|| before.since_step.unwrap_or_default());
        (watch.base, watch.window, watch.is_pinned) = (before.base, before.window, before.is_pinned);
        (watch.measures, watch.judgement, watch.told) = (before.measures, before.judgement, before.told);
        Some(watch)
    }

    fn is_as(&self, other: &Watch) -> bool {
        Arc::ptr_eq(&self.meter, &other.meter)
            && (&self.settings, self.stage) == (&other.settings, other.stage)
            && self.backends.iter().zip(&other.backends).all(|(one, other)| same(one.as_ref(), other.as_ref()))
    }

    /// Whether new answers on this route, so that its answers are evidence.
    pub(super) fn new_answers(&self) -> bool {
        matches!(self.stage, Stage::Canary | Stage::Live | Stage::Complete)
    }

    /// Looks at the counts, and judges the window anew if it is another.
    pub(super) fn look(&mut self, is_pinned: bool, now: Instant) {
        self.is_pinned = is_pinned;
        if is_pinned || self.duty == Duty::Rests {
            self.rearm();
            return;
        }
        let Some(base) = &mut self.base else {
            self.base = Some(Base::take(&self.meter, self.shadow.as_deref(), now));
            return;
        };
        let from = std::mem::replace(&mut base.at, now);
        let came =
            base.advance(&self.meter, self.shadow.as_deref(), limits(&self.settings, Threshold::LatencyP99Ratio));
        let is_new = came.is_some();
        if let Some(came) = came {
            if let Some(since) = &mut self.since_step {
                since.add(&came);
            }
            self.window.push(from, now, came);
        }
        if self.window.expire(now) || is_new {
            self.measures = judge(&self.settings, self.window.sum(), self.new_answers());
            self.judgement = Judgement::of(&self.measures);
        }
        if self.judgement == Judgement::Holds {
            self.told = false;
        }
    }

    /// The breaches, if they have not been told yet. They count as told from now on.
    pub(super) fn tell(&mut self) -> Option<Vec<Measure>> {
        match &self.judgement {
            Judgement::Fails(breaches) if !self.told => {
                self.told = true;
                Some(breaches.clone())
            }
            _ => None,
        }
    }

    /// Begins with an empty window at the next look.
    pub(super) fn rearm(&mut self) {
        if self.base.take().is_none() && self.measures.is_empty() {
            return;
        }
        self.window.clear();
        self.measures = Vec::new();
        (self.judgement, self.told) = (Judgement::TooFew, false);
        if let Some(since) = &mut self.since_step {
            *since = Evidence::default();
        }
    }
}

impl Base {
    fn take(meter: &GuardMeter, shadow: Option<&ShadowMeter>, now: Instant) -> Base {
        let requests = meter.requests();
        let reading = (requests > 0).then(|| Box::new(meter.read()));
        Base { at: now, reading, requests, verdicts: verdicts(shadow) }
    }

    /// What came since the last look, if anything did.
    fn advance(&mut self, meter: &GuardMeter, shadow: Option<&ShadowMeter>, with_times: bool) -> Option<Evidence> {
        let verdicts = verdicts(shadow);
        let mut came = Evidence::compared(&self.verdicts, &verdicts);
        self.verdicts = verdicts;
        let requests = meter.requests();
        if requests != self.requests {
            self.requests = requests;
            let before = self.reading.get_or_insert_default();
            let after = meter.read();
            came.add(&Evidence::answered(before, &after, with_times));
            **before = after;
        }
        (!came.is_empty()).then_some(came)
    }
}

fn duty(stage: Stage, has_legacy: bool, settings: &GuardSettings) -> Duty {
    match stage {
        Stage::Canary | Stage::Live if has_legacy => Duty::Trips,
        Stage::Canary | Stage::Live | Stage::Complete => Duty::Warns,
        Stage::Shadow if limits(settings, Threshold::MismatchRate) => Duty::Warns,
        Stage::Shadow | Stage::Legacy => Duty::Rests,
    }
}

/// Whether a guard has this threshold.
fn limits(settings: &GuardSettings, threshold: Threshold) -> bool {
    settings.limits.iter().any(|(one, _)| *one == threshold)
}

fn verdicts(shadow: Option<&ShadowMeter>) -> [u64; 4] {
    shadow.map(ShadowMeter::verdicts).unwrap_or_default()
}
