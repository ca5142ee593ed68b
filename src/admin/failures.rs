//! Who failed to show a token too often of late.

use std::collections::{HashMap, VecDeque};
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// How many failures are answered as such within [`WINDOW`]; what fails beyond is turned away.
const ENOUGH: usize = 10;
const WINDOW: Duration = Duration::from_secs(10);
/// How many clients are remembered. Beyond, the one who failed longest ago is forgotten.
const CLIENTS: usize = 1024;

/// Who failed of late, and when. It slows guessing down and keeps the log short; it never stands between a valid token and
/// `kill`, since only those who failed come here.
#[derive(Debug, Default)]
pub(super) struct Failures(Mutex<HashMap<IpAddr, VecDeque<Instant>>>);

impl Failures {
    /// Notes a failure. If there were too many, how long until one is answered as such again; that one is not counted.
    pub(super) fn failed(&self, client: IpAddr, now: Instant) -> Option<Duration> {
        let mut clients = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let client = network(client);
        if !clients.contains_key(&client) && clients.len() >= CLIENTS {
            let oldest = clients.iter().min_by_key(|(_, failures)| failures.back().copied());
            if let Some(oldest) = oldest.map(|(client, _)| *client) {
                clients.remove(&oldest);
            }
        }
        let failures = clients.entry(client).or_default();
        while failures.front().is_some_and(|at| now.saturating_duration_since(*at) >= WINDOW) {
            failures.pop_front();
        }
        if failures.len() >= ENOUGH {
            return failures.front().map(|at| (*at + WINDOW).saturating_duration_since(now));
        }
        failures.push_back(now);
        None
    }
}

/// Whoever has an IPv6 address has a whole /64 of them.
fn network(client: IpAddr) -> IpAddr {
    match client.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from(u128::from(address) >> 64 << 64)),
        address => address,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_eleventh_failure_within_ten_seconds_is_turned_away() {
        let (failures, start) = (Failures::default(), Instant::now());
        let client = "192.0.2.1".parse().unwrap();
        for second in 0..10 {
            assert_eq!(failures.failed(client, start + Duration::from_millis(second * 900)), None);
        }
        let late = start + Duration::from_secs(9);
        assert_eq!(failures.failed(client, late), Some(Duration::from_secs(1)));
        assert_eq!(failures.failed("192.0.2.2".parse().unwrap(), late), None);
        assert_eq!(failures.failed("::ffff:192.0.2.1".parse().unwrap(), late), Some(Duration::from_secs(1)));
        assert_eq!(failures.failed(client, start + WINDOW), None);
        assert!(failures.failed(client, start + WINDOW).is_some());
    }

    #[test]
    fn the_addresses_of_one_network_count_together() {
        let (failures, now) = (Failures::default(), Instant::now());
        for host in 0..10 {
            assert_eq!(failures.failed(format!("2001:db8::{host}").parse().unwrap(), now), None);
        }
        assert!(failures.failed("2001:db8::ffff".parse().unwrap(), now).is_some());
        assert_eq!(failures.failed("2001:db8:0:1::1".parse().unwrap(), now), None);
    }

    proptest! {
        #[test]
        fn memory_is_bounded(clients in proptest::collection::vec(any::<u32>(), 0..3000)) {
            let (failures, now) = (Failures::default(), Instant::now());
            for client in clients {
                failures.failed(IpAddr::V4(client.into()), now);
            }
            prop_assert!(failures.0.lock().unwrap().len() <= CLIENTS);
        }
    }
}
