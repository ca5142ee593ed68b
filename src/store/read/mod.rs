//! What analysts ask, of a store that a facade is writing at the same time or has left behind.
//!
//! - [`tally`]: verdicts of routes and tenants
//! - [`signatures`]: difference signatures with their evidence
//! - [`comparisons`]: comparisons that were kept in full
//! - [`showing`]: which of them show a signature, and when and whom it hits
//! - [`times`]: histograms of how long answers took

pub mod comparisons;
pub mod showing;
pub mod signatures;
pub mod tally;
pub mod times;

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};

pub use comparisons::Kept;
pub use showing::ShowingRow;
pub use signatures::{SignatureFilter, SignatureRow};
pub use tally::{OutcomeRow, RouteSummary, Tally, TenantSummary, VerdictRow};
pub use times::{Histogram, RouteTimes};

use super::acceptance::{self, Act};
use super::sql::pragma;
use super::{VERSION, database};
use crate::diff::SignatureId;

/// How long to wait for a writer that is about to finish something.
const BUSY: Duration = Duration::from_secs(5);

/// Reads a store. It sees one moment, that of its first question; drop it soon, since the write-ahead log cannot be
/// written back beyond that moment while it lives.
#[derive(Debug)]
pub struct Reader {
    connection: Connection,
}

/// Why a store cannot be read.
#[derive(Debug)]
pub enum ReadError {
    /// There is none.
    Missing(PathBuf),
    /// It is of a version that this program does not know.
    Version(PathBuf, u64),
    /// It cannot be read.
    Failed(String),
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ReadError::Missing(path) => {
                write!(f, "{} does not exist: no facade has recorded comparisons there", path.display())
            }
            ReadError::Version(path, version) => {
                write!(f, "{} has version {version}, and this program knows {VERSION}", path.display())
            }
            ReadError::Failed(why) => write!(f, "the store of comparisons cannot be read: {why}"),
        }
    }
}

impl std::error::Error for ReadError {}

impl From<rusqlite::Error> for ReadError {
    fn from(error: rusqlite::Error) -> ReadError {
        ReadError::Failed(error.to_string())
    }
}

impl Reader {
    /// Opens the store of a state directory; nothing is ever changed through it.
    ///
    /// # Errors
    /// There is none, or it cannot be read.
    pub fn open(state_dir: &Path) -> Result<Reader, ReadError> {
        let path = database::path(state_dir);
        if !path.exists() {
            return Err(ReadError::Missing(path));
        }
        let connection = match begin(&path, "") {
            // On a read-only file system the files beside it cannot be made; without a write-ahead log none are needed.
            Err(_) if !has_log(&path) => begin(&path, "&immutable=1")?,
            opened => opened?,
        };
        match pragma(&connection, "user_version")? {
            VERSION => Ok(Reader { connection }),
            0 => Err(ReadError::Missing(path)),
            version => Err(ReadError::Version(path, version)),
        }
    }

    /// Who accepted or reopened a signature, oldest first.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn history(&self, signature: SignatureId) -> Result<Vec<Act>, ReadError> {
        Ok(acceptance::history(&self.connection, signature)?)
    }
}

fn has_log(path: &Path) -> bool {
    std::fs::metadata(database::beside(path, "-wal")).is_ok_and(|log| log.len() > 0)
}

fn begin(path: &Path, options: &str) -> rusqlite::Result<Connection> {
    let escaped: String = path.to_string_lossy().replace('%', "%25").replace('?', "%3f").replace('#', "%23");
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI;
    let connection = Connection::open_with_flags(format!("file:{escaped}?mode=ro{options}"), flags)?;
    connection.busy_timeout(BUSY)?;
    // All questions are about the same moment.
    connection.execute_batch("BEGIN")?;
    pragma(&connection, "user_version")?;
    Ok(connection)
}
