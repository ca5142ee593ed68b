//! How much has migrated: of the traffic, of the routes, of the tenants.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use xxhash_rust::xxh3::xxh3_64;

use crate::ledger::Hour;
use crate::names::Stage;
use crate::routing::{Route, RouteId};
use crate::state::Generation;
use crate::telemetry::TenantCount;

/// In milliseconds.
const HOUR_MS: u64 = 3_600_000;
/// How long apart counts are remembered that others are compared with.
const HALF_MS: u64 = HOUR_MS / 2;
/// How often the hour that is under way is written down.
const WRITE_MS: u64 = 600_000;

/// How much has migrated. This is the one place that says what that means; the board's totals and the burn-up are both this.
///
/// - **Traffic**: of the requests that either side answered, those that new answered. What no route takes is legacy's.
/// - **Routes**: one that is live or complete counts whole. One in canary counts by its percentage, or by that its ramp has
///   reached; where the percentage is of a cohort only, and where there is none, it counts nothing, since nobody knows what share
///   of all that is. One that is pinned to legacy, or killed, counts nothing, whatever its stage.
/// - **Tenants**: of those that had a request answered, those for whom new was decided on every time.
///
/// Traffic and tenants are of the last half to whole hour, or since the start; routes as they stand.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Progress {
    /// Answered requests.
    pub traffic: Migrated,
    /// Routes.
    pub routes: Migrated,
    /// Tenants.
    pub tenants: Migrated,
    /// Over how many seconds traffic and tenants are.
    pub span_s: f64,
}

/// A part of a whole.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Migrated {
    /// How many have migrated; of routes in canary, parts.
    pub migrated: f64,
    /// Of how many.
    pub of: u64,
}

/// What was counted at moments of before, and what is to be written down.
#[derive(Debug)]
pub(super) struct Burnup {
    older: Base,
    newer: Base,
    /// What was counted when the hour began, or this process.
    hour: Base,
    /// When it began to look; it names what this process writes down.
    run: u64,
    written_ms: u64,
}

/// What was counted up to a moment.
#[derive(Debug, Clone, Default)]
struct Base {
    at_ms: u64,
    answered: [u64; 2],
    /// By hash of the tenant's name: those that are told apart may be many.
    tenants: HashMap<u64, [u64; 2]>,
}

impl Migrated {
    /// Which share, 0 to 1; `None` of nothing.
    #[must_use]
    pub fn share(self) -> Option<f64> {
        (self.of > 0).then(|| self.migrated / self.of as f64)
    }
}

impl Burnup {
    /// Begins at this moment, in milliseconds since 1970, with nothing counted.
    pub(super) fn new(now_ms: u64) -> Burnup {
        let base = Base { at_ms: now_ms, ..Base::default() };
        Burnup { older: base.clone(), newer: base.clone(), hour: base, run: now_ms, written_ms: now_ms }
    }

    /// Whether counts are wanted at this moment.
    pub(super) fn is_due(&self, now_ms: u64) -> bool {
        now_ms / WRITE_MS != self.written_ms / WRITE_MS
    }

    /// Takes in counts; what is to be written down.
    pub(super) fn note<'t>(
        &mut self,
        now_ms: u64,
        answered: [u64; 2],
        tenants: impl Iterator<Item = (&'t str, TenantCount)>,
        routes: Migrated,
    ) -> Hour {
        let now = Base::take(now_ms, answered, tenants);
        let hour = self.hour(&now, routes);
        self.written_ms = now_ms;
        if now_ms / HALF_MS != self.newer.at_ms / HALF_MS {
            self.older = std::mem::replace(&mut self.newer, now.clone());
        }
        if now_ms / HOUR_MS != self.hour.at_ms / HOUR_MS {
            self.hour = now;
        }
        hour
    }

    /// How much has migrated by these counts.
    pub(super) fn progress<'t>(
        &self,
        now_ms: u64,
        answered: [u64; 2],
        tenants: impl Iterator<Item = (&'t str, TenantCount)>,
        routes: Migrated,
    ) -> Progress {
        let (traffic, tenants) = Base::take(now_ms, answered, tenants).since(&self.older);
        Progress { traffic, routes, tenants, span_s: now_ms.saturating_sub(self.older.at_ms) as f64 / 1e3 }
    }

    /// The hour that is under way, or has just ended.
    fn hour(&self, now: &Base, routes: Migrated) -> Hour {
        let (traffic, tenants) = now.since(&self.hour);
        let whole = |migrated: f64| migrated.round() as u64;
        Hour {
            hour: self.hour.at_ms / HOUR_MS,
            run: self.run,
            answered: traffic.of,
            by_new: whole(traffic.migrated),
            routes: routes.of,
            routes_thousandths: whole(routes.migrated * 1e3),
            tenants: tenants.of,
            tenants_on_new: whole(tenants.migrated),
        }
    }
}

