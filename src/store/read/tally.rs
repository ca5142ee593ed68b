//! Verdicts of routes and tenants, and what became of copies.

use rusqlite::params;

use super::{ReadError, Reader};
use crate::diff::{Share, Verdict};
use crate::store::sql::{int, text, uint};

/// How many comparisons came to which verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tally {
    counts: [u64; Verdict::ALL.len()],
}

/// The verdicts of a route.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RouteSummary {
    /// The route.
    pub route: String,
    /// Its verdicts.
    pub tally: Tally,
    /// Why some are noise or unknown, by verdict and reason.
    pub why: Vec<(Verdict, String, u64)>,
}

/// The verdicts of a tenant on a route.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TenantSummary {
    /// The route.
    pub route: String,
    /// The tenant; empty for requests without one.
    pub tenant: String,
    /// The verdicts.
    pub tally: Tally,
}

/// A row of counted verdicts, as the store has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerdictRow {
    /// The minute, counted from 1970.
    pub minute: u64,
    /// The route.
    pub route: String,
    /// The tenant; empty for requests without one.
    pub tenant: String,
    /// The verdict.
    pub verdict: Verdict,
    /// Why it is noise or unknown.
    pub why: String,
    /// How many.
    pub count: u64,
}

/// What became of the copies of a route's requests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutcomeRow {
    /// The route.
    pub route: String,
    /// What became of them.
    pub outcome: String,
    /// How many.
    pub count: u64,
}

impl Tally {
    /// Counts further ones.
    pub fn add(&mut self, verdict: Verdict, count: u64) {
        self.counts[place(verdict)] += count;
    }

    /// Counts those of another.
    pub fn merge(&mut self, other: &Tally) {
        for verdict in Verdict::ALL {
            self.add(verdict, other.of(verdict));
        }
    }

    /// How many came to this verdict.
    #[must_use]
    pub fn of(&self, verdict: Verdict) -> u64 {
        self.counts[place(verdict)]
    }

    /// How many could be judged: all but the unknown.
    #[must_use]
    pub fn judged(&self) -> u64 {
        self.of(Verdict::Match) + self.of(Verdict::Noise) + self.of(Verdict::Mismatch)
    }

    /// Of those that could be judged, how many match or differ by noise only.
    #[must_use]
    pub fn matching(&self) -> Share {
        Share::new(self.of(Verdict::Match) + self.of(Verdict::Noise), self.judged())
    }

    /// Of all, how many could not be judged.
    #[must_use]
    pub fn unknown(&self) -> Share {
        Share::new(self.of(Verdict::Unknown), self.judged() + self.of(Verdict::Unknown))
    }
}

const fn place(verdict: Verdict) -> usize {
    match verdict {
        Verdict::Match => 0,
        Verdict::Mismatch => 1,
        Verdict::Noise => 2,
        Verdict::Unknown => 3,
    }
}

