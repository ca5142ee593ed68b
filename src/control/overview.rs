//! How everything stands: routes, guards, ramps, tenants. Looked at once a second, asked by `status` and `tenants`.

mod recent;
mod status;
mod tenants;

use std::collections::{BTreeMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::time::Instant;

use super::guard::{Finding, Guards};
use super::helm::Helm;
use crate::routing::{CohortKind, Rules};
use crate::snapshot::Snapshot;
use crate::telemetry::TenantTable;
use recent::Recent;
pub use status::{
    BackendStatus, Compared, EndpointStatus, GuardStatus, PeerStatus, PinStatus, RampStatus, RouteStatus, SideStatus,
    Status,
};
pub use tenants::TenantStatus;

/// How everything stands.
#[derive(Debug)]
pub struct Overview {
    helm: Arc<Helm>,
    inner: Mutex<Inner>,
}

#[derive(Debug)]
struct Inner {
    guards: Guards,
    recent: Recent,
    tenants: TenantTable,
    /// What the tenants of the configuration were gathered from.
    gathered: Option<Arc<Snapshot>>,
    /// How often guards have tripped, by route.
    trips: BTreeMap<String, u64>,
}

impl Overview {
    /// Begins to look.
    #[must_use]
    pub(super) fn new(helm: Arc<Helm>) -> Overview {
        let inner = Inner {
            guards: Guards::default(),
            recent: Recent::new(Instant::now()),
            tenants: TenantTable::default(),
            gathered: None,
            trips: BTreeMap::new(),
        };
        let overview = Overview { helm, inner: Mutex::new(inner) };
        // What is counted before a guard's first look, it never sees.
        drop(overview.tick(Instant::now()));
        overview
    }

    /// Looks at everything; called about once a second. What guards and ramps want done is for the caller.
    pub(super) fn tick(&self, now: Instant) -> Vec<Finding> {
        let generation = Arc::clone(&self.helm.live().current());
        let mut inner = self.inner();
        let inner = &mut *inner;
        if inner.gathered.as_ref().is_none_or(|snapshot| !Arc::ptr_eq(snapshot, &generation.snapshot)) {
            inner.tenants.configure(Arc::new(tenants_of(&generation.snapshot.rules)));
            inner.gathered = Some(Arc::clone(&generation.snapshot));
        }
        inner.tenants.drain(&self.helm.live().tenants);
        inner.recent.look(&generation, now);
        inner.guards.rearm(&self.helm.take_lifted());
        let found = inner.guards.tick(&generation, now);
        for finding in &found {
            if let Finding::Trip { route, .. } = finding {
                *inner.trips.entry(route.to_string()).or_default() += 1;
            }
        }
        found
    }

    /// Whether a tenant is named by the configuration, or was seen of late.
    #[must_use]
    pub fn knows_tenant(&self, tenant: &str) -> bool {
        let mut inner = self.inner();
        inner.tenants.drain(&self.helm.live().tenants);
        inner.tenants.knows(tenant)
    }

    /// How often guards have tripped since the start, by the route that the evidence was of.
    #[must_use]
    pub fn trips(&self) -> BTreeMap<String, u64> {
        self.inner().trips.clone()
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Every tenant that the rules name.
fn tenants_of(rules: &Rules) -> HashSet<Box<str>> {
    let mut tenants = HashSet::new();
    for cohort in &rules.cohorts {
        if let CohortKind::Tenants(named) = &cohort.kind {
            tenants.extend(named.iter().cloned());
        }
    }
    for canary in rules.routes.iter().filter_map(|route| route.canary.as_ref()) {
        tenants.extend(canary.tenants.iter().chain(&canary.except.tenants).cloned());
    }
    for flag in &rules.flags {
        tenants.extend(flag.tenants.keys().cloned());
    }
    tenants
}
