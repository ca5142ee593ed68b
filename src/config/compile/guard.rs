//! `guard:` and `ramp:`. The routes of a group have one guard and one ramp: what one of them says goes for all.

use std::collections::HashMap;
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use super::{At, Cx, Place, values, within};
use crate::config::diagnostic::Finding;
use crate::config::file;
use crate::config::read::{Boxed, Percentage};
use crate::names::Stage;
use crate::routing::Percent;
use crate::snapshot::{GuardSettings, RampSettings, Threshold};

const WINDOW: Duration = Duration::from_secs(60);
/// What a window may be: shorter, and it ends between two looks at the counts; longer, and it is a report.
const WINDOWS: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_secs(3600);
const MIN_REQUESTS: u64 = 100;
/// Counts are looked at this often, so that no step can be shorter.
const SHORTEST_STEP: Duration = Duration::from_secs(1);

/// What is said of guards and ramps beside the routes themselves.
pub(super) struct Guards {
    default: Said,
    groups: HashMap<Box<str>, Said>,
}

/// What a route, a group or `defaults:` says.
#[derive(Clone, Default)]
struct Said {
    guard: Option<(Arc<GuardSettings>, Place)>,
    ramp: Option<(Arc<RampSettings>, Place)>,
}

/// Whose word a ramp is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum By {
    Route,
    Group,
    Default,
}

/// A ramp for a route, before it is known whether the route can have one.
#[derive(Clone)]
pub(super) struct Wanted {
    settings: Arc<RampSettings>,
    place: Place,
    by: By,
}

/// What holds for one route.
#[derive(Clone, Default)]
pub(super) struct Chosen {
    pub(super) guard: Option<Arc<GuardSettings>>,
    pub(super) ramp: Option<Wanted>,
}

/// Reads what `defaults:` and the groups say, and reports routes of one group that say different things.
pub(super) fn compile(routes: &[At<file::Route>], defaults: Option<&file::Defaults>, cx: &mut Cx<'_>) -> Guards {
    let default = defaults.map_or_else(Said::default, |given| said(given.guard.as_ref(), given.ramp.as_ref(), cx));
    let mut groups: HashMap<Box<str>, Said> = HashMap::new();
    for route in routes.iter().filter_map(At::get) {
        let Some(group) = route.group.as_ref().and_then(At::get) else { continue };
        let own = said(route.guard.as_ref(), route.ramp.as_ref(), cx);
        let known = groups.entry(group.0.clone()).or_default();
        agree(&mut known.guard, own.guard, ("group-guard", "guard"), &group.0, cx);
        agree(&mut known.ramp, own.ramp, ("group-ramp", "ramp"), &group.0, cx);
    }
    Guards { default, groups }
}

impl Guards {
    /// What holds for a route: what its group says, or itself without one, else what `defaults:` says.
    pub(super) fn of(&self, route: &file::Route, cx: &mut Cx<'_>) -> Chosen {
        let group = route.group.as_ref().and_then(At::get).and_then(|group| self.groups.get(&group.0));
        let own = match group {
            Some(said) => said.clone(),
            None => said(route.guard.as_ref(), route.ramp.as_ref(), cx),
        };
        let guard = own.guard.or_else(|| self.default.guard.clone()).map(|(settings, _)| settings);
        let by = match (&own.ramp, &route.ramp) {
            (Some(_), Some(_)) => By::Route,
            (Some(_), None) => By::Group,
            (None, _) => By::Default,
        };
        let ramp = own.ramp.or_else(|| self.default.ramp.clone());
        let own_place = route.ramp.as_ref().map(|at| at.place);
        let ramp = ramp.map(|(settings, place)| Wanted { settings, place: own_place.unwrap_or(place), by });
        Chosen { guard, ramp }
    }
}

impl Chosen {
    /// The ramp, if the route can have one: it has a guard, and its canary says by what to count and no percentage. A ramp from
    /// `defaults:` passes over a route that cannot; any other is a mistake there.
    pub(super) fn ramp(
        &self,
        canary: Option<&At<Boxed<file::Canary>>>,
        stage: Option<Stage>,
        cx: &mut Cx<'_>,
    ) -> Option<Arc<RampSettings>> {
        let wanted = self.ramp.as_ref()?;
        let given = canary.and_then(|canary| canary.get());
        let (percent, by) = given.map_or((None, None), |given| (given.percent.as_ref(), given.by.as_ref()));
        let can = percent.is_none() && by.is_some();
        if !can {
            let is_bad = match wanted.by {
                By::Route => true,
                By::Group => stage == Some(Stage::Canary),
                By::Default => false,
            };
            // A canary that could not be read has been reported, and may say anything.
            if is_bad && canary.is_none_or(|canary| canary.get().is_some()) {
                cx.report.add(wanted.misfit(percent.map(|percent| percent.place), cx));
            }
            return None;
        }
        if self.guard.is_none() {
            let finding =
                Finding::error(wanted.place, "ramp-without-guard", "a ramp needs `guard`: it climbs while that holds");
            cx.report.add(finding.help("such as `guard: { error_rate: 1% }`"));
        }
        Some(Arc::clone(&wanted.settings))
    }
}

