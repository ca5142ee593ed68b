//! Reading the directives of a file, whole or damaged.

use std::io::Read;
use std::sync::Arc;

use rusqlite::{Connection, Row};

use super::Change;
use super::memory::{Memory, digest};
use crate::directives::{Author, Hold, Pin, RampState, Scope, Source, Unit};

/// The most that is unpacked of one configuration, in bytes: a damaged one may claim any size.
const UNPACKED: u64 = 1024 * 1024 * 1024;

/// What could be read of a file.
#[derive(Debug, Default)]
pub(super) struct Recalled {
    /// The directives.
    pub(super) memory: Memory,
    /// How many transactions it had.
    pub(super) commits: u64,
    /// Its seal, as it is written there.
    pub(super) seal: String,
    /// What could not be read; and if the seal does not fit, that.
    pub(super) complaints: Vec<String>,
}

/// Reads all that can be read.
pub(super) fn recall(connection: &Connection) -> Recalled {
    let mut recalled = Recalled::default();
    let meta = "SELECT commits, last_generation, seal FROM meta WHERE id = 0";
    let read = connection.query_row(meta, [], |row| Ok((uint(row, 0)?, uint(row, 1)?, row.get(2)?)));
    match read {
        Ok((commits, last, seal)) => {
            recalled.memory.number(last);
            (recalled.commits, recalled.seal) = (commits, seal);
        }
        Err(error) => recalled.complaints.push(format!("table meta: {error}")),
    }
    recalled.rows(connection, "pins", "scope, source, name, why, at_ms, for_ms", pin);
    recalled.rows(connection, "ramps", "unit, percent, paused", ramp);
    recalled.rows(connection, "hold", "generation, source, name, why, at_ms, bundle", |row| hold(connection, row));
    let highest = "SELECT ifnull(max(number), 0) FROM generations";
    match connection.query_row(highest, [], |row| uint(row, 0)) {
        Ok(number) => recalled.memory.number(number),
        Err(error) => recalled.complaints.push(format!("table generations: {error}")),
    }
    if recalled.complaints.is_empty() && recalled.seal != seal(&recalled.memory) {
        recalled.complaints.push("what is in it is not what was written".to_owned());
    }
    recalled
}

impl Recalled {
    fn rows(
        &mut self,
        connection: &Connection,
        table: &str,
        columns: &str,
        read: impl Fn(&Row<'_>) -> Result<Change, Unreadable>,
    ) {
        let mut each = || {
            let mut statement = connection.prepare(&format!("SELECT {columns} FROM {table}"))?;
            let mut rows = statement.query([])?;
            while let Some(row) = rows.next()? {
                match read(row) {
                    Ok(change) => self.memory.apply(&change),
                    Err(Unreadable(why)) => self.complaints.push(format!("table {table}: {why}")),
                }
            }
            Ok::<_, rusqlite::Error>(())
        };
        if let Err(error) = each() {
            self.complaints.push(format!("table {table}: {error}"));
        }
    }
}

/// The seal, as it is written.
pub(super) fn seal(memory: &Memory) -> String {
    format!("{:032x}", memory.seal())
}

/// A number as it was: SQLite's are signed, the bits are the same.
pub(super) fn uint(row: &Row<'_>, place: usize) -> rusqlite::Result<u64> {
    row.get(place).map(i64::cast_unsigned)
}

/// Reads the two columns of an author, from this one on.
pub(super) fn author(row: &Row<'_>, first: usize) -> Result<Author, Unreadable> {
    let source: String = row.get(first)?;
    let source = Source::parse(&source).ok_or_else(|| Unreadable(format!("nobody is called `{source}`")))?;
    Ok(Author { source, name: row.get(first + 1)? })
}

/// A configuration, by its digest.
pub(super) fn bundle(connection: &Connection, name: &str) -> Result<Arc<str>, Unreadable> {
    let sql = "SELECT text FROM bundles WHERE digest = ?1";
    let packed: Vec<u8> = connection.query_row(sql, [name], |row| row.get(0))?;
    let mut text = String::new();
    let unpacked =
        zstd::Decoder::with_buffer(&*packed).and_then(|decoder| decoder.take(UNPACKED).read_to_string(&mut text));
    match unpacked {
        Ok(_) if digest(&text) == name => Ok(text.into()),
        Ok(_) => Err(Unreadable(format!("the configuration {name} is another"))),
        Err(error) => Err(Unreadable(format!("the configuration {name}: {error}"))),
    }
}

/// Why a row is none.
#[derive(Debug)]
pub(super) struct Unreadable(pub(super) String);

impl From<rusqlite::Error> for Unreadable {
    fn from(error: rusqlite::Error) -> Unreadable {
        Unreadable(error.to_string())
    }
}

fn pin(row: &Row<'_>) -> Result<Change, Unreadable> {
    let scope: String = row.get(0)?;
    let scope = Scope::parse(&scope).map_err(|error| Unreadable(format!("`{scope}`: {error}")))?;
    let for_ms = row.get::<_, Option<i64>>(5)?.map(i64::cast_unsigned);
    Ok(Change::Pin(Pin { scope, by: author(row, 1)?, why: row.get(3)?, at_ms: uint(row, 4)?, for_ms }))
}

fn ramp(row: &Row<'_>) -> Result<Change, Unreadable> {
    let unit: String = row.get(0)?;
    Ok(Change::Ramp(RampState { unit: Unit::parse(&unit), percent: row.get(1)?, paused: row.get(2)? }))
}

fn hold(connection: &Connection, row: &Row<'_>) -> Result<Change, Unreadable> {
    let hold = Hold { generation: uint(row, 0)?, by: author(row, 1)?, why: row.get(3)?, at_ms: uint(row, 4)? };
    let name: String = row.get(5)?;
    Ok(Change::Hold(hold, bundle(connection, &name)?))
}
