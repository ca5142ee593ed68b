//! Comparisons that were kept in full.

use rusqlite::params;

use super::tally::verdict;
use super::{ReadError, Reader};
use crate::diff::{SignatureId, Verdict};
use crate::names::Side;
use crate::store::Detail;
use crate::store::sql::{int, text, uint};

/// A comparison that was kept in full; redacted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// Its number in this store.
    pub id: u64,
    /// When the request came, in milliseconds since 1970.
    pub at_ms: u64,
    /// The route.
    pub route: String,
    /// The tenant; empty if there is none.
    pub tenant: String,
    /// The request's id, by which the access logs of all systems know it.
    pub request_id: String,
    /// What is held of it.
    pub verdict: Verdict,
    /// Which side answered the client.
    pub answered: Side,
    /// The request's method.
    pub method: String,
    /// Its path and query.
    pub target: String,
    /// The rest.
    pub detail: Detail,
}

const COLUMNS: &str =
    "c.id, c.at_ms, c.route, c.tenant, c.request_id, c.verdict, c.answered, c.method, c.target, c.detail";

impl Reader {
    /// The comparison with this number.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn comparison(&self, id: u64) -> Result<Option<Kept>, ReadError> {
        let sql = format!("SELECT {COLUMNS} FROM comparisons c WHERE c.id = ?1");
        let mut statement = self.connection.prepare(&sql)?;
        let mut rows = statement.query([int(id)])?;
        Ok(rows.next()?.map(read).transpose()?.flatten())
    }

    /// The comparisons that show a signature, newest first.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn samples(&self, signature: SignatureId) -> Result<Vec<Kept>, ReadError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM samples s JOIN comparisons c ON c.id = s.comparison WHERE s.signature = ?1 ORDER BY c.id DESC"
        );
        let mut statement = self.connection.prepare(&sql)?;
        let mut rows = statement.query([signature.to_string()])?;
        let mut found = Vec::new();
        while let Some(row) = rows.next()? {
            found.extend(read(row)?);
        }
        Ok(found)
    }

    /// Hands each comparison since a moment in milliseconds since 1970 to `each`, oldest first, until that fails.
    ///
    /// # Errors
    /// The file cannot be read, or what `each` says.
    pub fn each_comparison<E: From<ReadError>>(
        &self,
        since_ms: u64,
        route: Option<&str>,
        mut each: impl FnMut(Kept) -> Result<(), E>,
    ) -> Result<(), E> {
        let sql = format!(
            "SELECT {COLUMNS} FROM comparisons c WHERE c.at_ms >= ?1 AND (?2 IS NULL OR c.route = ?2) ORDER BY c.id"
        );
        let mut statement = self.connection.prepare(&sql).map_err(ReadError::from)?;
        let mut rows = statement.query(params![int(since_ms), route]).map_err(ReadError::from)?;
        while let Some(row) = rows.next().map_err(ReadError::from)? {
            if let Some(kept) = read(row).map_err(ReadError::from)? {
                each(kept)?;
            }
        }
        Ok(())
    }
}

/// `None` for what cannot be unpacked.
fn read(row: &rusqlite::Row<'_>) -> rusqlite::Result<Option<Kept>> {
    let verdict = verdict(&text(row, 5)?);
    let answered = Side::parse(&text(row, 6)?);
    let detail = Detail::unpack(row.get_ref(9)?.as_blob().unwrap_or_default());
    let (Some(verdict), Some(answered), Ok(detail)) = (verdict, answered, detail) else { return Ok(None) };
    Ok(Some(Kept {
        id: uint(row.get(0)?),
        at_ms: uint(row.get(1)?),
        route: text(row, 2)?,
        tenant: text(row, 3)?,
        request_id: text(row, 4)?,
        verdict,
        answered,
        method: text(row, 7)?,
        target: text(row, 8)?,
        detail,
    }))
}
