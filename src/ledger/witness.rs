//! A second opinion on whether the file is all there: how many transactions it had, and their seal, in a file beside it.
//!
//! It is written after each transaction is on the disk, and not synced: it is never ahead of what was durable, and where it is
//! ahead of the file, something that was acknowledged is gone. SQLite cannot tell that: it takes a damaged log for one that ends
//! early.

use std::fs::{self, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;

use xxhash_rust::xxh3::xxh3_64;

/// The name of its file in the state directory.
const FILE: &str = "control.witness";
/// The transaction count that stands for trouble.
const TROUBLE: u64 = u64::MAX;

/// What it says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Witness {
    /// Nothing: it is not there, or damaged itself.
    Silent,
    /// The file was not to be believed at an earlier start, and nothing was written since.
    Trouble,
    /// The file had so many transactions, and this seal.
    Sealed(u64, u128),
}

/// What it says of this state directory's file.
pub(super) fn read(dir: &Path) -> Witness {
    // No more is read than it can have.
    let mut bytes = [0; LENGTH];
    let told = fs::File::open(dir.join(FILE)).and_then(|file| file.read_exact_at(&mut bytes, 0));
    let parsed = told.ok().and_then(|()| parse(std::str::from_utf8(&bytes).ok()?));
    match parsed {
        None => Witness::Silent,
        Some((TROUBLE, _)) => Witness::Trouble,
        Some((commits, seal)) => Witness::Sealed(commits, seal),
    }
}

/// Notes a transaction that is on the disk.
///
/// # Errors
/// It cannot be written; the transaction is no less durable.
pub(super) fn note(dir: &Path, commits: u64, seal: u128) -> io::Result<()> {
    write(dir, commits, seal).map(drop)
}

/// Notes that the file is not to be believed; it is on the disk when this returns.
///
/// # Errors
/// It cannot be written.
pub(super) fn trouble(dir: &Path) -> io::Result<()> {
    write(dir, TROUBLE, 0)?.sync_all()?;
    fs::File::open(dir)?.sync_all()
}

/// Three fields, each of fixed width, and what is between and behind them.
const LENGTH: usize = 20 + 1 + 32 + 1 + 16 + 1;

fn write(dir: &Path, commits: u64, seal: u128) -> io::Result<fs::File> {
    let text = format!("{commits:020} {seal:032x}");
    let line = format!("{text} {:016x}\n", xxh3_64(text.as_bytes()));
    // In place: it needs no room on a disk that is full by now.
    let mut options = OpenOptions::new();
    let file = options.write(true).create(true).truncate(false).mode(0o600).open(dir.join(FILE))?;
    file.write_all_at(line.as_bytes(), 0)?;
    Ok(file)
}

fn parse(line: &str) -> Option<(u64, u128)> {
    let (text, check) = line.strip_suffix('\n')?.rsplit_once(' ')?;
    if check != format!("{:016x}", xxh3_64(text.as_bytes())) {
        return None;
    }
    let (commits, seal) = text.split_once(' ')?;
    Some((commits.parse().ok()?, u128::from_str_radix(seal, 16).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_says_what_was_noted_and_nothing_once_it_is_damaged() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(read(folder.path()), Witness::Silent);
        note(folder.path(), 7, u128::MAX - 1).unwrap();
        assert_eq!(read(folder.path()), Witness::Sealed(7, u128::MAX - 1));
        let path = folder.path().join(FILE);
        let mut bytes = fs::read(&path).unwrap();
        assert_eq!(bytes.len(), LENGTH);
        bytes[18] ^= 1;
        fs::write(&path, bytes).unwrap();
        assert_eq!(read(folder.path()), Witness::Silent);
        trouble(folder.path()).unwrap();
        assert_eq!(read(folder.path()), Witness::Trouble);
    }
}
