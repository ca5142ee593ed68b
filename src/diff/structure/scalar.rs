//! Values with nothing in them, compared as the rules have it.

use xxhash_rust::xxh3::xxh3_64_with_seed;

use super::states::Facts;
use super::{decimal, equivalent};
use crate::diff::json;
use crate::diff::rules::{Allowed, Equivalence};
use crate::diff::tree::Value;

/// Whether two scalars are the same; no container is.
pub(super) fn equal(one: Value<'_>, other: Value<'_>, facts: &Facts<'_>) -> bool {
    let same = match (one, other) {
        (Value::Number(one), Value::Number(other)) => decimal::equal(one, other),
        (Value::Array | Value::Object, _) | (_, Value::Array | Value::Object) => return false,
        _ => one == other,
    };
    same || facts.tolerance.is_some_and(|allowed| within(one, other, allowed))
        || facts.equivalent.is_some_and(|as_| equivalent::same(one, other, as_))
}

/// How a scalar looks to the search for pairs.
#[derive(Debug, Clone, Copy)]
pub(super) struct Look {
    /// The same for all that could be equal under the rules.
    pub(super) loose: u64,
    /// Told apart what `loose` does not; 0 where there is nothing to tell.
    pub(super) exact: u64,
    /// An order in which what is nearly equal is near.
    pub(super) rank: f64,
}

/// How it looks under the rules.
pub(super) fn look(value: Value<'_>, facts: &Facts<'_>) -> Look {
    let exact = hash(value);
    if let Some(number) = facts.tolerance.and_then(|_| number(value)) {
        return Look { loose: FUZZY, exact, rank: number };
    }
    match facts.equivalent {
        Some(Equivalence::Timestamp { .. }) => match equivalent::moment(value) {
            Some(nanos) => Look { loose: FUZZY, exact: nanos as u64, rank: nanos as f64 },
            None => Look { loose: exact, exact: 0, rank: 0.0 },
        },
        Some(Equivalence::Uuid) => Look { loose: equivalent::uuid_hash(value).unwrap_or(exact), exact: 0, rank: 0.0 },
        Some(Equivalence::Url) => Look { loose: equivalent::url_hash(value).unwrap_or(exact), exact: 0, rank: 0.0 },
        None => Look { loose: exact, exact: 0, rank: 0.0 },
    }
}

/// What all values look like that may be off.
const FUZZY: u64 = 0x9e37_79b9_7f4a_7c15;

/// The same for equal scalars.
pub(super) fn hash(value: Value<'_>) -> u64 {
    match value {
        Value::Null => 0x5851_f42d_4c95_7f2d,
        Value::Bool(false) => 0x1405_7b7e_f767_814f,
        Value::Bool(true) => 0x2545_f491_4f6c_dd1d,
        Value::Number(text) => decimal::hash(text),
        Value::Text(text) => xxh3_64_with_seed(text.as_bytes(), 2),
        Value::Array | Value::Object => 0,
    }
}

/// Formats without types have their numbers in texts.
fn number(value: Value<'_>) -> Option<f64> {
    match value {
        Value::Number(text) => text.parse().ok(),
        Value::Text(text) if json::is_number(text) => text.parse().ok(),
        _ => None,
    }
    .filter(|number: &f64| number.is_finite())
}

fn within(one: Value<'_>, other: Value<'_>, allowed: Allowed) -> bool {
    let same_type = matches!((one, other), (Value::Number(_), Value::Number(_)) | (Value::Text(_), Value::Text(_)));
    let (Some(one), Some(other), true) = (number(one), number(other), same_type) else { return false };
    let larger = one.abs().max(other.abs());
    let allowed = match allowed {
        Allowed::Absolute(by) => by,
        Allowed::Relative(by) => by * larger,
    };
    // 1.01 and 1 are 0.01 apart, whatever is lost when their nearest floats are subtracted.
    (one - other).abs() <= allowed + 4.0 * f64::EPSILON * larger
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn tolerant(allowed: Allowed) -> Facts<'static> {
        Facts { tolerance: Some(allowed), ..Facts::default() }
    }

    #[test]
    fn tolerance_ends_where_it_says() {
        let cent = tolerant(Allowed::Absolute(0.01));
        assert!(equal(Value::Number("1.01"), Value::Number("1"), &cent));
        assert!(!equal(Value::Number("1.011"), Value::Number("1"), &cent));
        assert!(equal(Value::Text("10.50"), Value::Text("10.51"), &cent));
        assert!(!equal(Value::Text("10.50"), Value::Number("10.51"), &cent));
        let share = tolerant(Allowed::Relative(0.001));
        assert!(equal(Value::Number("1000"), Value::Number("999"), &share));
        assert!(!equal(Value::Number("1000"), Value::Number("998.9"), &share));
    }

    #[test]
    fn numbers_beyond_floats_are_only_equal_to_themselves() {
        let any = tolerant(Allowed::Absolute(f64::MAX));
        assert!(equal(Value::Number("1e400"), Value::Number("10e399"), &any));
        assert!(!equal(Value::Number("1e400"), Value::Number("1e401"), &any));
    }

    proptest! {
        #[test]
        fn tolerance_is_symmetric_and_looks_alike(one in -1e6_f64..1e6, other in -1e6_f64..1e6, by in 0.0_f64..10.0) {
            let (one, other) = (one.to_string(), other.to_string());
            let (one, other) = (Value::Number(&one), Value::Number(&other));
            for facts in [tolerant(Allowed::Absolute(by)), tolerant(Allowed::Relative(by / 10.0))] {
                prop_assert_eq!(equal(one, other, &facts), equal(other, one, &facts));
                prop_assert!(equal(one, one, &facts));
                prop_assert_eq!(look(one, &facts).loose, look(other, &facts).loose);
            }
        }
    }
}
