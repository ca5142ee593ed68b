//! Differences that somebody wants to live with, for a while or for good.

use std::collections::HashMap;

use rusqlite::{Connection, params};

use super::sql::{int, text, uint};
use crate::diff::SignatureId;

/// Why and for how long a signature is accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Acceptance {
    /// When it was accepted, in milliseconds since 1970.
    pub at_ms: u64,
    /// By whom.
    pub by: String,
    /// Why.
    pub reason: String,
    /// Until when, in milliseconds since 1970; `None`: for good.
    pub until_ms: Option<u64>,
}

impl Acceptance {
    /// Whether it holds at this moment.
    #[must_use]
    pub fn holds(&self, now_ms: u64) -> bool {
        self.until_ms.is_none_or(|until| now_ms < until)
    }
}

/// One line of a signature's history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Act {
    /// When, in milliseconds since 1970.
    pub at_ms: u64,
    /// The signature.
    pub signature: SignatureId,
    /// Whether it was accepted rather than reopened.
    pub accepted: bool,
    /// By whom.
    pub by: String,
    /// Why.
    pub reason: String,
    /// Until when it was accepted, in milliseconds since 1970; `None`: for good.
    pub until_ms: Option<u64>,
}

/// Sets or lifts an acceptance and adds it to the history; whether there is such a signature.
pub(super) fn apply(connection: &Connection, act: &Act) -> rusqlite::Result<bool> {
    let until = act.until_ms.map(int);
    let id = act.signature.to_string();
    let changed = if act.accepted {
        let sql = "UPDATE signatures SET accepted_ms = ?2, accepted_by = ?3, accepted_reason = ?4, accepted_until_ms = ?5 WHERE id = ?1";
        connection.execute(sql, params![id, int(act.at_ms), act.by, act.reason, until])?
    } else {
        let sql = "UPDATE signatures SET accepted_ms = NULL, accepted_by = NULL, accepted_reason = NULL, accepted_until_ms = NULL WHERE id = ?1";
        connection.execute(sql, [&id])?
    };
    if changed > 0 {
        note(connection, act)?;
    }
    Ok(changed > 0)
}

fn note(connection: &Connection, act: &Act) -> rusqlite::Result<()> {
    let what = if act.accepted { "accepted" } else { "reopened" };
    let sql = "INSERT INTO acceptances (at_ms, signature, act, who, reason, until_ms) VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
    let values = params![int(act.at_ms), act.signature.to_string(), what, act.by, act.reason, act.until_ms.map(int)];
    connection.execute(sql, values).map(drop)
}

/// All that are set, over or not.
pub(super) fn all(connection: &Connection) -> rusqlite::Result<HashMap<SignatureId, Acceptance>> {
    let sql = "SELECT id, accepted_ms, accepted_by, accepted_reason, accepted_until_ms FROM signatures WHERE accepted_ms IS NOT NULL";
    let mut statement = connection.prepare(sql)?;
    let mut rows = statement.query([])?;
    let mut found = HashMap::new();
    while let Some(row) = rows.next()? {
        if let (Some(id), Some(acceptance)) = (SignatureId::parse(&text(row, 0)?), read(row, 1)?) {
            found.insert(id, acceptance);
        }
    }
    Ok(found)
}

/// Reads the four columns of an acceptance, from this one on.
pub(super) fn read(row: &rusqlite::Row<'_>, first: usize) -> rusqlite::Result<Option<Acceptance>> {
    let Some(at_ms) = row.get::<_, Option<i64>>(first)? else { return Ok(None) };
    Ok(Some(Acceptance {
        at_ms: uint(at_ms),
        by: text(row, first + 1)?,
        reason: text(row, first + 2)?,
        until_ms: row.get::<_, Option<i64>>(first + 3)?.map(uint),
    }))
}

/// The history of one signature, oldest first.
pub(super) fn history(connection: &Connection, signature: SignatureId) -> rusqlite::Result<Vec<Act>> {
    let sql = "SELECT at_ms, act, who, reason, until_ms FROM acceptances WHERE signature = ?1 ORDER BY id";
    let mut statement = connection.prepare(sql)?;
    let rows = statement.query_map([signature.to_string()], |row| {
        Ok(Act {
            at_ms: uint(row.get(0)?),
            signature,
            accepted: text(row, 1)? == "accepted",
            by: text(row, 2)?,
            reason: text(row, 3)?,
            until_ms: row.get::<_, Option<i64>>(4)?.map(uint),
        })
    })?;
    rows.collect()
}

/// Accepted signatures and the history of all, to be carried from one file to another.
#[derive(Debug, Default)]
pub(super) struct Salvage {
    signatures: Vec<[rusqlite::types::Value; 10]>,
    history: Vec<[rusqlite::types::Value; 6]>,
}

const SIGNATURE: &str =
    "id, route, path, kind, first_seen_ms, last_seen_ms, accepted_ms, accepted_by, accepted_reason, accepted_until_ms";
const HISTORY: &str = "at_ms, signature, act, who, reason, until_ms";

impl Salvage {
    /// Whatever of it can be read of a file that is broken somewhere.
    pub(super) fn of(connection: &Connection) -> Salvage {
        let signatures = format!("SELECT {SIGNATURE} FROM signatures WHERE accepted_ms IS NOT NULL");
        let history = format!("SELECT {HISTORY} FROM acceptances ORDER BY id");
        Salvage { signatures: rows(connection, &signatures), history: rows(connection, &history) }
    }

    /// How many accepted signatures it holds.
    pub(super) fn len(&self) -> usize {
        self.signatures.len()
    }

    /// Writes it into a fresh file; what does not fit there is left out.
    pub(super) fn put(self, connection: &Connection) -> rusqlite::Result<()> {
        for row in self.signatures {
            let sql = format!("INSERT OR IGNORE INTO signatures ({SIGNATURE}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
            connection.execute(&sql, rusqlite::params_from_iter(row)).optional_constraint()?;
        }
        for row in self.history {
            let sql = format!("INSERT INTO acceptances ({HISTORY}) VALUES (?, ?, ?, ?, ?, ?)");
            connection.execute(&sql, rusqlite::params_from_iter(row)).optional_constraint()?;
        }
        Ok(())
    }
}

/// The rows that can be read. After the first that SQLite cannot read there are no more.
fn rows<const N: usize>(connection: &Connection, sql: &str) -> Vec<[rusqlite::types::Value; N]> {
    let Ok(mut statement) = connection.prepare(sql) else { return Vec::new() };
    let read = |row: &rusqlite::Row<'_>| {
        let mut values = [const { rusqlite::types::Value::Null }; N];
        for (place, value) in values.iter_mut().enumerate() {
            *value = row.get(place)?;
        }
        Ok(values)
    };
    statement.query_map([], read).map(|rows| rows.filter_map(Result::ok).collect()).unwrap_or_default()
}

trait OptionalConstraint {
    fn optional_constraint(self) -> rusqlite::Result<()>;
}

impl OptionalConstraint for rusqlite::Result<usize> {
    /// A row that breaks a constraint is left out.
    fn optional_constraint(self) -> rusqlite::Result<()> {
        match self {
            Err(error) if error.sqlite_error_code() == Some(rusqlite::ErrorCode::ConstraintViolation) => Ok(()),
            other => other.map(drop),
        }
    }
}
