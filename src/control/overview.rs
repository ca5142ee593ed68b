//! How everything stands: routes, guards, ramps, tenants. Looked at once a second, asked by `status`, `tenants` and the console.
//!
//! - [`status`]: a row for each route · [`tenants`]: a row for each tenant · [`recent`]: what was counted of late
//! - [`series`]: what was counted over the last hour and day · [`point`], [`ring`]: what it is made of
//! - [`progress`]: how much has migrated, now and by the hour

mod point;
mod progress;
mod recent;
mod ring;
mod series;
mod status;
mod tenants;

use std::collections::{BTreeMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::time::Instant;

use super::guard::{Finding, Guards};
use super::helm::Helm;
use crate::clock::now_ms;
use crate::ledger::{Change, Entry};
use crate::routing::{CohortKind, RouteId, Rules};
use crate::snapshot::Snapshot;
use crate::state::Generation;
use crate::telemetry::TenantTable;
use point::Counts;
pub use point::Point;
use progress::Burnup;
pub use progress::{Migrated, Progress};
use recent::Recent;
use ring::Ring;
pub use series::{Period, Series};
pub use status::{
    BackendStatus, Compared, EndpointStatus, GuardStatus, PeerStatus, PinStatus, RampStatus, RouteStatus, SideStatus,
    Status,
};
pub use tenants::TenantStatus;

const MINUTE_MS: u64 = 60_000;
/// For how many minutes it is remembered how much had migrated.
const MINUTES: u64 = 120;

/// How everything stands.
#[derive(Debug)]
pub struct Overview {
    helm: Arc<Helm>,
    /// When it began to look.
    began: Instant,
    inner: Mutex<Inner>,
}

#[derive(Debug)]
struct Inner {
    guards: Guards,
    recent: Recent,
    series: series::Table,
    burnup: Burnup,
    /// How much had migrated, minute by minute.
    late: Ring<Progress>,
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
            series: series::Table::new(series::MOST),
            burnup: Burnup::new(now_ms()),
            late: Ring::new(MINUTES),
            tenants: TenantTable::default(),
            gathered: None,
            trips: BTreeMap::new(),
        };
        let overview = Overview { helm, began: Instant::now(), inner: Mutex::new(inner) };
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
        self.remember(inner, &generation, now);
        inner.guards.rearm(&self.helm.take_lifted());
        let found = inner.guards.tick(&generation, now);
        for finding in &found {
            if let Finding::Trip { route, .. } = finding {
                *inner.trips.entry(route.to_string()).or_default() += 1;
            }
        }
        found
    }

    /// What a route has counted over the last hour or day, or all of them together; `None` of a route that had no request.
    #[must_use]
    pub fn series(&self, route: Option<&str>, period: Period) -> Option<Series> {
        self.inner().series.of(route, period)
    }

    /// How much has migrated.
    #[must_use]
    pub fn progress(&self) -> Progress {
        let generation = Arc::clone(&self.helm.live().current());
        let mut inner = self.inner();
        inner.tenants.drain(&self.helm.live().tenants);
        inner.progress(&generation, now_ms())
    }

    /// How much had migrated, minute by minute over the last two hours: the end of the minute in milliseconds since 1970, oldest
    /// first. What is older, [`Ledger::hours`](crate::ledger::Ledger::hours) has.
    #[must_use]
    pub fn progress_of_late(&self) -> Vec<(u64, Progress)> {
        self.inner().late.iter().map(|(minute, progress)| (minute * MINUTE_MS, *progress)).collect()
    }

    /// Writes down what has migrated in this hour; called when the facade goes down, too.
    pub(super) fn write_progress(&self) {
        let generation = Arc::clone(&self.helm.live().current());
        let mut inner = self.inner();
        inner.tenants.drain(&self.helm.live().tenants);
        self.write_hour(&mut inner, &generation, now_ms());
    }

    fn remember(&self, inner: &mut Inner, generation: &Generation, now: Instant) {
        let now_ms = now_ms();
        if inner.series.is_due(now_ms) {
            let steady_ms = now.saturating_duration_since(self.began).as_millis();
            let steady_ms = u64::try_from(steady_ms).unwrap_or(u64::MAX);
            inner.series.note(now_ms, steady_ms, counts(generation));
        }
        let minute = now_ms / MINUTE_MS;
        if inner.late.last() != Some(minute) {
            let progress = inner.progress(generation, now_ms);
            inner.late.push(minute, progress);
        }
        if inner.burnup.is_due(now_ms) {
            self.write_hour(inner, generation, now_ms);
        }
    }

    fn write_hour(&self, inner: &mut Inner, generation: &Generation, now_ms: u64) {
        let answered = inner.series.total_with(counts(generation)).counted.answered;
        let tenants = inner.tenants.rows().map(|(name, count, _)| (name, count));
        let hour = inner.burnup.note(now_ms, answered, tenants, progress::routes(generation));
        // Nobody waits for it; where the disk does not take it, the ledger says so.
        drop(self.helm.ledger().write(Entry { changes: vec![Change::Hour(hour)], act: None }));
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

impl Inner {
    fn progress(&self, generation: &Generation, now_ms: u64) -> Progress {
        let answered = self.series.total_with(counts(generation)).counted.answered;
        let tenants = self.tenants.rows().map(|(name, count, _)| (name, count));
        self.burnup.progress(now_ms, answered, tenants, progress::routes(generation))
    }
}

/// What every route has counted that had a request, and what no route takes.
fn counts(generation: &Generation) -> impl Iterator<Item = (Arc<str>, Counts)> {
    let ids = (0_u32..).map(|id| Some(RouteId(id))).zip(generation.meters.iter());
    ids.chain([(None, &generation.unrouted)]).filter_map(|(id, meter)| {
        let verdicts = id.and_then(|id| generation.shadow_meter(id)).map(|meter| meter.verdicts()).unwrap_or_default();
        let counts = Counts { counted: recent::count(meter), verdicts };
        (counts.counted.all > 0 || verdicts != [0; 4]).then(|| (Arc::clone(&meter.name), counts))
    })
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
