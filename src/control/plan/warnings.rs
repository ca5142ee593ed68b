//! What should make somebody look twice.

use std::collections::{HashMap, HashSet};

use super::Ruling;
use super::forecast::Warning;
use super::judge::headers_of;
use super::tally::Tally;
use crate::config;
use crate::diff::redact::is_secret_header;
use crate::names::Stage;
use crate::routing::{CohortKind, Percent, Route, RouteId, Rules};
use crate::snapshot::Snapshot;

/// The code of the warning that the sample is small.
pub(super) const FEW_REQUESTS: &str = "few-requests";

/// With fewer requests, the shares say little.
const FEW: u64 = 100;

/// All warnings, those about single routes in file order first.
pub(super) fn of(tally: &Tally, live: Ruling<'_>, candidate: Ruling<'_>, is_log: bool) -> Vec<Warning> {
    let mut found = Found::default();
    let before: HashMap<&str, (RouteId, &Route)> =
        numbered(live).map(|(id, route)| (&*route.name, (id, route))).collect();
    for (id, route) in numbered(candidate) {
        if let Some(&(was_id, was)) = before.get(&*route.name) {
            found.steps_back(route, was, (live, was_id), (candidate, id));
            found.salt(route, was);
            found.keyless(route, was, tally);
        }
        let was = before.get(&*route.name).copied().unzip();
        found.guard(route, was.1, (live, was.0), (candidate, id));
    }
    found.removals(live.snapshot, candidate.snapshot);
    found.shared_salts(&live.snapshot.rules, &candidate.snapshot.rules);
    found.unseen(&live.snapshot.rules, &candidate.snapshot.rules, is_log);
    if live.overrides.is_killed() {
        found.add("killed", None, "the kill switch is on: nobody moves until it is lifted".to_owned());
    }
    if tally.requests() < FEW {
        let message = format!("only {} requests were at hand: the shares say little", tally.requests());
        found.add(FEW_REQUESTS, None, message);
    }
    if tally.untold() > 0 {
        let why = if is_log {
            "a line of the log does not have what their decisions look at (headers, query, users)"
        } else {
            "a secret that is not kept decides about them"
        };
        found.add("untold", None, format!("{} requests could not be decided: {why}", tally.untold()));
    }
    found.0
}

fn numbered(ruling: Ruling<'_>) -> impl Iterator<Item = (RouteId, &Route)> {
    // There are at most as many routes as a RouteId counts.
    (0..).map(RouteId).zip(&ruling.snapshot.rules.routes)
}

fn answers_by_new(stage: Stage) -> bool {
    matches!(stage, Stage::Canary | Stage::Live | Stage::Complete)
}

/// How far a stage sends requests to new.
fn reach(stage: Stage) -> u8 {
    match stage {
        Stage::Legacy | Stage::Shadow => 0,
        Stage::Canary => 1,
        Stage::Live | Stage::Complete => 2,
    }
}

#[derive(Default)]
struct Found(Vec<Warning>);

impl Found {
    fn add(&mut self, code: &str, route: Option<&Route>, message: String) {
        self.0.push(Warning { code: code.to_owned(), route: route.map(|route| route.name.to_string()), message });
    }

