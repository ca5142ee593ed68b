//! How often subjects ask, over all workers: the generic cell rate algorithm (GCRA, as in ATM Forum traffic management 4.0
//! section 4.4.2) in a table of bounded size.
//!
//! Of each subject there is one number, the moment at which it will have been quiet for long enough to have its whole burst again
//! (the *theoretical arrival time*). A subject is known by a 64-bit hash, seeded anew in each process, of the route, its limit and the
//! subject: as long as these are the same, a reload changes nothing. The table takes 2 MiB once any route has a limit. It is
//! set-associative: where a set is full, the subject that is nearest to a whole burst gives way, and begins anew if it comes again;
//! nearly always that one has its whole burst, and nothing is lost.
//!
//! There is no lock. Workers that meet at a subject try again, so no request is counted twice or not at all. Only a subject that
//! gives way at the very moment in which another worker counts it may leave that one request to its successor.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use xxhash_rust::xxh3::xxh3_64_with_seed;

use crate::snapshot::RateLimit;

/// Subjects in a set: two cache lines.
const WAYS: usize = 8;
/// Sets; a power of two.
const SETS: usize = 1 << 14;

/// What a subject may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Granted {
    /// Whether this request may pass. One that may not is not counted.
    pub passes: bool,
    /// How many more may come at once.
    pub left: u32,
    /// When the whole burst is there again.
    pub full_in: Duration,
    /// When one request may pass; zero if `left` is not.
    pub next_in: Duration,
}

/// How often subjects ask.
#[derive(Debug)]
pub struct Limiter {
    /// Made when the first limit is configured, before any worker sees that.
    table: OnceLock<Box<[Set]>>,
    seed: u64,
    began: Instant,
}

/// A set of subjects. A hash of 0 is an empty place.
#[derive(Debug, Default)]
#[repr(align(128))]
struct Set([Place; WAYS]);

#[derive(Debug, Default)]
struct Place {
    subject: AtomicU64,
    /// In nanoseconds since the limiter began.
    arrival: AtomicU64,
}

impl Default for Limiter {
    fn default() -> Limiter {
        Limiter { table: OnceLock::new(), seed: fastrand::u64(..), began: Instant::now() }
    }
}

impl Limiter {
    /// Makes room. Called by whoever makes a generation with limits live, never by a data worker.
    pub fn prepare(&self) {
        self.table.get_or_init(|| (0..SETS).map(|_| Set::default()).collect());
    }

    /// Counts a request of a subject; those without one (`None`) count as one together.
    #[must_use]
    pub fn ask(&self, route: &str, limit: &RateLimit, subject: Option<&str>) -> Granted {
        self.ask_at(self.hash(route, limit, subject), limit, self.began.elapsed())
    }

    fn hash(&self, route: &str, limit: &RateLimit, subject: Option<&str>) -> u64 {
        let mut said = [0; 17];
        said[..4].copy_from_slice(&limit.requests.to_le_bytes());
        said[4..8].copy_from_slice(&limit.burst.to_le_bytes());
        said[8..16].copy_from_slice(&limit.per.as_secs().to_le_bytes());
        said[16] = (limit.by as u8) << 1 | u8::from(subject.is_some());
        let seed = xxh3_64_with_seed(&said, xxh3_64_with_seed(route.as_bytes(), self.seed));
        xxh3_64_with_seed(subject.unwrap_or_default().as_bytes(), seed).max(1)
    }

    fn ask_at(&self, subject: u64, limit: &RateLimit, now: Duration) -> Granted {
        let now = nanos(now);
        let pace = Pace::of(limit);
        let Some(table) = self.table.get() else { return pace.granted(now, now, true) };
        let place = table[subject as usize % SETS].of(subject, now);
        let mut arrival = place.arrival.load(Ordering::Relaxed);
        loop {
            let Some(next) = pace.next(arrival, now) else { return pace.granted(arrival, now, false) };
            match place.arrival.compare_exchange_weak(arrival, next, Ordering::Relaxed, Ordering::Relaxed) {
                Ok(_) => return pace.granted(next, now, true),
                Err(meanwhile) => arrival = meanwhile,
            }
        }
    }
}

impl Set {
    /// The place of a subject, which is made if there is none.
    fn of(&self, subject: u64, now: u64) -> &Place {
        loop {
            if let Some(place) = self.0.iter().find(|place| place.subject.load(Ordering::Relaxed) == subject) {
                return place;
            }
            // An empty place has the arrival 0, and so gives way first.
            let Some((place, arrival)) = self
                .0
                .iter()
                .map(|place| (place, place.arrival.load(Ordering::Relaxed)))
                .min_by_key(|(_, arrival)| *arrival)
            else {
                continue;
            };
            let before = place.subject.load(Ordering::Relaxed);
            if place.subject.compare_exchange(before, subject, Ordering::Relaxed, Ordering::Relaxed).is_ok() {
                if arrival > now {
                    // The new subject has its whole burst, unless somebody has counted it already.
                    let _ = place.arrival.compare_exchange(arrival, now, Ordering::Relaxed, Ordering::Relaxed);
                }
                return place;
            }
        }
    }
}

/// A limit in nanoseconds.
#[derive(Debug, Clone, Copy)]
struct Pace {
    /// Between two requests.
    interval: u64,
    /// From a whole burst to none.
    burst: u64,
}

