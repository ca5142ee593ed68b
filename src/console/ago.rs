//! Moments, as people speak of them.

use crate::clock::moment;

/// A moment, told in both ways.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Ago {
    /// RFC 3339, UTC.
    pub(super) at: String,
    /// `5 min ago`, `in 3 days`.
    pub(super) ago: String,
}

/// Seconds, and the words for so many of them.
const UNITS: [(u64, &str, &str); 4] = [(86_400, "day", "days"), (3_600, "h", "h"), (60, "min", "min"), (1, "s", "s")];

impl Ago {
    /// A moment as seen from now, both in milliseconds since 1970.
    pub(super) fn of(at_ms: u64, now_ms: u64) -> Ago {
        let span = words(at_ms.abs_diff(now_ms) / 1000);
        let ago = match span {
            None => "just now".to_owned(),
            Some(span) if at_ms > now_ms => format!("in {span}"),
            Some(span) => format!("{span} ago"),
        };
        Ago { at: moment(at_ms), ago }
    }
}

/// The largest unit of a span in seconds; `None` for next to nothing.
fn words(seconds: u64) -> Option<String> {
    let (unit, one, many) = UNITS.into_iter().find(|(unit, ..)| seconds >= *unit && seconds > 4)?;
    let count = seconds / unit;
    Some(format!("{count} {}", if count == 1 { one } else { many }))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_largest_unit_is_said() {
        let now = 1_767_225_600_000;
        for (before, ago) in [
            (0, "just now"),
            (4_999, "just now"),
            (59_000, "59 s ago"),
            (60_000, "1 min ago"),
            (7_200_000, "2 h ago"),
            (86_400_000, "1 day ago"),
            (864_000_000, "10 days ago"),
        ] {
            assert_eq!(Ago::of(now - before, now).ago, ago);
        }
        assert_eq!(Ago::of(now + 86_400_000 * 3, now).ago, "in 3 days");
    }

    proptest! {
        #[test]
        fn any_moment_is_told(at in any::<u64>(), now in any::<u64>()) {
            prop_assert!(!Ago::of(at, now).ago.is_empty());
        }
    }
}
