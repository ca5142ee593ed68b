//! What was seen within a span of time: how both sides answered, and how comparisons came out.

use crate::diff::Verdict;
use crate::names::Side;
use crate::telemetry::octaves;
use crate::telemetry::{GuardReading, SideReading};

/// What was seen within a span of time. It holds only what is not zero, so that quiet routes cost next to nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Evidence {
    /// By [`Side::index`].
    pub sides: [SideEvidence; 2],
    /// Comparisons that match.
    pub matches: u64,
    /// Comparisons that do not.
    pub mismatches: u64,
    /// Comparisons that differ by noise only.
    pub noise: u64,
}

/// How one side answered.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SideEvidence {
    /// The requests it was asked to answer.
    pub requests: u64,
    /// Those that it failed.
    pub errors: u64,
    /// Those that it answered with a 4xx.
    pub client_errors: u64,
    /// How long the answers' heads took.
    pub times: Times,
}

/// Durations by bucket of [`octaves`]: pairs of bucket and count, in the order of the buckets, none of them zero. A count stops
/// at 2^32 - 1, which says enough.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Times(Vec<(u8, u32)>);

impl Evidence {
    /// What came to a meter's counts between two readings; the times only where somebody judges by them.
    #[must_use]
    pub fn answered(before: &GuardReading, after: &GuardReading, with_times: bool) -> Evidence {
        let side =
            |side: Side| SideEvidence::between(&before.sides[side.index()], &after.sides[side.index()], with_times);
        Evidence { sides: Side::ALL.map(side), ..Evidence::default() }
    }

    /// What came to the counts of verdicts (in the order of [`Verdict::ALL`]).
    #[must_use]
    pub fn compared(before: &[u64; 4], after: &[u64; 4]) -> Evidence {
        let came = |verdict: Verdict| after[verdict as usize].saturating_sub(before[verdict as usize]);
        let (matches, mismatches) = (came(Verdict::Match), came(Verdict::Mismatch));
        Evidence { matches, mismatches, noise: came(Verdict::Noise), ..Evidence::default() }
    }

    /// What was seen of a side.
    #[must_use]
    pub fn side(&self, side: Side) -> &SideEvidence {
        &self.sides[side.index()]
    }

    /// The comparisons that say something.
    #[must_use]
    pub fn judged(&self) -> u64 {
        self.matches.saturating_add(self.mismatches).saturating_add(self.noise)
    }

    /// Whether nothing was seen.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.judged() == 0 && self.sides.iter().all(|side| side.requests == 0)
    }

    /// Takes away what was seen earlier.
    pub fn take(&mut self, other: &Evidence) {
        for (side, other) in self.sides.iter_mut().zip(&other.sides) {
            side.requests = side.requests.saturating_sub(other.requests);
            side.errors = side.errors.saturating_sub(other.errors);
            side.client_errors = side.client_errors.saturating_sub(other.client_errors);
            side.times.take(&other.times);
        }
        self.matches = self.matches.saturating_sub(other.matches);
        self.mismatches = self.mismatches.saturating_sub(other.mismatches);
        self.noise = self.noise.saturating_sub(other.noise);
    }

    /// Adds what was seen elsewhere.
    pub fn add(&mut self, other: &Evidence) {
        for (side, other) in self.sides.iter_mut().zip(&other.sides) {
            side.requests = side.requests.saturating_add(other.requests);
            side.errors = side.errors.saturating_add(other.errors);
            side.client_errors = side.client_errors.saturating_add(other.client_errors);
            side.times.add(&other.times);
        }
        self.matches = self.matches.saturating_add(other.matches);
        self.mismatches = self.mismatches.saturating_add(other.mismatches);
        self.noise = self.noise.saturating_add(other.noise);
    }
}

impl SideEvidence {
    fn between(before: &SideReading, after: &SideReading, with_times: bool) -> SideEvidence {
        let pairs = before.times.iter().zip(&after.times).filter(|_| with_times);
        SideEvidence {
            requests: after.requests.saturating_sub(before.requests),
            errors: after.errors.saturating_sub(before.errors),
            client_errors: after.client_errors.saturating_sub(before.client_errors),
            times: pairs.map(|(before, after)| after.saturating_sub(*before)).collect(),
        }
    }
}

