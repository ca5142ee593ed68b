//! Values between Rust and SQLite, which has signed numbers only, and holds in a column whatever was put there.

use rusqlite::types::ValueRef;
use rusqlite::{Connection, Row};

/// As SQLite holds it.
pub(super) fn int(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// As it was; what a foreign hand made negative is nothing.
pub(super) fn uint(value: i64) -> u64 {
    u64::try_from(value).unwrap_or(0)
}

/// Text, whatever has become of it: one flipped bit makes it no UTF-8, but not unreadable. Nothing is empty.
pub(super) fn text(row: &Row<'_>, place: usize) -> rusqlite::Result<String> {
    Ok(match row.get_ref(place)? {
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => String::from_utf8_lossy(bytes).into_owned(),
        ValueRef::Integer(number) => number.to_string(),
        ValueRef::Real(number) => number.to_string(),
        ValueRef::Null => String::new(),
    })
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
