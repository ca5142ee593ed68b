//! Files that are broken, disks that are full, directories that vanish.

use std::fs;

use super::*;

fn put_aside(folder: &TempDir) -> usize {
    let names = fs::read_dir(folder.path()).unwrap().map(|file| file.unwrap().file_name().into_string().unwrap());
    names.filter(|name| name.contains(".corrupt-") && !name.ends_with("-wal") && !name.ends_with("-shm")).count()
}

/// A file with a few hundred signatures, one of them accepted.
fn written() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder);
    let paths: Vec<String> = (0..300).map(|number| format!("$.field{number}")).collect();
    store.offer(batch(NOW, &paths.iter().map(String::as_str).collect::<Vec<_>>()));
    until("a batch is written", || compared(folder.path()) == 302);
    store.accept(id("$.field7"), "ada", "known", None).unwrap();
    assert!(store.stop(PATIENCE));
    folder
}

#[track_caller]
fn goes_on(folder: &TempDir, store: &Store) {
    let before = compared(folder.path());
    store.offer(batch(NOW, &["$.after"]));
    until("recording goes on", || compared(folder.path()) >= before.min(3) && store.is_recording());
    until("the batch is there", || {
        Reader::open(folder.path()).is_ok_and(|reader| reader.signature(id("$.after")).is_ok_and(|row| row.is_some()))
    });
}

#[test]
fn garbage_is_put_aside_and_a_fresh_file_begun() {
    let folder = written();
    fs::write(folder.path().join(FILE), "this is not a database, whatever it may say".repeat(1000)).unwrap();
    let store = open(&folder);
    goes_on(&folder, &store);
    assert_eq!((put_aside(&folder), store.errors(), store.lost()), (1, 1, (0, 0)));
}

#[test]
fn a_file_of_another_program_is_put_aside() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(FILE);
    rusqlite::Connection::open(&path).unwrap().execute_batch("CREATE TABLE mine (x)").unwrap();
    let store = open(&folder);
    goes_on(&folder, &store);
    assert_eq!(put_aside(&folder), 1);
}

#[test]
fn tables_that_somebody_changed_are_put_aside_and_added_ones_are_not() {
    let folder = written();
    let change = |sql: &str| rusqlite::Connection::open(folder.path().join(FILE)).unwrap().execute_batch(sql).unwrap();
    change("CREATE TABLE mine (x); CREATE INDEX also_mine ON verdicts (tenant)");
    goes_on(&folder, &open(&folder));
    assert_eq!(put_aside(&folder), 0);
    change("ALTER TABLE verdicts RENAME COLUMN tenant TO customer");
    goes_on(&folder, &open(&folder));
    assert_eq!(put_aside(&folder), 1);
}

#[test]
fn a_file_of_a_later_version_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(FILE);
    rusqlite::Connection::open(&path).unwrap().execute_batch("PRAGMA user_version = 99; CREATE TABLE x (y)").unwrap();
    let store = open(&folder);
    assert!(!store.is_recording() && store.errors() == 1 && put_aside(&folder) == 0);
    assert!(Reader::open(folder.path()).unwrap_err().to_string().contains("version 99"));
}

#[test]
fn a_file_cut_short_is_put_aside() {
    for part in [1, 2, 3] {
        let folder = written();
        let path = folder.path().join(FILE);
        let length = fs::metadata(&path).unwrap().len();
        fs::File::options().write(true).open(&path).unwrap().set_len(length * part / 4).unwrap();
        let store = open(&folder);
        goes_on(&folder, &store);
        assert_eq!(put_aside(&folder), 1, "{part}/4");
    }
}

#[test]
fn an_empty_file_is_begun() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join(FILE), "").unwrap();
    let store = open(&folder);
    goes_on(&folder, &store);
    assert_eq!((put_aside(&folder), store.errors()), (0, 0));
}

#[test]
fn acceptances_are_carried_over_from_a_broken_file() {
    let folder = written();
    let path = folder.path().join(FILE);
    let mut bytes = fs::read(&path).unwrap();
    // The tail of the file holds samples; the table of signatures stands before.
    let pages = bytes.len() / 4096;
    for page in pages * 3 / 4..pages {
        bytes[page * 4096..page * 4096 + 64].fill(0xff);
    }
    fs::write(&path, bytes).unwrap();
    let store = open(&folder);
    assert_eq!(put_aside(&folder), 1);
    assert!(store.is_accepted(id("$.field7"), NOW));
    let reader = Reader::open(folder.path()).unwrap();
    assert_eq!(reader.history(id("$.field7")).unwrap().len(), 1);
    assert_eq!(reader.signatures(&SignatureFilter::default()).unwrap().len(), 1);
}

