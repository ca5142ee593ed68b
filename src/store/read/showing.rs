//! Which comparisons show a signature, and when and whom it hits.

use std::collections::{HashMap, HashSet};

use rusqlite::params;

use super::tally::verdict;
use super::{ReadError, Reader};
use crate::diff::{SignatureId, Verdict};
use crate::store::sql::{int, text, uint};

/// A kept comparison in short, as one that shows a signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShowingRow {
    /// The comparison's number.
    pub comparison: u64,
    /// When the request came, in milliseconds since 1970.
    pub at_ms: u64,
    /// The tenant; empty if there is none.
    pub tenant: String,
    /// What is held of it.
    pub verdict: Verdict,
    /// The request's method.
    pub method: String,
    /// Its path and query.
    pub target: String,
    /// The statuses of legacy and new.
    pub statuses: [u16; 2],
    /// Where exactly it shows.
    pub place: String,
    /// At how many places.
    pub places: u64,
    /// What legacy has there; `None`: nothing.
    pub legacy: Option<String>,
    /// What new has there; `None`: nothing.
    pub new: Option<String>,
}

impl Reader {
    /// How often these signatures showed in each hour since a moment in milliseconds since 1970: the hour, counted from 1970, and how
    /// often; oldest first. Hours in which one did not show are left out, and so is a signature without any.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn hours(
        &self,
        signatures: &[SignatureId],
        since_ms: u64,
    ) -> Result<HashMap<SignatureId, Vec<(u64, u64)>>, ReadError> {
        let sql = "SELECT hour, raw FROM sightings WHERE signature = ?1 AND hour >= ?2 AND raw > 0 ORDER BY hour";
        let mut statement = self.connection.prepare(sql)?;
        let mut found = HashMap::new();
        for id in signatures {
            let rows = statement.query_map(params![id.to_string(), int(since_ms / 3_600_000)], |row| {
                Ok((uint(row.get(0)?), uint(row.get(1)?)))
            })?;
            let hours: Vec<(u64, u64)> = rows.collect::<rusqlite::Result<_>>()?;
            if !hours.is_empty() {
                found.insert(*id, hours);
            }
        }
        Ok(found)
    }

    /// The tenants whose kept comparisons show this, by name; requests without a tenant are left out. `key` is a signature, or
    /// `ROUTE (VERDICT)`.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn tenants_showing(&self, key: &str) -> Result<Vec<String>, ReadError> {
        let sql = "SELECT DISTINCT tenant FROM samples WHERE signature = ?1 AND tenant <> '' ORDER BY 1";
        let mut statement = self.connection.prepare_cached(sql)?;
        let rows = statement.query_map([key], |row| text(row, 0))?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// The signatures that kept comparisons of this tenant show.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn signatures_of_tenant(&self, tenant: &str) -> Result<HashSet<SignatureId>, ReadError> {
        let mut statement = self.connection.prepare("SELECT DISTINCT signature FROM samples WHERE tenant = ?1")?;
        let mut rows = statement.query([tenant])?;
        let mut found = HashSet::new();
        while let Some(row) = rows.next()? {
            found.extend(SignatureId::parse(&text(row, 0)?));
        }
        Ok(found)
    }

    /// The comparisons that show this, newest first, at most so many. `key` is a signature, or `ROUTE (VERDICT)`.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn showing(&self, key: &str, most: usize) -> Result<Vec<ShowingRow>, ReadError> {
        let sql = "SELECT c.id, c.at_ms, c.tenant, c.verdict, c.method, c.target, c.legacy_status, c.new_status, s.place, s.places,
            s.legacy, s.new FROM samples s JOIN comparisons c ON c.id = s.comparison WHERE s.signature = ?1
            ORDER BY s.comparison DESC LIMIT ?2";
        let mut statement = self.connection.prepare(sql)?;
        let mut rows = statement.query(params![key, i64::try_from(most).unwrap_or(i64::MAX)])?;
        let mut found = Vec::new();
        while let Some(row) = rows.next()? {
            found.extend(showing(row)?);
        }
        Ok(found)
    }

    /// The comparisons before and after this one among those that show the same. `key` is a signature, or `ROUTE (VERDICT)`.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn beside(&self, key: &str, comparison: u64) -> Result<[Option<u64>; 2], ReadError> {
        let ask = |sql: &str| -> Result<Option<u64>, ReadError> {
            let mut statement = self.connection.prepare(sql)?;
            let found: Option<i64> = statement.query_row(params![key, int(comparison)], |row| row.get(0))?;
            Ok(found.map(uint))
        };
        Ok([
            ask("SELECT max(comparison) FROM samples WHERE signature = ?1 AND comparison < ?2")?,
            ask("SELECT min(comparison) FROM samples WHERE signature = ?1 AND comparison > ?2")?,
        ])
    }

    /// What a comparison shows: signatures, or `ROUTE (VERDICT)` where nothing differs.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn shown_by(&self, comparison: u64) -> Result<Vec<String>, ReadError> {
        let mut statement =
            self.connection.prepare("SELECT signature FROM samples WHERE comparison = ?1 ORDER BY signature")?;
        let rows = statement.query_map([int(comparison)], |row| text(row, 0))?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }
}

/// `None` for what a foreign hand has put there.
fn showing(row: &rusqlite::Row<'_>) -> rusqlite::Result<Option<ShowingRow>> {
    let Some(verdict) = verdict(&text(row, 3)?) else { return Ok(None) };
    let status = |place: usize| row.get::<_, i64>(place).map(|status| u16::try_from(status).unwrap_or(0));
    let value = |place: usize| -> rusqlite::Result<Option<String>> {
        let is_null = matches!(row.get_ref(place)?, rusqlite::types::ValueRef::Null);
        if is_null { Ok(None) } else { text(row, place).map(Some) }
    };
    Ok(Some(ShowingRow {
        comparison: uint(row.get(0)?),
        at_ms: uint(row.get(1)?),
        tenant: text(row, 2)?,
        verdict,
        method: text(row, 4)?,
        target: text(row, 5)?,
        statuses: [status(6)?, status(7)?],
        place: text(row, 8)?,
        places: uint(row.get(9)?),
        legacy: value(10)?,
        new: value(11)?,
    }))
}
