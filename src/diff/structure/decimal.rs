//! Numbers by their exact decimal value, whatever their size and spelling.

use xxhash_rust::xxh3::xxh3_64_with_seed;

/// A number as JSON spells it: a sign, digits without zeros around them, and the power of ten of the last of them.
struct Decimal<'a> {
    negative: bool,
    whole: &'a [u8],
    fraction: &'a [u8],
    power: i64,
}

/// Whether two numbers have the same value.
pub(super) fn equal(one: &str, other: &str) -> bool {
    if one == other {
        return true;
    }
    match (Decimal::read(one), Decimal::read(other)) {
        (Some(one), Some(other)) => {
            one.negative == other.negative && one.power == other.power && one.digits().eq(other.digits())
        }
        // An exponent of more than 18 digits: only the spelling is left to go by.
        _ => false,
    }
}

/// A hash that is the same for all spellings of a value.
pub(super) fn hash(text: &str) -> u64 {
    const DIGITS: usize = 40;
    let Some(decimal) = Decimal::read(text) else { return xxh3_64_with_seed(text.as_bytes(), 1) };
    let mut first = [0; DIGITS];
    for (to, digit) in first.iter_mut().zip(decimal.digits()) {
        *to = digit;
    }
    let seed = decimal.power.cast_unsigned() ^ u64::from(decimal.negative).rotate_left(63);
    xxh3_64_with_seed(&first, seed)
}

impl<'a> Decimal<'a> {
    /// `None`, if the exponent is too large to count with.
    fn read(text: &'a str) -> Option<Decimal<'a>> {
        let (negative, text) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
        let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let (whole, fraction) = (trim_start(whole.as_bytes()), trim_end(fraction.as_bytes()));
        let (whole, fraction, shift) = match (whole, fraction) {
            ([], []) => return Some(Decimal { negative: false, whole, fraction, power: 0 }),
            (_, []) => {
                let short = trim_end(whole);
                (short, fraction, whole.len() - short.len())
            }
            ([], _) => (whole, trim_start(fraction), 0),
            _ => (whole, fraction, 0),
        };
        // The power is that of the last digit: leading zeros cut off a fraction do not move it.
        let decimals = match fraction {
            [] => 0,
            _ => trim_end(mantissa.as_bytes()).len() - mantissa.find('.')? - 1,
        };
        let exponent = small(exponent)?;
        let power = exponent + i64::try_from(shift).ok()? - i64::try_from(decimals).ok()?;
        Some(Decimal { negative, whole, fraction, power })
    }

    fn digits(&self) -> impl Iterator<Item = u8> {
        self.whole.iter().chain(self.fraction).copied()
    }
}

/// An exponent of at most 18 digits, so that adding lengths to it cannot overflow.
fn small(exponent: &str) -> Option<i64> {
    let (sign, digits) = match exponent.strip_prefix('-') {
        Some(digits) => (-1, digits),
        None => (1, exponent.strip_prefix('+').unwrap_or(exponent)),
    };
    let digits = digits.trim_start_matches('0');
    match digits.len() {
        0 => Some(0),
        1..=18 => digits.parse::<i64>().ok().map(|number| sign * number),
        _ => None,
    }
}

fn trim_start(digits: &[u8]) -> &[u8] {
    let zeros = digits.iter().take_while(|digit| **digit == b'0').count();
    &digits[zeros..]
}

fn trim_end(digits: &[u8]) -> &[u8] {
    let zeros = digits.iter().rev().take_while(|digit| **digit == b'0').count();
    &digits[..digits.len() - zeros]
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn value_counts_and_not_spelling() {
        for (one, other) in [
            ("1", "1.0"),
            ("1", "1e0"),
            ("100", "1E+2"),
            ("0.01", "1e-2"),
            ("-0", "0"),
            ("0e999999999999999999999", "0.0"),
            ("1e400", "10e399"),
            ("1200", "1.2e3"),
            ("0.00120", "12e-4"),
            ("10.50", "1.05e1"),
            ("-1.0", "-1"),
        ] {
            assert!(equal(one, other) && equal(other, one), "{one} {other}");
            assert_eq!(hash(one), hash(other), "{one} {other}");
        }
        for (one, other) in [
            ("9007199254740993", "9007199254740992"),
            ("1", "-1"),
            ("1", "10"),
            ("0.1", "0.01"),
            ("1e400", "1e401"),
            ("1e99999999999999999999", "1e99999999999999999998"),
            ("101", "11"),
            ("1.01", "1.1"),
        ] {
            assert!(!equal(one, other) && !equal(other, one), "{one} {other}");
        }
    }

    proptest! {
        #[test]
        fn integers_agree_with_i64(one in -2000_i64..2000, other in -2000_i64..2000, zeros in 0_usize..4) {
            let spelled = format!("{other}{}e-{zeros}", "0".repeat(zeros));
            prop_assert_eq!(equal(&one.to_string(), &spelled), one == other);
            prop_assert!(equal(&other.to_string(), &spelled));
            prop_assert_eq!(hash(&other.to_string()), hash(&spelled));
        }

        #[test]
        fn moving_the_point_is_made_up_for(digits in 1_u64..u64::MAX, point in 1_usize..19, power in -30_i32..30) {
            let text = format!("{digits:020}");
            let (whole, fraction) = text.split_at(point);
            let whole = whole.trim_start_matches('0');
            let whole = if whole.is_empty() { "0" } else { whole };
            let moved = format!("{whole}.{fraction}e{}", power + fraction.len() as i32);
            let plain = format!("{digits}e{power}");
            prop_assert!(equal(&moved, &plain), "{} {}", moved, plain);
            prop_assert_eq!(hash(&moved), hash(&plain));
            let less = format!("{}e{power}", digits - 1);
            prop_assert!(!equal(&moved, &less));
        }
    }
}
