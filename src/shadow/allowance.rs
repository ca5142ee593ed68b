//! How often a system may be asked twice: noise samples and confirmations together.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use tokio::time::{Duration, Instant};

/// Asks are at most one in so many of a route's compared requests: 5 %.
const ONE_IN: u64 = 20;
/// However few requests a route has, it may ask this often.
const ALWAYS_EVERY: Duration = Duration::from_secs(1);
/// Asks of one backend within any [`SECOND`].
const PER_SECOND: usize = 10;
/// How many of them there may be before one to learn of noise, and before one to look anew at what is settled: else those
/// would leave nothing to confirmations, which settle far more.
const BEFORE_NOISE: usize = PER_SECOND / 2;
const BEFORE_RECHECK: usize = PER_SECOND / 5;
const SECOND: Duration = Duration::from_secs(1);

/// What asks are for, what matters most first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Purpose {
    /// To see whether a difference shows again of which little is known.
    Confirmation,
    /// To learn how often a system differs from itself. This and the next take at most half of what a route may ask.
    Noise,
    /// To see whether what is known of a difference still holds.
    Recheck,
}

/// The account of asks.
#[derive(Debug, Default)]
pub(super) struct Allowance {
    routes: HashMap<Arc<str>, RouteAccount>,
    /// When each backend was asked within the last second, in order.
    backends: HashMap<Arc<str>, VecDeque<Instant>>,
}

#[derive(Debug, Default)]
struct RouteAccount {
    compared: u64,
    asked: u64,
    /// Of those, how many were no confirmations.
    others: u64,
    last: Option<Instant>,
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
        let half = purpose == Purpose::Confirmation || (account.others + asks) * ONE_IN * 2 <= account.compared;
        let long_ago = account.last.is_none_or(|last| now.duration_since(last) >= ALWAYS_EVERY);
        if !(within && half || long_ago) {
            return false;
        }
        let most = match purpose {
            Purpose::Confirmation => PER_SECOND,
            Purpose::Noise => BEFORE_NOISE,
            Purpose::Recheck => BEFORE_RECHECK,
        };
        let has_room = |asked: &mut VecDeque<Instant>| {
            while asked.front().is_some_and(|first| now.duration_since(*first) >= SECOND) {
                asked.pop_front();
            }
            asked.len() < most
        };
        if !backends.iter().all(|name| has_room(self.backends.entry(Arc::clone(name)).or_default())) {
            return false;
        }
        for name in backends {
            if let Some(asked) = self.backends.get_mut(*name) {
                asked.push_back(now);
            }
        }
        account.asked += asks;
        account.last = Some(now);
        if purpose != Purpose::Confirmation {
            account.others += asks;
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
        let mut asked = |purpose, millis| {
            let now = began + Duration::from_millis(millis);
            (0..100).filter(|i| allowance.take(&name(&format!("{millis}-{i}")), &[&backend], purpose, now)).count()
        };
        assert_eq!(asked(Purpose::Recheck, 0), 2, "most is left to the others");
        assert_eq!(asked(Purpose::Noise, 0), 3, "half is left to confirmations");
        assert_eq!(asked(Purpose::Confirmation, 0), 5);
        assert_eq!(asked(Purpose::Confirmation, 999), 0);
        assert_eq!(asked(Purpose::Confirmation, 1000), 10);
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
