//! The rows that can be exported.

use super::{Cell, Column, ExportError, Scope, Type};
use crate::report::top;
use crate::store::read::{Kept, SignatureFilter, VerdictRow};
use crate::store::{Answered, Reader};

/// What is exported.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    /// A row for each signature, with its evidence.
    Signatures,
    /// A row for each comparison that was kept in full.
    Comparisons,
    /// A row for each minute, route, tenant, verdict and reason.
    Verdicts,
}

const VERDICTS: [Column; 6] = [
    ("minute", Type::Moment),
    ("route", Type::Text),
    ("tenant", Type::Text),
    ("verdict", Type::Text),
    ("why", Type::Text),
    ("count", Type::Count),
];

const COMPARISONS: [Column; 22] = [
    ("id", Type::Count),
    ("requested_at", Type::Moment),
    ("route", Type::Text),
    ("tenant", Type::Text),
    ("request_id", Type::Text),
    ("verdict", Type::Text),
    ("answered", Type::Text),
    ("method", Type::Text),
    ("target", Type::Text),
    ("request_headers", Type::Text),
    ("request_body", Type::Text),
    ("legacy_status", Type::Count),
    ("new_status", Type::Count),
    ("legacy_us", Type::Count),
    ("new_us", Type::Count),
    ("legacy_headers", Type::Text),
    ("new_headers", Type::Text),
    ("legacy_body", Type::Text),
    ("new_body", Type::Text),
    ("legacy_hash", Type::Text),
    ("new_hash", Type::Text),
    ("differences", Type::Text),
];

impl What {
    /// The columns of its rows.
    pub(super) fn columns(self) -> Vec<Column> {
        match self {
            What::Verdicts => VERDICTS.to_vec(),
            What::Comparisons => COMPARISONS.to_vec(),
            What::Signatures => top::COLUMNS.iter().map(|name| (*name, signature_type(name))).collect(),
        }
    }
}

fn signature_type(column: &str) -> Type {
    match column {
        "accepted" => Type::Truth,
        "share" | "share_low" | "share_high" | "noise_share" => Type::Real,
        "first_seen" | "last_seen" | "accepted_until" => Type::Moment,
        "raw" | "compared" | "noise" | "checked" | "again" | "itself" | "gone" | "samples" => Type::Count,
        _ => Type::Text,
    }
}

/// Hands each row to `add`, in the order of the columns; how many there were.
pub(super) fn each(
    reader: &Reader,
    what: What,
    scope: &Scope,
    add: &mut dyn FnMut(Vec<Cell>) -> Result<(), ExportError>,
) -> Result<u64, ExportError> {
    let mut count = 0;
    let mut add = |row| {
        count += 1;
        add(row)
    };
    match what {
        What::Signatures => {
            let filter = SignatureFilter { since_ms: scope.since_ms, route: scope.route.clone(), id: None };
            reader.signatures(&filter)?.iter().try_for_each(|row| add(top::cells(row, scope.now_ms)))?;
        }
        What::Comparisons => {
            reader.each_comparison(scope.since_ms, scope.route.as_deref(), |kept| add(comparison(kept)))?;
        }
        What::Verdicts => reader.each_verdict(scope.since_ms, |row| {
            if scope.route.as_ref().is_none_or(|route| *route == row.route) { add(verdict(row)) } else { Ok(()) }
        })?,
    }
    Ok(count)
}

fn verdict(row: VerdictRow) -> Vec<Cell> {
    vec![
        Cell::Moment(row.minute.saturating_mul(60_000)),
        Cell::Text(row.route),
        Cell::Text(row.tenant),
        row.verdict.as_str().into(),
        Cell::Text(row.why),
        Cell::Count(row.count),
    ]
}

fn comparison(kept: Kept) -> Vec<Cell> {
    let detail = &kept.detail;
    let body = |answer: &Answered| json(&answer.body);
    vec![
        Cell::Count(kept.id),
        Cell::Moment(kept.at_ms),
        Cell::Text(kept.route),
        Cell::Text(kept.tenant),
        Cell::Text(kept.request_id),
        kept.verdict.as_str().into(),
        kept.answered.as_str().into(),
        Cell::Text(kept.method),
        Cell::Text(kept.target),
        json(&detail.headers),
        json(&detail.body),
        Cell::Count(detail.legacy.status.into()),
        Cell::Count(detail.new.status.into()),
        Cell::Count(detail.legacy.took_us),
        Cell::Count(detail.new.took_us),
        json(&detail.legacy.headers),
        json(&detail.new.headers),
        body(&detail.legacy),
        body(&detail.new),
        Cell::Text(detail.legacy.hash.clone()),
        Cell::Text(detail.new.hash.clone()),
        json(&detail.differences),
    ]
}

/// What has parts, as JSON text; `null` is nothing.
fn json(value: &impl serde::Serialize) -> Cell {
    match serde_json::to_string(value) {
        Ok(text) if text != "null" => Cell::Text(text),
        _ => Cell::Nothing,
    }
}
