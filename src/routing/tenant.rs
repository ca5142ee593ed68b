//! Where a tenant's requests go when nothing but the tenant is known of them.

use super::canary::Rule;
use super::{CohortId, CohortKind, FlagId, Overrides, Percent, RouteId, Rules, bucket_of};
use crate::names::{Key, Side, Stage};

/// What of a tenant's requests can be said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TenantSide {
    /// All go to this side.
    All(Side),
    /// Some go to the one and some to the other: it depends on the user, the client or a header.
    Mixed,
}

impl TenantSide {
    /// `legacy`, `new` or `mixed`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            TenantSide::All(side) => side.as_str(),
            TenantSide::Mixed => "mixed",
        }
    }
}

impl Rules {
    /// Where the requests of this tenant go that a route takes, unless somebody forces a side.
    #[must_use]
    pub fn side_of_tenant(&self, id: RouteId, overrides: &Overrides, tenant: &str) -> TenantSide {
        let route = self.route(id);
        let legacy = TenantSide::All(Side::Legacy);
        if route.legacy.is_some() && overrides.pins_tenant(id, tenant) {
            return legacy;
        }
        let plan = match (route.stage, &route.canary) {
            (Stage::Live | Stage::Complete, _) => return TenantSide::All(Side::New),
            (Stage::Canary, Some(canary)) => canary,
            _ => return legacy,
        };
        let percent = match plan.share {
            Some(share) if share.ramped => overrides.ramped(id),
            Some(share) => share.percent,
            None => Percent::ZERO,
        };
        // `None` where it depends on more than the tenant.
        let (mut some_new, mut some_legacy) = (false, false);
        for &rule in plan.plan().rules() {
            let (holds, side) = match rule {
                Rule::ExceptTenants => (Some(plan.except.tenants.contains(tenant)), Side::Legacy),
                Rule::ExceptCohort(cohort) => (self.has_tenant(cohort, tenant), Side::Legacy),
                Rule::Tenants => (Some(plan.tenants.contains(tenant)), Side::New),
                Rule::Cohort(cohort) => (self.has_tenant(cohort, tenant), Side::New),
                Rule::Flag(flag) => (self.is_on_for(flag, tenant), Side::New),
                Rule::Share(by) => (inside(&route.salt, by, percent, tenant), Side::New),
                Rule::ShareOf(by, cohort) => {
                    let both = [self.has_tenant(cohort, tenant), inside(&route.salt, by, percent, tenant)];
                    (all(both.into_iter()), Side::New)
                }
            };
            match (holds, side) {
                (Some(true), side) => {
                    some_new |= side == Side::New;
                    some_legacy |= side == Side::Legacy;
                    return told(some_new, some_legacy);
                }
                (Some(false), _) => {}
                (None, Side::New) => some_new = true,
                (None, Side::Legacy) => some_legacy = true,
            }
        }
        told(some_new, true)
    }

    /// Whether a tenant is a member; `None` where it depends on more.
    fn has_tenant(&self, id: CohortId, tenant: &str) -> Option<bool> {
        // A cohort refers only to those before it, so each is known when it is asked for.
        let mut known: Vec<Option<bool>> = Vec::new();
        for cohort in self.cohorts.iter().take(id.0 as usize + 1) {
            let of = |other: &CohortId| known.get(other.0 as usize).copied().unwrap_or(Some(false));
            let kind = match &cohort.kind {
                CohortKind::Tenants(tenants) => Some(tenants.contains(tenant)),
                CohortKind::Header { .. } | CohortKind::Networks(_) => None,
                CohortKind::Percent { percent, by, salt } => inside(salt, *by, *percent, tenant),
                CohortKind::Any(ids) => any(ids.iter().map(of)),
                CohortKind::All(ids) if ids.is_empty() => Some(false),
                CohortKind::All(ids) => all(ids.iter().map(of)),
            };
            let excepted = any(cohort.except.iter().map(of));
            known.push(all([kind, excepted.map(|is| !is)].into_iter()));
        }
        known.last().copied().unwrap_or(Some(false))
    }

    /// Whether a flag is on for all of a tenant's requests; `None` where it depends on more.
    fn is_on_for(&self, id: FlagId, tenant: &str) -> Option<bool> {
        let Some(flag) = self.flags.get(id.0 as usize) else { return Some(false) };
        if let Some(spoken) = flag.over.or_else(|| flag.tenants.get(tenant).copied()) {
            return Some(spoken);
        }
        if !flag.users.is_empty() {
            return None;
        }
        let share = flag.percent.map_or(Some(false), |(percent, by)| inside(&flag.salt, by, percent, tenant));
        any([share, Some(flag.default)].into_iter())
    }
}

fn inside(salt: &str, by: Key, percent: Percent, tenant: &str) -> Option<bool> {
    match (by, percent) {
        (_, Percent::ZERO) => Some(false),
        (Key::Tenant, percent) => Some(percent.contains(bucket_of(salt, tenant))),
        // A client always has an address.
        (Key::Client, Percent::ALL) => Some(true),
        (Key::User | Key::Client, _) => None,
    }
}

/// True if one is, unknown if one might be.
fn any(parts: impl Iterator<Item = Option<bool>>) -> Option<bool> {
    all(parts.map(|part| part.map(|is| !is))).map(|none| !none)
}

/// False if one is, unknown if one might be.
fn all(parts: impl Iterator<Item = Option<bool>>) -> Option<bool> {
    let (mut refused, mut unknown) = (false, false);
    for part in parts {
        refused |= part == Some(false);
        unknown |= part.is_none();
    }
    if refused { Some(false) } else { (!unknown).then_some(true) }
}

fn told(some_new: bool, some_legacy: bool) -> TenantSide {
    match (some_new, some_legacy) {
        (true, true) => TenantSide::Mixed,
        (true, false) => TenantSide::All(Side::New),
        (false, _) => TenantSide::All(Side::Legacy),
    }
}
