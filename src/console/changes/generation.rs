//! One generation: what it changed, in words and in the files.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Extension, Path, State};
use axum::response::Response;

use super::entry::{Entry, Now, Undo, moment_ms};
use crate::admin::audit::read;
use crate::admin::{Admin, PastDiff, Record, Who, aside};
use crate::clock::now_ms;
use crate::console::ago::Ago;
use crate::console::differences::list::shown;
use crate::console::frame::Frame;
use crate::console::page::{html, written};
use crate::console::trouble::Trouble;
use crate::ledger::{AuditFilter, Ledger};

/// The most lines of a diff.
const LINES: usize = 3_000;
/// The most characters of a line.
const LONGEST: usize = 400;
/// How many records are looked through for the one that made it.
const RECORDS: usize = 1_000;

#[derive(Template)]
#[template(path = "console/change.html")]
struct Page {
    frame: Frame,
    number: u64,
    at: Ago,
    by: String,
    live: bool,
    held: bool,
    words: Vec<String>,
    why: String,
    request_id: String,
    undo: Option<Undo>,
    lines: Vec<(&'static str, String)>,
    /// How many lines more there are.
    more: usize,
    /// What is said in place of a diff.
    note: &'static str,
    before: Option<u64>,
    after: Option<u64>,
}

pub(super) async fn generation(
    State(admin): State<Admin>,
    Extension(who): Extension<Who>,
    Path(number): Path<String>,
) -> Result<Response, Trouble> {
    let number: u64 = number.parse().map_err(|_| Trouble::unknown("generation"))?;
    let frame = Frame::of(&admin, &who, "/changes");
    let past = admin.clone().generation(number).await?;
    let text = aside(move || {
        let (all, live) = (admin.generations(), Arc::clone(&admin.live.current()));
        let record = record_of(admin.helm.ledger(), &past).map(|record| {
            let now = Now { standing: &live.standing, past: &all, now_ms: now_ms() };
            (record.clone(), Entry::of(record, now))
        });
        let place = all.iter().position(|other| other.number == number);
        let beside = |place: Option<usize>| place.and_then(|place| all.get(place)).map(|past| past.number);
        let [before, after] =
            [beside(place.map(|place| place + 1)), beside(place.and_then(|place| place.checked_sub(1)))];
        written(&Page::of(frame, past, record, before, after))
    });
    Ok(html(text.await??))
}

impl Page {
    fn of(
        frame: Frame,
        past: PastDiff,
        record: Option<(Record, Entry)>,
        before: Option<u64>,
        after: Option<u64>,
    ) -> Page {
        let PastDiff { generation, diff } = past;
        let note = match &diff {
            None => "One of the two configurations is not kept any more, so they cannot be held against each other.",
            Some(diff) if diff.is_empty() => "The files did not change: only what is said beside them did.",
            Some(_) => "",
        };
        let diff = diff.unwrap_or_default();
        let count = diff.lines().count();
        let (why, request_id, undo) =
            record.map(|(record, entry)| (record.why, record.request_id, entry.undo)).unwrap_or_default();
        Page {
            number: generation.number,
            at: Ago::of(moment_ms(&generation.at), now_ms()),
            by: generation.by,
            live: generation.live,
            held: generation.held,
            words: generation.changes,
            why,
            request_id,
            undo,
            lines: diff.lines().take(LINES).map(line).collect(),
            more: count.saturating_sub(LINES),
            note,
            before,
            after,
            frame,
        }
    }
}

/// The record that made it.
fn record_of(ledger: &Ledger, past: &PastDiff) -> Option<Record> {
    let made = &past.generation;
    let since_ms = moment_ms(&made.at);
    let filter = AuditFilter { since_ms, before: None, on: None, limit: RECORDS };
    let is_it = |record: &Record| record.generation == made.number && record.at == made.at;
    read(ledger, &filter)
        .records
        .into_iter()
        .find(|record| is_it(record) && !matches!(&*record.what, "accept" | "reopen"))
}

/// A line of a unified diff, with the class that gives it its colour.
pub(super) fn line(text: &str) -> (&'static str, String) {
    let class = match text.as_bytes() {
        [b'+', b'+', b'+', ..] | [b'-', b'-', b'-', ..] | [b'@', b'@', ..] => "hunk",
        [b'+', ..] => "plus",
        [b'-', ..] => "minus",
        _ => "",
    };
    (class, shown(text, LONGEST))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_a_diff_are_told_apart() {
        let classes = ["+++ a", "--- a", "@@ -1 +1 @@", "+x", "-x", " x", ""].map(|text| line(text).0);
        assert_eq!(classes, ["hunk", "hunk", "hunk", "plus", "minus", "", ""]);
        assert_eq!(line(&"x".repeat(1000)).1.chars().count(), LONGEST + 1);
    }
}
