//! How many of a backend's requests may be sent again: a share of them, counted over all workers.

use std::sync::atomic::{AtomicU64, Ordering};

use crossbeam_utils::CachePadded;

/// What sending one request again costs; each request earns its share of it, in thousandths of a percent.
const WHOLE: u64 = 100_000;
/// So many may be sent again before any was earned.
const RESERVE: u64 = 10;
/// The most that can be saved up, in requests: a storm after a long calm is no larger.
const MOST: u64 = 100;

/// A balance that requests pay into, and that requests that are sent again are paid from.
#[derive(Debug)]
pub(super) struct Budget(CachePadded<AtomicU64>);

impl Default for Budget {
    fn default() -> Budget {
        Budget(CachePadded::new(AtomicU64::new(RESERVE * WHOLE)))
    }
}

impl Budget {
    /// A request is sent for the first time; `share` is in thousandths of a percent.
    pub(super) fn earn(&self, share: u32) {
        // Read first: in fair weather it is full, and nobody writes what all workers share. Workers that write at the same moment
        // may put it over by a request's share each.
        if self.0.load(Ordering::Relaxed) < MOST * WHOLE {
            self.0.fetch_add(u64::from(share), Ordering::Relaxed);
        }
    }

    /// A request is to be sent again. Whether it may.
    pub(super) fn spend(&self) -> bool {
        self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |balance| balance.checked_sub(WHOLE)).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn no_more_is_spent_than_was_earned_and_the_reserve(share in 1_u32..=100_000, tries in proptest::collection::vec(0_u32..4, 0..500)) {
            let budget = Budget::default();
            let (mut requests, mut again) = (0_u64, 0_u64);
            for tries in tries {
                requests += 1;
                budget.earn(share);
                again += (0..tries).filter(|_| budget.spend()).count() as u64;
                prop_assert!(again * WHOLE <= requests * u64::from(share) + RESERVE * WHOLE);
            }
        }
    }

    #[test]
    fn what_is_saved_up_is_bounded() {
        let budget = Budget::default();
        (0..10_000).for_each(|_| budget.earn(50_000));
        assert_eq!((0..1000).filter(|_| budget.spend()).count() as u64, MOST);
    }

    #[test]
    fn at_every_request_failing_a_fifth_is_sent_again() {
        let budget = Budget::default();
        let again = (0..1000)
            .filter(|_| {
                budget.earn(20_000);
                budget.spend()
            })
            .count();
        assert_eq!(again as u64, 200 + RESERVE);
    }
}
