//! A log-linear scale of durations: fine enough for quantiles over five decades, small enough to keep one for each worker.

use std::time::Duration;

/// The shortest duration that is told apart: 2^6 µs.
const FIRST: u32 = 6;
/// The longest, 2^27 µs, is 134 s.
const LAST: u32 = 27;
/// Each octave has 2^3 buckets, so a bucket is at most an eighth wider than it is long.
const PARTS: u32 = 3;

/// How many buckets there are: one for what is shorter, those of the octaves, and one for what is longer.
pub const BUCKETS: usize = (((LAST - FIRST) << PARTS) + 2) as usize;

/// The bucket of a duration; it holds its lower bound and not its upper.
#[must_use]
pub fn bucket_of(duration: Duration) -> usize {
    let micros = u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
    if micros < 1 << FIRST {
        return 0;
    }
    let octave = micros.ilog2();
    if octave >= LAST {
        return BUCKETS - 1;
    }
    let part = (micros >> (octave - PARTS)) & ((1 << PARTS) - 1);
    // Below 2^PARTS, so it fits.
    (1 + ((octave - FIRST) << PARTS) + part as u32) as usize
}

/// Where a bucket begins and ends, in microseconds; the last has no end and says where it begins for both.
#[must_use]
pub fn bounds(bucket: usize) -> (f64, f64) {
    (begin(bucket), begin((bucket + 1).min(BUCKETS - 1)))
}

fn begin(bucket: usize) -> f64 {
    if bucket == 0 {
        return 0.0;
    }
    let place = (bucket.min(BUCKETS - 1) - 1) as u32;
    let (octave, part) = (FIRST + (place >> PARTS), place & ((1 << PARTS) - 1));
    f64::from((1_u32 << octave) + (part << (octave - PARTS)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_scale_goes_from_64_us_to_134_s() {
        assert_eq!(BUCKETS, 170);
        assert_eq!(bounds(0), (0.0, 64.0));
        assert_eq!(bounds(1), (64.0, 72.0));
        assert_eq!(bounds(BUCKETS - 2).1, 134_217_728.0);
        assert_eq!(bounds(BUCKETS - 1), (134_217_728.0, 134_217_728.0));
        assert_eq!(bucket_of(Duration::MAX), BUCKETS - 1);
        assert_eq!(bucket_of(Duration::ZERO), 0);
    }

    proptest! {
        #[test]
        fn a_duration_lies_within_its_bucket(micros in 0_u64..134_217_728) {
            let bucket = bucket_of(Duration::from_micros(micros));
            let (begin, end) = bounds(bucket);
            prop_assert!(begin <= micros as f64 && (micros as f64) < end, "{micros} in {begin} to {end}");
            prop_assert!(bucket == 0 || end / begin <= 1.125 + 1e-9);
        }

        #[test]
        fn buckets_follow_each_other(bucket in 0..BUCKETS - 1) {
            prop_assert_eq!(bounds(bucket).1, bounds(bucket + 1).0);
        }
    }
}
