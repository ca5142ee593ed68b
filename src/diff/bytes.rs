//! Bodies as bytes.

use std::fmt::Write as _;

use xxhash_rust::xxh3::xxh3_128;

use super::redact::REDACTED;
use super::{Budget, Difference, Kind, Unknown};

/// How many bytes of each side are shown, from the first that differs.
const BYTES_SHOWN: usize = 16;
/// How many bytes are one step of work.
const BYTES_PER_STEP: usize = 64;

/// Compares bytes. The difference shows the length and the XXH3-128 of each side, where they begin to differ, and a few
/// bytes from there; `hide` shows none of it.
///
/// # Errors
/// The budget is used up.
pub fn compare(one: &[u8], other: &[u8], hide: bool, budget: &mut Budget<'_>) -> Result<Option<Difference>, Unknown> {
    budget.spend(((one.len() + other.len()) / BYTES_PER_STEP) as u64)?;
    if one == other {
        return Ok(None);
    }
    let at = one.iter().zip(other).take_while(|(one, other)| one == other).count();
    let show = |bytes: &[u8]| Some(if hide { REDACTED.to_owned() } else { told(bytes, at) });
    Ok(Some(Difference {
        kind: Kind::Bytes,
        path: "$".to_owned(),
        place: format!("$ byte {at}"),
        count: 1,
        one: show(one),
        other: show(other),
    }))
}

fn told(bytes: &[u8], at: usize) -> String {
    let mut text = format!("{} bytes, xxh3-128 {:032x}, from {at}:", bytes.len(), xxh3_128(bytes));
    for byte in bytes[at..].iter().take(BYTES_SHOWN) {
        // A String takes everything.
        let _ = write!(text, " {byte:02x}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diff::Limits;
    use proptest::prelude::*;

    fn found(one: &[u8], other: &[u8], hide: bool) -> Option<Difference> {
        compare(one, other, hide, &mut Budget::new(Limits::default(), &mut || false)).unwrap()
    }

    #[test]
    fn first_difference_is_shown() {
        let difference = found(b"\x00\x01\x02", b"\x00\xff", false).unwrap();
        assert_eq!((difference.kind, difference.place.as_str()), (Kind::Bytes, "$ byte 1"));
        let (one, other) = (difference.one.unwrap(), difference.other.unwrap());
        assert!(one.starts_with("3 bytes, xxh3-128 ") && one.ends_with(", from 1: 01 02"), "{one}");
        assert!(other.starts_with("2 bytes, xxh3-128 ") && other.ends_with(", from 1: ff"), "{other}");
    }

    #[test]
    fn nothing_is_shown_where_a_secret_may_stand() {
        let difference = found(b"a", b"ab", true).unwrap();
        assert_eq!((difference.one.as_deref(), difference.other.as_deref()), (Some(REDACTED), Some(REDACTED)));
    }

    proptest! {
        #[test]
        fn equal_is_what_is_equal(one in proptest::collection::vec(0_u8..3, 0..6), other in proptest::collection::vec(0_u8..3, 0..6)) {
            prop_assert_eq!(found(&one, &other, false).is_none(), one == other);
        }
    }
}