impl Reader {
    /// The verdicts of each route since a moment in milliseconds since 1970, by name.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn routes(&self, since_ms: u64) -> Result<Vec<RouteSummary>, ReadError> {
        self.summaries(since_ms, None)
    }

    /// The verdicts of one route since a moment in milliseconds since 1970; `None` if there are none.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn route(&self, route: &str, since_ms: u64) -> Result<Option<RouteSummary>, ReadError> {
        Ok(self.summaries(since_ms, Some(route))?.pop())
    }

    fn summaries(&self, since_ms: u64, route: Option<&str>) -> Result<Vec<RouteSummary>, ReadError> {
        let sql =
            "SELECT route, verdict, why, sum(count) FROM verdicts WHERE minute >= ?1 AND (?2 IS NULL OR route = ?2)
            GROUP BY 1, 2, 3 ORDER BY 1, 2, 3";
        let mut statement = self.connection.prepare(sql)?;
        let mut rows = statement.query(params![minute(since_ms), route])?;
        let mut routes: Vec<RouteSummary> = Vec::new();
        while let Some(row) = rows.next()? {
            let name = text(row, 0)?;
            let Some(verdict) = verdict(&text(row, 1)?) else { continue };
            let (why, count) = (text(row, 2)?, uint(row.get(3)?));
            if routes.last().is_none_or(|last| last.route != name) {
                routes.push(RouteSummary { route: name, tally: Tally::default(), why: Vec::new() });
            }
            if let Some(route) = routes.last_mut() {
                route.tally.add(verdict, count);
                if !why.is_empty() {
                    route.why.push((verdict, why, count));
                }
            }
        }
        Ok(routes)
    }

    /// The verdicts of each tenant on each route since a moment, by route and name.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn tenants(&self, since_ms: u64) -> Result<Vec<TenantSummary>, ReadError> {
        let sql =
            "SELECT route, tenant, verdict, sum(count) FROM verdicts WHERE minute >= ?1 GROUP BY 1, 2, 3 ORDER BY 1, 2";
        let mut statement = self.connection.prepare(sql)?;
        let mut rows = statement.query([minute(since_ms)])?;
        let mut tenants: Vec<TenantSummary> = Vec::new();
        while let Some(row) = rows.next()? {
            let (route, tenant) = (text(row, 0)?, text(row, 1)?);
            let Some(verdict) = verdict(&text(row, 2)?) else { continue };
            if tenants.last().is_none_or(|last| (&last.route, &last.tenant) != (&route, &tenant)) {
                tenants.push(TenantSummary { route, tenant, tally: Tally::default() });
            }
            if let Some(last) = tenants.last_mut() {
                last.tally.add(verdict, uint(row.get(3)?));
            }
        }
        Ok(tenants)
    }

    /// Hands each row of counted verdicts since a moment to `each`, oldest first, until that fails.
    ///
    /// # Errors
    /// The file cannot be read, or what `each` says.
    pub fn each_verdict<E: From<ReadError>>(
        &self,
        since_ms: u64,
        mut each: impl FnMut(VerdictRow) -> Result<(), E>,
    ) -> Result<(), E> {
        let sql = "SELECT minute, route, tenant, verdict, why, count FROM verdicts WHERE minute >= ?1
            ORDER BY minute, route, tenant, verdict, why";
        let mut statement = self.connection.prepare(sql).map_err(ReadError::from)?;
        let mut rows = statement.query([minute(since_ms)]).map_err(ReadError::from)?;
        while let Some(row) = rows.next().map_err(ReadError::from)? {
            if let Some(found) = verdict_row(row).map_err(ReadError::from)? {
                each(found)?;
            }
        }
        Ok(())
    }

    /// What became of the copies of each route's requests since a moment.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn outcomes(&self, since_ms: u64) -> Result<Vec<OutcomeRow>, ReadError> {
        let sql = "SELECT route, outcome, sum(count) FROM outcomes WHERE minute >= ?1 GROUP BY 1, 2 ORDER BY 1, 2";
        let mut statement = self.connection.prepare(sql)?;
        let rows = statement.query_map(params![minute(since_ms)], |row| {
            Ok(OutcomeRow { route: text(row, 0)?, outcome: row.get(1)?, count: uint(row.get(2)?) })
        })?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }
}

fn verdict_row(row: &rusqlite::Row<'_>) -> rusqlite::Result<Option<VerdictRow>> {
    let Some(verdict) = verdict(&text(row, 3)?) else { return Ok(None) };
    Ok(Some(VerdictRow {
        minute: uint(row.get(0)?),
        route: text(row, 1)?,
        tenant: text(row, 2)?,
        verdict,
        why: text(row, 4)?,
        count: uint(row.get(5)?),
    }))
}

/// The minute a moment lies in.
pub(super) fn minute(since_ms: u64) -> i64 {
    int(since_ms / 60_000)
}

pub(super) fn verdict(text: &str) -> Option<Verdict> {
    Verdict::ALL.into_iter().find(|verdict| verdict.as_str() == text)
}
