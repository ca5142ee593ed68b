//! Writing what waits, as one transaction.

use rusqlite::{Connection, Transaction, TransactionBehavior, params};

use super::memory::digest;
use super::queue::{Batch, Directives};
use super::{Change, GENERATIONS, HOURS, Hour, LOST, Made};
use crate::clock::now_ms;
use crate::directives::{Act, Author, Hold, Pin, RampState, Source};

/// How hard configurations are packed: the writer has others waiting.
const LEVEL: i32 = 3;

/// Writes a batch; it is on the disk when this returns. `commits` is the number of this transaction.
///
/// # Errors
/// Nothing of it was written, or it cannot be told whether all of it was.
pub(super) fn record(connection: &mut Connection, batch: &Batch, commits: u64) -> rusqlite::Result<()> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    match &batch.directives {
        Directives::Changed(changes) => changes.iter().try_for_each(|change| apply(&transaction, change))?,
        Directives::Whole(memory) => {
            transaction.execute_batch("DELETE FROM pins; DELETE FROM ramps; DELETE FROM hold")?;
            memory.pins().try_for_each(|set| pin(&transaction, set))?;
            memory.ramps().try_for_each(|state| ramp(&transaction, state))?;
            if let Some((held, bundle)) = memory.hold() {
                hold(&transaction, held, bundle)?;
            }
        }
    }
    batch.generations.iter().try_for_each(|made| generation(&transaction, made))?;
    if !batch.generations.is_empty() || batch.touches_hold() {
        forget(&transaction)?;
    }
    batch.hours.iter().try_for_each(|seen| hour(&transaction, seen))?;
    if let Some(last) = batch.hours.iter().map(|seen| seen.hour).max() {
        let old = "DELETE FROM hours WHERE hour < ?1";
        transaction.prepare_cached(old)?.execute([last.saturating_sub(HOURS).cast_signed()])?;
    }
    if batch.lost > 0 {
        audit(&transaction, &lost(batch))?;
    }
    batch.acts.iter().try_for_each(|act| audit(&transaction, act))?;
    let sql = "REPLACE INTO meta (id, commits, last_generation, seal) VALUES (0, ?1, ?2, ?3)";
    let seal = format!("{:032x}", batch.seal);
    transaction.prepare_cached(sql)?.execute(params![
        commits.cast_signed(),
        batch.last_generation.cast_signed(),
        seal
    ])?;
    transaction.commit()
}

impl Batch {
    fn touches_hold(&self) -> bool {
        match &self.directives {
            Directives::Changed(changes) => {
                changes.iter().any(|change| matches!(change, Change::Hold(..) | Change::Unhold))
            }
            Directives::Whole(_) => true,
        }
    }
}

fn apply(transaction: &Transaction<'_>, change: &Change) -> rusqlite::Result<()> {
    let delete = |sql: &str, name: &str| transaction.prepare_cached(sql)?.execute([name]).map(drop);
    match change {
        Change::Pin(set) => pin(transaction, set),
        Change::Unpin(scope) => delete("DELETE FROM pins WHERE scope = ?1", &scope.to_string()),
        Change::Ramp(state) => ramp(transaction, state),
        Change::Unramp(unit) => delete("DELETE FROM ramps WHERE unit = ?1", &unit.to_string()),
        Change::Hold(held, bundle) => hold(transaction, held, bundle),
        Change::Unhold => transaction.execute("DELETE FROM hold", []).map(drop),
        Change::Generation(made) => generation(transaction, made),
        Change::Hour(seen) => hour(transaction, seen),
    }
}

fn pin(transaction: &Transaction<'_>, pin: &Pin) -> rusqlite::Result<()> {
    let sql = "REPLACE INTO pins (scope, source, name, why, at_ms, for_ms) VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
    let values = params![
        pin.scope.to_string(),
        pin.by.source.as_str(),
        pin.by.name,
        pin.why,
        pin.at_ms.cast_signed(),
        pin.for_ms.map(u64::cast_signed),
    ];
    transaction.prepare_cached(sql)?.execute(values).map(drop)
}

