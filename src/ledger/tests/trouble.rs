//! A disk that does not take what is said, for a while.

use std::fs;
use std::sync::atomic::Ordering;

use super::*;

fn fill(ledger: &Ledger) {
    ledger.shared().most_pages.store(1, Ordering::Relaxed);
}

fn make_room(ledger: &Ledger) {
    ledger.shared().most_pages.store(0, Ordering::Relaxed);
}

/// An entry that needs more room than there is in the file.
fn large(scope: &str) -> Entry {
    let mut entry = pinned(scope);
    entry.act.as_mut().unwrap().why = "x".repeat(100_000);
    entry
}

#[test]
fn hours_wait_for_a_full_disk_too_and_keep_nobody_from_reading_them() {
    let folder = tempfile::tempdir().unwrap();
    let (ledger, _) = Ledger::open(folder.path());
    assert!(write(&ledger, pinned("before")));
    fill(&ledger);
    assert!(!write(&ledger, large("a")));
    let hour = Hour { hour: 7, run: 1, answered: 9, ..Hour::default() };
    write(&ledger, Entry { changes: vec![Change::Hour(hour)], act: None });
    assert_eq!(ledger.hours(0).unwrap(), [hour]);
    make_room(&ledger);
    heals(&ledger);
    assert!(ledger.stop(PATIENCE));
    assert_eq!(Ledger::open(folder.path()).0.hours(0).unwrap(), [hour]);
}

#[test]
fn a_full_disk_is_told_at_once_and_heals_by_itself() {
    let folder = tempfile::tempdir().unwrap();
    let (ledger, _) = Ledger::open(folder.path());
    assert!(write(&ledger, pinned("before")));
    fill(&ledger);
    assert!(!write(&ledger, large("a")));
    assert!(!write(&ledger, large("b")));
    assert!(ledger.is_behind() && ledger.errors() > 0);
    assert_eq!(ledger.waiting(), 2);
    assert_eq!(ledger.unwritten().iter().map(|act| act.on.as_str()).collect::<Vec<_>>(), ["b", "a"]);
    make_room(&ledger);
    heals(&ledger);
    let on: Vec<_> = ledger.audit(&everything()).unwrap().into_iter().map(|(_, act)| act.on).collect();
    assert_eq!(on, ["b", "a", "before"], "each once, in their order");
    assert!(write(&ledger, pinned("after")));
    ledger.stop(PATIENCE);
    let remembered = remembered(folder.path());
    assert_eq!(scopes(&remembered), ["a", "after", "b", "before"]);
    assert_eq!(remembered.trouble, None);
}

#[test]
fn a_generation_that_waits_for_the_disk_is_in_the_history() {
    let folder = tempfile::tempdir().unwrap();
    let (ledger, _) = Ledger::open(folder.path());
    assert!(write(&ledger, lived(made(1, "one"))));
    fill(&ledger);
    let mut entry = large("a");
    entry.changes = vec![Change::Generation(made(2, "two"))];
    assert!(!write(&ledger, entry));
    let numbers = |limit| ledger.generations(limit).unwrap().iter().map(|past| past.number).collect::<Vec<_>>();
    assert_eq!((numbers(9), numbers(1)), (vec![2, 1], vec![2]));
    assert_eq!(ledger.bundle(2).unwrap().as_deref(), Some("two"));
    make_room(&ledger);
    heals(&ledger);
    assert_eq!(numbers(9), [2, 1]);
    assert_eq!(ledger.bundle(2).unwrap().as_deref(), Some("two"));
}

#[test]
fn records_beyond_the_bound_are_lost_and_counted_and_what_they_changed_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let (ledger, _) = Ledger::open(folder.path());
    assert!(write(&ledger, pinned("before")));
    fill(&ledger);
    assert!(!write(&ledger, large("first")));
    for n in 0..WAITING + 4 {
        drop(ledger.write(pinned(&format!("r{n}"))));
    }
    until(|| ledger.waiting() == WAITING);
    make_room(&ledger);
    heals(&ledger);
    let audit = ledger.audit(&everything()).unwrap();
    assert_eq!(audit.len(), 1 + 1 + WAITING);
    let (_, lost) = &audit[WAITING];
    assert_eq!((lost.what.as_str(), lost.why.split(' ').next()), (LOST, Some("5")));
    ledger.stop(PATIENCE);
    assert_eq!(remembered(folder.path()).pins.len(), 2 + WAITING + 4);
}

#[test]
fn a_directory_that_is_gone_is_not_durable_and_its_return_heals_with_all_that_is_in_force() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("state");
    fs::create_dir(&dir).unwrap();
    let (ledger, _) = Ledger::open(&dir);
    let hold = Hold { generation: 3, by: api(), why: String::new(), at_ms: 1 };
    assert!(write(&ledger, pinned("a")));
    assert!(write(&ledger, Entry { changes: vec![Change::Hold(hold, "x".into())], act: Some(act("hold", "")) }));
    fs::remove_dir_all(&dir).unwrap();
    assert!(!write(&ledger, pinned("b")));
    assert!(!write(&ledger, Entry { changes: vec![Change::Unpin(pin("a").scope)], act: Some(act("resume", "a")) }));
    assert!(!dir.exists(), "it may be the place of something that is not mounted");
    assert!(ledger.is_behind());
    fs::create_dir(&dir).unwrap();
    heals(&ledger);
    assert_eq!(ledger.audit(&everything()).unwrap().len(), 2, "those that were not on a disk yet");
    ledger.stop(PATIENCE);
    let remembered = remembered(&dir);
    assert_eq!((scopes(&remembered), remembered.trouble.clone()), (vec!["b".to_owned()], None));
    assert_eq!(remembered.hold.unwrap().0.generation, 3);
}

