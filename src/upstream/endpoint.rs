//! One address of a backend, and how it stands: counted in process-wide atomics that every worker reads.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use arc_swap::ArcSwap;
use crossbeam_utils::CachePadded;
use http::HeaderValue;

use super::outlier::Ejection;
use crate::clock::uptime_ms;
use crate::snapshot::EndpointAddress;

/// One address of a backend.
#[derive(Debug)]
pub struct Endpoint {
    /// Unique in this process: the key of the workers' connection pools.
    pub id: u64,
    /// As configured.
    pub address: EndpointAddress,
    /// Its own Host header.
    pub host: HeaderValue,
    resolved: ArcSwap<Vec<SocketAddr>>,
    unresolved: AtomicBool,
    in_flight: CachePadded<AtomicUsize>,
    /// Away from what changes with each request: this changes rarely and is read for each.
    pub(super) standing: CachePadded<Standing>,
}

/// What decides whether an endpoint gets requests.
#[derive(Debug, Default)]
pub(super) struct Standing {
    /// Whether health checks have found it bad.
    unhealthy: AtomicBool,
    /// When they found it good again, in [`uptime_ms`]; 0: never.
    recovered: AtomicU64,
    pub(super) ejection: Ejection,
}

impl Endpoint {
    pub(super) fn new(address: EndpointAddress) -> Endpoint {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let fixed = address.host.parse::<IpAddr>().map(|ip| SocketAddr::new(ip, address.port));
        Endpoint {
            id: NEXT.fetch_add(1, Ordering::Relaxed),
            // The configuration admits only authorities that are header values.
            host: HeaderValue::from_str(&address.authority).unwrap_or_else(|_| HeaderValue::from_static("")),
            resolved: ArcSwap::from_pointee(fixed.into_iter().collect()),
            unresolved: AtomicBool::new(false),
            in_flight: CachePadded::default(),
            standing: CachePadded::default(),
            address,
        }
    }

    /// Takes over what is known of the endpoint that had this address before a reload.
    pub(super) fn inherit(&self, before: &Endpoint) {
        let relaxed = Ordering::Relaxed;
        self.resolved.store(before.addresses());
        self.unresolved.store(before.unresolved.load(relaxed), relaxed);
        self.standing.unhealthy.store(!before.is_healthy(), relaxed);
        self.standing.recovered.store(before.standing.recovered.load(relaxed), relaxed);
        self.standing.ejection.inherit(&before.standing.ejection);
    }

    /// Whether it is a name that has to be resolved.
    #[must_use]
    pub fn is_name(&self) -> bool {
        self.address.host.parse::<IpAddr>().is_err()
    }

    /// The addresses to connect to, in order; empty while a name has none.
    #[must_use]
    pub fn addresses(&self) -> Arc<Vec<SocketAddr>> {
        self.resolved.load_full()
    }

    /// Takes over the addresses its name has now. Returns whether they changed.
    pub fn resolved_to(&self, addresses: Vec<SocketAddr>) -> bool {
        let changed = **self.resolved.load() != addresses;
        if changed {
            self.resolved.store(Arc::new(addresses));
        }
        changed
    }

    /// Notes whether its name could not be resolved just now. Returns whether that is news.
    pub fn set_unresolved(&self, now: bool) -> bool {
        self.unresolved.swap(now, Ordering::Relaxed) != now
    }

    /// Whether it has an address.
    #[must_use]
    pub fn is_known(&self) -> bool {
        !self.resolved.load().is_empty()
    }

    /// Whether health checks find it good; so until they find otherwise, and where there are none.
    #[must_use]
    pub fn is_healthy(&self) -> bool {
        !self.standing.unhealthy.load(Ordering::Relaxed)
    }

    /// Notes what health checks found. Returns whether that is news.
    pub fn set_healthy(&self, healthy: bool) -> bool {
        let standing = &self.standing;
        if healthy && !self.is_healthy() {
            standing.recovered.store(uptime_ms(), Ordering::Relaxed);
        }
        standing.unhealthy.swap(!healthy, Ordering::Relaxed) == healthy
    }

    /// Whether it is left out at this moment for its answers.
    #[must_use]
    pub fn is_ejected(&self) -> bool {
        self.standing.ejection.is_out(uptime_ms)
    }

    /// How often it was left out for its answers, since it was configured.
    #[must_use]
    pub fn ejections(&self) -> u64 {
        self.standing.ejection.total()
    }

    /// Whether it should get requests: it is healthy and not ejected.
    #[must_use]
    pub fn is_up(&self) -> bool {
        self.is_healthy() && !self.is_ejected()
    }

    /// The requests in flight to it.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        self.in_flight.load(Ordering::Relaxed)
    }

    /// Which part of its share it gets: rising evenly from 0 to 1 within `slow_start` after it came back.
    pub(super) fn warmth(&self, slow_start: Duration) -> f64 {
        let back = self.standing.recovered.load(Ordering::Relaxed).max(self.standing.ejection.ends());
        if back == 0 || slow_start.is_zero() {
            return 1.0;
        }
        (uptime_ms().saturating_sub(back) as f64 / 1e3 / slow_start.as_secs_f64()).min(1.0)
    }
}

/// Counts a request as in flight at an endpoint until it is dropped.
#[derive(Debug)]
pub struct InFlight(Arc<Endpoint>);

impl InFlight {
    /// Begins to count.
    #[must_use]
    pub fn begin(endpoint: &Arc<Endpoint>) -> InFlight {
        endpoint.in_flight.fetch_add(1, Ordering::Relaxed);
        InFlight(Arc::clone(endpoint))
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}
