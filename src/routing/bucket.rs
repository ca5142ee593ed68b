//! Buckets and percentages, published so that other systems can reproduce them.
//!
//! `bucket = (XXH3_64(salt + "\0" + key) as u128 * 100000) >> 64`, and a subject is in `percent: p` when
//! `bucket < p * 1000`. The bucket depends on salt and key alone, so raising a percentage never moves anyone out.

use std::fmt;

use xxhash_rust::xxh3::{Xxh3, xxh3_64};

/// How many buckets there are: a percentage has steps of 0.001.
const BUCKETS: u32 = 100_000;

/// Salt, separator and key up to this length are hashed from the stack in one go; keys are at most 256 bytes long.
const ONE_GO: usize = 320;

/// A subject's place in 0..100000, fixed by a hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Bucket(pub u32);

/// A percentage in steps of 0.001, kept as thousandths: 12.5 % is 12500.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Percent(u32);

/// Why a text is not a [`Percent`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PercentError {
    /// It is not a plain decimal number.
    NotANumber,
    /// It has more than three decimals.
    TooFine,
    /// It is above 100.
    TooLarge,
}

/// The bucket of a key under a salt. It never allocates.
#[must_use]
pub fn bucket_of(salt: &str, key: impl AsRef<[u8]>) -> Bucket {
    let (salt, key) = (salt.as_bytes(), key.as_ref());
    let length = salt.len() + 1 + key.len();
    let hash = if length <= ONE_GO {
        let mut text = [0_u8; ONE_GO];
        text[..salt.len()].copy_from_slice(salt);
        text[salt.len() + 1..length].copy_from_slice(key);
        xxh3_64(&text[..length])
    } else {
        let mut hasher = Xxh3::new();
        hasher.update(salt);
        hasher.update(b"\0");
        hasher.update(key);
        hasher.digest()
    };
    // The product's upper half is below BUCKETS, so it fits.
    Bucket(((u128::from(hash) * u128::from(BUCKETS)) >> 64) as u32)
}

impl Percent {
    /// Nobody.
    pub const ZERO: Percent = Percent(0);
    /// Everybody who has a key.
    pub const ALL: Percent = Percent(BUCKETS);

    /// Reads `12.5` or `12.5%`: 0 to 100 with at most three decimals.
    ///
    /// # Errors
    /// When the text is something else; the error tells what to write instead.
    pub fn parse(text: &str) -> Result<Percent, PercentError> {
        let number = text.strip_suffix('%').map_or(text, str::trim_end);
        let (whole, decimals) = number.split_once('.').unwrap_or((number, "0"));
        let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        if !digits(whole) || !digits(decimals) {
            return Err(PercentError::NotANumber);
        }
        let decimals = decimals.trim_end_matches('0');
        if decimals.len() > 3 {
            return Err(PercentError::TooFine);
        }
        let whole: u32 = match whole.trim_start_matches('0') {
            "" => 0,
            some if some.len() <= 3 => some.parse().map_err(|_| PercentError::NotANumber)?,
            _ => return Err(PercentError::TooLarge),
        };
        let fraction: u32 = format!("{decimals:0<3}").parse().map_err(|_| PercentError::NotANumber)?;
        Percent::from_thousandths(whole * 1000 + fraction).ok_or(PercentError::TooLarge)
    }

    /// The percentage with this many thousandths; `None` above 100000.
    #[must_use]
    pub const fn from_thousandths(thousandths: u32) -> Option<Percent> {
        if thousandths <= BUCKETS { Some(Percent(thousandths)) } else { None }
    }

    /// 12500 for 12.5 %.
    #[must_use]
    pub const fn thousandths(self) -> u32 {
        self.0
    }

    /// Whether a subject with this bucket is inside.
    #[must_use]
    pub const fn contains(self, bucket: Bucket) -> bool {
        bucket.0 < self.0
    }
}

/// The number alone, without a percent sign and without needless zeros: `12.5`.
impl fmt::Display for Percent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, fraction) = (self.0 / 1000, self.0 % 1000);
        if fraction == 0 {
            return write!(f, "{whole}");
        }
        let decimals = format!("{fraction:03}");
        write!(f, "{whole}.{}", decimals.trim_end_matches('0'))
    }
}

impl fmt::Display for Bucket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl fmt::Display for PercentError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            PercentError::NotANumber => "a percentage is a plain number from 0 to 100, such as 5, 12.5 or 12.5%",
            PercentError::TooFine => "a percentage has at most three decimals: the smallest step is 0.001",
            PercentError::TooLarge => "a percentage is at most 100",
        })
    }
}

impl std::error::Error for PercentError {}

#[cfg(test)]
mod tests;
