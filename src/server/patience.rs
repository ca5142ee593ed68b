//! How long a client may keep the facade waiting within a body.

use std::time::Duration;

/// A budget of waiting: time spent waiting for the client is taken off, and each byte that moves buys some of it back, so
/// that a client that moves the minimum rate on average never runs out, and one that drips does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Patience {
    most: Duration,
    left: Duration,
    /// Bytes per second; 0: any byte buys everything back.
    min_rate: u64,
}

impl Patience {
    /// `most` is what there is at first and at most; `min_rate` is in bytes per second.
    pub(super) const fn new(most: Duration, min_rate: u64) -> Patience {
        Patience { most, left: most, min_rate }
    }

    /// How long a wait that begins now may take.
    pub(super) const fn left(&self) -> Duration {
        self.left
    }

    /// The client was waited for this long, and then moved so many bytes. Returns whether any patience is left.
    pub(super) fn waited(&mut self, waited: Duration, moved: u64) -> bool {
        if waited > self.left {
            self.left = Duration::ZERO;
            return false;
        }
        self.left = (self.left - waited).saturating_add(self.price(moved)).min(self.most);
        !self.left.is_zero()
    }

    /// What so many bytes buy back.
    fn price(&self, moved: u64) -> Duration {
        if moved == 0 {
            return Duration::ZERO;
        }
        let nanos = (u128::from(moved) * 1_000_000_000).checked_div(u128::from(self.min_rate));
        nanos.map_or(self.most, |nanos| Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX)))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    #[test]
    fn who_sends_nothing_is_waited_for_once() {
        let mut patience = Patience::new(MINUTE, 240);
        assert!(patience.waited(Duration::from_secs(59), 0));
        assert!(!patience.waited(Duration::from_secs(2), 0));
        assert_eq!(patience.left(), Duration::ZERO);
    }

    #[test]
    fn a_byte_now_and_then_buys_little() {
        let mut patience = Patience::new(MINUTE, 240);
        let drips = (0..1000).take_while(|_| patience.waited(Duration::from_secs(5), 1)).count();
        assert_eq!(drips, 12);
    }

    #[test]
    fn without_a_minimum_any_byte_will_do() {
        let mut patience = Patience::new(MINUTE, 0);
        assert!((0..1000).all(|_| patience.waited(Duration::from_secs(59), 1)));
        assert!(!patience.waited(Duration::from_secs(61), 1));
    }

    proptest! {
        #[test]
        fn who_keeps_the_minimum_never_runs_out(
            rate in 1_u64..1_000_000,
            waits in prop::collection::vec(1_u64..59_000, 1..100),
        ) {
            let mut patience = Patience::new(MINUTE, rate);
            for millis in waits {
                let moved = (rate * millis).div_ceil(1000);
                prop_assert!(patience.waited(Duration::from_millis(millis), moved));
            }
        }

        #[test]
        fn who_stays_below_half_of_it_is_given_up(rate in 2_u64..1_000_000, millis in 10_u64..5_000) {
            let mut patience = Patience::new(MINUTE, rate);
            let moved = rate * millis / 2000;
            let most = 3 * 60_000 / millis;
            prop_assert!((0..most).any(|_| !patience.waited(Duration::from_millis(millis), moved)));
        }

        #[test]
        fn nothing_buys_more_than_the_most(
            rate in any::<u64>(),
            steps in prop::collection::vec((any::<u64>(), any::<u64>()), 0..50),
        ) {
            let mut patience = Patience::new(MINUTE, rate);
            for (nanos, moved) in steps {
                let before = patience.left();
                let waited = Duration::from_nanos(nanos);
                let alive = patience.waited(waited, moved);
                prop_assert!(patience.left() <= MINUTE);
                prop_assert_eq!(alive, !patience.left().is_zero());
                prop_assert!(waited <= before || !alive);
            }
        }
    }
}
