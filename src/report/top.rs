//! Signatures by impact.

use super::sheet::{Cell, Sheet};
use super::{moment, share};
use crate::diff::Judgement;
use crate::store::Reader;
use crate::store::read::{ReadError, SignatureFilter, SignatureRow};

/// Which signatures are wanted.
#[derive(Debug, Clone, Default)]
pub struct TopFilter {
    /// Only what was seen since then, in milliseconds since 1970.
    pub since_ms: u64,
    /// Only those of this route.
    pub route: Option<String>,
    /// Only those of which this is held.
    pub judgement: Option<Judgement>,
    /// Noise, transient ones and accepted ones too.
    pub all: bool,
    /// At most so many; 0: all.
    pub limit: usize,
}

/// Signatures by impact: real ones first, the most frequent first among those.
#[derive(Debug, Clone, PartialEq)]
pub struct Top {
    /// Those that are shown.
    pub rows: Vec<SignatureRow>,
    /// How many were left out because a system differs from itself there, or because they did not come again.
    pub noise: usize,
    /// How many were left out because they are accepted.
    pub accepted: usize,
    /// How many were left out because of the limit.
    pub more: usize,
    /// Comparisons in the time that was asked for, of the routes that were asked for.
    pub compared: u64,
    /// Of those, how many were unknown.
    pub unknown: u64,
    now_ms: u64,
}

/// The signatures of a store, as of this moment in milliseconds since 1970.
///
/// # Errors
/// The store cannot be read.
pub fn top(reader: &Reader, filter: &TopFilter, now_ms: u64) -> Result<Top, ReadError> {
    let wanted = SignatureFilter { since_ms: filter.since_ms, route: filter.route.clone(), id: None };
    let mut top =
        Top { rows: reader.signatures(&wanted)?, noise: 0, accepted: 0, more: 0, compared: 0, unknown: 0, now_ms };
    top.rows.retain(|row| {
        let judgement = row.judgement();
        let hidden = match filter.judgement {
            Some(wanted) if wanted != judgement => return false,
            Some(_) => false,
            None => !filter.all && is_noise(judgement),
        };
        top.noise += usize::from(hidden);
        let accepted = !hidden && !filter.all && row.is_accepted(now_ms);
        top.accepted += usize::from(accepted);
        !hidden && !accepted
    });
    top.rows.sort_by(|a, b| impact(b).total_cmp(&impact(a)));
    // Stable: within a judgement, the most frequent stay first.
    top.rows.sort_by_key(|row| Judgement::ALL.iter().position(|other| *other == row.judgement()));
    if filter.limit > 0 {
        top.more = top.rows.len().saturating_sub(filter.limit);
        top.rows.truncate(filter.limit);
    }
    for route in reader.routes(filter.since_ms)? {
        if filter.route.as_ref().is_none_or(|wanted| *wanted == route.route) {
            let unknown = route.tally.unknown();
            top.compared += unknown.of;
            top.unknown += unknown.hits;
        }
    }
    Ok(top)
}

fn is_noise(judgement: Judgement) -> bool {
    matches!(judgement, Judgement::Noise | Judgement::Transient)
}

fn impact(row: &SignatureRow) -> f64 {
    row.share().rate().unwrap_or(0.0)
}

impl Top {
    /// A row for people, for each signature.
    #[must_use]
    pub fn table(&self) -> Sheet {
        let columns =
            vec!["id", "judgement", "route", "where", "kind", "share", "noise", "first seen", "last seen", "samples"];
        let row = |row: &SignatureRow| -> Vec<Cell> {
            let noise = row.noise().rate().map_or("-".to_owned(), super::percent);
            vec![
                Cell::Text(row.id.to_string()),
                Cell::Text(self.judgement(row)),
                Cell::Text(row.route.clone()),
                Cell::Text(row.path.clone()),
                row.kind.as_str().into(),
                Cell::Text(share(row.share())),
                Cell::Text(noise),
                Cell::Text(moment(row.seen_ms.0)),
                Cell::Text(moment(row.seen_ms.1)),
                Cell::Count(row.samples),
            ]
        };
        Sheet { columns, rows: self.rows.iter().map(row).collect() }
    }

    /// A row for programs, for each signature.
    #[must_use]
    pub fn sheet(&self) -> Sheet {
        let columns = COLUMNS.to_vec();
        Sheet { columns, rows: self.rows.iter().map(|row| cells(row, self.now_ms)).collect() }
    }

    /// What is to be said below the rows.
    #[must_use]
    pub fn notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        if self.compared == 0 {
            notes.push("no comparisons were recorded in this time".to_owned());
        } else if self.rows.is_empty() {
            notes.push(format!(
                "no differences to show in {} comparisons, {} of them unknown",
                self.compared, self.unknown
            ));
        }
        if self.more > 0 {
            notes.push(format!("{} more: --limit 0", self.more));
        }
        let counted = |count: usize, what: &str| (count > 0).then(|| format!("{count} {what}"));
        let hidden = [counted(self.noise, "hidden as noise or transient"), counted(self.accepted, "accepted")];
        let hidden: Vec<String> = hidden.into_iter().flatten().collect();
        if !hidden.is_empty() {
            notes.push(format!("not shown: {}; --all shows them", hidden.join(", ")));
        }
        notes
    }

    fn judgement(&self, row: &SignatureRow) -> String {
        let accepted = if row.is_accepted(self.now_ms) { ", accepted" } else { "" };
        format!("{}{accepted}", row.judgement().as_str())
    }
}

/// The columns for programs.
pub(super) const COLUMNS: [&str; 22] = [
    "id",
    "judgement",
    "accepted",
    "route",
    "path",
    "kind",
    "raw",
    "compared",
    "share",
    "share_low",
    "share_high",
    "noise",
    "checked",
    "noise_share",
    "again",
    "itself",
    "gone",
    "first_seen",
    "last_seen",
    "samples",
    "accepted_until",
    "accepted_reason",
];

pub(super) fn cells(row: &SignatureRow, now_ms: u64) -> Vec<Cell> {
    let evidence = &row.evidence;
    let (low, high) = row.share().interval();
    let acceptance = row.acceptance.as_ref().filter(|acceptance| acceptance.holds(now_ms));
    vec![
        Cell::Text(row.id.to_string()),
        row.judgement().as_str().into(),
        Cell::Truth(acceptance.is_some()),
        Cell::Text(row.route.clone()),
        Cell::Text(row.path.clone()),
        row.kind.as_str().into(),
        Cell::Count(evidence.raw),
        Cell::Count(evidence.compared),
        row.share().rate().into(),
        Cell::Real(low),
        Cell::Real(high),
        Cell::Count(evidence.noise),
        Cell::Count(evidence.checked),
        row.noise().rate().into(),
        Cell::Count(evidence.again),
        Cell::Count(evidence.itself),
        Cell::Count(evidence.gone),
        Cell::Moment(row.seen_ms.0),
        Cell::Moment(row.seen_ms.1),
        Cell::Count(row.samples),
        acceptance.and_then(|acceptance| acceptance.until_ms).map_or(Cell::Nothing, Cell::Moment),
        acceptance.map_or(Cell::Nothing, |acceptance| Cell::Text(acceptance.reason.clone())),
    ]
}
