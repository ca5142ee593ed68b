//! An endpoint that fails request after request is left out for a while: longer each time it happens again soon.

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use crate::clock::uptime_ms;
use crate::snapshot::OutlierSettings;

use super::Endpoint;

/// An ejection lasts at most so many times `eject_for`.
const LONGEST: u32 = 10;

/// Whether and how often one endpoint was left out. Times are [`uptime_ms`].
#[derive(Debug, Default)]
pub(super) struct Ejection {
    /// Failures in a row.
    failures: AtomicU32,
    /// When the last one ends; 0: there was none.
    until: AtomicU64,
    /// How often of late: what the next one is multiplied with, less one.
    times: AtomicU32,
    /// How often in all.
    total: AtomicU64,
}

impl Ejection {
    /// Whether it is under way. The clock is only asked where there ever was one.
    pub(super) fn is_out(&self, now: impl FnOnce() -> u64) -> bool {
        let until = self.until.load(Ordering::Relaxed);
        until != 0 && now() < until
    }

    /// When the last one ends or ended; 0: there was none.
    pub(super) fn ends(&self) -> u64 {
        self.until.load(Ordering::Relaxed)
    }

    pub(super) fn total(&self) -> u64 {
        self.total.load(Ordering::Relaxed)
    }

    pub(super) fn inherit(&self, before: &Ejection) {
        let relaxed = Ordering::Relaxed;
        self.until.store(before.until.load(relaxed), relaxed);
        self.times.store(before.times.load(relaxed), relaxed);
        self.total.store(before.total.load(relaxed), relaxed);
    }

    /// Counts an answer. Whether there have been enough failures in a row.
    fn count(&self, ok: bool, settings: &OutlierSettings) -> bool {
        if !ok {
            return self.failures.fetch_add(1, Ordering::Relaxed).saturating_add(1) >= settings.consecutive_failures;
        }
        // Read first: all workers share it, and it hardly ever changes.
        if self.failures.load(Ordering::Relaxed) != 0 {
            self.failures.store(0, Ordering::Relaxed);
        }
        false
    }

    fn begin(&self, now: u64, settings: &OutlierSettings) {
        let relaxed = Ordering::Relaxed;
        let (until, times) = next((self.ends(), self.times.load(relaxed)), now, settings.eject_for);
        self.times.store(times, relaxed);
        self.until.store(until, relaxed);
        self.total.fetch_add(1, relaxed);
        self.failures.store(0, relaxed);
    }
}

/// The end of an ejection that begins now, and how many there have been of late. One is forgiven for each `eject_for` since the
/// last one ended.
fn next((ended, times): (u64, u32), now: u64, eject_for: Duration) -> (u64, u32) {
    let step = u64::try_from(eject_for.as_millis()).unwrap_or(u64::MAX).max(1);
    let forgiven = u32::try_from(now.saturating_sub(ended) / step).unwrap_or(u32::MAX);
    let times = times.saturating_sub(forgiven).saturating_add(1).min(LONGEST);
    (now.saturating_add(step.saturating_mul(u64::from(times))), times)
}

/// How many of so many endpoints may be out at a time: the share, but of two or more always one.
fn most(endpoints: usize, max_ejected: u32) -> usize {
    if endpoints < 2 {
        return 0;
    }
    usize::try_from(endpoints as u64 * u64::from(max_ejected) / 100_000).unwrap_or(endpoints).max(1)
}

/// Leaves endpoints out; of each backend there is one.
#[derive(Debug, Default)]
pub(super) struct Referee {
    /// Held for the moment in which one endpoint is left out, so that two workers do not leave out one too many. Nobody waits for
    /// it: who finds it held leaves the matter to the next failure.
    busy: AtomicBool,
}

impl Referee {
    /// Counts an answer of an endpoint, which is one of `all`.
    pub(super) fn answered(
        &self,
        endpoint: &Endpoint,
        ok: bool,
        all: &[std::sync::Arc<Endpoint>],
        by: &OutlierSettings,
    ) {
        let ejection = &endpoint.standing.ejection;
        if !ejection.count(ok, by) || self.busy.swap(true, Ordering::Acquire) {
            return;
        }
        let now = uptime_ms();
        let is_out = |other: &Endpoint| other.standing.ejection.is_out(|| now);
        let out = all.iter().filter(|other| is_out(other)).count();
        // What is out already may fail what it was sent before.
        if !is_out(endpoint) && out < most(all.len(), by.max_ejected) {
            ejection.begin(now, by);
        }
        self.busy.store(false, Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const STEP: Duration = Duration::from_secs(10);

    #[test]
    fn each_further_ejection_is_longer_and_good_behaviour_is_forgiven() {
        assert_eq!(next((0, 0), 1_000_000, STEP), (1_010_000, 1));
        assert_eq!(next((1_010_000, 1), 1_010_500, STEP), (1_030_500, 2));
        assert_eq!(next((1_030_500, 2), 1_040_400, STEP), (1_070_400, 3));
        assert_eq!(next((1_070_400, 3), 1_070_400 + 25_000, STEP), (1_095_400 + 20_000, 2));
        assert_eq!(next((1_070_400, 3), 9_000_000, STEP), (9_010_000, 1));
    }

    #[test]
    fn a_single_endpoint_is_never_left_out_and_of_two_one_may_be() {
        assert_eq!((most(1, 100_000), most(2, 1), most(2, 50_000), most(3, 50_000)), (0, 1, 1, 1));
        assert_eq!((most(4, 50_000), most(4, 100_000), most(10, 25_000)), (2, 4, 2));
    }

    proptest! {
        #[test]
        fn an_ejection_lasts_one_to_ten_times_as_long_as_said(ended in 0_u64..1 << 40, times in 0_u32..50, later in 0_u64..1 << 40, step in 1_u64..3_600_000) {
            let now = ended + later;
            let (until, times) = next((ended, times), now, Duration::from_millis(step));
            prop_assert!((1..=LONGEST).contains(&times));
            prop_assert_eq!(until - now, step * u64::from(times));
        }
    }
}
