//! Bodies as lines of text.

use similar::{Algorithm, DiffOp, capture_diff_slices};

use super::excerpt::shown;
use super::redact::{REDACTED, mask_text};
use super::{Budget, Difference, Kind, Unknown};

/// How many lines of each side are shown.
const LINES_SHOWN: usize = 3;
/// Where the part in which two texts differ is longer than this, in lines, only its first line is told.
const MAX_LINES: usize = 2000;
/// How many steps one pair of lines held against each other costs: one in so many.
const PAIRS_PER_STEP: usize = 16;

/// Compares lines. How they end (LF or CRLF) and whether the last one ends does not matter. The difference stands for
/// as many places as there are runs of changed lines, and shows the first lines of the first run with their numbers;
/// `hide` shows none of them.
///
/// # Errors
/// The budget is used up.
pub fn compare(one: &str, other: &str, hide: bool, budget: &mut Budget<'_>) -> Result<Option<Difference>, Unknown> {
    let (one, other) = (lines(one, budget)?, lines(other, budget)?);
    let before = one.iter().zip(&other).take_while(|(one, other)| one == other).count();
    let most = one.len().min(other.len()) - before;
    let after = one.iter().rev().zip(other.iter().rev()).take(most).take_while(|(one, other)| one == other).count();
    let (one, other) = (&one[before..one.len() - after], &other[before..other.len() - after]);
    if one.is_empty() && other.is_empty() {
        return Ok(None);
    }
    let runs = runs(one, other, budget)?;
    let first = runs.first().copied().unwrap_or((0, one.len(), 0, other.len()));
    let show = |lines: &[&str], from: usize, length: usize| {
        if hide {
            return Some(REDACTED.to_owned());
        }
        let numbered = lines.iter().enumerate().skip(from).take(length.min(LINES_SHOWN));
        let text: Vec<String> =
            numbered.map(|(at, line)| format!("{}: {}", before + at + 1, shown(&mask_text(line)))).collect();
        (!text.is_empty()).then(|| shown(&text.join("\n")))
    };
    Ok(Some(Difference {
        kind: Kind::Text,
        path: "$".to_owned(),
        place: format!("$ line {}", before + first.0 + 1),
        count: u32::try_from(runs.len()).unwrap_or(u32::MAX).max(1),
        one: show(one, first.0, first.1),
        other: show(other, first.2, first.3),
    }))
}

fn lines<'t>(text: &'t str, budget: &mut Budget<'_>) -> Result<Vec<&'t str>, Unknown> {
    let mut lines = Vec::new();
    for line in text.lines() {
        budget.spend(1 + (line.len() / 64) as u64)?;
        lines.push(line);
    }
    Ok(lines)
}

/// The runs of changed lines: from where and how many on either side.
fn runs(one: &[&str], other: &[&str], budget: &mut Budget<'_>) -> Result<Vec<(usize, usize, usize, usize)>, Unknown> {
    if one.len() > MAX_LINES || other.len() > MAX_LINES {
        return Ok(Vec::new());
    }
    // The diff takes no budget, so its worst case is paid for ahead.
    budget.spend((one.len() * other.len() / PAIRS_PER_STEP) as u64)?;
    let changes = capture_diff_slices(Algorithm::Myers, one, other);
    let run = |change: &DiffOp| {
        let (_, one, other) = change.as_tag_tuple();
        (one.start, one.len(), other.start, other.len())
    };
    Ok(changes.iter().filter(|change| !matches!(change, DiffOp::Equal { .. })).map(run).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diff::Limits;
    use proptest::prelude::*;

    fn found(one: &str, other: &str) -> Option<Difference> {
        compare(one, other, false, &mut Budget::new(Limits::default(), &mut || false)).unwrap()
    }

    #[test]
    fn line_ends_do_not_matter() {
        assert_eq!(found("a\r\nb\r\n", "a\nb"), None);
        assert_eq!(found("a\n", "a"), None);
    }

    #[test]
    fn first_changed_lines_are_shown_with_their_numbers() {
        let difference = found("a\nb\nc\nd\ne", "a\nx\ny\nc\nd\nf").unwrap();
        assert_eq!((difference.kind, difference.path.as_str(), difference.count), (Kind::Text, "$", 2));
        assert_eq!(difference.place, "$ line 2");
        assert_eq!(difference.one.as_deref(), Some("2: b"));
        assert_eq!(difference.other.as_deref(), Some("2: x\n3: y"));
    }

    #[test]
    fn inserted_line_is_one_difference() {
        let difference = found("a\nb", "a\nx\nb").unwrap();
        assert_eq!((difference.count, difference.one, difference.other.as_deref()), (1, None, Some("2: x")));
    }

    #[test]
    fn nothing_is_shown_where_a_secret_may_stand() {
        let mut in_time = || false;
        let difference =
            compare("CANARY", "b", true, &mut Budget::new(Limits::default(), &mut in_time)).unwrap().unwrap();
        assert_eq!((difference.one.as_deref(), difference.other.as_deref()), (Some(REDACTED), Some(REDACTED)));
        let difference = found("see Bearer CANARY123", "b").unwrap();
        assert_eq!(difference.one.as_deref(), Some("1: see Bearer [redacted]"));
    }

    #[test]
    fn long_texts_without_a_common_line_are_told_at_once() {
        let text = |word: &str| (0..100_000).map(|at| format!("{word} {at}\n")).collect::<String>();
        let difference = found(&text("one"), &text("other")).unwrap();
        assert_eq!((difference.count, difference.one.as_deref()), (1, Some("1: one 0\n2: one 1\n3: one 2")));
    }

    #[test]
    fn work_is_paid_for() {
        let text = "a\n".repeat(100);
        let mut budget_ends = || false;
        let mut budget = Budget::new(Limits { steps: 50, ..Limits::default() }, &mut budget_ends);
        assert_eq!(compare(&text, "b", false, &mut budget), Err(Unknown::TooMuchWork));
    }

    proptest! {
        #[test]
        fn verdict_is_reflexive_and_symmetric(one in "[ab\r\n]{0,12}", other in "[ab\r\n]{0,12}") {
            prop_assert_eq!(found(&one, &one), None);
            prop_assert_eq!(found(&one, &other).is_none(), found(&other, &one).is_none());
            prop_assert_eq!(found(&one, &other).is_none(), one.lines().eq(other.lines()));
        }
    }
}
