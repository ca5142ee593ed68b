//! A page of the timeline: the audit, narrowed down.

use serde::Deserialize;

use super::entry::{Entry, Kind, Now};
use crate::admin::audit::read;
use crate::admin::{PastView, Record};
use crate::console::link::link;
use crate::ledger::{AuditFilter, Ledger};

/// Entries of a page.
const PAGE: usize = 50;
/// So many records are looked at for a page, in steps of so many.
const LOOKED_AT: (usize, usize) = (5_000, 500);

/// What the timeline is asked for: all of it stands in its address.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub(crate) struct Asked {
    /// Only what this one did: a name, or `guard`, `ramp`, `file` ….
    pub(crate) who: String,
    /// Only this sort: [`Kind::as_str`].
    pub(crate) what: String,
    /// Only what is about this route, group, tenant or difference.
    pub(crate) on: String,
    /// Only what was done before the record with this number.
    pub(crate) before: String,
}

/// A page of the timeline, newest first.
#[derive(Debug)]
pub(crate) struct Timeline {
    pub(crate) entries: Vec<Entry>,
    /// Where it goes on.
    pub(crate) next: Option<String>,
    /// Whether it was given up before the page was full.
    pub(crate) gave_up: bool,
    /// Why records that were written cannot be read.
    pub(crate) unreadable: Option<String>,
}

impl Asked {
    /// Whether anything is asked for.
    pub(crate) fn is_narrow(&self) -> bool {
        [&self.who, &self.what, &self.on].into_iter().any(|text| !text.trim().is_empty())
    }

    fn next(&self, before: u64) -> String {
        let before = before.to_string();
        link("/changes", &[("who", &self.who), ("what", &self.what), ("on", &self.on), ("before", &before)])
    }
}

impl Timeline {
    /// Whether a day begins with the entry at this place.
    pub(crate) fn begins_day(&self, place: usize) -> bool {
        let day = |place: usize| self.entries.get(place).map(|entry| &entry.day);
        place.checked_sub(1).is_none_or(|before| day(before) != day(place))
    }

    /// The page that is asked for. `group` is that of the route that is asked for, as pins name it.
    pub(crate) fn of(ledger: &Ledger, asked: &Asked, group: Option<&str>, now: Now<'_>) -> Timeline {
        let mut before: Option<u64> = asked.before.parse().ok().filter(|before| i64::try_from(*before).is_ok());
        let mut page = Timeline { entries: Vec::new(), next: None, gave_up: false, unreadable: None };
        for step in 0..LOOKED_AT.0 / LOOKED_AT.1 {
            let filter = AuditFilter { since_ms: 0, before, on: None, limit: LOOKED_AT.1 };
            let found = read(ledger, &filter);
            page.unreadable = found.unreadable;
            for record in found.records {
                if !passes(&record, asked, group, now.past) {
                    continue;
                }
                if page.entries.len() == PAGE {
                    let last = page.entries.iter().rev().find_map(|entry| entry.id);
                    page.next = last.map(|last| asked.next(last));
                    return page;
                }
                page.entries.push(Entry::of(record, now));
            }
            let Some(next) = found.next else { return page };
            before = Some(next);
            if (step + 1) * LOOKED_AT.1 == LOOKED_AT.0 {
                page.gave_up = true;
                page.next = Some(asked.next(next));
            }
        }
        page
    }
}

fn passes(record: &Record, asked: &Asked, group: Option<&str>, past: &[PastView]) -> bool {
    let [who, what, on] = [&asked.who, &asked.what, &asked.on].map(|text| text.trim().to_lowercase());
    let is_who = who.is_empty() || record.name.to_lowercase() == who || record.source == who;
    let is_what = what.is_empty() || Kind::of(&record.what).as_str() == what;
    is_who && is_what && (on.is_empty() || is_about(record, &on, group, past))
}

/// Whether a record is about this, by what it names or by the words of its generation.
fn is_about(record: &Record, on: &str, group: Option<&str>, past: &[PastView]) -> bool {
    let named = |text: &str| {
        let mut parts = text.split([' ', ',']).filter(|part| !part.is_empty());
        let is_it =
            |part: &str| part == on || part.split_once(':').is_some_and(|(_, name)| name == on) || Some(part) == group;
        parts.any(is_it)
    };
    if named(&record.on.to_lowercase()) {
        return true;
    }
    // Words of a generation begin with what they are about.
    let made = past.iter().find(|past| past.number == record.generation && past.at == record.at);
    made.is_some_and(|made| {
        made.changes.iter().any(|line| line.split_once(':').is_some_and(|(name, _)| name.to_lowercase() == on))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(name: &str, what: &str, on: &str) -> Record {
        Record {
            id: Some(1),
            at: "2026-11-21T10:04:05Z".to_owned(),
            source: if name.is_empty() { "guard" } else { "api" }.to_owned(),
            name: name.to_owned(),
            what: what.to_owned(),
            on: on.to_owned(),
            from: String::new(),
            to: String::new(),
            why: String::new(),
            request_id: String::new(),
            generation: 3,
        }
    }

    #[test]
    fn records_are_found_by_who_what_and_what_they_are_about() {
        let asked = |who: &str, what: &str, on: &str| Asked {
            who: who.to_owned(),
            what: what.to_owned(),
            on: on.to_owned(),
            before: String::new(),
        };
        let past = [PastView {
            number: 3,
            at: "2026-11-21T10:04:05Z".to_owned(),
            by: String::new(),
            changes: vec!["cart: stage shadow → canary".to_owned()],
            live: true,
            held: false,
        }];
        let passes = |record: &Record, asked: &Asked| passes(record, asked, Some("group:orders"), &past);
        let trip = record("", "trip", "group:orders");
        assert!(passes(&trip, &asked("guard", "rollback", "orders-read")), "the group of the route");
        assert!(passes(&trip, &asked("", "", "orders")));
        assert!(!passes(&trip, &asked("ada", "", "")) && !passes(&trip, &asked("", "ramp", "")));
        let pair = record("Ada", "resume", "a, b tenant:acme");
        assert!(passes(&pair, &asked("ada", "resume", "b")) && passes(&pair, &asked("", "", "acme")));
        assert!(passes(&record("x", "reload", ""), &asked("", "", "cart")));
        assert!(!passes(&record("x", "reload", ""), &asked("", "", "car")));
    }
}