impl Times {
    /// How many durations.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.0.iter().map(|(_, count)| u64::from(*count)).sum()
    }

    /// Adds durations.
    pub fn add(&mut self, other: &Times) {
        for &(bucket, count) in &other.0 {
            match self.0.binary_search_by_key(&bucket, |(bucket, _)| *bucket) {
                Ok(place) => self.0[place].1 = self.0[place].1.saturating_add(count),
                Err(place) => self.0.insert(place, (bucket, count)),
            }
        }
    }

    /// Takes durations away that were added before.
    pub fn take(&mut self, other: &Times) {
        let mut others = other.0.iter().peekable();
        self.0.retain_mut(|(bucket, count)| {
            while others.next_if(|(other, _)| other < bucket).is_some() {}
            if let Some((_, gone)) = others.next_if(|(other, _)| other == bucket) {
                *count = count.saturating_sub(*gone);
            }
            *count > 0
        });
    }

    /// The duration in microseconds that a share `q` (0 to 1) of the durations stays below, evenly spread within its bucket;
    /// `None` of nothing.
    #[must_use]
    pub fn quantile(&self, q: f64) -> Option<f64> {
        let (begin, end, within) = self.at(q)?;
        Some(begin + within * (end - begin))
    }

    /// The bucket that a quantile lies in, from where to where, in microseconds; `None` of nothing.
    #[must_use]
    pub fn bucket(&self, q: f64) -> Option<(f64, f64)> {
        let (begin, end, _) = self.at(q)?;
        Some((begin, end))
    }

    /// The bounds of the bucket that a quantile lies in, and how far into it, 0 to 1.
    fn at(&self, q: f64) -> Option<(f64, f64, f64)> {
        let rank = q.clamp(0.0, 1.0) * self.count() as f64;
        let mut below = 0.0;
        let mut found = None;
        for &(bucket, count) in &self.0 {
            let (begin, end) = octaves::bounds(usize::from(bucket));
            let within = ((rank - below) / f64::from(count)).clamp(0.0, 1.0);
            found = Some((begin, end, within));
            below += f64::from(count);
            if below >= rank {
                break;
            }
        }
        found
    }
}

/// A count for each bucket, from the first on.
impl FromIterator<u64> for Times {
    fn from_iter<I: IntoIterator<Item = u64>>(counts: I) -> Times {
        let counts = counts.into_iter().map(|count| u32::try_from(count).unwrap_or(u32::MAX));
        Times((0..).zip(counts).filter(|(_, count)| *count > 0).collect())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;

    fn times(micros: &[u64]) -> Times {
        let mut counts = [0; octaves::BUCKETS];
        micros.iter().for_each(|&micros| counts[octaves::bucket_of(Duration::from_micros(micros))] += 1);
        counts.into_iter().collect()
    }

    #[test]
    fn a_quantile_lies_within_its_bucket() {
        let times = times(&[100; 1000]);
        assert_eq!(times.quantile(0.0), Some(96.0));
        assert_eq!(times.quantile(0.5), Some(100.0));
        assert_eq!(times.quantile(1.0), Some(104.0));
        assert_eq!(Times::default().quantile(0.5), None);
    }

    proptest! {
        #[test]
        fn quantiles_rise_and_are_near_the_truth(mut micros in prop::collection::vec(64_u64..100_000_000, 1..300), q in 0.0_f64..1.0) {
            let times = times(&micros);
            micros.sort_unstable();
            let rank = ((q * micros.len() as f64).ceil() as usize).clamp(1, micros.len());
            let (truth, found) = (micros[rank - 1] as f64, times.quantile(q).unwrap());
            prop_assert!(found >= truth / 1.13 && found <= truth * 1.13, "{found} for {truth}");
            prop_assert!(times.quantile(q / 2.0).unwrap() <= found);
        }

        #[test]
        fn parts_add_up_to_the_whole(a in prop::collection::vec(0_u64..200_000_000, 0..50), b in prop::collection::vec(0_u64..200_000_000, 0..50)) {
            let mut sum = times(&a);
            sum.add(&times(&b));
            prop_assert_eq!(&sum, &times(&[a.clone(), b.clone()].concat()));
            sum.take(&times(&a));
            prop_assert_eq!(sum, times(&b));
        }
    }
}