impl Wanted {
    fn misfit(&self, percent: Option<Place>, cx: &Cx<'_>) -> Finding {
        match percent {
            Some(percent) => {
                let percent = cx.report.files.name(percent);
                let message = format!("a ramp stands in place of `canary.percent`, which is given too, at {percent}");
                Finding::error(self.place, "ramp-and-percent", message).help("remove one of the two")
            }
            None => {
                Finding::error(self.place, "ramp-without-by", "a ramp needs `canary: { by: … }`: what it counts by")
                    .help("`by: user`, `by: tenant` or `by: client`")
            }
        }
    }
}

/// Takes what a further route of a group says, or reports that it is another thing than was said before.
fn agree<T: PartialEq>(
    known: &mut Option<(T, Place)>,
    own: Option<(T, Place)>,
    (code, what): (&'static str, &str),
    group: &str,
    cx: &mut Cx<'_>,
) {
    match (&known, own) {
        (_, None) => {}
        (None, own) => *known = own,
        (Some((before, first)), Some((own, place))) if *before != own => {
            let first = cx.report.files.name(*first);
            let message = format!("the group `{group}` has another {what} at {first}");
            let finding = Finding::error(place, code, message);
            cx.report.add(
                finding.help(format!("the routes of a group have one {what}: give it once, or the same each time")),
            );
        }
        (Some(_), Some(_)) => {}
    }
}

/// What was bad has been reported, and counts as said: nothing is compiled of it any more, but nothing is missing either.
fn said(guard: Option<&At<Boxed<file::Guard>>>, ramp: Option<&At<Boxed<file::Ramp>>>, cx: &mut Cx<'_>) -> Said {
    Said {
        guard: guard
            .map(|at| (Arc::new(at.get().map_or_else(bad_guard, |guard| settings(guard, at.place, cx))), at.place)),
        ramp: ramp.map(|at| (Arc::new(at.get().map_or_else(bad_ramp, |ramp| steps(ramp, cx))), at.place)),
    }
}

fn bad_guard() -> GuardSettings {
    GuardSettings { window: WINDOW, min_requests: MIN_REQUESTS, limits: Vec::new() }
}

fn bad_ramp() -> RampSettings {
    RampSettings { steps: Vec::new(), every: SHORTEST_STEP }
}

fn settings(guard: &file::Guard, place: Place, cx: &mut Cx<'_>) -> GuardSettings {
    let window = within(guard.window.as_ref(), WINDOW, WINDOWS, "a window is from 1s to 1h", cx);
    let least = guard.min_requests.as_ref().and_then(|at| Some((at.get()?.0, at.place)));
    if let Some((0, place)) = least {
        cx.report.error(place, "out-of-range", "with less than one answer nothing can be said");
    }
    let ratio = guard.latency_p99_ratio.as_ref().and_then(|at| Some((at.get()?.0, at.place)));
    if let Some((ratio, place)) = ratio
        && ratio <= 0.0
    {
        cx.report.error(place, "out-of-range", "no answer takes no time: a ratio is above 0");
    }
    let given = |threshold| match threshold {
        Threshold::ErrorRate => guard.error_rate.as_ref(),
        Threshold::ErrorsOverLegacy => guard.errors_over_legacy.as_ref(),
        Threshold::ClientErrorsOverLegacy => guard.client_errors_over_legacy.as_ref(),
        Threshold::MismatchRate => guard.mismatch_rate.as_ref(),
        Threshold::LatencyP99Ratio => None,
    };
    let limit = |threshold| match threshold {
        Threshold::LatencyP99Ratio => ratio.map(|(ratio, _)| ratio),
        other => given(other).and_then(At::get).map(|share| fraction(*share)),
    };
    let limits: Vec<_> = Threshold::ALL.into_iter().filter_map(|one| Some((one, limit(one)?))).collect();
    if guard.latency_p99_ratio.is_none() && Threshold::ALL.into_iter().all(|one| given(one).is_none()) {
        let finding = Finding::error(place, "empty-guard", "a guard needs at least one threshold");
        cx.report.add(finding.help(format!("one of {}", Threshold::ALL.map(Threshold::as_str).join(", "))));
    }
    let min_requests = least.map_or(MIN_REQUESTS, |(count, _)| u64::from(count));
    GuardSettings { window, min_requests, limits }
}

fn fraction(Percentage(percent): Percentage) -> f64 {
    f64::from(percent.thousandths()) / f64::from(Percent::ALL.thousandths())
}

fn steps(ramp: &file::Ramp, cx: &mut Cx<'_>) -> RampSettings {
    let longest = Duration::from_secs(7 * 24 * 3600);
    let every = within(Some(&ramp.every), longest, SHORTEST_STEP..=longest, "a step lasts at least 1s", cx);
    let steps: Vec<(Percent, Place)> = values(Some(&ramp.steps)).map(|(step, place)| (step.0, place)).collect();
    let mut before = Percent::ZERO;
    for &(step, place) in &steps {
        if step <= before {
            let why =
                if step == Percent::ZERO { "0 % is nobody".to_owned() } else { format!("{step} % follows {before} %") };
            let finding = Finding::error(place, "bad-steps", format!("each step is larger than the one before: {why}"));
            cx.report.add(finding.help("such as `steps: [1%, 5%, 25%, 50%, 100%]`"));
        }
        before = before.max(step);
    }
    RampSettings { steps: steps.into_iter().map(|(step, _)| step).collect(), every }
}
