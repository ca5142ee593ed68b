//! Two bodies side by side.

use std::time::{Duration, Instant};

use similar::{DiffOp, TextDiff};

use super::signatures::cut;
use crate::diff::redact::REDACTED;
use crate::report::printable;
use crate::report::show::lines;
use crate::store::Body;

/// Equal lines around each change.
const CONTEXT: usize = 3;
/// The most rows that are shown.
const ROWS: usize = 80;
/// The most characters of a line that are shown.
const WIDTH: usize = 200;
/// How long two bodies may be held against each other.
const PATIENCE: Duration = Duration::from_millis(200);

/// Bodies are held against each other as text, without the rules of the comparison.
const MARKED: &str = "All lines that differ are marked, also those that a rule or an acceptance lets differ.";

/// Two bodies, line by line; or why they are not shown.
pub(crate) struct Bodies {
    pub(crate) rows: Vec<Row>,
    pub(crate) note: &'static str,
}

/// Two lines that stand beside each other.
pub(crate) enum Row {
    /// So many equal lines that are not shown.
    Gap(usize),
    /// The same on both sides.
    Same(Vec<Part>),
    /// What legacy has there, and what new has.
    Differs([Option<Vec<Part>>; 2]),
}

/// A piece of text.
pub(crate) struct Part {
    pub(crate) text: String,
    /// Whether a secret stood here.
    pub(crate) is_redacted: bool,
}

impl Bodies {
    /// Holds two bodies against each other.
    pub(crate) fn of(legacy: Option<&Body>, new: Option<&Body>) -> Bodies {
        let note = |note| Bodies { rows: Vec::new(), note };
        let (Some(legacy), Some(new)) = (lines(legacy), lines(new)) else {
            return note("The bodies were not kept as text.");
        };
        if legacy == new {
            return note("The bodies are equal as far as they are shown: as JSON with sorted keys, or as text.");
        }
        let mut config = TextDiff::configure();
        config.deadline(Instant::now() + PATIENCE);
        let [old, new] = [&legacy, &new].map(|text| text.split_inclusive('\n').collect::<Vec<_>>());
        let diff = config.diff_slices(&old, &new);
        let mut rows = Vec::new();
        let mut at = 0;
        'groups: for group in diff.grouped_ops(CONTEXT) {
            for operation in group {
                let before = operation.old_range().start;
                skip(&mut rows, &old[at..before]);
                at = operation.old_range().end;
                add(&mut rows, &operation, &old, &new);
                if rows.len() > ROWS {
                    break 'groups;
                }
            }
        }
        if rows.len() > ROWS {
            rows.truncate(ROWS);
            return Bodies { rows, note: "Cut here: the bodies differ further on." };
        }
        skip(&mut rows, &old[at..]);
        Bodies { rows, note: MARKED }
    }
}

fn skip(rows: &mut Vec<Row>, equal: &[&str]) {
    match equal {
        [] => {}
        // To say that a line is left out takes a line.
        [one] => rows.push(Row::Same(line(one))),
        _ => rows.push(Row::Gap(equal.len())),
    }
}

fn add(rows: &mut Vec<Row>, operation: &DiffOp, old: &[&str], new: &[&str]) {
    let (before, after) = (&old[operation.old_range()], &new[operation.new_range()]);
    if let DiffOp::Equal { .. } = operation {
        rows.extend(before.iter().map(|text| Row::Same(line(text))));
        return;
    }
    let room = (ROWS + 1).saturating_sub(rows.len());
    let pairs = (0..before.len().max(after.len())).take(room);
    rows.extend(pairs.map(|place| Row::Differs([before, after].map(|side| side.get(place).map(|text| line(text))))));
}

fn line(text: &str) -> Vec<Part> {
    parts(&printable(&cut(text.trim_end_matches(['\r', '\n']), WIDTH)))
}

/// Text, with what was redacted set apart.
pub(crate) fn parts(text: &str) -> Vec<Part> {
    let mut parts = Vec::new();
    for (place, piece) in text.split(REDACTED).enumerate() {
        if place > 0 {
            parts.push(Part { text: "redacted".to_owned(), is_redacted: true });
        }
        if !piece.is_empty() {
            parts.push(Part { text: piece.to_owned(), is_redacted: false });
        }
    }
    parts
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn bodies(legacy: &str, new: &str) -> Bodies {
        Bodies::of(Some(&Body::Text(legacy.to_owned())), Some(&Body::Text(new.to_owned())))
    }

    #[test]
    fn differing_lines_stand_side_by_side() {
        let shown = bodies(r#"{"a":1,"b":"[redacted]"}"#, r#"{"a":2,"b":"[redacted]","c":3}"#);
        let text = |parts: &Vec<Part>| parts.iter().map(|part| &*part.text).collect::<Vec<_>>().concat();
        let row = |row: &Row| match row {
            Row::Gap(lines) => format!("… {lines}"),
            Row::Same(parts) => text(parts),
            Row::Differs(sides) => format!("{:?}", sides.each_ref().map(|side| side.as_ref().map(text))),
        };
        let rows: Vec<String> = shown.rows.iter().map(row).collect();
        let expected = [
            "{",
            r#"[Some("  \"a\": 1"), Some("  \"a\": 2")]"#,
            "  \"b\": \"redacted\"",
            r#"[None, Some("  \"c\": 3")]"#,
            "}",
        ];
        assert_eq!(rows, expected);
    }

    #[test]
    fn what_is_not_shown_is_said() {
        let many = |letter: &str| format!("{letter}\n").repeat(1000);
        let shown = bodies(&many("a"), &many("b"));
        assert_eq!((shown.rows.len(), shown.note.starts_with("Cut here")), (ROWS, true));
        let (first, second) = (format!("{}x\n", many("a")), format!("{}y\n", many("a")));
        assert!(matches!(bodies(&first, &second).rows[0], Row::Gap(997)));
        assert!(bodies("{}", "{ }").note.contains("equal"));
        assert!(Bodies::of(None, Some(&Body::Base64("AA==".to_owned()))).note.contains("not kept"));
    }

    proptest! {
        #[test]
        fn every_line_is_shown_or_counted(legacy in "[ab\n]{0,60}", new in "[ab\n]{0,60}") {
            let shown = bodies(&legacy, &new);
            if !shown.rows.is_empty() {
                let lines = |row: &Row| match row {
                    Row::Gap(lines) => *lines,
                    Row::Same(_) => 1,
                    Row::Differs([legacy, _]) => usize::from(legacy.is_some()),
                };
                prop_assert_eq!(shown.rows.iter().map(lines).sum::<usize>(), legacy.split_inclusive('\n').count());
            }
        }
    }
}
