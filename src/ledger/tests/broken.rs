//! Files that are not to be believed.

use std::fs;
use std::path::Path;

use proptest::prelude::*;
use rusqlite::Connection;

use super::trouble::aside;
use super::*;

const FILES: [&str; 3] = ["control.db", "control.db-wal", "control.witness"];

/// A directory with three pins, as a process leaves it that ends in order.
fn ended() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let (ledger, _) = Ledger::open(folder.path());
    for scope in ["a", "b", "group:c"] {
        assert!(write(&ledger, pinned(scope)));
    }
    assert!(ledger.stop(PATIENCE));
    folder
}

/// The same, as one leaves it that is killed: all of it is in the log.
fn killed() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let (ledger, _) = Ledger::open(folder.path());
    let image = tempfile::tempdir().unwrap();
    for scope in ["a", "b", "group:c"] {
        assert!(write(&ledger, pinned(scope)));
    }
    copy(folder.path(), image.path());
    ledger.stop(PATIENCE);
    image
}

fn copy(from: &Path, to: &Path) {
    for name in FILES {
        if from.join(name).exists() {
            fs::copy(from.join(name), to.join(name)).unwrap();
        }
    }
}

fn spoil(dir: &Path, name: &str, how: impl FnOnce(&mut Vec<u8>)) {
    let mut bytes = fs::read(dir.join(name)).unwrap();
    how(&mut bytes);
    fs::write(dir.join(name), bytes).unwrap();
}

/// Either all is in force, or it is said that it may not be; and then it is said until an entry was written.
fn all_or_trouble(dir: &Path) {
    let first = remembered(dir);
    if first.trouble.is_none() {
        assert_eq!(scopes(&first), ["a", "b", "group:c"]);
        return;
    }
    let (ledger, again) = Ledger::open(dir);
    assert!(again.trouble.is_some(), "{:?} was forgotten", first.trouble);
    assert_eq!(again.pins, first.pins);
    assert!(write(&ledger, pinned("all")));
    assert!(ledger.stop(PATIENCE));
    let after = remembered(dir);
    assert_eq!(after.trouble, None);
    assert!(after.pins.iter().any(|pin| pin.scope.is_kill()));
}

#[test]
fn a_process_that_is_killed_has_lost_nothing() {
    let image = killed();
    let remembered = remembered(image.path());
    assert_eq!((scopes(&remembered).len(), remembered.trouble), (3, None));
}

#[test]
fn garbage_is_put_aside_and_a_fresh_file_begun() {
    let folder = ended();
    spoil(folder.path(), "control.db", |bytes| bytes[..100].fill(0x5a));
    let (ledger, remembered) = Ledger::open(folder.path());
    let trouble = remembered.trouble.unwrap();
    let aside = aside(folder.path(), "corrupt").unwrap();
    assert!(trouble.contains("not a database") && trouble.contains(aside.to_str().unwrap()), "{trouble}");
    assert!(write(&ledger, pinned("all")));
    assert!(ledger.stop(PATIENCE));
    all_in_force(folder.path(), &["all"]);
}

fn all_in_force(dir: &Path, expected: &[&str]) {
    let remembered = remembered(dir);
    assert_eq!((scopes(&remembered), &remembered.trouble), (expected.iter().map(|s| (*s).to_owned()).collect(), &None));
}

#[test]
fn what_can_be_read_of_a_doubtful_file_is_in_force() {
    let folder = ended();
    let connection = Connection::open(folder.path().join("control.db")).unwrap();
    connection
        .execute_batch("UPDATE pins SET source = 'nobody' WHERE scope = 'b'; UPDATE meta SET last_generation = 9")
        .unwrap();
    drop(connection);
    let remembered = remembered(folder.path());
    assert_eq!(scopes(&remembered), ["a", "group:c"]);
    assert!(remembered.trouble.unwrap().contains("nobody is called `nobody`"));
    assert_eq!(remembered.last_generation, 9);
}

#[test]
fn a_pin_that_was_taken_out_by_another_hand_is_missed() {
    let folder = ended();
    Connection::open(folder.path().join("control.db"))
        .unwrap()
        .execute_batch("DELETE FROM pins WHERE scope = 'a'")
        .unwrap();
    all_or_trouble(folder.path());
    assert!(aside(folder.path(), "corrupt").is_some());
}

