//! Counters and histograms with one writer and many readers: an increment is a plain load and store, no locked
//! instruction and no cache line that another worker writes.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// A count with a single writer.
#[derive(Debug, Default)]
pub struct Count(AtomicU64);

impl Count {
    /// Adds `amount`. Only the cell's one writer may call this: two writers would lose counts.
    pub fn add(&self, amount: u64) {
        self.0.store(self.0.load(Ordering::Relaxed).wrapping_add(amount), Ordering::Relaxed);
    }

    /// Takes `amount` away again, for what goes up and down.
    pub fn sub(&self, amount: u64) {
        self.0.store(self.0.load(Ordering::Relaxed).wrapping_sub(amount), Ordering::Relaxed);
    }

    /// The count as the writer last left it.
    #[must_use]
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// The upper bounds of the histogram's buckets, in microseconds; one more bucket takes the rest.
pub const BOUNDS_MICROS: [u64; 16] = [
    500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000, 2_500_000, 5_000_000,
    10_000_000, 30_000_000, 60_000_000,
];

/// Durations in buckets, with a single writer. The sum, which every observation touches, lies beside the buckets that most do.
#[derive(Debug, Default)]
#[repr(C)]
pub struct Histogram {
    sum_micros: Count,
    buckets: [Count; BOUNDS_MICROS.len() + 1],
}

impl Histogram {
    /// Counts one duration.
    pub fn observe(&self, duration: Duration) {
        let micros = u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
        let place = BOUNDS_MICROS.partition_point(|&bound| bound < micros);
        self.buckets[place].add(1);
        self.sum_micros.add(micros);
    }
}

/// Several histograms added up.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct HistogramSum {
    /// How many fell into each bucket (not cumulative); the last one takes what is over every bound.
    pub buckets: [u64; BOUNDS_MICROS.len() + 1],
    /// The sum of all durations, in microseconds.
    pub sum_micros: u64,
}

impl HistogramSum {
    /// Adds one worker's histogram.
    pub fn add(&mut self, histogram: &Histogram) {
        for (total, bucket) in self.buckets.iter_mut().zip(&histogram.buckets) {
            *total += bucket.get();
        }
        self.sum_micros += histogram.sum_micros.get();
    }

    /// Adds what was counted elsewhere.
    pub fn merge(&mut self, other: &HistogramSum) {
        self.buckets.iter_mut().zip(other.buckets).for_each(|(sum, count)| *sum += count);
        self.sum_micros += other.sum_micros;
    }

    /// The duration that a share of all (0 to 1) is not above, in seconds; a straight line is drawn within the bucket. `None` where
    /// nothing was counted.
    #[must_use]
    pub fn quantile(&self, share: f64) -> Option<f64> {
        let wanted = self.count() as f64 * share.clamp(0.0, 1.0);
        let mut below = 0.0;
        for (place, &count) in self.buckets.iter().enumerate().filter(|(_, count)| **count > 0) {
            let (low, count) = (place.checked_sub(1).map_or(0, |place| BOUNDS_MICROS[place]), count as f64);
            if below + count >= wanted {
                // Of what is above every bound nothing more is known.
                let high = BOUNDS_MICROS.get(place).copied().unwrap_or(low);
                return Some((low as f64 + (high - low) as f64 * (wanted - below) / count) / 1e6);
            }
            below += count;
        }
        None
    }

    /// What was counted since an earlier sum of the same histogram.
    #[must_use]
    pub fn since(&self, before: &HistogramSum) -> HistogramSum {
        let mut delta = self.clone();
        delta.buckets.iter_mut().zip(before.buckets).for_each(|(now, before)| *now = now.saturating_sub(before));
        delta.sum_micros = self.sum_micros.saturating_sub(before.sum_micros);
        delta
    }

    /// How many durations were counted.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.buckets.iter().sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quantile_lies_within_its_bucket() {
        let histogram = Histogram::default();
        (0..99).for_each(|_| histogram.observe(Duration::from_millis(3)));
        histogram.observe(Duration::from_millis(700));
        let mut sum = HistogramSum::default();
        assert_eq!(sum.quantile(0.5), None);
        sum.add(&histogram);
        let (half, most) = (sum.quantile(0.5).unwrap(), sum.quantile(0.995).unwrap());
        assert!((0.0025..=0.005).contains(&half) && (0.5..=1.0).contains(&most), "{half} {most}");
        assert_eq!(sum.since(&sum).count(), 0);
    }

    #[test]
    fn a_duration_falls_into_the_first_bucket_that_holds_it() {
        let histogram = Histogram::default();
        for micros in [0, 500, 501, 60_000_000, 60_000_001] {
            histogram.observe(Duration::from_micros(micros));
        }
        let mut sum = HistogramSum::default();
        sum.add(&histogram);
        assert_eq!(sum.buckets[0], 2);
        assert_eq!(sum.buckets[1], 1);
        assert_eq!(sum.buckets[15], 1);
        assert_eq!(sum.buckets[16], 1);
        assert_eq!(sum.count(), 5);
    }
}
