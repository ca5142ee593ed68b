//! Audit and history, for whoever asks.

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, OptionalExtension, Row, params};

use super::memory::digest;
use super::recall::{self, Unreadable, author, uint};
use super::{Hour, Made, Past, database};
use crate::directives::Act;

/// How long to wait for another process that locks the file.
const BUSY: Duration = Duration::from_secs(2);

/// Which records of the audit to read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditFilter {
    /// Only those at or after this, in milliseconds since 1970.
    pub since_ms: u64,
    /// Only those before the one with this number; the last of a page is where the next begins.
    pub before: Option<u64>,
    /// Only those on exactly this ([`Act::on`]).
    pub on: Option<String>,
    /// At most so many.
    pub limit: usize,
}

/// Why the ledger could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadError(String);

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the ledger cannot be read: {}", self.0)
    }
}

impl std::error::Error for ReadError {}

impl From<rusqlite::Error> for ReadError {
    fn from(error: rusqlite::Error) -> ReadError {
        ReadError(error.to_string())
    }
}

impl From<Unreadable> for ReadError {
    fn from(Unreadable(why): Unreadable) -> ReadError {
        ReadError(why)
    }
}

/// The records on the disk, newest first.
pub(super) fn audit(dir: &Path, filter: &AuditFilter) -> Result<Vec<(u64, Act)>, ReadError> {
    let connection = open(dir)?;
    let on = if filter.on.is_some() { "subject = ?3" } else { "?3 IS NULL" };
    let sql = format!(
        "SELECT id, source, name, at_ms, what, subject, was, now, why, request_id, generation
        FROM audit WHERE id < ?1 AND at_ms >= ?2 AND {on} ORDER BY id DESC LIMIT ?4"
    );
    let before = filter.before.map_or(i64::MAX, positive);
    let limit = i64::try_from(filter.limit).unwrap_or(i64::MAX);
    let mut statement = connection.prepare(&sql)?;
    let mut rows = statement.query(params![before, positive(filter.since_ms), filter.on, limit])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        found.push((uint(row, 0)?, act(row)?));
    }
    Ok(found)
}

/// The newest generations, newest first: those on the disk, and these, which are not yet.
pub(super) fn generations(dir: &Path, waiting: &[Made], limit: usize) -> Result<Vec<Past>, ReadError> {
    let connection = open(dir)?;
    let sql = "SELECT number, source, name, at_ms, changes, bundle FROM generations ORDER BY number DESC LIMIT ?1";
    let mut statement = connection.prepare(sql)?;
    let mut rows = statement.query([i64::try_from(limit).unwrap_or(i64::MAX)])?;
    let mut found: Vec<Past> = waiting.iter().rev().map(Made::past).collect();
    while let Some(row) = rows.next()? {
        let past = past(row)?;
        if found.iter().all(|other| other.number != past.number) {
            found.push(past);
        }
    }
    found.sort_by_key(|past| std::cmp::Reverse(past.number));
    found.truncate(limit);
    Ok(found)
}

/// The configuration of a generation on the disk.
pub(super) fn bundle(dir: &Path, number: u64) -> Result<Option<Arc<str>>, ReadError> {
    let connection = open(dir)?;
    let sql = "SELECT bundle FROM generations WHERE number = ?1";
    let name: Option<String> = connection.query_row(sql, [number.cast_signed()], |row| row.get(0)).optional()?;
    Ok(name.map(|name| recall::bundle(&connection, &name)).transpose()?)
}

/// The hours since this one: those on the disk, and these, which are not yet.
pub(super) fn hours(dir: &Path, waiting: &[Hour], since: u64) -> Result<Vec<Hour>, ReadError> {
    let connection = open(dir)?;
    let sql = "SELECT hour, run, answered, by_new, routes, routes_thousandths, tenants, tenants_on_new
        FROM hours WHERE hour >= ?1 ORDER BY hour, run";
    let mut statement = connection.prepare(sql)?;
    let mut rows = statement.query([positive(since)])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        found.push(hour(row)?);
    }
    Ok(Hour::merged(found.into_iter().chain(waiting.iter().copied().filter(|hour| hour.hour >= since))))
}

fn hour(row: &Row<'_>) -> Result<Hour, Unreadable> {
    Ok(Hour {
        hour: uint(row, 0)?,
        run: uint(row, 1)?,
        answered: uint(row, 2)?,
        by_new: uint(row, 3)?,
        routes: uint(row, 4)?,
        routes_thousandths: uint(row, 5)?,
        tenants: uint(row, 6)?,
        tenants_on_new: uint(row, 7)?,
    })
}

impl Made {
    fn past(&self) -> Past {
        Past {
            number: self.number,
            at_ms: self.at_ms,
            by: self.by.clone(),
            changes: self.changes.clone(),
            digest: digest(&self.bundle),
        }
    }
}

fn open(dir: &Path) -> Result<Connection, ReadError> {
    let connection = Connection::open_with_flags(database::path(dir), OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    connection.busy_timeout(BUSY)?;
    Ok(connection)
}

fn act(row: &Row<'_>) -> Result<Act, Unreadable> {
    Ok(Act {
        by: author(row, 1)?,
        at_ms: uint(row, 3)?,
        what: row.get(4)?,
        on: row.get(5)?,
        from: row.get(6)?,
        to: row.get(7)?,
        why: row.get(8)?,
        request_id: row.get(9)?,
        generation: uint(row, 10)?,
    })
}

fn past(row: &Row<'_>) -> Result<Past, Unreadable> {
    let changes: String = row.get(4)?;
    let changes = serde_json::from_str(&changes).map_err(|error| Unreadable(error.to_string()))?;
    Ok(Past { number: uint(row, 0)?, by: author(row, 1)?, at_ms: uint(row, 3)?, changes, digest: row.get(5)? })
}

/// As a bound to compare with.
fn positive(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}
