//! A row for each tenant of the configuration and for the busiest others.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Compared, Overview};
use crate::directives::Unit;
use crate::names::{Side, Stage};
use crate::routing::{RouteId, Rules, TenantSide};

/// How many units in stage canary a tenant's sides are told of.
const UNITS: usize = 50;

/// How a tenant stands, since the start.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct TenantStatus {
    /// The tenant.
    pub tenant: String,
    /// Whether the configuration names it.
    pub configured: bool,
    /// Answered requests.
    pub requests: u64,
    /// Which share of them new answered, 0 to 1; `null` without any.
    pub new_share: Option<f64>,
    /// Requests that legacy failed.
    pub legacy_errors: u64,
    /// Requests that new failed.
    pub new_errors: u64,
    /// Comparisons.
    pub compared: Compared,
    /// The pins that name it.
    pub pins: Vec<String>,
    /// Where its requests go, for each group, and each route without one, that is in stage canary: `legacy`, `new` or `mixed`.
    pub sides: BTreeMap<String, String>,
}

impl Overview {
    /// The tenants, the busiest first: at most so many, after leaving out so many; and how many there are in all.
    #[must_use]
    pub fn tenants(&self, offset: usize, limit: usize) -> (Vec<TenantStatus>, usize) {
        let generation = Arc::clone(&self.helm.live().current());
        let rules = &generation.snapshot.rules;
        let units = units(rules);
        let pins: Vec<_> = generation.standing.pins.iter().filter(|pin| pin.scope.tenant.is_some()).collect();
        let inner = self.inner();
        let mut rows: Vec<_> = inner.tenants.rows().collect();
        let (all, requests) = (rows.len(), |count: &crate::telemetry::TenantCount| count.requests.iter().sum::<u64>());
        rows.sort_by(|a, b| requests(&b.1).cmp(&requests(&a.1)).then_with(|| a.0.cmp(b.0)));
        let rows = rows.into_iter().skip(offset).take(limit).map(|(tenant, count, configured)| {
            let requests = requests(&count);
            let (legacy, new) = (Side::Legacy.index(), Side::New.index());
            let sides = units.iter().map(|(unit, id)| {
                let side: TenantSide = rules.side_of_tenant(*id, &generation.overrides, tenant);
                (unit.to_string(), side.as_str().to_owned())
            });
            let named = pins.iter().filter(|pin| pin.scope.tenant.as_deref() == Some(tenant));
            TenantStatus {
                tenant: tenant.to_owned(),
                configured,
                requests,
                new_share: (requests > 0).then(|| count.requests[new] as f64 / requests as f64),
                legacy_errors: count.errors[legacy],
                new_errors: count.errors[new],
                compared: Compared::of(count.verdicts),
                pins: named.map(|pin| pin.scope.to_string()).collect(),
                sides: sides.collect(),
            }
        });
        (rows.collect(), all)
    }
}

/// What is in stage canary: each group once, by its first route.
fn units(rules: &Rules) -> Vec<(Unit, RouteId)> {
    let mut seen = HashSet::new();
    let canaries = (0_u32..).zip(&rules.routes).filter(|(_, route)| route.stage == Stage::Canary);
    let units = canaries.map(|(id, route)| {
        (route.group.clone().map_or_else(|| Unit::Route(Arc::clone(&route.name)), Unit::Group), RouteId(id))
    });
    units.filter(|(unit, _)| seen.insert(unit.clone())).take(UNITS).collect()
}
