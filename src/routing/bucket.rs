//! Buckets and percentages, published so that other systems can reproduce them.
//!
//! `bucket = (XXH3_64(salt + "\0" + key) as u128 * 100000) >> 64`, and a subject is in `percent: p` when
//! `bucket < p * 1000`. The bucket depends on salt and key alone, so raising a percentage never moves anyone out.

/// A subject's place in 0..100000, fixed by a hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Bucket(pub u32);

/// A percentage in steps of 0.001, kept as thousandths: 12.5 % is 12500.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Percent(u32);