fn ramp(transaction: &Transaction<'_>, ramp: &RampState) -> rusqlite::Result<()> {
    let sql = "REPLACE INTO ramps (unit, percent, paused) VALUES (?1, ?2, ?3)";
    transaction.prepare_cached(sql)?.execute(params![ramp.unit.to_string(), ramp.percent, ramp.paused]).map(drop)
}

fn hold(transaction: &Transaction<'_>, hold: &Hold, text: &str) -> rusqlite::Result<()> {
    let sql = "REPLACE INTO hold (id, generation, source, name, why, at_ms, bundle) VALUES (0, ?1, ?2, ?3, ?4, ?5, ?6)";
    let values = params![
        hold.generation.cast_signed(),
        hold.by.source.as_str(),
        hold.by.name,
        hold.why,
        hold.at_ms.cast_signed(),
        bundle(transaction, text)?,
    ];
    transaction.execute(sql, values).map(drop)
}

fn generation(transaction: &Transaction<'_>, made: &Made) -> rusqlite::Result<()> {
    let sql = "REPLACE INTO generations (number, at_ms, source, name, changes, bundle) VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
    let values = params![
        made.number.cast_signed(),
        made.at_ms.cast_signed(),
        made.by.source.as_str(),
        made.by.name,
        serde_json::Value::from(made.changes.as_slice()).to_string(),
        bundle(transaction, &made.bundle)?,
    ];
    transaction.prepare_cached(sql)?.execute(values).map(drop)
}

fn hour(transaction: &Transaction<'_>, seen: &Hour) -> rusqlite::Result<()> {
    let sql = "REPLACE INTO hours (hour, run, answered, by_new, routes, routes_thousandths, tenants, tenants_on_new)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
    let Hour { hour, run, answered, by_new, routes, routes_thousandths, tenants, tenants_on_new } = *seen;
    let values = [hour, run, answered, by_new, routes, routes_thousandths, tenants, tenants_on_new];
    transaction.prepare_cached(sql)?.execute(values.map(u64::cast_signed)).map(drop)
}

/// Keeps a configuration, once; its digest.
fn bundle(transaction: &Transaction<'_>, text: &str) -> rusqlite::Result<String> {
    let digest = digest(text);
    let known = "SELECT 1 FROM bundles WHERE digest = ?1";
    if !transaction.prepare_cached(known)?.exists([&digest])? {
        let packed = zstd::encode_all(text.as_bytes(), LEVEL)
            .map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))?;
        transaction.execute("INSERT INTO bundles (digest, text) VALUES (?1, ?2)", params![digest, packed])?;
    }
    Ok(digest)
}

/// Forgets generations that are too old, and configurations nobody refers to.
fn forget(transaction: &Transaction<'_>) -> rusqlite::Result<()> {
    let old =
        "DELETE FROM generations WHERE number NOT IN (SELECT number FROM generations ORDER BY number DESC LIMIT ?1)";
    transaction.execute(old, [i64::from(GENERATIONS)])?;
    let unused =
        "DELETE FROM bundles WHERE digest NOT IN (SELECT bundle FROM generations UNION ALL SELECT bundle FROM hold)";
    transaction.execute(unused, []).map(drop)
}

fn audit(transaction: &Transaction<'_>, act: &Act) -> rusqlite::Result<()> {
    let sql = "INSERT INTO audit (at_ms, source, name, what, subject, was, now, why, request_id, generation)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)";
    let values = params![
        act.at_ms.cast_signed(),
        act.by.source.as_str(),
        act.by.name,
        act.what,
        act.on,
        act.from,
        act.to,
        act.why,
        act.request_id,
        act.generation.cast_signed(),
    ];
    transaction.prepare_cached(sql)?.execute(values).map(drop)
}

/// The record that stands for those that were lost.
fn lost(batch: &Batch) -> Act {
    Act {
        at_ms: now_ms(),
        by: Author::nameless(Source::Timer),
        what: LOST.to_owned(),
        on: String::new(),
        from: String::new(),
        to: String::new(),
        why: format!("{} records were lost: the disk did not take them for too long", batch.lost),
        request_id: String::new(),
        generation: batch.last_generation,
    }
}
