//! How the file stays within its bounds.
//!
//! What is too old goes hour by hour: one hour with each sweep, so that a clock that is wrong for a while does little harm.
//! Of a file that is too large the oldest samples go first, then the oldest hours of counts. A signature goes when nothing
//! of it is left, but never while it is accepted.

use std::fs;
use std::path::Path;

use rusqlite::{Connection, TransactionBehavior, params};

use super::database::beside;
use super::sql::{exhaust, int, pragma, uint};
use crate::snapshot::Retention;

const HOUR_MS: u64 = 3_600_000;
/// What is left free for the write-ahead log, unless that were over a quarter of all.
const LOG_ROOM: u64 = 8 * 1024 * 1024;
/// Of the oldest samples, one part in so many goes at once.
const PART: u64 = 16;

/// Drops what is too old; whether anything went.
pub(super) fn sweep(connection: &mut Connection, retention: &Retention, now_ms: u64) -> rusqlite::Result<bool> {
    let age_ms = u64::try_from(retention.age.as_millis()).unwrap_or(u64::MAX);
    let cutoff = now_ms.saturating_sub(age_ms) / HOUR_MS;
    let Some(oldest) = oldest_hour(connection)?.filter(|oldest| *oldest < cutoff) else { return Ok(false) };
    drop_until(connection, oldest + 1, now_ms)?;
    Ok(true)
}

/// Drops the oldest until the file is well within its size; whether anything went.
pub(super) fn shrink(connection: &mut Connection, path: &Path, size: u64, now_ms: u64) -> rusqlite::Result<bool> {
    let room = size - LOG_ROOM.min(size / 4);
    let log = fs::metadata(beside(path, "-wal")).map_or(0, |file| file.len());
    if file_size(connection)? <= room {
        if log > LOG_ROOM {
            exhaust(connection, "PRAGMA wal_checkpoint(TRUNCATE)")?;
        }
        return Ok(false);
    }
    while file_size(connection)? > room / 10 * 9 {
        if !drop_some(connection, now_ms)? {
            break;
        }
        exhaust(connection, "PRAGMA incremental_vacuum")?;
    }
    exhaust(connection, "PRAGMA wal_checkpoint(TRUNCATE)")?;
    Ok(true)
}

/// In bytes, once the write-ahead log is written back.
fn file_size(connection: &Connection) -> rusqlite::Result<u64> {
    Ok(pragma(connection, "page_count")?.saturating_mul(pragma(connection, "page_size")?))
}

/// Drops the oldest samples, or without any, the oldest hour; whether there was anything.
fn drop_some(connection: &mut Connection, now_ms: u64) -> rusqlite::Result<bool> {
    let count: i64 = connection.query_row("SELECT count(*) FROM comparisons", [], |row| row.get(0))?;
    if count > 0 {
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let part = int(uint(count) / PART + 1);
        let last: i64 = transaction.query_row(
            "SELECT max(id) FROM (SELECT id FROM comparisons ORDER BY id LIMIT ?1)",
            [part],
            |row| row.get(0),
        )?;
        transaction.execute("DELETE FROM samples WHERE comparison <= ?1", [last])?;
        transaction.execute("DELETE FROM comparisons WHERE id <= ?1", [last])?;
        transaction.commit()?;
        return Ok(true);
    }
    match oldest_hour(connection)? {
        Some(oldest) => drop_until(connection, oldest + 1, now_ms).map(|()| true),
        None => Ok(false),
    }
}

/// The hour of the oldest thing there is, counted from 1970.
fn oldest_hour(connection: &Connection) -> rusqlite::Result<Option<u64>> {
    let sql = "SELECT min(hour) FROM (
        SELECT min(minute) / 60 AS hour FROM verdicts UNION ALL SELECT min(minute) / 60 FROM checks
        UNION ALL SELECT min(minute) / 60 FROM outcomes UNION ALL SELECT min(hour) FROM times
        UNION ALL SELECT min(hour) FROM sightings UNION ALL SELECT min(at_ms) / 3600000 FROM comparisons)";
    connection.query_row(sql, [], |row| row.get::<_, Option<i64>>(0)).map(|hour| hour.map(uint))
}

/// Drops everything before this hour.
fn drop_until(connection: &mut Connection, hour: u64, now_ms: u64) -> rusqlite::Result<()> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    for table in ["verdicts", "checks", "outcomes"] {
        transaction.execute(&format!("DELETE FROM {table} WHERE minute < ?1"), [int(hour.saturating_mul(60))])?;
    }
    for table in ["times", "sightings"] {
        transaction.execute(&format!("DELETE FROM {table} WHERE hour < ?1"), [int(hour)])?;
    }
    let until_ms = int(hour.saturating_mul(HOUR_MS));
    let old = "SELECT id FROM comparisons WHERE at_ms < ?1";
    transaction.execute(&format!("DELETE FROM samples WHERE comparison IN ({old})"), [until_ms])?;
    transaction.execute("DELETE FROM comparisons WHERE at_ms < ?1", [until_ms])?;
    let forgotten = "DELETE FROM signatures WHERE last_seen_ms < ?1
        AND (accepted_ms IS NULL OR accepted_until_ms <= ?2)
        AND NOT EXISTS (SELECT 1 FROM sightings WHERE signature = id)
        AND NOT EXISTS (SELECT 1 FROM samples WHERE signature = id)";
    transaction.execute(forgotten, params![until_ms, int(now_ms)])?;
    transaction.commit()
}