#[test]
fn a_directory_that_was_moved_and_comes_back_has_each_record_once() {
    let folder = tempfile::tempdir().unwrap();
    let (dir, elsewhere) = (folder.path().join("state"), folder.path().join("elsewhere"));
    fs::create_dir(&dir).unwrap();
    let (ledger, _) = Ledger::open(&dir);
    assert!(write(&ledger, pinned("a")));
    fs::rename(&dir, &elsewhere).unwrap();
    assert!(!write(&ledger, pinned("b")));
    assert!(!write(&ledger, pinned("c")));
    fs::rename(&elsewhere, &dir).unwrap();
    heals(&ledger);
    let on: Vec<_> = ledger.audit(&everything()).unwrap().into_iter().map(|(_, act)| act.on).collect();
    assert_eq!(on, ["c", "b", "a"]);
    ledger.stop(PATIENCE);
    assert_eq!(scopes(&remembered(&dir)), ["a", "b", "c"]);
}

#[test]
fn a_file_that_is_taken_away_is_made_anew_though_nobody_says_anything() {
    let folder = tempfile::tempdir().unwrap();
    let (ledger, _) = Ledger::open(folder.path());
    assert!(write(&ledger, pinned("a")));
    for name in ["control.db", "control.db-wal", "control.db-shm"] {
        fs::remove_file(folder.path().join(name)).unwrap();
    }
    until(|| ledger.errors() > 0);
    heals(&ledger);
    ledger.stop(PATIENCE);
    let remembered = remembered(folder.path());
    assert_eq!((scopes(&remembered), remembered.trouble), (vec!["a".to_owned()], None));
}

#[test]
fn a_log_that_is_taken_away_is_not_durable() {
    let folder = tempfile::tempdir().unwrap();
    let (ledger, _) = Ledger::open(folder.path());
    assert!(write(&ledger, pinned("a")));
    fs::remove_file(folder.path().join("control.db-wal")).unwrap();
    let told = write(&ledger, pinned("b"));
    heals(&ledger);
    assert!(!told || ledger.errors() > 0);
    ledger.stop(PATIENCE);
    assert_eq!(scopes(&remembered(folder.path())), ["a", "b"]);
}

#[test]
fn a_file_that_breaks_while_it_is_used_is_put_aside_and_begun_anew_with_all_that_is_in_force() {
    let folder = tempfile::tempdir().unwrap();
    let (ledger, _) = Ledger::open(folder.path());
    assert!(write(&ledger, pinned("a")));
    let path = database::path(folder.path());
    rusqlite::Connection::open(&path).unwrap().execute_batch("DROP TABLE pins").unwrap();
    assert!(!write(&ledger, pinned("b")));
    heals(&ledger);
    assert!(aside(folder.path(), "corrupt").is_some());
    ledger.stop(PATIENCE);
    let remembered = remembered(folder.path());
    assert_eq!((scopes(&remembered), remembered.trouble), (vec!["a".to_owned(), "b".to_owned()], None));
}

#[test]
fn pins_are_remembered_on_a_disk_where_nothing_can_be_made() {
    let folder = tempfile::tempdir().unwrap();
    let (ledger, _) = Ledger::open(folder.path());
    assert!(write(&ledger, pinned("a")));
    ledger.stop(PATIENCE);
    drop(ledger);
    // Where the index of the log would be made.
    let obstacle = folder.path().join("control.db-shm");
    std::os::unix::fs::symlink("nowhere", &obstacle).unwrap();
    let (ledger, remembered) = Ledger::open(folder.path());
    assert_eq!((scopes(&remembered), remembered.trouble), (vec!["a".to_owned()], None));
    assert!(ledger.is_behind());
    assert!(!write(&ledger, pinned("b")));
    fs::remove_file(&obstacle).unwrap();
    heals(&ledger);
    ledger.stop(PATIENCE);
    assert_eq!(scopes(&super::remembered(folder.path())), ["a", "b"]);
    assert_eq!(aside(folder.path(), "unread"), None);
}

#[test]
fn a_first_start_on_a_disk_where_nothing_can_be_made_has_no_trouble() {
    let folder = tempfile::tempdir().unwrap();
    let obstacle = folder.path().join("control.db-shm");
    std::os::unix::fs::symlink("nowhere", &obstacle).unwrap();
    for _ in 0..2 {
        let (ledger, remembered) = Ledger::open(folder.path());
        assert_eq!(remembered, Remembered::default());
        assert!(ledger.is_behind());
        assert!(!write(&ledger, pinned("a")));
        assert!(!ledger.stop(PATIENCE), "it could not be written");
    }
    fs::remove_file(&obstacle).unwrap();
    assert_eq!(remembered(folder.path()), Remembered::default());
}

/// The file that was put aside, if there is one.
pub(super) fn aside(dir: &std::path::Path, word: &str) -> Option<std::path::PathBuf> {
    let prefix = format!("control.db.{word}-");
    let entries = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    let mut found = entries.filter(|path| {
        let name = path.file_name().unwrap().to_str().unwrap();
        name.starts_with(&prefix) && !name.ends_with("-wal") && !name.ends_with("-shm")
    });
    found.next()
}
