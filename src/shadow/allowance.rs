//! How often a system may be asked twice: noise samples and confirmations together.

use std::collections::HashMap;
use std::sync::Arc;

use tokio::time::{Duration, Instant};

/// Asks are at most one in so many of a route's compared requests: 5 %.
const ONE_IN: u64 = 20;
/// However few requests a route has, it may ask this often.
const ALWAYS_EVERY: Duration = Duration::from_secs(1);
/// Asks per second of one backend.
const PER_SECOND: f64 = 10.0;

/// What asks are for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    /// To learn how often a system differs from itself. Takes at most half of what a route may ask.
    Noise,
    /// To see whether a difference shows again.
    Confirmation,
}

/// The account of asks.
#[derive(Debug, Default)]
pub(super) struct Allowance {
    routes: HashMap<Arc<str>, RouteAccount>,
    backends: HashMap<Arc<str>, Bucket>,
}

#[derive(Debug, Default)]
struct RouteAccount {
    compared: u64,
    asked: u64,
    noise: u64,
    last: Option<Instant>,
}

#[derive(Debug)]
struct Bucket {
    tokens: f64,
    filled: Instant,
}

impl Allowance {
    /// Counts a compared request of a route.
    pub(super) fn compared(&mut self, route: &Arc<str>) {
        match self.routes.get_mut(route) {
            Some(account) => account.compared += 1,
            None => drop(self.routes.insert(Arc::clone(route), RouteAccount { compared: 1, ..Default::default() })),
        }
    }

    /// Whether each of these backends may be asked once more for this route; if so, it is on the account.
    pub(super) fn take(&mut self, route: &Arc<str>, backends: &[&Arc<str>], purpose: Purpose, now: Instant) -> bool {
        let asks = backends.len() as u64;
        let account = self.routes.entry(Arc::clone(route)).or_default();
        let within = (account.asked + asks) * ONE_IN <= account.compared;
        let half = purpose == Purpose::Confirmation || (account.noise + asks) * ONE_IN * 2 <= account.compared;
        let long_ago = account.last.is_none_or(|last| now.duration_since(last) >= ALWAYS_EVERY);
        if !(within && half || long_ago) {
            return false;
        }
        let buckets = &mut self.backends;
        let filled = |buckets: &mut HashMap<Arc<str>, Bucket>, name: &Arc<str>| {
            let bucket = buckets.entry(Arc::clone(name)).or_insert(Bucket { tokens: PER_SECOND, filled: now });
            let since = now.duration_since(bucket.filled).as_secs_f64();
            bucket.tokens = (bucket.tokens + since * PER_SECOND).min(PER_SECOND);
            bucket.filled = now;
            bucket.tokens >= 1.0
        };
        if !backends.iter().all(|name| filled(buckets, name)) {
            return false;
        }
        for name in backends {
            if let Some(bucket) = buckets.get_mut(*name) {
                bucket.tokens -= 1.0;
            }
        }
        account.asked += asks;
        account.last = Some(now);
        if purpose == Purpose::Noise {
            account.noise += asks;
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn name(text: &str) -> Arc<str> {
        text.into()
    }

    #[test]
    fn one_a_second_is_always_allowed() {
        let (route, backend, began) = (name("r"), name("b"), Instant::now());
        let mut allowance = Allowance::default();
        assert!(allowance.take(&route, &[&backend], Purpose::Noise, began));
        assert!(!allowance.take(&route, &[&backend], Purpose::Noise, began + Duration::from_millis(999)));
        assert!(allowance.take(&route, &[&backend], Purpose::Noise, began + Duration::from_secs(1)));
    }

    #[test]
    fn a_backend_is_asked_ten_times_a_second_by_all_routes_together() {
        let (backend, began) = (name("b"), Instant::now());
        let mut allowance = Allowance::default();
        let asked = (0..100).filter(|i| allowance.take(&name(&format!("r{i}")), &[&backend], Purpose::Noise, began));
        assert_eq!(asked.count(), 10);
    }

    proptest! {
        #[test]
        fn asks_stay_within_a_twentieth_or_one_a_second(steps in proptest::collection::vec((0_u64..50, 0_u64..300, any::<bool>()), 1..200)) {
            let (route, one, other) = (name("r"), name("a"), name("b"));
            let mut allowance = Allowance::default();
            let (mut now, mut compared, mut asked, began) = (Instant::now(), 0_u64, 0_u64, Instant::now());
            for (requests, pause, confirm) in steps {
                (0..requests).for_each(|_| allowance.compared(&route));
                compared += requests;
                now += Duration::from_millis(pause);
                let (backends, purpose): (&[&Arc<str>], _) =
                    if confirm { (&[&one, &other], Purpose::Confirmation) } else { (&[&one], Purpose::Noise) };
                if allowance.take(&route, backends, purpose, now) {
                    asked += backends.len() as u64;
                }
                let seconds = now.duration_since(began).as_secs() + 1;
                prop_assert!(asked <= compared / ONE_IN + 2 * seconds, "{asked} of {compared} in {seconds} s");
            }
        }
    }
}
