//! The file: opening it, checking it, and putting it aside when it is not to be believed.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags};

use super::memory::Memory;
use super::{FILE, recall};

/// The version of the tables.
const VERSION: i64 = 2;
/// What each version adds to the one before, from version 1 on.
const VERSIONS: [&str; VERSION as usize] = [include_str!("schema.sql"), include_str!("hours.sql")];
/// How long to wait for another process that locks the file, such as somebody who looks at it.
const BUSY: Duration = Duration::from_secs(1);

/// Why the file cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Fault {
    /// What is in it cannot be believed: it must be put aside.
    Broken(String),
    /// It could not be opened, read or written now; that may pass.
    Passing(String),
}

impl Fault {
    /// What is wrong.
    pub(super) fn why(&self) -> &str {
        match self {
            Fault::Broken(why) | Fault::Passing(why) => why,
        }
    }
}

impl From<rusqlite::Error> for Fault {
    fn from(error: rusqlite::Error) -> Fault {
        let why = error.to_string();
        match error.sqlite_error_code() {
            // An unknown error is about missing tables or columns: whoever made them, they are not ours.
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase | ErrorCode::Unknown) => Fault::Broken(why),
            Some(_) => Fault::Passing(why),
            // Not SQLite's: a value that is not of the type it should be.
            None => Fault::Broken(why),
        }
    }
}

impl From<io::Error> for Fault {
    fn from(error: io::Error) -> Fault {
        Fault::Passing(error.to_string())
    }
}

/// The open file.
#[derive(Debug)]
pub(super) struct Open {
    pub(super) connection: Connection,
    /// Whether it was made just now.
    pub(super) fresh: bool,
    /// Device and inode of the main file and of its log.
    files: [Option<(u64, u64)>; 2],
}

impl Open {
    /// Whether the path still leads to this file. What is committed to one that was deleted or moved away is not kept.
    pub(super) fn is_there(&self, path: &Path) -> bool {
        self.files == identity(path)
    }

    /// Brings all of the log into the main file: damage to a log is the harder to see. Waits for nobody.
    ///
    /// # Errors
    /// The disk does not take it.
    pub(super) fn checkpoint(&self) -> rusqlite::Result<()> {
        self.connection.busy_timeout(Duration::ZERO)?;
        // The answer tells whether a reader was in the way; there is a next time.
        let done = self.connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()));
        self.connection.busy_timeout(BUSY)?;
        done
    }

    /// Closes the file with nothing left in its log.
    pub(super) fn close(self, path: &Path) {
        // SQLite deletes the log by its name, which may be another file's by now.
        let ours = self.is_there(path);
        // Where it cannot be told so, the log stays, and is read at the next start.
        let _ = self.connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, !ours);
    }
}

/// Opens the file for writing, and makes it if it is missing; `check` reads all of it to see whether it is in order.
pub(super) fn open(path: &Path, check: bool) -> Result<Open, Fault> {
    let exists = look(path)?;
    if !exists {
        // Nothing that is there is opened: closing it would drop SQLite's locks, which are the process's.
        OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    }
    let connection = connect(path)?;
    let fresh = prepare(&connection)?;
    if fresh {
        if let Some(dir) = path.parent() {
            File::open(dir)?.sync_all()?;
        }
    } else if check {
        self::check(&connection)?;
    }
    let files = identity(path);
    if files[0].is_none() {
        return Err(Fault::Passing("the file has vanished".to_owned()));
    }
    Ok(Open { connection, fresh, files })
}

/// Opens a file to read it where it cannot be written, as on a full disk: nothing is put beside it. `None` if it has no tables: it
/// was just being made.
pub(super) fn peek(path: &Path) -> Result<Option<Connection>, Fault> {
    if !look(path)? {
        return Err(Fault::Passing("there is no such file".to_owned()));
    }
    let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    // Alone with the file, SQLite keeps the index of the log in memory.
    pragma(&connection, "locking_mode = EXCLUSIVE")?;
    if is_empty(&connection)? {
        return Ok(None);
    }
    // One of an earlier version has all that is in force.
    if !(1..=VERSION).contains(&version(&connection)?) {
        return Err(Fault::Broken(strange(&connection)));
    }
    check(&connection)?;
    Ok(Some(connection))
}

/// The file that belongs to a state directory.
pub(super) fn path(dir: &Path) -> PathBuf {
    dir.join(FILE)
}

/// Whether the directory is there and nothing of a ledger is in it.
pub(super) fn is_bare(path: &Path) -> bool {
    let missing = |path: &Path| fs::symlink_metadata(path).is_err_and(|error| error.kind() == io::ErrorKind::NotFound);
    path.parent().is_some_and(Path::is_dir) && missing(path) && missing(&beside(path, "-wal"))
}

