//! A row for each tenant of the configuration and for the busiest others.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Compared, Overview};
use crate::directives::Unit;
use crate::names::{Side, Stage};
use crate::routing::{RouteId, Rules, TenantSide};
use crate::telemetry::TenantCount;

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
    #[serde(with = "as_map")]
    #[schema(value_type = BTreeMap<String, String>)]
    pub sides: Vec<(Arc<str>, Cow<'static, str>)>,
}

impl Overview {
    /// The tenants, the busiest first: at most so many, after leaving out so many; and how many there are in all.
    #[must_use]
    pub fn tenants(&self, offset: usize, limit: usize) -> (Vec<TenantStatus>, usize) {
        let generation = Arc::clone(&self.helm.live().current());
        let rules = &generation.snapshot.rules;
        let units = units(rules);
        let pins: Vec<_> = generation.standing.pins.iter().filter(|pin| pin.scope.tenant.is_some()).collect();
        let (page, all) = self.page(offset, limit);
        let rows = page.into_iter().map(|(tenant, count, configured)| {
            let requests = asked(&count);
            let (legacy, new) = (Side::Legacy.index(), Side::New.index());
            let sides = units.iter().map(|(unit, id)| {
                let side: TenantSide = rules.side_of_tenant(*id, &generation.overrides, &tenant);
                (Arc::clone(unit), Cow::Borrowed(side.as_str()))
            });
            let sides = sides.collect();
            let named = pins.iter().filter(|pin| pin.scope.tenant.as_deref() == Some(&*tenant));
            TenantStatus {
                configured,
                requests,
                new_share: (requests > 0).then(|| count.requests[new] as f64 / requests as f64),
                legacy_errors: count.errors[legacy],
                new_errors: count.errors[new],
                compared: Compared::of(count.verdicts),
                pins: named.map(|pin| pin.scope.to_string()).collect(),
                sides,
                tenant,
            }
        });
        (rows.collect(), all)
    }

    /// The counts of those tenants alone: nobody who looks at thousands holds up the next look of the guards.
    fn page(&self, offset: usize, limit: usize) -> (Vec<(String, TenantCount, bool)>, usize) {
        let inner = self.inner();
        let mut rows: Vec<_> = inner.tenants.rows().collect();
        rows.sort_by(|a, b| asked(&b.1).cmp(&asked(&a.1)).then_with(|| a.0.cmp(b.0)));
        let all = rows.len();
        let page = rows.into_iter().skip(offset).take(limit);
        (page.map(|(tenant, count, configured)| (tenant.to_owned(), count, configured)).collect(), all)
    }
}

fn asked(count: &TenantCount) -> u64 {
    count.requests.iter().sum()
}

/// What is in stage canary: each group once, by its first route; in the order of their names.
fn units(rules: &Rules) -> Vec<(Arc<str>, RouteId)> {
    let mut seen = HashSet::new();
    let canaries = (0_u32..).zip(&rules.routes).filter(|(_, route)| route.stage == Stage::Canary);
    let units = canaries.map(|(id, route)| {
        (route.group.clone().map_or_else(|| Unit::Route(Arc::clone(&route.name)), Unit::Group), RouteId(id))
    });
    let first = units.filter(|(unit, _)| seen.insert(unit.clone())).take(UNITS);
    let mut units: Vec<(Arc<str>, RouteId)> = first.map(|(unit, id)| (Arc::from(unit.to_string()), id)).collect();
    units.sort_by(|(one, _), (other, _)| one.cmp(other));
    units
}

/// Pairs as a JSON object: ten thousand maps that are only written would take longer than all the rest.
mod as_map {
    use serde::{Deserializer, Serializer};

    use super::{Arc, BTreeMap, Cow, Deserialize};

    type Pairs = Vec<(Arc<str>, Cow<'static, str>)>;

    pub(super) fn serialize<S: Serializer>(pairs: &Pairs, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(pairs.iter().map(|(unit, side)| (&**unit, side)))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Pairs, D::Error> {
        let map = BTreeMap::<String, Cow<'static, str>>::deserialize(deserializer)?;
        Ok(map.into_iter().map(|(unit, side)| (Arc::from(unit), side)).collect())
    }
}