impl Pace {
    fn of(limit: &RateLimit) -> Pace {
        let interval = (nanos(limit.per) / u64::from(limit.requests.max(1))).max(1);
        Pace { interval, burst: interval.saturating_mul(u64::from(limit.burst.max(1))) }
    }

    /// The arrival after one more request; `None` if that may not pass.
    fn next(self, arrival: u64, now: u64) -> Option<u64> {
        let next = arrival.max(now).saturating_add(self.interval);
        (next - now <= self.burst).then_some(next)
    }

    fn granted(self, arrival: u64, now: u64, passes: bool) -> Granted {
        let used = arrival.saturating_sub(now);
        let left = self.burst.saturating_sub(used) / self.interval;
        let next_in = if left > 0 { 0 } else { (used + self.interval).saturating_sub(self.burst) };
        Granted {
            passes,
            left: u32::try_from(left).unwrap_or(u32::MAX),
            full_in: Duration::from_nanos(used),
            next_in: Duration::from_nanos(next_in),
        }
    }
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::*;
    use crate::names::Key;

    fn limit(requests: u32, seconds: u64, burst: u32) -> RateLimit {
        RateLimit { requests, per: Duration::from_secs(seconds), burst, by: Key::Client }
    }

    fn limiter() -> Limiter {
        let limiter = Limiter::default();
        limiter.prepare();
        limiter
    }

    /// A bucket of tokens, the same rule said another way: in nanoseconds' worth of tokens.
    struct Bucket {
        tokens: u128,
        at: u64,
    }

    impl Bucket {
        fn take(&mut self, pace: Pace, now: u64) -> bool {
            self.tokens = (self.tokens + u128::from(now - self.at)).min(u128::from(pace.burst));
            self.at = now;
            let passes = self.tokens >= u128::from(pace.interval);
            if passes {
                self.tokens -= u128::from(pace.interval);
            }
            passes
        }
    }

    proptest! {
        #[test]
        fn it_passes_exactly_what_buckets_of_tokens_would(
            requests in 1_u32..1000,
            seconds in 1_u64..100,
            burst in 1_u32..50,
            asked in proptest::collection::vec((0_u64..5, 0_u64..2_000_000_000), 1..300),
        ) {
            let (limiter, limit) = (limiter(), limit(requests, seconds, burst));
            let pace = Pace::of(&limit);
            let mut buckets = HashMap::new();
            let mut now = 0;
            for (subject, later) in asked {
                now += later;
                let bucket = buckets.entry(subject).or_insert(Bucket { tokens: u128::from(pace.burst), at: 0 });
                let hash = limiter.hash("r", &limit, Some(&subject.to_string()));
                let granted = limiter.ask_at(hash, &limit, Duration::from_nanos(now));
                prop_assert_eq!(granted.passes, bucket.take(pace, now));
                prop_assert_eq!(u128::from(granted.left), bucket.tokens / u128::from(pace.interval));
                let missing = u128::from(pace.burst) - bucket.tokens;
                prop_assert_eq!(granted.full_in.as_nanos(), missing);
                let next = u128::from(pace.interval).saturating_sub(bucket.tokens);
                prop_assert_eq!(granted.next_in.as_nanos(), next);
            }
        }
    }

    #[test]
    fn a_crowd_of_subjects_takes_no_more_room_and_is_limited_all_the_same() {
        let (limiter, limit) = (limiter(), limit(1, 60, 2));
        for subject in 0..400_000_u64 {
            let hash = limiter.hash("r", &limit, Some(&subject.to_string()));
            assert!(limiter.ask_at(hash, &limit, Duration::from_secs(1)).passes);
        }
        let hash = limiter.hash("r", &limit, Some("greedy"));
        let passed = (0..100).filter(|_| limiter.ask_at(hash, &limit, Duration::from_secs(1)).passes).count();
        assert_eq!(passed, 2);
    }

    #[test]
    fn workers_at_once_pass_no_more_than_one_would() {
        let (limiter, limit) = (limiter(), limit(10, 1, 50));
        let hash = limiter.hash("r", &limit, None);
        let worker = || (0..10_000).filter(|_| limiter.ask_at(hash, &limit, Duration::from_secs(5)).passes).count();
        let passed: usize = std::thread::scope(|scope| {
            let workers: Vec<_> = (0..4).map(|_| scope.spawn(worker)).collect();
            workers.into_iter().map(|worker| worker.join().unwrap()).sum()
        });
        assert_eq!(passed, 50);
    }

    #[test]
    fn routes_limits_and_subjects_are_told_apart() {
        let limiter = limiter();
        let (one, other) = (limit(1, 60, 1), limit(1, 60, 2));
        assert!(limiter.ask("a", &one, Some("x")).passes);
        assert!(!limiter.ask("a", &one, Some("x")).passes);
        for (route, limit, subject) in
            [("b", &one, Some("x")), ("a", &other, Some("x")), ("a", &one, Some("")), ("a", &one, None)]
        {
            assert!(limiter.ask(route, limit, subject).passes, "{route} {limit:?} {subject:?}");
        }
    }

    #[test]
    fn before_there_is_room_everything_passes() {
        let limiter = Limiter::default();
        assert!((0..10).all(|_| limiter.ask("a", &limit(1, 60, 1), None).passes));
    }
}
