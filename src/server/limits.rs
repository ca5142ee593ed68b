//! How many connections there are, over all workers: counted without locks.

use std::hash::{BuildHasher as _, RandomState};
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};

use crossbeam_utils::CachePadded;

use crate::snapshot::ClientLimits;
use crate::telemetry::TurnedAway;

/// The table of clients has this many rows of this many cells.
const ROWS: usize = 4;
const CELLS: usize = 1 << 15;

/// Who is connected, over all workers.
///
/// Clients are counted in a table of fixed size (a count-min sketch): each address has a cell in every row, picked by a secret
/// hash, and counts for the least of them. An address may seem to have more connections than it has, when all of its cells are
/// shared with others, never fewer.
#[derive(Debug)]
pub struct Crowd {
    listeners: Box<[CachePadded<AtomicUsize>]>,
    clients: Box<[AtomicU32]>,
    key: RandomState,
}

impl Crowd {
    /// Nobody yet, at this many listeners.
    #[must_use]
    pub fn new(listeners: usize) -> Crowd {
        Crowd {
            listeners: (0..listeners).map(|_| CachePadded::default()).collect(),
            clients: (0..ROWS * CELLS).map(|_| AtomicU32::new(0)).collect(),
            key: RandomState::new(),
        }
    }

    /// A place for one more connection at a listener. `trusted` are proxies with many clients behind them: they are not counted
    /// as one.
    ///
    /// # Errors
    /// Why there is none.
    pub(super) fn enter(
        self: &Arc<Crowd>,
        listener: usize,
        client: IpAddr,
        trusted: bool,
        limits: &ClientLimits,
    ) -> Result<Place, TurnedAway> {
        let mut place = Place { crowd: Arc::clone(self), listener, cells: None };
        // Counted first and looked at second: two that come at once may both be sent away, but never both let in.
        if self.listeners[listener].fetch_add(1, Ordering::Relaxed) >= limits.connections {
            return Err(TurnedAway::Connections);
        }
        let Some(most) = limits.per_client.filter(|_| !trusted) else { return Ok(place) };
        let cells = self.cells(client);
        place.cells = Some(cells);
        let before = cells.map(|cell| self.clients[cell].fetch_add(1, Ordering::Relaxed));
        let least = before.into_iter().min().unwrap_or_default();
        if least as usize >= most { Err(TurnedAway::PerClient) } else { Ok(place) }
    }

    /// The cells of an address.
    fn cells(&self, client: IpAddr) -> [usize; ROWS] {
        let mut hash = self.key.hash_one(subject(client));
        std::array::from_fn(|row| {
            let cell = (hash as usize) % CELLS;
            hash >>= CELLS.trailing_zeros();
            row * CELLS + cell
        })
    }
}

/// What counts as one client: an address, or the /64 that an IPv6 host picks its addresses from.
fn subject(client: IpAddr) -> u64 {
    match client.to_canonical() {
        IpAddr::V4(address) => u64::from(address.to_bits()),
        IpAddr::V6(address) => (address.to_bits() >> 64) as u64 | 1 << 63,
    }
}

/// A connection's place in the crowd, given back when it is dropped.
#[derive(Debug)]
pub(super) struct Place {
    crowd: Arc<Crowd>,
    listener: usize,
    cells: Option<[usize; ROWS]>,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.crowd.listeners[self.listener].fetch_sub(1, Ordering::Relaxed);
        for cell in self.cells.into_iter().flatten() {
            self.crowd.clients[cell].fetch_sub(1, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn limits(connections: usize, per_client: usize) -> ClientLimits {
        ClientLimits { connections, per_client: Some(per_client), ..ClientLimits::default() }
    }

    #[test]
    fn a_listener_takes_no_more_than_it_may_and_again_after_one_has_left() {
        let crowd = Arc::new(Crowd::new(2));
        let limits = ClientLimits { connections: 2, ..ClientLimits::default() };
        let client = "192.0.2.1".parse().unwrap();
        let first = crowd.enter(0, client, false, &limits).unwrap();
        let _second = crowd.enter(0, client, false, &limits).unwrap();
        assert_eq!(crowd.enter(0, client, false, &limits).unwrap_err(), TurnedAway::Connections);
        let _elsewhere = crowd.enter(1, client, false, &limits).unwrap();
        drop(first);
        assert!(crowd.enter(0, client, false, &limits).is_ok());
    }

    #[test]
    fn one_network_of_ipv6_is_one_client() {
        let crowd = Arc::new(Crowd::new(1));
        let of = |text: &str| crowd.enter(0, text.parse().unwrap(), false, &limits(100, 1));
        let _one = of("2001:db8::1").unwrap();
        assert_eq!(of("2001:db8::ffff:2").unwrap_err(), TurnedAway::PerClient);
        let _other = of("2001:db8:0:1::1").unwrap();
        let _v4 = of("192.0.2.7").unwrap();
        assert_eq!(of("::ffff:192.0.2.7").unwrap_err(), TurnedAway::PerClient);
    }

    #[test]
    fn a_trusted_proxy_is_not_counted() {
        let crowd = Arc::new(Crowd::new(1));
        let proxy = "10.0.0.1".parse().unwrap();
        let places: Vec<_> = (0..10).map(|_| crowd.enter(0, proxy, true, &limits(100, 1)).unwrap()).collect();
        assert_eq!(places.len(), 10);
    }

    proptest! {
        #[test]
        fn nobody_is_counted_twice_or_forgotten(clients in prop::collection::vec(any::<u32>(), 1..300)) {
            let crowd = Arc::new(Crowd::new(1));
            let of = |client: u32| crowd.enter(0, IpAddr::V4(client.into()), false, &limits(1000, 1000));
            let places: Vec<_> = clients.iter().map(|client| of(*client).unwrap()).collect();
            for client in &clients {
                let cells = crowd.cells(IpAddr::V4((*client).into()));
                let least = cells.map(|cell| crowd.clients[cell].load(Ordering::Relaxed)).into_iter().min().unwrap();
                prop_assert!(least as usize >= clients.iter().filter(|other| *other == client).count());
            }
            drop(places);
            prop_assert!(crowd.clients.iter().all(|cell| cell.load(Ordering::Relaxed) == 0));
        }
    }
}
