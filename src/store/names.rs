//! Which signatures the file has, so that it never has too many.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use rusqlite::{Connection, params};

use super::sql::{int, text};
use crate::diff::{Kind, SignatureId};

/// The most signatures of one route.
const PER_ROUTE: usize = 2_000;
/// The most signatures of all routes.
const IN_ALL: usize = 50_000;
/// The path of those beyond the bounds: one signature for each route and kind.
const OTHER: &str = "(other)";

/// Which signatures the file has.
#[derive(Debug, Default)]
pub(super) struct Names {
    known: HashSet<SignatureId>,
    per_route: HashMap<Arc<str>, usize>,
}

/// A signature on its way into the file.
#[derive(Debug, Clone, Copy)]
pub(super) struct Named<'a> {
    pub(super) id: SignatureId,
    pub(super) route: &'a str,
    pub(super) path: &'a str,
    pub(super) kind: Kind,
}

impl Names {
    /// Those that a file has.
    pub(super) fn of(connection: &Connection) -> rusqlite::Result<Names> {
        let mut names = Names::default();
        let mut statement = connection.prepare("SELECT id, route FROM signatures")?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            if let Some(id) = SignatureId::parse(&text(row, 0)?) {
                names.add(id, &text(row, 1)?);
            }
        }
        Ok(names)
    }

    fn add(&mut self, id: SignatureId, route: &str) {
        if self.known.insert(id) {
            match self.per_route.get_mut(route) {
                Some(count) => *count += 1,
                None => drop(self.per_route.insert(route.into(), 1)),
            }
        }
    }

    /// The signature under which this one is counted: itself, or where there are too many, that of the others.
    pub(super) fn admit<'a>(&mut self, named: Named<'a>) -> Named<'a> {
        let of_route = self.per_route.get(named.route).copied().unwrap_or(0);
        if self.known.contains(&named.id) || (of_route < PER_ROUTE && self.known.len() < IN_ALL) {
            self.add(named.id, named.route);
            return named;
        }
        Named { id: SignatureId::new(named.route, OTHER, named.kind), path: OTHER, ..named }
    }
}

impl Named<'_> {
    /// Writes it, or that it was seen again.
    pub(super) fn seen(&self, connection: &Connection, (first_ms, last_ms): (u64, u64)) -> rusqlite::Result<()> {
        let sql = "INSERT INTO signatures (id, route, path, kind, first_seen_ms, last_seen_ms) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
            ON CONFLICT (id) DO UPDATE SET first_seen_ms = min(first_seen_ms, excluded.first_seen_ms),
                last_seen_ms = max(last_seen_ms, excluded.last_seen_ms)";
        let mut statement = connection.prepare_cached(sql)?;
        let values =
            params![self.id.to_string(), self.route, self.path, self.kind.as_str(), int(first_ms), int(last_ms)];
        statement.execute(values).map(drop)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admit(names: &mut Names, route: &str, number: usize) -> String {
        let path = format!("$.a{number}");
        let id = SignatureId::new(route, &path, Kind::Value);
        names.admit(Named { id, route, path: &path, kind: Kind::Value }).path.to_owned()
    }

    #[test]
    fn one_route_cannot_take_all_signatures() {
        let mut names = Names::default();
        for number in 0..PER_ROUTE {
            assert_eq!(admit(&mut names, "a", number), format!("$.a{number}"));
        }
        assert_eq!(admit(&mut names, "a", PER_ROUTE), OTHER);
        assert_eq!(admit(&mut names, "a", 0), "$.a0", "what is known stays");
        assert_eq!(admit(&mut names, "b", 0), "$.a0");
    }

    #[test]
    fn all_routes_together_have_a_bound_too() {
        let mut names = Names::default();
        for route in 0..IN_ALL / 1000 {
            for number in 0..1000 {
                admit(&mut names, &route.to_string(), number);
            }
        }
        assert_eq!(admit(&mut names, "new", 0), OTHER);
    }
}
