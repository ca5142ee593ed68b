//! The audit: who did what, when and why.

use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Admin;
use super::aside::{Written, aside_json};
use super::fault::Fault;
use super::input::Query;
use crate::clock::now_ms;
use crate::directives::Act;
use crate::ledger::{AuditFilter, Ledger};
use crate::report::{moment, when};

/// How many records are answered if nothing else is asked for, and at most.
const RECORDS: (u32, u32) = (100, 1000);

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct AuditQuery {
    /// Only those since then: `24h`, `2026-11-21` or RFC 3339.
    #[param(nullable = false)]
    since: Option<String>,
    /// Only those on exactly this.
    #[param(nullable = false)]
    on: Option<String>,
    /// Only those before the record with this number: the next page.
    #[param(nullable = false)]
    before: Option<u64>,
    /// At most so many: 100 if unsaid.
    #[param(nullable = false, maximum = 1000)]
    limit: Option<u32>,
}

/// The answer of `GET /api/v1/audit`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Audit {
    /// Newest first.
    pub records: Vec<Record>,
    /// Where the next page begins (`before`); `null` on the last.
    pub next: Option<u64>,
    /// Why records that were written cannot be read now; `null` where they can.
    pub unreadable: Option<String>,
}

/// A record: one for each change of state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Record {
    /// Its number; `null` while it is not on the disk.
    pub id: Option<u64>,
    /// When (RFC 3339).
    pub at: String,
    /// By which way: `start`, `file`, `signal`, `api`, `guard`, `ramp` or `timer`.
    pub source: String,
    /// The name of the token; empty where there was none.
    pub name: String,
    /// What was done: `rollback`, `kill`, `resume`, `reload`, `hold`, `trip`, `step`, `accept` ….
    pub what: String,
    /// On what: a scope, a unit, a signature; empty for the whole configuration.
    pub on: String,
    /// What was before, in words.
    pub from: String,
    /// What is since then, in words.
    pub to: String,
    /// Why, as the author said it; for a guard its evidence.
    pub why: String,
    /// The request that asked for it; empty where none did.
    pub request_id: String,
    /// The generation that was live with it.
    pub generation: u64,
}

/// What viewers may see.
pub(super) fn for_viewers() -> OpenApiRouter<Admin> {
    OpenApiRouter::new().routes(routes!(audit))
}

/// Audit
///
/// What was done, by whom, when and why; records that are not on the disk yet come first.
#[utoipa::path(
    get, path = "/api/v1/audit", tag = "history", params(AuditQuery),
    responses((status = 200, description = "The records.", body = Audit))
)]
async fn audit(State(admin): State<Admin>, Query(query): Query<AuditQuery>) -> Result<Written, Fault> {
    let since_ms = match &query.since {
        Some(text) => when::since(text, now_ms())
            .ok_or_else(|| Fault::senseless(format!("`{text}` is no moment: {}", when::WHAT)))?,
        None => 0,
    };
    let (unsaid, most) = RECORDS;
    let limit = query.limit.unwrap_or(unsaid);
    if limit > most {
        return Err(Fault::senseless(format!("a page has at most {most} records; `before` asks for the next")));
    }
    if query.before.is_some_and(|before| i64::try_from(before).is_err()) {
        return Err(Fault::senseless("no record has such a number"));
    }
    let limit = limit as usize;
    let filter = AuditFilter { since_ms, before: query.before, on: query.on, limit };
    aside_json(move || Ok(read(admin.helm.ledger(), &filter))).await
}

/// The records that pass a filter; those that are not on the disk yet come first.
pub(crate) fn read(ledger: &Ledger, filter: &AuditFilter) -> Audit {
    let meant = |act: &Act| act.at_ms >= filter.since_ms && filter.on.as_ref().is_none_or(|on| act.on == *on);
    // First these: one that is written meanwhile is then seen twice rather than never.
    let waiting = match filter.before {
        None => ledger.unwritten(),
        Some(_) => Vec::new(),
    };
    let (written, unreadable) = match ledger.audit(filter) {
        Ok(written) => (written, None),
        Err(error) => (Vec::new(), Some(error.to_string())),
    };
    let next = written.last().map(|(id, _)| *id).filter(|_| written.len() >= filter.limit);
    let is_written = |act: &Act| written.iter().any(|(_, other)| other == act);
    let waiting = waiting.into_iter().filter(|act| meant(act) && !is_written(act)).map(|act| Record::of(None, act));
    let mut records: Vec<Record> = waiting.collect();
    records.extend(written.into_iter().map(|(id, act)| Record::of(Some(id), act)));
    Audit { records, next, unreadable }
}

impl Record {
    fn of(id: Option<u64>, act: Act) -> Record {
        let Act { at_ms, by, what, on, from, to, why, request_id, generation } = act;
        let (source, name) = (by.source.as_str().to_owned(), by.name);
        Record { id, at: moment(at_ms), source, name, what, on, from, to, why, request_id, generation }
    }
}
