//! What is live: one pointer to the generation every new request is decided by.

mod limiter;

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use arc_swap::{ArcSwap, Cache};
use crossbeam_queue::ArrayQueue;

use crate::diff::{Kind, SignatureId};
use crate::directives::Standing;
use crate::routing::{BackendId, Overrides, RouteId};
use crate::snapshot::{AdminSettings, ListenerSettings, ListenerTls, Snapshot};
use crate::telemetry::{FacadeMeter, GuardMeter, RouteMeter, Sample, ShadowMeter, TenantQueue};
use crate::upstream::Backend;
pub use limiter::{Granted, Limiter};

/// A snapshot live in this process, with its living backends, its meters, and what beats its rules. All of it but the
/// number and the overrides is shared with the generation before where only a directive changed.
#[derive(Debug, Clone)]
pub struct Generation {
    /// Numbered upward, through restarts.
    pub number: u64,
    /// What it was made from.
    pub snapshot: Arc<Snapshot>,
    /// What beats its rules: the kill switch, pins, ramps.
    pub overrides: Overrides,
    /// The same as it was said.
    pub standing: Arc<Standing>,
    /// The living backends; [`BackendId`] counts here.
    pub backends: Arc<[Arc<Backend>]>,
    /// Where routes are measured; [`RouteId`] counts here.
    pub meters: Arc<[Arc<RouteMeter>]>,
    /// Where the copies of a route's requests are measured, where there are any; [`RouteId`] counts here.
    pub shadow_meters: Arc<[Option<Arc<ShadowMeter>>]>,
    /// Where the evidence of guarded routes is counted; [`RouteId`] counts here.
    pub guard_meters: Arc<[Option<Arc<GuardMeter>>]>,
    /// Where requests are measured that no route takes.
    pub unrouted: Arc<RouteMeter>,
}

impl Generation {
    /// The living backend with this id.
    #[must_use]
    pub fn backend(&self, id: BackendId) -> &Arc<Backend> {
        &self.backends[id.0 as usize]
    }

    /// The meter of a route, or of what no route takes.
    #[must_use]
    pub fn meter(&self, route: Option<RouteId>) -> &RouteMeter {
        route.map_or(&self.unrouted, |id| &self.meters[id.0 as usize])
    }

    /// The meter of the copies of a route's requests.
    #[must_use]
    pub fn shadow_meter(&self, id: RouteId) -> Option<&Arc<ShadowMeter>> {
        self.shadow_meters.get(id.0 as usize)?.as_ref()
    }

    /// Where the evidence of a route is counted, if it has a guard.
    #[must_use]
    pub fn guard_meter(&self, id: RouteId) -> Option<&Arc<GuardMeter>> {
        self.guard_meters.get(id.0 as usize)?.as_ref()
    }
}

/// What became of the last attempt to change the configuration.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
pub struct ReloadStatus {
    /// When it was (RFC 3339); `None` if there was none since the start.
    pub at: Option<String>,
    /// Whether it was taken.
    pub accepted: bool,
    /// Why not, or what was noticed, one text for each.
    pub messages: Vec<String>,
    /// Whether the facade serves the kept configuration because the file cannot be taken.
    pub serving_kept: bool,
}

/// A difference signature that was not known before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sighting {
    /// The route.
    pub route: Arc<str>,
    /// Its name.
    pub id: SignatureId,
    /// The normalised path.
    pub path: String,
    /// The kind.
    pub kind: Kind,
}

/// How many new signatures may wait to be told; what is beyond is in the store all the same.
const SIGHTINGS: usize = 256;

/// Follows the live generation, for one thread that asks often: while it is the same, an answer is a plain load.
#[derive(Debug)]
pub struct Follower(Cache<Arc<ArcSwap<Generation>>, Arc<Generation>>);

impl Follower {
    /// The generation that decides new requests.
    pub fn current(&mut self) -> &Arc<Generation> {
        self.0.load()
    }
}

/// What all threads of the facade share.
#[derive(Debug)]
pub struct Live {
    /// By itself, so that nothing that is written lies beside what every request reads.
    current: Arc<ArcSwap<Generation>>,
    leaving: AtomicBool,
    reload: Mutex<ReloadStatus>,
    admin: ArcSwap<AdminSettings>,
    tls: ArcSwap<Vec<Option<Arc<ListenerTls>>>>,
    /// The listeners' addresses as configured at start: they take a restart.
    addresses: Vec<SocketAddr>,
    /// The counts of the facade as a whole.
    pub meter: FacadeMeter,
    /// What became of each tenant's requests, on its way to be added up.
    pub tenants: Arc<TenantQueue>,
    /// What a few recent requests looked like.
    pub sample: Sample,
    /// How often subjects ask routes that limit that.
    pub limiter: Limiter,
    /// New signatures on their way to be told.
    sightings: ArrayQueue<Sighting>,
    /// When this process began to serve.
    pub started: SystemTime,
}