/// Renames the file and those beside it to `control.db.WORD-SECONDS`; the new name.
///
/// # Errors
/// One of them cannot be renamed.
pub(super) fn put_aside(path: &Path, word: &str) -> io::Result<PathBuf> {
    let seconds = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs();
    let mut aside = beside(path, &format!(".{word}-{seconds}"));
    let mut number = 1;
    while fs::symlink_metadata(&aside).is_ok() {
        number += 1;
        aside = beside(path, &format!(".{word}-{seconds}-{number}"));
    }
    // The main file goes last: a log without it is put aside the next time, one with it would be taken for whole.
    for ending in ["-shm", "-wal", ""] {
        match fs::rename(beside(path, ending), beside(&aside, ending)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    if let Some(dir) = path.parent() {
        File::open(dir)?.sync_all()?;
    }
    Ok(aside)
}

fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    PathBuf::from(name)
}

fn identity(path: &Path) -> [Option<(u64, u64)>; 2] {
    ["", "-wal"].map(|ending| fs::metadata(beside(path, ending)).ok().map(|file| (file.dev(), file.ino())))
}

/// Whether there is a file; one that is no file would hold SQLite up, and a log alone belongs to a file that is gone.
fn look(path: &Path) -> Result<bool, Fault> {
    match fs::metadata(path) {
        Ok(file) if !file.is_file() => Err(Fault::Broken("it is not a file".to_owned())),
        Ok(_) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => match fs::metadata(beside(path, "-wal")) {
            Ok(log) if log.len() > 0 => Err(Fault::Broken("its log is there and the file is not".to_owned())),
            _ => Ok(false),
        },
        Err(error) => Err(error.into()),
    }
}

fn connect(path: &Path) -> Result<Connection, Fault> {
    let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    connection.busy_timeout(BUSY)?;
    // Closing would delete the log by its name, even if the directory is another by then.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    pragma(&connection, "journal_mode = WAL")?;
    // With a log this is FULL; where there cannot be one, the directory is synced as well.
    pragma(&connection, "synchronous = EXTRA")?;
    // Configurations may hold secrets: what was in deleted rows does not linger in the file.
    pragma(&connection, "secure_delete = FAST")?;
    Ok(connection)
}

/// Makes the tables if there are none, and adds those that an earlier version has not; whether there were none.
fn prepare(connection: &Connection) -> Result<bool, Fault> {
    match version(connection)? {
        0 if is_empty(connection)? => {
            let seal = recall::seal(&Memory::default());
            let schema = VERSIONS.join(";");
            connection.execute_batch(&format!(
                "BEGIN IMMEDIATE; {schema}; INSERT INTO meta VALUES (0, 0, 0, '{seal}'); PRAGMA user_version = {VERSION}; COMMIT"
            ))?;
            Ok(true)
        }
        found @ 1..=VERSION if tables(connection)? == tables(&model(found)?)? => {
            for (number, added) in (1..).zip(VERSIONS).filter(|(number, _)| *number > found) {
                connection
                    .execute_batch(&format!("BEGIN IMMEDIATE; {added}; PRAGMA user_version = {number}; COMMIT"))?;
            }
            Ok(false)
        }
        _ => Err(Fault::Broken(strange(connection))),
    }
}

fn is_empty(connection: &Connection) -> rusqlite::Result<bool> {
    Ok(version(connection)? == 0 && number(connection, "SELECT count(*) FROM sqlite_schema")? == 0)
}

/// What is to be said of a file that is not as it should be made.
fn strange(connection: &Connection) -> String {
    match version(connection) {
        Ok(1..=VERSION) => "its tables are not as they were made".to_owned(),
        Ok(version) => format!("it has version {version}, and this program knows {VERSION}"),
        Err(error) => error.to_string(),
    }
}

fn check(connection: &Connection) -> Result<(), Fault> {
    let said: String = connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
    if said == "ok" { Ok(()) } else { Err(Fault::Broken(said)) }
}

/// A file of this version as it is when it is new, in memory.
fn model(version: i64) -> rusqlite::Result<Connection> {
    let model = Connection::open_in_memory()?;
    for (_, added) in (1..=version).zip(VERSIONS) {
        model.execute_batch(added)?;
    }
    Ok(model)
}

/// Every table, index and trigger, as it was made.
fn tables(connection: &Connection) -> rusqlite::Result<Vec<(String, String, Option<String>)>> {
    let mut statement = connection.prepare("SELECT type, name, sql FROM sqlite_schema ORDER BY name")?;
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
    rows.collect()
}

fn version(connection: &Connection) -> rusqlite::Result<i64> {
    number(connection, "PRAGMA user_version")
}

fn number(connection: &Connection, sql: &str) -> rusqlite::Result<i64> {
    connection.query_row(sql, [], |row| row.get(0))
}

/// Sets one; some answer with a row and some do not.
fn pragma(connection: &Connection, setting: &str) -> rusqlite::Result<()> {
    let mut statement = connection.prepare(&format!("PRAGMA {setting}"))?;
    let mut rows = statement.query([])?;
    while rows.next()?.is_some() {}
    Ok(())
}
