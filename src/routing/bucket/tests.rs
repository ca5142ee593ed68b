//! Buckets: the published vectors, and what makes a percentage safe to raise.

use proptest::prelude::*;
use serde_json::Value;

use super::*;

#[test]
fn buckets_are_the_published_ones() {
    let file: Value = serde_json::from_str(include_str!("../../../fixtures/buckets.json")).unwrap();
    let vectors = file["vectors"].as_array().unwrap();
    assert!(vectors.len() >= 12);
    for vector in vectors {
        let (salt, key) = (vector["salt"].as_str().unwrap(), vector["key"].as_str().unwrap());
        assert_eq!(u64::from(bucket_of(salt, key).0), vector["bucket"].as_u64().unwrap(), "salt {salt:?}, key {key:?}");
    }
}

#[test]
fn percentages_read_and_print() {
    for (text, thousandths, printed) in [
        ("0", 0, "0"),
        ("5", 5_000, "5"),
        ("5%", 5_000, "5"),
        ("5 %", 5_000, "5"),
        ("12.5", 12_500, "12.5"),
        ("12.50000%", 12_500, "12.5"),
        ("0.001", 1, "0.001"),
        ("007.010", 7_010, "7.01"),
        ("100.000%", 100_000, "100"),
    ] {
        let percent = Percent::parse(text).unwrap();
        assert_eq!((percent.thousandths(), percent.to_string().as_str()), (thousandths, printed), "{text}");
    }
}

#[test]
fn what_is_no_percentage_is_refused_with_a_way_out() {
    for text in ["", "%", "-1", "+1", "NaN", "inf", "1e1", ".5", "5.", "1_0", "0x5", "5%%", "1,5", "١", " 5"] {
        assert_eq!(Percent::parse(text), Err(PercentError::NotANumber), "{text}");
    }
    for text in ["101", "100.001", "99999999999999999999999"] {
        assert_eq!(Percent::parse(text), Err(PercentError::TooLarge), "{text}");
    }
    assert_eq!(Percent::parse("0.0001"), Err(PercentError::TooFine));
    assert!(PercentError::TooFine.to_string().contains("0.001"));
    assert_eq!(Percent::from_thousandths(100_001), None);
}

#[test]
fn shares_of_a_million_keys_are_within_binomial_bounds() {
    const KEYS: u32 = 1_000_000;
    let thresholds = [1, 10, 500, 5_000, 12_500, 50_000, 99_000, 99_999];
    let mut inside = [0_u32; 8];
    for key in 0..KEYS {
        let bucket = bucket_of("orders", format!("user-{key}"));
        for (count, threshold) in inside.iter_mut().zip(thresholds) {
            *count += u32::from(Percent(threshold).contains(bucket));
        }
    }
    for (count, threshold) in inside.into_iter().zip(thresholds) {
        let share = f64::from(threshold) / f64::from(BUCKETS);
        let (mean, deviation) = (share * f64::from(KEYS), (f64::from(KEYS) * share * (1.0 - share)).sqrt());
        assert!((f64::from(count) - mean).abs() <= 4.5 * deviation, "{threshold}: {count} of {mean} ± {deviation}");
    }
}

#[test]
fn salts_are_independent() {
    // Half of those in one half are in the other salt's half: a quarter of all.
    const KEYS: u32 = 200_000;
    let half = Percent(50_000);
    let both = (0..KEYS)
        .map(|key| format!("user-{key}"))
        .filter(|key| half.contains(bucket_of("orders", key)) && half.contains(bucket_of("orders-2", key)))
        .count();
    let (mean, deviation) = (f64::from(KEYS) / 4.0, (f64::from(KEYS) * 0.25 * 0.75).sqrt());
    assert!((both as f64 - mean).abs() <= 4.5 * deviation, "{both} of {mean}");
}

proptest! {
    #[test]
    fn bucket_is_below_the_end_and_follows_the_formula(salt in ".{0,40}", key in proptest::collection::vec(any::<u8>(), 0..600)) {
        let text: Vec<u8> = [salt.as_bytes(), b"\0", &key].concat();
        let hash = xxhash_rust::xxh3::xxh3_64(&text);
        let expected = ((u128::from(hash) * 100_000) >> 64) as u32;
        prop_assert_eq!(bucket_of(&salt, &key), Bucket(expected));
        prop_assert!(expected < BUCKETS);
    }

    #[test]
    fn raising_a_percentage_moves_nobody_out(key in ".{1,40}", low in 0..=BUCKETS, high in 0..=BUCKETS) {
        let (low, high) = (low.min(high), low.max(high));
        let bucket = bucket_of("orders", &key);
        prop_assert!(!Percent(low).contains(bucket) || Percent(high).contains(bucket));
        prop_assert!(!Percent::ZERO.contains(bucket));
        prop_assert!(Percent::ALL.contains(bucket));
    }

    #[test]
    fn what_prints_reads_back(thousandths in 0..=BUCKETS) {
        let percent = Percent(thousandths);
        prop_assert_eq!(Percent::parse(&percent.to_string()), Ok(percent));
    }

    #[test]
    fn any_text_is_read_without_a_panic(text in ".*") {
        let _ = Percent::parse(&text);
    }
}