impl Live {
    /// Begins with this generation, for this many data workers.
    #[must_use]
    pub fn new(generation: Generation, meter: FacadeMeter, workers: usize) -> Live {
        let admin = ArcSwap::new(Arc::clone(&generation.snapshot.admin));
        let listeners = &generation.snapshot.listeners;
        let tls = ArcSwap::from_pointee(listeners.iter().map(|listener| listener.tls.clone()).collect());
        let addresses = listeners.iter().map(|listener| listener.address).collect();
        let limiter = Limiter::default();
        if generation.snapshot.has_rate_limits() {
            limiter.prepare();
        }
        Live {
            limiter,
            admin,
            tls,
            addresses,
            current: Arc::new(ArcSwap::from_pointee(generation)),
            leaving: AtomicBool::new(false),
            reload: Mutex::default(),
            meter,
            tenants: Arc::default(),
            sample: Sample::new(workers),
            sightings: ArrayQueue::new(SIGHTINGS),
            started: SystemTime::now(),
        }
    }

    /// The generation that decides new requests. Cheap: no shared counter is touched.
    #[must_use]
    pub fn current(&self) -> arc_swap::Guard<Arc<Generation>> {
        self.current.load()
    }

    /// For a thread that asks for it with every request.
    #[must_use]
    pub fn follow(&self) -> Follower {
        Follower(Cache::new(Arc::clone(&self.current)))
    }

    /// Makes this the generation that decides new requests. Only the control layer calls this.
    pub fn swap(&self, generation: Generation) {
        if generation.snapshot.has_rate_limits() {
            self.limiter.prepare();
        }
        self.current.store(Arc::new(generation));
    }

    /// Notes a signature that was not known before.
    pub fn sighted(&self, sighting: Sighting) {
        // Where nobody takes them, the store still has them.
        let _ = self.sightings.push(sighting);
    }

    /// The signatures that were noted since the last call.
    pub fn sightings(&self) -> impl Iterator<Item = Sighting> {
        std::iter::from_fn(|| self.sightings.pop()).take(SIGHTINGS)
    }

    /// Says that the facade is going down: from now on it is not ready.
    pub fn leave(&self) {
        self.leaving.store(true, Ordering::Release);
    }

    /// Whether the facade is going down.
    #[must_use]
    pub fn is_leaving(&self) -> bool {
        self.leaving.load(Ordering::Acquire)
    }

    /// Who may talk to the admin API: by the files that were taken last, whatever generation of before is held. Putting an old
    /// configuration back must not let in again whose token has been taken away.
    #[must_use]
    pub fn admin(&self) -> Arc<AdminSettings> {
        self.admin.load_full()
    }

    /// Says who may talk to the admin API from now on. Only the control layer calls this.
    pub fn set_admin(&self, admin: Arc<AdminSettings>) {
        self.admin.store(admin);
    }

    /// The listeners' addresses as configured at start, in that order.
    #[must_use]
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// How clients of a listener (its place at start) are spoken to securely: by the files that were taken last, whatever
    /// generation of before is held. Putting an old configuration back must not bring back a certificate that has expired,
    /// nor an authority that is no longer trusted.
    #[must_use]
    pub fn tls(&self, listener: usize) -> Option<Arc<ListenerTls>> {
        self.tls.load().get(listener).cloned().flatten()
    }

    /// Says how clients are spoken to from now on. What is made from the same bytes stays, with its session tickets; a listener
    /// that is no longer configured goes on as it was. Only the control layer calls this.
    pub fn set_tls(&self, listeners: &[ListenerSettings]) {
        let before = self.tls.load();
        let wanted = self.addresses.iter().enumerate().map(|(place, _)| {
            let was = before.get(place).cloned().flatten();
            match ListenerSettings::of(listeners, &self.addresses, place) {
                Some(listener) if listener.tls != was => listener.tls.clone(),
                _ => was,
            }
        });
        self.tls.store(Arc::new(wanted.collect()));
    }

    /// Notes what became of a reload.
    pub fn set_reload(&self, status: ReloadStatus) {
        *self.reload.lock().unwrap_or_else(PoisonError::into_inner) = status;
    }

    /// What became of the last reload.
    #[must_use]
    pub fn reload(&self) -> ReloadStatus {
        self.reload.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
