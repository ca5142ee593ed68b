//! Numbers between Rust and SQLite, which has signed ones only.

use rusqlite::Connection;

/// As SQLite holds it.
pub(super) fn int(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// As it was; what a foreign hand made negative is nothing.
pub(super) fn uint(value: i64) -> u64 {
    u64::try_from(value).unwrap_or(0)
}

/// The number that a pragma answers with.
pub(super) fn pragma(connection: &Connection, name: &str) -> rusqlite::Result<u64> {
    connection.query_row(&format!("PRAGMA {name}"), [], |row| row.get(0)).map(uint)
}

/// Runs a statement to its end and passes over its rows: some pragmas work a bit for each.
pub(super) fn exhaust(connection: &Connection, sql: &str) -> rusqlite::Result<()> {
    let mut statement = connection.prepare(sql)?;
    let mut rows = statement.query([])?;
    while rows.next()?.is_some() {}
    Ok(())
}