#[test]
fn a_file_of_another_version_is_put_aside() {
    let folder = ended();
    Connection::open(folder.path().join("control.db")).unwrap().execute_batch("PRAGMA user_version = 9").unwrap();
    let remembered = remembered(folder.path());
    assert!(remembered.trouble.unwrap().contains("version 9"));
}

#[test]
fn a_file_or_a_log_that_vanished_is_missed() {
    for name in FILES {
        let image = killed();
        fs::remove_file(image.path().join(name)).unwrap();
        if name == "control.witness" {
            assert_eq!(remembered(image.path()).trouble, None);
        } else {
            assert!(remembered(image.path()).trouble.is_some(), "{name}");
            all_or_trouble(image.path());
        }
    }
    let folder = ended();
    fs::remove_file(folder.path().join("control.db")).unwrap();
    all_or_trouble(folder.path());
}

#[test]
fn an_older_copy_of_the_file_is_not_taken_for_the_last() {
    let folder = ended();
    let older = fs::read(folder.path().join("control.db")).unwrap();
    let (ledger, _) = Ledger::open(folder.path());
    write(&ledger, pinned("d"));
    ledger.stop(PATIENCE);
    fs::write(folder.path().join("control.db"), older).unwrap();
    assert!(remembered(folder.path()).trouble.unwrap().contains("the last 1 transactions"));
}

#[test]
fn trouble_is_said_until_an_entry_was_written() {
    let folder = ended();
    spoil(folder.path(), "control.db", |bytes| bytes.truncate(5_000));
    for _ in 0..3 {
        assert!(remembered(folder.path()).trouble.is_some());
    }
    all_or_trouble(folder.path());
}

#[test]
fn a_file_that_is_no_file_does_not_hold_the_start_up() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("control.db")).unwrap();
    let remembered = remembered(folder.path());
    assert!(remembered.trouble.unwrap().contains("not a file"));
}

#[test]
fn a_file_that_could_not_be_read_at_the_start_is_put_aside_and_never_overwritten() {
    let folder = ended();
    let dir = folder.path().join("state");
    let (ledger, remembered) = Ledger::open(&dir);
    assert!(remembered.trouble.is_some(), "there is no directory");
    assert!(!write(&ledger, pinned("all")));
    // What was not mounted comes to be.
    let mounted = folder.path().join("mounted");
    fs::create_dir(&mounted).unwrap();
    copy(folder.path(), &mounted);
    fs::rename(&mounted, &dir).unwrap();
    heals(&ledger);
    ledger.stop(PATIENCE);
    all_in_force(&dir, &["all"]);
    let aside = aside(&dir, "unread").unwrap();
    let pins: i64 =
        Connection::open(aside).unwrap().query_row("SELECT count(*) FROM pins", [], |row| row.get(0)).unwrap();
    assert_eq!(pins, 3);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, ..ProptestConfig::default() })]

    #[test]
    fn no_damage_lifts_a_pin_in_silence(
        dirty in any::<bool>(),
        file in 0..FILES.len(),
        flips in prop::collection::vec((any::<prop::sample::Index>(), 1..=255_u8), 1..8),
        cut in prop::option::weighted(0.2, any::<prop::sample::Index>()),
    ) {
        let folder = spoiled(dirty, file, &flips, cut);
        all_or_trouble(folder.path());
    }
}

fn spoiled(
    dirty: bool,
    file: usize,
    flips: &[(prop::sample::Index, u8)],
    cut: Option<prop::sample::Index>,
) -> tempfile::TempDir {
    // Made once: each case spoils a copy.
    static IMAGES: std::sync::OnceLock<[tempfile::TempDir; 2]> = std::sync::OnceLock::new();
    let images = IMAGES.get_or_init(|| [ended(), killed()]);
    let folder = tempfile::tempdir().unwrap();
    copy(images[usize::from(dirty)].path(), folder.path());
    let name = FILES[file];
    if folder.path().join(name).exists() {
        spoil(folder.path(), name, |bytes| {
            for (place, flip) in flips {
                let place = place.index(bytes.len());
                bytes[place] ^= flip;
            }
            if let Some(cut) = cut {
                bytes.truncate(cut.index(bytes.len()));
            }
        });
    }
    folder
}
