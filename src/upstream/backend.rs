//! A backend and its endpoints, shared by all workers.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

use arc_swap::ArcSwap;
use crossbeam_utils::CachePadded;
use http::HeaderValue;

use super::{Bulkhead, Permit, Purpose};
use crate::errors::Failure;
use crate::snapshot::{BackendSettings, Balance, EndpointAddress};
use crate::telemetry::BackendMeter;

/// A named upstream system that lives: its endpoints with their state.
#[derive(Debug)]
pub struct Backend {
    /// What it was made from. As long as they stay equal, it is kept across reloads.
    pub settings: BackendSettings,
    /// Its endpoints; never empty.
    pub endpoints: Vec<Arc<Endpoint>>,
    /// Where it is measured.
    pub meter: Arc<BackendMeter>,
    /// How much of it is in use.
    pub bulkhead: Arc<Bulkhead>,
    turn: CachePadded<AtomicUsize>,
}

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
    in_flight: CachePadded<AtomicUsize>,
    unresolved: AtomicBool,
}

impl Backend {
    /// Brings a backend to life. Endpoints that are names have no address until [`Endpoint::resolved_to`] is called.
    #[must_use]
    pub fn new(settings: BackendSettings, meter: Arc<BackendMeter>) -> Backend {
        let endpoints = settings.endpoints.iter().map(|address| Arc::new(Endpoint::new(address.clone()))).collect();
        let bulkhead = Arc::new(Bulkhead::new(settings.limits));
        Backend { settings, endpoints, meter, bulkhead, turn: CachePadded::default() }
    }

    /// Lets a request in, until its permit is dropped: when its answer's body has ended.
    ///
    /// # Errors
    /// [`Failure::Limit`] if as many as its limits allow are in flight.
    pub fn enter(&self) -> Result<Permit, Failure> {
        self.bulkhead.enter(Purpose::Answer)
    }

    /// The same for a copy: as long as fewer than half of them are in flight.
    ///
    /// # Errors
    /// [`Failure::Limit`].
    pub fn enter_copy(&self) -> Result<Permit, Failure> {
        self.bulkhead.enter(Purpose::Copy)
    }

    /// The endpoint for the next request. An endpoint whose name has no address is passed over while another has one.
    #[must_use]
    pub fn pick(&self) -> &Arc<Endpoint> {
        let count = self.endpoints.len();
        if count == 1 {
            return &self.endpoints[0];
        }
        let first = match self.settings.balance {
            Balance::RoundRobin => self.turn.fetch_add(1, Ordering::Relaxed) % count,
            Balance::LeastRequests => {
                // The less busy of two at random: close to the least busy of all, without asking all
                // (Mitzenmacher, "The Power of Two Choices").
                let one = fastrand::usize(..count);
                let other = (one + fastrand::usize(1..count)) % count;
                let busy = |place: usize| self.endpoints[place].in_flight.load(Ordering::Relaxed);
                if busy(other) < busy(one) { other } else { one }
            }
        };
        let known = (0..count).map(|step| &self.endpoints[(first + step) % count]).find(|endpoint| endpoint.is_known());
        known.unwrap_or(&self.endpoints[first])
    }
}

impl Endpoint {
    fn new(address: EndpointAddress) -> Endpoint {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let fixed = address.host.parse::<IpAddr>().map(|ip| SocketAddr::new(ip, address.port));
        Endpoint {
            id: NEXT.fetch_add(1, Ordering::Relaxed),
            // The configuration admits only authorities that are header values.
            host: HeaderValue::from_str(&address.authority).unwrap_or_else(|_| HeaderValue::from_static("")),
            resolved: ArcSwap::from_pointee(fixed.into_iter().collect()),
            in_flight: CachePadded::default(),
            unresolved: AtomicBool::new(false),
            address,
        }
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

    fn is_known(&self) -> bool {
        !self.resolved.load().is_empty()
    }
}

/// Counts a request as in flight at an endpoint until it is dropped.
#[derive(Debug)]
pub struct InFlight(Option<Arc<Endpoint>>);

impl InFlight {
    /// Begins to count. A backend with one endpoint has nothing to compare, so nothing is counted.
    #[must_use]
    pub fn begin(backend: &Backend, endpoint: &Arc<Endpoint>) -> InFlight {
        if backend.endpoints.len() == 1 {
            return InFlight(None);
        }
        endpoint.in_flight.fetch_add(1, Ordering::Relaxed);
        InFlight(Some(Arc::clone(endpoint)))
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        if let Some(endpoint) = &self.0 {
            endpoint.in_flight.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    fn backend(balance: Balance, hosts: &[&str]) -> Backend {
        let endpoint =
            |host: &&str| EndpointAddress { host: (*host).into(), port: 80, tls: false, authority: (*host).into() };
        let endpoints = hosts.iter().map(endpoint).collect();
        let settings = BackendSettings { balance, ..BackendSettings::new("b".into(), endpoints) };
        Backend::new(settings, Arc::new(BackendMeter::new("b".into(), 1)))
    }

    fn picks(backend: &Backend, rounds: usize) -> HashMap<u64, usize> {
        let mut counts = HashMap::new();
        for _ in 0..rounds {
            *counts.entry(backend.pick().id).or_default() += 1;
        }
        counts
    }

    #[test]
    fn round_robin_is_even() {
        let backend = backend(Balance::RoundRobin, &["127.0.0.1", "127.0.0.2", "127.0.0.3"]);
        assert!(picks(&backend, 9).values().all(|&count| count == 3));
    }

    #[test]
    fn the_busier_of_two_is_not_picked() {
        let backend = backend(Balance::LeastRequests, &["127.0.0.1", "127.0.0.2"]);
        let busy = Arc::clone(&backend.endpoints[0]);
        let _held = InFlight::begin(&backend, &busy);
        assert!(!picks(&backend, 50).contains_key(&busy.id));
    }

    #[test]
    fn a_name_without_an_address_is_passed_over() {
        let backend = backend(Balance::RoundRobin, &["nowhere.invalid", "127.0.0.1"]);
        assert_eq!(picks(&backend, 10), HashMap::from([(backend.endpoints[1].id, 10)]));
        assert!(backend.endpoints[0].resolved_to(vec!["127.0.0.9:80".parse().unwrap()]));
        assert_eq!(picks(&backend, 10).len(), 2);
    }
}