#[test]
fn flipped_bytes_never_stop_the_store_for_good() {
    let folder = written();
    let whole = fs::read(folder.path().join(FILE)).unwrap();
    let mut random = fastrand::Rng::with_seed(7);
    for round in 0..30 {
        let folder = tempfile::tempdir().unwrap();
        let mut bytes = whole.clone();
        for _ in 0..1 + round {
            let place = random.usize(..bytes.len());
            bytes[place] ^= 1 << random.u8(..8);
        }
        fs::write(folder.path().join(FILE), bytes).unwrap();
        let store = open(&folder);
        store.offer(batch(NOW, &["$.after"]));
        until(&format!("the batch of round {round} is written"), || {
            Reader::open(folder.path()).is_ok_and(|r| r.signature(id("$.after")).is_ok_and(|row| row.is_some()))
        });
        assert!(store.stop(PATIENCE));
    }
}

#[test]
fn text_that_is_no_text_any_more_is_still_read() {
    let folder = written();
    let connection = rusqlite::Connection::open(folder.path().join(FILE)).unwrap();
    let spoil = "UPDATE signatures SET path = CAST(x'ff41' AS TEXT), accepted_by = x'00ff';
        UPDATE verdicts SET route = CAST(x'ff' AS TEXT) WHERE verdict = 'match'";
    connection.execute_batch(spoil).unwrap();
    drop(connection);
    let store = open(&folder);
    assert_eq!((store.known().len(), &*store.known()[0].path), (300, "\u{fffd}A"));
    assert!(store.is_accepted(id("$.field7"), NOW));
    goes_on(&folder, &store);
    assert_eq!(put_aside(&folder), 0);
}

#[test]
fn a_locked_file_holds_nobody_up_and_loses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder);
    let locker = rusqlite::Connection::open(folder.path().join(FILE)).unwrap();
    locker.execute_batch("BEGIN IMMEDIATE").unwrap();
    let began = Instant::now();
    for _ in 0..10 {
        assert!(store.offer(batch(NOW, &[])));
    }
    assert!(began.elapsed() < Duration::from_secs(1), "the writer waits longer than that for the lock");
    until("the writer gives up for a while", || !store.is_recording());
    locker.execute_batch("ROLLBACK").unwrap();
    until("all are written", || compared(folder.path()) == 20);
    assert_eq!(store.lost(), (0, 0));
}

#[test]
fn a_directory_that_vanishes_only_stops_recording() {
    let folder = tempfile::tempdir().unwrap();
    let inner = folder.path().join("state");
    fs::create_dir(&inner).unwrap();
    let store = Store::open(&inner, Retention::default());
    assert!(store.is_recording());
    fs::remove_dir_all(&inner).unwrap();
    store.offer(batch(NOW, &["$.a"]));
    until("recording stops", || !store.is_recording());
    assert!(store.errors() > 0);
    assert!(matches!(store.accept(id("$.a"), "", "", None), Err(AcceptError::Unavailable(_))));
    for _ in 0..100 {
        store.offer(batch(NOW, &[]));
    }
    assert!(store.lost().0 > 0, "what waits is bounded");
    fs::create_dir(&inner).unwrap();
    until("it records again, the first batch first", || {
        let known = Reader::open(&inner).is_ok_and(|reader| reader.signature(id("$.a")).is_ok_and(|row| row.is_some()));
        known && store.is_recording()
    });
}

#[test]
fn a_directory_that_is_not_there_yet_is_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    let inner = folder.path().join("state");
    let store = Store::open(&inner, Retention::default());
    assert!(!store.is_recording() && store.known().is_empty());
    store.offer(batch(NOW, &[]));
    fs::create_dir(&inner).unwrap();
    until("it is written", || compared(&inner) == 2);
}

#[test]
#[allow(clippy::print_stderr, reason = "whoever reads the results should know what was not tried")]
fn a_full_disk_only_stops_recording() {
    let folder = tempfile::tempdir().unwrap();
    let Some(disk) = SmallDisk::mount(folder.path()) else {
        eprintln!("skipped: only root can mount a small disk");
        return;
    };
    let store = Store::open(folder.path(), Retention::default());
    let filler = folder.path().join("filler");
    // All but nothing of what is left.
    let mut file = fs::File::create(&filler).unwrap();
    while std::io::Write::write_all(&mut file, &[7; 4096]).is_ok() {}
    store.offer(batch(NOW, &["$.a"]));
    until("recording stops", || !store.is_recording());
    assert!(store.errors() > 0 && store.lost() == (0, 0));
    // The file opens all the same: only what is written shows that recording works.
    let mut recorded = false;
    until("it was tried again", || {
        recorded |= store.is_recording();
        store.errors() > 2
    });
    assert!(!recorded);
    fs::remove_file(&filler).unwrap();
    drop(file);
    until("it records again", || compared(folder.path()) == 3 && store.is_recording());
    assert!(store.stop(PATIENCE));
    drop(disk);
}

/// A file system of two megabytes, for as long as it lives.
struct SmallDisk(std::path::PathBuf);

impl SmallDisk {
    fn mount(at: &Path) -> Option<SmallDisk> {
        let mut mount = std::process::Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", "size=2m", "tmpfs"]).arg(at).stderr(std::process::Stdio::null());
        mount.status().is_ok_and(|status| status.success()).then(|| SmallDisk(at.to_path_buf()))
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = std::process::Command::new("umount").arg("--lazy").arg(&self.0).status();
    }
}
