//! The state directory and its lock.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How often, and how long after another, the lock is tried.
const TRIES: u32 = 10;
const PAUSE: Duration = Duration::from_millis(20);

/// The state directory, locked for as long as this lives: two facades over one would undo each other's work.
#[derive(Debug)]
pub(super) struct StateDir {
    /// Where it is.
    pub(super) path: PathBuf,
    _lock: File,
}

impl StateDir {
    /// Makes the directory if it is missing (for its owner alone: it holds secrets) and locks it.
    ///
    /// # Errors
    /// [`io::ErrorKind::ResourceBusy`] if another process holds it; else why it cannot be used.
    pub(super) fn open(path: &Path) -> io::Result<StateDir> {
        let mut builder = fs::DirBuilder::new();
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.recursive(true).create(path)?;
        let mut options = File::options();
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let lock = options.create(true).truncate(false).write(true).open(path.join("lock"))?;
        match patiently(&lock) {
            Ok(()) => Ok(StateDir { path: path.to_path_buf(), _lock: lock }),
            Err(TryLockError::WouldBlock) => {
                Err(io::Error::new(io::ErrorKind::ResourceBusy, "another facade is using it"))
            }
            Err(TryLockError::Error(error)) => Err(error),
        }
    }
}

/// Tries for a moment: who has just ended may have started a process that still holds the descriptor until it runs its own program.
fn patiently(lock: &File) -> Result<(), TryLockError> {
    for _ in 0..TRIES {
        match lock.try_lock() {
            Err(TryLockError::WouldBlock) => std::thread::sleep(PAUSE),
            result => return result,
        }
    }
    lock.try_lock()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_facade_cannot_have_the_same_directory() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a/b");
        let first = StateDir::open(&path).unwrap();
        assert_eq!(StateDir::open(&path).unwrap_err().kind(), io::ErrorKind::ResourceBusy);
        drop(first);
        assert!(StateDir::open(&path).is_ok());
    }
}