impl Base {
    fn take<'t>(at_ms: u64, answered: [u64; 2], tenants: impl Iterator<Item = (&'t str, TenantCount)>) -> Base {
        let seen = tenants.filter(|(_, count)| count.requests != [0; 2]);
        Base {
            at_ms,
            answered,
            tenants: seen.map(|(name, count)| (xxh3_64(name.as_bytes()), count.requests)).collect(),
        }
    }

    /// Traffic and tenants since then.
    fn since(&self, then: &Base) -> (Migrated, Migrated) {
        let less = |now: [u64; 2], then: [u64; 2]| [now[0].saturating_sub(then[0]), now[1].saturating_sub(then[1])];
        let [legacy, new] = less(self.answered, then.answered);
        let mut tenants = Migrated::default();
        for (tenant, count) in &self.tenants {
            match less(*count, then.tenants.get(tenant).copied().unwrap_or_default()) {
                [0, 0] => {}
                [legacy, _] => {
                    tenants.of += 1;
                    tenants.migrated += f64::from(u8::from(legacy == 0));
                }
            }
        }
        (Migrated { migrated: new as f64, of: legacy.saturating_add(new) }, tenants)
    }
}

/// How many of the routes have migrated, as [`Progress`] says it.
pub(super) fn routes(generation: &Generation) -> Migrated {
    let routes = &generation.snapshot.rules.routes;
    let migrated = (0_u32..).zip(routes).map(|(id, route)| part(generation, RouteId(id), route));
    Migrated { migrated: migrated.sum(), of: routes.len() as u64 }
}

/// How far a route has migrated, 0 to 1.
pub(super) fn part(generation: &Generation, id: RouteId, route: &Route) -> f64 {
    if generation.overrides.is_pinned(id) && route.legacy.is_some() {
        return 0.0;
    }
    match (route.stage, route.canary.as_ref().and_then(|canary| canary.share)) {
        (Stage::Live | Stage::Complete, _) => 1.0,
        (Stage::Canary, Some(share)) if share.of.is_none() => {
            let percent = if share.ramped { generation.overrides.ramped(id) } else { share.percent };
            f64::from(percent.thousandths()) / 1e5
        }
        (Stage::Legacy | Stage::Shadow | Stage::Canary, _) => 0.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(legacy: u64, new: u64) -> TenantCount {
        TenantCount { requests: [legacy, new], ..TenantCount::default() }
    }

    const ROUTES: Migrated = Migrated { migrated: 1.5, of: 4 };

    #[test]
    fn a_tenant_has_migrated_when_all_of_its_requests_went_to_new() {
        let burnup = Burnup::new(0);
        let tenants = [("acme", count(0, 5)), ("globex", count(1, 9)), ("idle", count(0, 0))];
        let progress = burnup.progress(60_000, [10, 30], tenants.into_iter(), ROUTES);
        assert_eq!(progress.tenants, Migrated { migrated: 1.0, of: 2 });
        assert_eq!((progress.traffic.share(), progress.span_s), (Some(0.75), 60.0));
    }

    #[test]
    fn an_hour_is_written_with_what_came_in_it_alone() {
        let mut burnup = Burnup::new(HOUR_MS * 5 + 1);
        let tenants = |legacy| [("acme", count(legacy, 5))].into_iter();
        let first = burnup.note(HOUR_MS * 6 + 10, [100, 0], tenants(1), ROUTES);
        assert_eq!((first.hour, first.run, first.answered, first.by_new), (5, HOUR_MS * 5 + 1, 100, 0));
        assert_eq!((first.routes, first.routes_thousandths), (4, 1500));
        assert!(burnup.is_due(HOUR_MS * 6 + WRITE_MS) && !burnup.is_due(HOUR_MS * 6 + 20));
        let second = burnup.note(HOUR_MS * 6 + WRITE_MS, [100, 100], tenants(1), ROUTES);
        assert_eq!((second.hour, second.answered, second.by_new), (6, 100, 100));
        let third = burnup.note(HOUR_MS * 7, [110, 100], [("acme", count(1, 9))].into_iter(), ROUTES);
        assert_eq!((third.hour, third.answered, third.by_new), (6, 110, 100));
        assert_eq!((third.tenants, third.tenants_on_new), (1, 1));
    }

    #[test]
    fn progress_is_of_the_last_half_to_whole_hour() {
        let mut burnup = Burnup::new(0);
        for half in 1..=6_u64 {
            burnup.note(half * HALF_MS, [half * 100, 0], std::iter::empty(), ROUTES);
        }
        let progress = burnup.progress(7 * HALF_MS - 1, [600, 100], std::iter::empty(), ROUTES);
        assert_eq!(progress.traffic, Migrated { migrated: 100.0, of: 200 });
    }
}
