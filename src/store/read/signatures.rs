//! Difference signatures with their evidence.

use rusqlite::params;

use super::{ReadError, Reader};
use crate::diff::{Evidence, Judgement, Kind, Share, SignatureId};
use crate::store::Acceptance;
use crate::store::acceptance;
use crate::store::sql::{int, text, uint};

/// Which signatures are asked for.
#[derive(Debug, Clone, Default)]
pub struct SignatureFilter {
    /// Only what was seen since then, in milliseconds since 1970; counts are by the hour, so the whole hour is taken.
    pub since_ms: u64,
    /// Only those of this route.
    pub route: Option<String>,
    /// Only this one.
    pub id: Option<SignatureId>,
}

/// A difference signature.
#[derive(Debug, Clone, PartialEq)]
pub struct SignatureRow {
    /// Its name.
    pub id: SignatureId,
    /// The route.
    pub route: String,
    /// The normalised path.
    pub path: String,
    /// The kind.
    pub kind: Kind,
    /// What was learned since the moment that was asked for.
    pub evidence: Evidence,
    /// When it was seen first, and last, in milliseconds since 1970.
    pub seen_ms: (u64, u64),
    /// Whether somebody wants to live with it; it may be over.
    pub acceptance: Option<Acceptance>,
    /// How many comparisons that show it are kept.
    pub samples: u64,
}

impl SignatureRow {
    /// What is held of it.
    #[must_use]
    pub fn judgement(&self) -> Judgement {
        self.evidence.judge()
    }

    /// Of all comparisons of its route, how many showed it.
    #[must_use]
    pub fn share(&self) -> Share {
        Share::new(self.evidence.raw, self.evidence.compared)
    }

    /// Of all answers that were compared with a second one of the same system, how many showed it.
    #[must_use]
    pub fn noise(&self) -> Share {
        Share::new(self.evidence.noise, self.evidence.checked)
    }

    /// Whether it is accepted at this moment, in milliseconds since 1970.
    #[must_use]
    pub fn is_accepted(&self, now_ms: u64) -> bool {
        self.acceptance.as_ref().is_some_and(|acceptance| acceptance.holds(now_ms))
    }
}

/// The columns that [`read`] reads. A group of all sightings is made in one pass over the hours, which an index by signature would
/// lead astray; of few signatures the index finds them.
fn sql(of: Of) -> String {
    let (sightings, by, counts) = match of {
        Of::All => ("", "+signature", ""),
        Of::Route => ("AND signature IN (SELECT id FROM signatures WHERE route = ?2)", "signature", "AND route = ?2"),
        Of::One => ("AND signature = ?3", "signature", "AND route = ?2"),
    };
    let wanted = match of {
        Of::All => "?2 IS NULL AND ?3 IS NULL",
        Of::Route => "s.route = ?2 AND ?3 IS NULL",
        Of::One => "s.id = ?3",
    };
    format!(
        "SELECT s.id, s.route, s.path, s.kind, s.first_seen_ms, s.last_seen_ms,
            s.accepted_ms, s.accepted_by, s.accepted_reason, s.accepted_until_ms,
            coalesce(f.raw, 0), coalesce(f.noise, 0), coalesce(f.again, 0), coalesce(f.itself, 0), coalesce(f.gone, 0),
            coalesce(v.n, 0), coalesce(c.n, 0), (SELECT count(*) FROM samples WHERE samples.signature = s.id)
        FROM signatures s
        LEFT JOIN (SELECT signature, sum(raw) AS raw, sum(noise) AS noise, sum(again) AS again, sum(itself) AS itself,
            sum(gone) AS gone FROM sightings WHERE hour >= ?1 {sightings} GROUP BY {by}) f ON f.signature = s.id
        LEFT JOIN (SELECT route, sum(count) AS n FROM verdicts WHERE minute >= ?1 * 60 AND verdict <> 'unknown' {counts}
            GROUP BY route) v ON v.route = s.route
        LEFT JOIN (SELECT route, sum(count) AS n FROM checks WHERE minute >= ?1 * 60 {counts} GROUP BY route) c
            ON c.route = s.route
        WHERE s.last_seen_ms >= ?1 * 3600000 AND {wanted}
        ORDER BY s.id"
    )
}

/// Of which signatures.
#[derive(Debug, Clone, Copy)]
enum Of {
    All,
    /// Those of a route.
    Route,
    One,
}

impl Reader {
    /// The signatures that pass a filter, by name.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn signatures(&self, filter: &SignatureFilter) -> Result<Vec<SignatureRow>, ReadError> {
        let id = filter.id.map(|id| id.to_string());
        let (of, route) = match &id {
            None if filter.route.is_none() => (Of::All, None),
            None => (Of::Route, filter.route.clone()),
            Some(id) => {
                let route = self.route_of(id)?;
                if route.is_none() || filter.route.is_some() && filter.route != route {
                    return Ok(Vec::new());
                }
                (Of::One, route)
            }
        };
        let mut statement = self.connection.prepare(&sql(of))?;
        let mut rows = statement.query(params![int(filter.since_ms / 3_600_000), route, id])?;
        let mut found = Vec::new();
        while let Some(row) = rows.next()? {
            found.extend(read(row)?);
        }
        Ok(found)
    }

    /// One signature, with all that is known of it.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn signature(&self, id: SignatureId) -> Result<Option<SignatureRow>, ReadError> {
        let filter = SignatureFilter { id: Some(id), ..SignatureFilter::default() };
        Ok(self.signatures(&filter)?.pop())
    }

    fn route_of(&self, id: &str) -> Result<Option<String>, ReadError> {
        let mut statement = self.connection.prepare("SELECT route FROM signatures WHERE id = ?1")?;
        let mut rows = statement.query([id])?;
        Ok(rows.next()?.map(|row| text(row, 0)).transpose()?)
    }
}

/// `None` for what a foreign hand has put there.
fn read(row: &rusqlite::Row<'_>) -> rusqlite::Result<Option<SignatureRow>> {
    let id = SignatureId::parse(&text(row, 0)?);
    let (Some(id), Some(kind)) = (id, Kind::parse(&text(row, 3)?)) else { return Ok(None) };
    let count = |place: usize| row.get::<_, i64>(place).map(uint);
    Ok(Some(SignatureRow {
        id,
        route: text(row, 1)?,
        path: text(row, 2)?,
        kind,
        evidence: Evidence {
            raw: count(10)?,
            noise: count(11)?,
            again: count(12)?,
            itself: count(13)?,
            gone: count(14)?,
            compared: count(15)?,
            checked: count(16)?,
        },
        seen_ms: (count(4)?, count(5)?),
        acceptance: acceptance::read(row, 6)?,
        samples: count(17)?,
    }))
}