    fn steps_back(
        &mut self,
        route: &Route,
        was: &Route,
        live: (Ruling<'_>, RouteId),
        candidate: (Ruling<'_>, RouteId),
    ) {
        if reach(route.stage) < reach(was.stage) {
            let message =
                format!("the stage goes back from {} to {}: who is on new goes back to legacy", was.stage, route.stage);
            self.add("stage-back", Some(route), message);
        }
        if (route.stage, was.stage) != (Stage::Canary, Stage::Canary) {
            return;
        }
        let (Some(is), Some(had)) = (percent(route, candidate), percent(was, live)) else { return };
        if is < had {
            let message = format!("the percentage falls from {had} % to {is} %: who is between goes back to legacy");
            self.add("percentage-falls", Some(route), message);
        }
    }

    fn salt(&mut self, route: &Route, was: &Route) {
        let share = |route: &Route| route.canary.as_ref().and_then(|canary| canary.share).map(|share| share.by);
        let (Some(by), Some(had)) = (share(route), share(was)) else { return };
        if !answers_by_new(was.stage) || route.stage != Stage::Canary {
            return;
        }
        if route.salt != was.salt {
            let message = format!(
                "the salt changes from `{}` to `{}`: other subjects are inside the percentage",
                was.salt, route.salt
            );
            self.add("salt-changes", Some(route), message);
        }
        if by != had {
            let message =
                format!("the percentage is counted by {by} instead of by {had}: other subjects are inside it");
            self.add("key-changes", Some(route), message);
        }
    }

    /// What nobody has tried: those whom a percentage leaves with legacy for want of a key move all at once.
    fn keyless(&mut self, route: &Route, was: &Route, tally: &Tally) {
        let has_share = was.canary.as_ref().is_some_and(|canary| canary.share.is_some());
        if was.stage != Stage::Canary || !has_share || reach(route.stage) < 2 {
            return;
        }
        let Some(by) = was.canary.as_ref().and_then(|canary| canary.share).map(|share| share.by) else { return };
        if by == crate::names::Key::Client {
            return;
        }
        let message = match tally.keyless(&route.name) {
            Some((portion, n)) => format!(
                "{n} of {} requests ({:.1} %) have no {by}: no percentage ever took them to new, and now they all go",
                portion.n,
                portion.share * 100.0
            ),
            None => {
                format!("requests without a {by} were in no percentage ever, and would all go to new; none was seen")
            }
        };
        self.add("never-exercised", Some(route), message);
    }

    /// Where somebody goes further to new, or the guard goes: all others had none before.
    fn guard(
        &mut self,
        route: &Route,
        was: Option<&Route>,
        live: (Ruling<'_>, Option<RouteId>),
        candidate: (Ruling<'_>, RouteId),
    ) {
        let is_guarded =
            |snapshot: &Snapshot, id: RouteId| snapshot.guards.get(id.0 as usize).is_some_and(Option::is_some);
        if !matches!(route.stage, Stage::Canary | Stage::Live) || is_guarded(candidate.0.snapshot, candidate.1) {
            return;
        }
        let is_same = was.zip(live.1).is_some_and(|(was, id)| {
            was.stage == route.stage
                && percent(was, (live.0, id)) == percent(route, candidate)
                && !is_guarded(live.0.snapshot, id)
        });
        if !is_same {
            let message = format!("stage {} without a `guard:`: nothing rolls it back by itself", route.stage);
            self.add("no-guard", Some(route), message);
        }
    }

    fn removals(&mut self, live: &Snapshot, candidate: &Snapshot) {
        let kept: HashSet<&str> = candidate.rules.routes.iter().map(|route| &*route.name).collect();
        for route in
            live.rules.routes.iter().filter(|route| answers_by_new(route.stage) && !kept.contains(&*route.name))
        {
            let message = format!(
                "it is in stage {} and vanishes: its requests go where other routes send them, or to legacy",
                route.stage
            );
            self.add("route-vanishes", Some(route), message);
        }
        let removals = config::needs_confirming(live, candidate, &[]);
        let files = removals.iter().filter(|removal| matches!(removal, config::Removal::Tenants { .. }));
        for removal in files {
            self.add("tenants-shrink", None, removal.to_string());
        }
    }

    /// The salts of cohorts and flags.
    fn shared_salts(&mut self, live: &Rules, candidate: &Rules) {
        let cohorts = |rules: &'_ Rules| -> HashMap<String, String> {
            let salted = rules.cohorts.iter().filter_map(|cohort| match &cohort.kind {
                CohortKind::Percent { salt, .. } => Some((cohort.name.to_string(), salt.to_string())),
                _ => None,
            });
            salted.collect()
        };
        let flags = |rules: &'_ Rules| -> HashMap<String, String> {
            let salted = rules.flags.iter().filter(|flag| flag.percent.is_some());
            salted.map(|flag| (flag.name.to_string(), flag.salt.to_string())).collect()
        };
        for (what, before, after) in
            [("cohort", cohorts(live), cohorts(candidate)), ("flag", flags(live), flags(candidate))]
        {
            let mut changed: Vec<_> =
                before.iter().filter(|(name, salt)| after.get(*name).is_some_and(|now| now != *salt)).collect();
            changed.sort();
            for (name, salt) in changed {
                let message = format!(
                    "the salt of {what} {name} changes from `{salt}` to `{}`: other subjects are in it",
                    after[name]
                );
                self.add("salt-changes", None, message);
            }
        }
    }

    /// What the candidate looks at and nobody can know.
    fn unseen(&mut self, live: &Rules, candidate: &Rules, is_log: bool) {
        if format!("{:?}", live.subjects) != format!("{:?}", candidate.subjects) {
            let message = "`subject:` changes: tenants and users are still those of the live rules here".to_owned();
            self.add("subject-changes", None, message);
        }
        if is_log {
            return;
        }
        let mut names: Vec<&str> =
            headers_of(candidate).map(|name| name.as_str()).filter(|name| is_secret_header(name)).collect();
        names.sort_unstable();
        names.dedup();
        for name in names {
            let message = format!(
                "a condition looks at the header {name}, whose values are not kept: as if it never held a value that is wanted"
            );
            self.add("header-not-kept", None, message);
        }
    }
}

/// The percentage in force, of a ramp too.
fn percent(route: &Route, (ruling, id): (Ruling<'_>, RouteId)) -> Option<Percent> {
    let share = route.canary.as_ref()?.share?;
    Some(if share.ramped { ruling.overrides.ramped(id) } else { share.percent })
}
