//! The file: opening it, checking it, and putting it aside when it is broken.

use std::collections::BTreeSet;
use std::fs::{self, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use rusqlite::{Connection, ErrorCode, OpenFlags};

use super::acceptance::Salvage;
use super::sql::{exhaust, pragma, text};
use super::{FILE, VERSION};

const SCHEMA: &str = include_str!("schema.sql");
/// What files that were made before it was in the schema have not.
const LATER: &str = "CREATE INDEX IF NOT EXISTS samples_by_tenant ON samples (tenant, signature)";
/// Files up to this size are read whole when they are opened, to see whether they are in order.
const CHECKED: u64 = 64 * 1024 * 1024;
/// How much of the write-ahead log stays on disk once it is written back.
const LOG_LIMIT: u64 = 4 * 1024 * 1024;
/// How many broken files stay beside the store.
const KEPT_ASIDE: usize = 3;
/// How long to wait for another process that locks the file.
const BUSY: Duration = Duration::from_secs(2);

/// Why the file cannot be used.
#[derive(Debug)]
pub(super) enum Trouble {
    /// It is broken: it must be put aside.
    Broken(String),
    /// A later version of the program wrote it.
    Newer(u64),
    /// It could not be written or read now; that may pass.
    Passing(String),
    /// This one statement does not fit; the file is in order.
    Refused(String),
}

impl std::fmt::Display for Trouble {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Trouble::Broken(why) | Trouble::Passing(why) | Trouble::Refused(why) => f.write_str(why),
            Trouble::Newer(version) => write!(f, "it has version {version}, and this program knows {VERSION}"),
        }
    }
}

impl From<rusqlite::Error> for Trouble {
    fn from(error: rusqlite::Error) -> Trouble {
        let why = error.to_string();
        match error.sqlite_error_code() {
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => Trouble::Broken(why),
            // Missing tables or columns: whoever made it, it is not ours.
            Some(ErrorCode::Unknown) => Trouble::Broken(why),
            Some(ErrorCode::ConstraintViolation | ErrorCode::TooBig | ErrorCode::TypeMismatch) => Trouble::Refused(why),
            Some(_) => Trouble::Passing(why),
            // Not SQLite's: a value that is not of the type it should be.
            None => Trouble::Refused(why),
        }
    }
}

/// Opens the file for writing, and makes it if it is missing.
pub(super) fn open(path: &Path) -> Result<Connection, Trouble> {
    // Whatever is in there came from clients: it is for its owner alone. SQLite gives the files beside it the same mode.
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(false).mode(0o600);
    options.open(path).map_err(|error| Trouble::Passing(error.to_string()))?;
    let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    connection.busy_timeout(BUSY)?;
    prepare(&connection)?;
    Ok(connection)
}

fn prepare(connection: &Connection) -> Result<(), Trouble> {
    let pages = pragma(connection, "page_count")?;
    if pages == 0 {
        // Only before the first page is written.
        exhaust(connection, "PRAGMA auto_vacuum = INCREMENTAL")?;
    }
    exhaust(connection, "PRAGMA journal_mode = WAL")?;
    exhaust(connection, "PRAGMA synchronous = NORMAL")?;
    exhaust(connection, &format!("PRAGMA journal_size_limit = {LOG_LIMIT}"))?;
    // What was in deleted rows does not linger in the file.
    exhaust(connection, "PRAGMA secure_delete = FAST")?;
    match pragma(connection, "user_version")? {
        0 if pages == 0 || tables(connection)? == 0 => {
            connection.execute_batch(&format!("BEGIN; {SCHEMA}; PRAGMA user_version = {VERSION}; COMMIT"))?;
        }
        VERSION if columns(connection)?.is_superset(&columns(&model()?)?) => connection.execute_batch(LATER)?,
        VERSION => return Err(Trouble::Broken("its tables are not as they were made".to_owned())),
        0 => return Err(Trouble::Broken("it is another program's".to_owned())),
        newer => return Err(Trouble::Newer(newer)),
    }
    let bytes = pages.saturating_mul(pragma(connection, "page_size")?);
    if pages > 0 && bytes <= CHECKED {
        let said: String = connection.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))?;
        if said != "ok" {
            return Err(Trouble::Broken(said));
        }
    }
    Ok(())
}

/// A file as it is when it is new, in memory.
fn model() -> rusqlite::Result<Connection> {
    let model = Connection::open_in_memory()?;
    model.execute_batch(SCHEMA)?;
    Ok(model)
}

/// Every column of every table, with what is asked of it.
fn columns(connection: &Connection) -> rusqlite::Result<BTreeSet<String>> {
    let sql = "SELECT format('%s.%s %s %d %d', t.name, c.name, c.type, c.\"notnull\", c.pk)
        FROM sqlite_schema t, pragma_table_info(t.name) c WHERE t.type = 'table'";
    let mut statement = connection.prepare(sql)?;
    let rows = statement.query_map([], |row| text(row, 0))?;
    rows.collect()
}

fn tables(connection: &Connection) -> rusqlite::Result<i64> {
    connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))
}

/// The file that belongs to a state directory.
pub(super) fn path(state_dir: &Path) -> PathBuf {
    state_dir.join(FILE)
}

/// A file of SQLite's beside the main one.
pub(super) fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    PathBuf::from(name)
}

/// Renames a broken file, with those beside it, and reads what can be read of its acceptances. The new name.
pub(super) fn put_aside(path: &Path) -> io::Result<(PathBuf, Salvage)> {
    let now = humantime::format_rfc3339_seconds(SystemTime::now()).to_string().replace(':', "");
    let mut aside = beside(path, &format!(".corrupt-{now}"));
    let mut number = 1;
    while aside.exists() {
        number += 1;
        aside = beside(path, &format!(".corrupt-{now}-{number}"));
    }
    fs::rename(path, &aside)?;
    for ending in ["-wal", "-shm"] {
        match fs::rename(beside(path, ending), beside(&aside, ending)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    forget_oldest(path);
    let salvage = Connection::open_with_flags(&aside, OpenFlags::SQLITE_OPEN_READ_ONLY)
        .map(|connection| Salvage::of(&connection))
        .unwrap_or_default();
    Ok((aside, salvage))
}

/// Deletes what was put aside before the last few times: a disk that breaks files again and again must not fill up with them.
fn forget_oldest(path: &Path) {
    let (Some(folder), Some(name)) = (path.parent(), path.file_name().and_then(|name| name.to_str())) else { return };
    let prefix = format!("{name}.corrupt-");
    let entries = fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok);
    let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
    let mut aside: Vec<String> =
        names.filter(|name| name.starts_with(&prefix) && !name.ends_with("-wal") && !name.ends_with("-shm")).collect();
    // Their names hold the time.
    aside.sort();
    for old in aside.iter().rev().skip(KEPT_ASIDE) {
        for ending in ["", "-wal", "-shm"] {
            // One that cannot be deleted is tried again the next time.
            let _ = fs::remove_file(folder.join(format!("{old}{ending}")));
        }
    }
}
