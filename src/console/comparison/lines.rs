//! Two texts side by side, line by line: what differs is open, what is equal is folded away.

use std::time::{Duration, Instant};

use similar::{DiffOp, TextDiff};

use super::text::{self, Piece};

/// Equal lines around each change that stay open.
const CONTEXT: usize = 3;
/// The most rows of what differs, and of what stands around it.
const OPEN: usize = 800;
/// The most rows that are folded away in all, and in one fold.
const FOLDED: (usize, usize) = (600, 60);
/// How long two texts may be held against each other; what is left then differs as a whole.
const PATIENCE: Duration = Duration::from_millis(300);

/// A row of two texts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Row {
    /// Here a fold of so many equal lines begins.
    Fold(usize),
    /// Here it ends.
    Unfold,
    /// The same on both sides, with the numbers of the lines.
    Same([usize; 2], Vec<Piece>),
    /// The line that each side has there, with its number.
    Differs([Option<(usize, Vec<Piece>)>; 2]),
    /// So many equal lines are not shown.
    Left(usize),
    /// From here on nothing is shown.
    Cut,
}

/// Two texts as rows; none if they are equal.
pub(super) fn rows(legacy: &str, new: &str) -> Vec<Row> {
    if legacy == new {
        return Vec::new();
    }
    let sides = [legacy, new].map(|text| text.split_inclusive('\n').collect::<Vec<_>>());
    let mut config = TextDiff::configure();
    config.deadline(Instant::now() + PATIENCE);
    let diff = config.diff_slices(&sides[0], &sides[1]);
    let mut writing = Writing { sides: &sides, rows: Vec::new(), open: 0, folded: 0, is_cut: false };
    let operations = diff.ops();
    for (place, operation) in operations.iter().enumerate() {
        if writing.is_cut() {
            break;
        }
        match operation {
            DiffOp::Equal { .. } => writing.equal(operation, place == 0, place + 1 == operations.len()),
            _ => writing.differs(operation),
        }
    }
    writing.rows
}

struct Writing<'t> {
    sides: &'t [Vec<&'t str>; 2],
    rows: Vec<Row>,
    open: usize,
    folded: usize,
    is_cut: bool,
}

impl Writing<'_> {
    /// Whether there is no room for another row; says so once.
    fn is_cut(&mut self) -> bool {
        if self.open >= OPEN && !self.is_cut {
            self.is_cut = true;
            self.rows.push(Row::Cut);
        }
        self.is_cut
    }

    /// Equal lines: those at a change stay open.
    fn equal(&mut self, operation: &DiffOp, is_first: bool, is_last: bool) {
        let (old, new) = (operation.old_range(), operation.new_range());
        let count = old.len();
        let before = if is_first { 0 } else { CONTEXT.min(count) };
        let after = if is_last { 0 } else { CONTEXT.min(count - before) };
        let same = |place: usize| [old.start + place, new.start + place];
        (0..before).for_each(|place| self.same(same(place)));
        let hidden = count - before - after;
        if hidden == 1 {
            // To say that a line is left out takes a line.
            self.same(same(before));
        } else if hidden > 1 {
            self.rows.push(Row::Fold(hidden));
            let room = hidden.min(FOLDED.1).min(FOLDED.0.saturating_sub(self.folded));
            self.folded += room;
            (before..before + room).for_each(|place| self.same(same(place)));
            self.open -= room;
            if hidden > room {
                self.rows.push(Row::Left(hidden - room));
            }
            self.rows.push(Row::Unfold);
        }
        (count - after..count).for_each(|place| self.same(same(place)));
    }

    fn same(&mut self, places: [usize; 2]) {
        self.open += 1;
        self.rows.push(Row::Same(places.map(|place| place + 1), text::pieces(self.line(0, places[0]))));
    }

    fn differs(&mut self, operation: &DiffOp) {
        let ranges = [operation.old_range(), operation.new_range()];
        for place in 0..ranges[0].len().max(ranges[1].len()) {
            if self.is_cut() {
                return;
            }
            self.open += 1;
            let at = ranges.each_ref().map(|range| (place < range.len()).then(|| range.start + place));
            let sides = match at {
                [Some(one), Some(other)] => {
                    let [legacy, new] = text::pair(self.line(0, one), self.line(1, other));
                    [Some((one + 1, legacy)), Some((other + 1, new))]
                }
                at => [0, 1].map(|side| at[side].map(|place| (place + 1, text::pieces(self.line(side, place))))),
            };
            self.rows.push(Row::Differs(sides));
        }
    }

    fn line(&self, side: usize, place: usize) -> &str {
        self.sides[side].get(place).copied().unwrap_or_default().trim_end_matches(['\r', '\n'])
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn equal_lines_are_folded_away() {
        let many = "a\n".repeat(20);
        let found = rows(&format!("{many}x\n{many}"), &format!("{many}y\n{many}"));
        assert_eq!(found[0], Row::Fold(17));
        assert_eq!(found.iter().filter(|row| matches!(row, Row::Differs(_))).count(), 1);
        assert!(rows("a", "a").is_empty());
    }

    #[test]
    fn however_much_differs_the_page_stays_small() {
        let many = |letter: &str| (0..20_000).map(|n| format!("{letter}{n}\n")).collect::<String>();
        let found = rows(&many("a"), &many("b"));
        assert_eq!((found.len(), found.last()), (OPEN + 1, Some(&Row::Cut)));
        let found = rows(&"a\n".repeat(100_000), &("a\n".repeat(100_000) + "b"));
        assert!(found.len() < 200 && found.contains(&Row::Left(100_000 - CONTEXT - FOLDED.1)));
    }

    proptest! {
        #[test]
        fn every_line_is_shown_or_counted(legacy in "[ab\n]{0,200}", new in "[ab\n]{0,200}") {
            let found = rows(&legacy, &new);
            if legacy != new {
                let lines = |side: usize| -> usize {
                    found.iter().map(|row| match row {
                        Row::Same(..) => 1,
                        Row::Left(count) => *count,
                        Row::Differs(sides) => usize::from(sides[side].is_some()),
                        _ => 0,
                    }).sum()
                };
                prop_assert_eq!(lines(0), legacy.split_inclusive('\n').count());
                prop_assert_eq!(lines(1), new.split_inclusive('\n').count());
            }
        }
    }
}
