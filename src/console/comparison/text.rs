//! Text of strangers as the page shows it: safe, cut, secrets set apart, and with what differs marked.

use crate::report::html::body::parts;
use crate::report::html::signatures::cut;
use crate::report::printable;

/// The most characters of a value or a line that are shown.
const LONGEST: usize = 400;
/// So many characters must two texts share at their ends for the rest to be marked.
const SHARED: usize = 6;

/// A piece of text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Piece {
    pub(crate) text: String,
    pub(crate) look: Look,
}

/// How a piece is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Look {
    /// As it is.
    Plain,
    /// A secret stood here.
    Redacted,
    /// Here two texts differ.
    Changed,
}

/// One text.
pub(crate) fn pieces(text: &str) -> Vec<Piece> {
    let shown = cut(&printable(&cut(text, LONGEST)), LONGEST);
    let piece = |part: crate::report::html::body::Part| Piece {
        text: part.text,
        look: if part.is_redacted { Look::Redacted } else { Look::Plain },
    };
    parts(&shown).into_iter().map(piece).collect()
}

/// Two texts that differ, with the part between their common ends marked.
pub(crate) fn pair(one: &str, other: &str) -> [Vec<Piece>; 2] {
    // The cut first: what lies beyond it is not shown.
    let [one, other] = [one, other].map(|text| cut(text, LONGEST));
    let before = one.chars().zip(other.chars()).take_while(|(a, b)| a == b).count();
    let left = one.chars().count().min(other.chars().count()) - before;
    let after = one.chars().rev().zip(other.chars().rev()).take(left).take_while(|(a, b)| a == b).count();
    if before + after < SHARED {
        return [pieces(&one), pieces(&other)];
    }
    [one, other].map(|text| {
        let count = text.chars().count();
        let part = |from: usize, to: usize| text.chars().skip(from).take(to - from).collect::<String>();
        let mut all = pieces(&part(0, before));
        let changed = part(before, count - after);
        if !changed.is_empty() {
            all.extend(pieces(&changed).into_iter().map(|piece| match piece.look {
                Look::Plain => Piece { look: Look::Changed, ..piece },
                _ => piece,
            }));
        }
        all.extend(pieces(&part(count - after, count)));
        all
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn whole(pieces: &[Piece]) -> String {
        pieces.iter().map(|piece| &*piece.text).collect()
    }

    #[test]
    fn what_lies_between_common_ends_is_marked() {
        let [one, other] = pair("2026-11-21T10:00:00Z", "2026-11-21T10:07:00Z");
        let marked = |pieces: &[Piece]| {
            pieces
                .iter()
                .filter(|piece| piece.look == Look::Changed)
                .map(|piece| piece.text.clone())
                .collect::<Vec<_>>()
        };
        assert_eq!((marked(&one), marked(&other)), (vec!["0".to_owned()], vec!["7".to_owned()]));
        let [one, _] = pair("12", "17");
        assert!(marked(&one).is_empty(), "short values differ as a whole");
        assert_eq!(pieces("a[redacted]b")[1].look, Look::Redacted);
    }

    proptest! {
        #[test]
        fn nothing_is_lost_or_obeyed(one in "\\PC{0,60}", other in "\\PC{0,60}", shared in "[a-z]{0,20}") {
            let (one, other) = (format!("{shared}{one}{shared}"), format!("{shared}{other}{shared}"));
            for (text, pieces) in [&one, &other].into_iter().zip(pair(&one, &other)) {
                prop_assert_eq!(whole(&pieces), printable(text).replace("[redacted]", "redacted"));
            }
        }

        #[test]
        fn a_line_of_any_length_is_cut(text in any::<String>(), times in 1_usize..400) {
            let long = text.repeat(times);
            let shown = whole(&pieces(&long));
            prop_assert!(shown.chars().count() <= LONGEST + 1);
            prop_assert_eq!(printable(&shown), shown.as_str());
            for pieces in pair(&long, &format!("{long}x")) {
                prop_assert!(whole(&pieces).chars().count() <= 3 * (LONGEST + 1));
            }
        }
    }
}
