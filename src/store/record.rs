//! How a batch is written: in one transaction, all of it or nothing.

use rusqlite::{Connection, TransactionBehavior, params};

use super::batch::{Batch, Found, bucket_top};
use super::keep::Keeper;
use super::names::{Named, Names};
use super::sql::int;

const MINUTES: u64 = 60;

/// Writes a batch. If it fails, the file has nothing of it; `names` may, and must be read anew.
pub(super) fn record(
    connection: &mut Connection,
    names: &mut Names,
    batch: &Batch,
    samples: u32,
) -> rusqlite::Result<()> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    counts(&transaction, batch)?;
    times(&transaction, batch)?;
    for ((minute, _), found) in &batch.found {
        sighting(&transaction, names, minute / MINUTES, found)?;
    }
    let mut keeper = Keeper::new(samples);
    for sample in &batch.samples {
        keeper.keep(&transaction, names, sample)?;
    }
    transaction.commit()
}

fn counts(connection: &Connection, batch: &Batch) -> rusqlite::Result<()> {
    let sql = "INSERT INTO verdicts (minute, route, tenant, verdict, why, count) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
        ON CONFLICT DO UPDATE SET count = count + excluded.count";
    let mut statement = connection.prepare_cached(sql)?;
    for (key, count) in &batch.verdicts {
        let verdict = key.verdict.as_str();
        statement.execute(params![int(key.minute), &*key.route, &*key.tenant, verdict, key.why, int(*count)])?;
    }
    let sql = "INSERT INTO checks (minute, route, count) VALUES (?1, ?2, ?3)
        ON CONFLICT DO UPDATE SET count = count + excluded.count";
    let mut statement = connection.prepare_cached(sql)?;
    for ((minute, route), count) in &batch.checks {
        statement.execute(params![int(*minute), &**route, int(*count)])?;
    }
    let sql = "INSERT INTO outcomes (minute, route, outcome, count) VALUES (?1, ?2, ?3, ?4)
        ON CONFLICT DO UPDATE SET count = count + excluded.count";
    let mut statement = connection.prepare_cached(sql)?;
    for ((minute, route, outcome), count) in &batch.outcomes {
        statement.execute(params![int(*minute), &**route, outcome, int(*count)])?;
    }
    Ok(())
}

fn times(connection: &Connection, batch: &Batch) -> rusqlite::Result<()> {
    let sql = "INSERT INTO times (hour, route, what, upper, count) VALUES (?1, ?2, ?3, ?4, ?5)
        ON CONFLICT DO UPDATE SET count = count + excluded.count";
    let mut statement = connection.prepare_cached(sql)?;
    for ((minute, route, of, bucket), count) in &batch.times {
        // Whole numbers are counted, so the largest one in the bucket says the same as its bound; beyond i64, casts saturate.
        let upper = bucket_top(*bucket).floor() as i64;
        statement.execute(params![int(minute / MINUTES), &**route, of.as_str(), upper, int(*count)])?;
    }
    Ok(())
}

fn sighting(connection: &Connection, names: &mut Names, hour: u64, found: &Found) -> rusqlite::Result<()> {
    let named = Named { id: found.id, route: &found.route, path: &found.path, kind: found.kind };
    let named = names.admit(named);
    named.seen(connection, found.seen_ms)?;
    let sql = "INSERT INTO sightings (hour, signature, raw, noise, again, itself, gone) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
        ON CONFLICT DO UPDATE SET raw = raw + excluded.raw, noise = noise + excluded.noise, again = again + excluded.again,
            itself = itself + excluded.itself, gone = gone + excluded.gone";
    let learned = &found.learned;
    connection.prepare_cached(sql)?.execute(params![
        int(hour),
        named.id.to_string(),
        int(learned.raw),
        int(learned.noise),
        int(learned.again),
        int(learned.itself),
        int(learned.gone),
    ])?;
    Ok(())
}
