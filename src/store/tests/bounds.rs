//! Retention by size and by age.

use super::*;
use crate::store::{database, names::Names, record::record, retention};

const HOUR: u64 = 3_600_000;

fn fill(folder: &TempDir, hours: u64, bytes: usize) -> rusqlite::Connection {
    let mut connection = database::open(&folder.path().join(FILE)).unwrap();
    let mut names = Names::default();
    for hour in 0..hours {
        let at_ms = NOW + hour * HOUR;
        let mut batch = batch(at_ms, &[&format!("$.a{hour}")]);
        // What does not compress.
        let noise: Vec<u8> = std::iter::repeat_with(|| fastrand::u8(..)).take(bytes).collect();
        batch.samples[0].body = Some(noise);
        record(&mut connection, &mut names, &batch, 10).unwrap();
    }
    connection
}

fn count(connection: &rusqlite::Connection, table: &str) -> i64 {
    connection.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get(0)).unwrap()
}

#[test]
fn the_oldest_samples_go_first_and_the_file_shrinks() {
    let folder = tempfile::tempdir().unwrap();
    let mut connection = fill(&folder, 100, 100_000);
    let size = 4 << 20;
    assert!(retention::shrink(&mut connection, &folder.path().join(FILE), size, NOW).unwrap());
    let on_disk: u64 =
        std::fs::read_dir(folder.path()).unwrap().map(|file| file.unwrap().metadata().unwrap().len()).sum();
    assert!(on_disk <= size, "{on_disk}");
    let kept = count(&connection, "comparisons");
    assert!((10..40).contains(&kept), "{kept}");
    let oldest: i64 = connection.query_row("SELECT min(id) FROM comparisons", [], |row| row.get(0)).unwrap();
    assert_eq!(oldest, 100 - kept + 1);
    assert_eq!((count(&connection, "samples"), count(&connection, "sightings")), (kept, 100), "counts stay");
    assert!(!retention::shrink(&mut connection, &folder.path().join(FILE), size, NOW).unwrap());
}

#[test]
fn counts_go_when_there_are_no_samples_left() {
    let folder = tempfile::tempdir().unwrap();
    let mut connection = fill(&folder, 200, 10);
    retention::shrink(&mut connection, &folder.path().join(FILE), 100_000, NOW).unwrap();
    assert_eq!(count(&connection, "comparisons"), 0);
    let left = count(&connection, "sightings");
    assert!(left < 200 && count(&connection, "signatures") == left, "{left}");
}

#[test]
fn what_is_too_old_goes_an_hour_at_a_time() {
    let folder = tempfile::tempdir().unwrap();
    let mut connection = fill(&folder, 10, 10);
    let kept = Retention { age: Duration::from_secs(5 * 3600), ..Retention::default() };
    // A clock that is a year ahead.
    let now = NOW + 365 * 24 * HOUR;
    assert!(retention::sweep(&mut connection, &kept, now).unwrap());
    assert_eq!((count(&connection, "sightings"), count(&connection, "comparisons")), (9, 9));
    // It is right again: nothing is too old.
    assert!(!retention::sweep(&mut connection, &kept, NOW + 5 * HOUR).unwrap());
    let mut sweeps = 0;
    while retention::sweep(&mut connection, &kept, NOW + 10 * HOUR).unwrap() {
        sweeps += 1;
    }
    assert_eq!((sweeps, count(&connection, "verdicts"), count(&connection, "signatures")), (4, 15, 5));
}

#[test]
fn what_is_accepted_outlives_its_counts() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder);
    store.offer(batch(NOW, &["$.a", "$.b", "$.c"]));
    until("a batch is written", || compared(folder.path()) == 5);
    store.accept(id("$.a"), "", "", None).unwrap();
    store.accept(id("$.b"), "", "", Some(NOW + 100 * HOUR)).unwrap();
    assert!(store.stop(PATIENCE));
    let mut connection = database::open(&folder.path().join(FILE)).unwrap();
    let kept = Retention { age: Duration::ZERO, ..Retention::default() };
    retention::sweep(&mut connection, &kept, NOW + 99 * HOUR).unwrap();
    assert_eq!(count(&connection, "signatures"), 2);
    assert_eq!(count(&connection, "acceptances"), 2);
}

#[test]
fn the_writer_keeps_within_the_size() {
    let folder = tempfile::tempdir().unwrap();
    let size = 2 << 20;
    let store = Store::open(folder.path(), Retention { size, ..Retention::default() });
    for number in 0..60 {
        let mut batch = batch(NOW, &[&format!("$.a{number}")]);
        batch.samples[0].body = Some(std::iter::repeat_with(|| fastrand::u8(..)).take(200_000).collect());
        store.offer(batch);
    }
    assert!(store.stop(PATIENCE));
    let file = std::fs::metadata(folder.path().join(FILE)).unwrap().len();
    assert!(file <= size && compared(folder.path()) == 180, "{file}");
    assert_eq!((store.errors(), store.lost()), (0, (0, 0)));
}
