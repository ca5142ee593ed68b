//! Counts of the demo's answers, and the table that shows them.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::time::Duration;

use super::decision::Served;

/// The most different reasons that are told apart per row: what a facade sends decides how many there are, so there
/// must be an end.
const REASONS: usize = 12;

/// How often a row's path was answered, by whom and why.
#[derive(Debug, Clone, Default)]
pub struct Row {
    /// Answers by legacy.
    pub legacy: u64,
    /// Answers by new.
    pub new: u64,
    /// Answers that the facade made itself, or that nobody signed.
    pub other: u64,
    /// Answers with a status of 500 or more, and requests without an answer.
    pub errors: u64,
    /// How long the answers took, all together.
    pub time: Duration,
    /// Answers by reason, where the facade told it.
    pub reasons: BTreeMap<String, u64>,
}

/// What came back so far.
#[derive(Debug, Clone, Default)]
pub struct Summary {
    /// Since the traffic began.
    pub elapsed: Duration,
    /// Requests that were not sent because too many were waiting for their answer.
    pub skipped: u64,
    /// By method and path template.
    pub rows: BTreeMap<&'static str, Row>,
}

impl Row {
    /// All requests.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.legacy + self.new + self.other
    }

    fn add(&mut self, outcome: Option<(&Served, bool)>, time: Duration) {
        self.time += time;
        let Some((served, failed)) = outcome else {
            self.other += 1;
            self.errors += 1;
            return;
        };
        match served.by.as_str() {
            "legacy" => self.legacy += 1,
            "new" => self.new += 1,
            _ => self.other += 1,
        }
        self.errors += u64::from(failed);
        if let Some(reason) = &served.reason {
            let known = self.reasons.contains_key(reason) || self.reasons.len() < REASONS;
            *self.reasons.entry(if known { reason.clone() } else { "others".to_owned() }).or_default() += 1;
        }
    }
}

impl Summary {
    /// Counts one outcome: who served it and whether it failed, or `None` for a request without an answer.
    pub fn add(&mut self, label: &'static str, outcome: Option<(&Served, bool)>, time: Duration) {
        self.rows.entry(label).or_default().add(outcome, time);
    }

    /// All requests.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.rows.values().map(Row::total).sum()
    }

    /// All errors.
    #[must_use]
    pub fn errors(&self) -> u64 {
        self.rows.values().map(|row| row.errors).sum()
    }

    /// Prints the table: a row per path.
    ///
    /// # Errors
    /// When the writer fails.
    pub fn write(&self, out: &mut impl Write) -> io::Result<()> {
        let seconds = self.elapsed.as_secs();
        write!(out, "{seconds} s, {} requests, {} errors", self.total(), self.errors())?;
        if self.skipped > 0 {
            write!(out, ", {} not sent (answers are slow)", self.skipped)?;
        }
        writeln!(out)?;
        writeln!(out, "{:<28} {:>7} {:>7} {:>7}  mean time  reasons", "path", "legacy", "new", "on new")?;
        self.rows.iter().try_for_each(|(label, row)| write_row(out, label, row))
    }
}

fn write_row(out: &mut impl Write, label: &str, row: &Row) -> io::Result<()> {
    let (relayed, total) = (row.legacy + row.new, row.total().max(1));
    let share = (row.new * 100).checked_div(relayed).map_or_else(|| "-".to_owned(), |share| format!("{share} %"));
    let mean = row.time.as_secs_f64() * 1000.0 / total as f64;
    write!(out, "{label:<28} {:>7} {:>7} {share:>7} {mean:>7.1} ms", row.legacy, row.new)?;
    let mut reasons: Vec<(&String, &u64)> = row.reasons.iter().collect();
    // The sort is stable: equal counts stay in the order of their names.
    reasons.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
    for (place, (reason, count)) in reasons.into_iter().enumerate() {
        write!(out, "{} {reason} {count}", if place == 0 { " " } else { "," })?;
    }
    if row.other > 0 {
        write!(out, "  ({} by neither)", row.other)?;
    }
    if row.errors > 0 {
        write!(out, "  ({} errors)", row.errors)?;
    }
    writeln!(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn served(by: &str, reason: &str) -> Served {
        Served { by: by.to_owned(), route: None, reason: Some(reason.to_owned()) }
    }

    #[test]
    fn table_shows_share_reasons_and_errors() {
        let mut summary = Summary::default();
        for _ in 0..3 {
            summary.add("GET /orders", Some((&served("legacy", "percent"), false)), Duration::from_millis(2));
        }
        summary.add("GET /orders", Some((&served("new", "cohort:beta"), true)), Duration::from_millis(2));
        summary.add("GET /orders", None, Duration::from_millis(2));
        let mut out = Vec::new();
        summary.write(&mut out).expect("a Vec takes all");
        let table = String::from_utf8(out).expect("text");
        assert!(table.starts_with("0 s, 5 requests, 2 errors\n"), "{table}");
        let row = "GET /orders                        3       1    25 %     2.0 ms  percent 3, cohort:beta 1  (1 by neither)  (2 errors)\n";
        assert!(table.ends_with(row), "{table}");
    }

    #[test]
    fn reasons_are_bounded() {
        let mut row = Row::default();
        for number in 0..100 {
            row.add(Some((&served("new", &number.to_string()), false)), Duration::ZERO);
        }
        assert_eq!(row.reasons.len(), REASONS + 1);
        assert_eq!(row.reasons["others"], 88);
    }
}
