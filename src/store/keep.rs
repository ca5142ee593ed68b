//! Which comparisons are kept in full: some of each signature, of different tenants where there are.

use std::collections::HashMap;

use rusqlite::{Connection, params};

use super::batch::Sample;
use super::detail::Detail;
use super::names::{Named, Names};
use super::sql::{int, text};
use crate::diff::Difference;
use crate::names::Side;

/// The first few of a signature stay: they show how it began.
const FIRST: usize = 3;

/// What a batch has added to each signature, as far as that matters: once a signature has all the samples it may have, one
/// new one a batch is enough.
#[derive(Debug, Default)]
pub(super) struct Keeper {
    most: usize,
    counts: HashMap<String, Count>,
}

#[derive(Debug, Clone, Copy)]
struct Count {
    before: usize,
    added: usize,
}

impl Keeper {
    /// For a batch that may keep this many of each signature.
    pub(super) fn new(most: u32) -> Keeper {
        Keeper { most: usize::try_from(most).unwrap_or(usize::MAX), counts: HashMap::new() }
    }

    /// Writes a comparison if one of its signatures can do with it, and drops those that it replaces.
    pub(super) fn keep(&mut self, connection: &Connection, names: &mut Names, sample: &Sample) -> rusqlite::Result<()> {
        let mut shown: Vec<(String, Option<&Difference>)> = Vec::new();
        for (id, difference) in &sample.differences {
            let named = Named { id: *id, route: &sample.route, path: &difference.path, kind: difference.kind };
            let named = names.admit(named);
            let key = named.id.to_string();
            if shown.iter().all(|(other, _)| *other != key) {
                named.seen(connection, (sample.at_ms, sample.at_ms))?;
                shown.push((key, Some(difference)));
            }
        }
        if shown.is_empty() {
            shown.push((format!("{} ({})", sample.route, sample.verdict.as_str()), None));
        }
        let mut wanted = false;
        for (key, _) in &shown {
            let count = self.count(connection, key)?;
            wanted |= count.before + count.added < self.most || (self.most > 0 && count.added == 0);
        }
        if !wanted {
            return Ok(());
        }
        let Some(comparison) = insert(connection, sample)? else { return Ok(()) };
        for (key, difference) in shown {
            link(connection, &key, comparison, sample, difference)?;
            self.counts.entry(key.clone()).and_modify(|count| count.added += 1);
            thin(connection, &key, self.most)?;
        }
        Ok(())
    }

    fn count(&mut self, connection: &Connection, key: &str) -> rusqlite::Result<Count> {
        if let Some(count) = self.counts.get(key) {
            return Ok(*count);
        }
        let mut statement = connection.prepare_cached("SELECT count(*) FROM samples WHERE signature = ?1")?;
        let before: i64 = statement.query_row([key], |row| row.get(0))?;
        let count = Count { before: usize::try_from(before).unwrap_or(0), added: 0 };
        self.counts.insert(key.to_owned(), count);
        Ok(count)
    }
}

/// The comparison's id; `None` if it cannot be packed.
fn insert(connection: &Connection, sample: &Sample) -> rusqlite::Result<Option<i64>> {
    let Ok(detail) = Detail::of(sample).pack() else { return Ok(None) };
    let sql =
        "INSERT INTO comparisons (at_ms, route, tenant, request_id, verdict, answered, method, target, legacy_status,
        new_status, legacy_us, new_us, detail) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)";
    let answer = |side: Side| &sample.answers[side.index()];
    let micros = |side: Side| i64::try_from(answer(side).took.as_micros()).unwrap_or(i64::MAX);
    connection.prepare_cached(sql)?.execute(params![
        int(sample.at_ms),
        &*sample.route,
        sample.tenant.as_deref().unwrap_or(""),
        sample.request_id,
        sample.verdict.as_str(),
        sample.answered.as_str(),
        sample.method,
        sample.target,
        answer(Side::Legacy).status,
        answer(Side::New).status,
        micros(Side::Legacy),
        micros(Side::New),
        detail,
    ])?;
    Ok(Some(connection.last_insert_rowid()))
}

fn link(
    connection: &Connection,
    key: &str,
    comparison: i64,
    sample: &Sample,
    difference: Option<&Difference>,
) -> rusqlite::Result<()> {
    let sql = "INSERT INTO samples (signature, comparison, tenant, place, places, legacy, new) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
    connection.prepare_cached(sql)?.execute(params![
        key,
        comparison,
        sample.tenant.as_deref().unwrap_or(""),
        difference.map_or("", |difference| &difference.place),
        difference.map_or(0, |difference| difference.count),
        difference.and_then(|difference| difference.one.as_deref()),
        difference.and_then(|difference| difference.other.as_deref()),
    ])?;
    Ok(())
}

/// Drops samples of a signature until there are no more than it may have.
fn thin(connection: &Connection, key: &str, most: usize) -> rusqlite::Result<()> {
    let sql = "SELECT comparison, tenant FROM samples WHERE signature = ?1 ORDER BY comparison";
    let mut kept: Vec<(i64, String)> = connection
        .prepare_cached(sql)?
        .query_map([key], |row| Ok((row.get(0)?, text(row, 1)?)))?
        .collect::<rusqlite::Result<_>>()?;
    while kept.len() > most {
        let (comparison, _) = kept.remove(expendable(&kept, most));
        connection
            .prepare_cached("DELETE FROM samples WHERE signature = ?1 AND comparison = ?2")?
            .execute(params![key, comparison])?;
        drop_unlinked(connection, comparison)?;
    }
    Ok(())
}

/// Which one goes: not of the first few, if possible of a tenant that has another, else the oldest.
fn expendable(kept: &[(i64, String)], most: usize) -> usize {
    let first = FIRST.min(most / 2).min(kept.len().saturating_sub(1));
    let has_another = |place: usize| kept.iter().filter(|(_, tenant)| *tenant == kept[place].1).count() > 1;
    let last = kept.len() - 1;
    (first..last).find(|place| has_another(*place)).unwrap_or(first)
}

fn drop_unlinked(connection: &Connection, comparison: i64) -> rusqlite::Result<()> {
    let sql = "DELETE FROM comparisons WHERE id = ?1 AND NOT EXISTS (SELECT 1 FROM samples WHERE comparison = ?1)";
    connection.prepare_cached(sql)?.execute([comparison]).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_few_stay_and_tenants_are_spread() {
        let kept = |tenants: &str| -> Vec<(i64, String)> {
            (0..).zip(tenants.chars()).map(|(id, tenant)| (id, tenant.to_string())).collect()
        };
        assert_eq!(expendable(&kept("aaabcd"), 6), 3, "no tenant behind the first few has another");
        assert_eq!(expendable(&kept("xyzabca"), 6), 3);
        assert_eq!(expendable(&kept("xyzabbc"), 6), 4);
        assert_eq!(expendable(&kept("aa"), 1), 0);
        assert_eq!(expendable(&kept("a"), 0), 0);
    }
}
