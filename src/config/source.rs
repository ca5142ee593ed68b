//! Where a configuration is read from: the disk and the environment, or a kept copy.

use std::fs::{self, File};
use std::io::{self, BufRead as _, BufReader, Read as _};
use std::path::{Path, PathBuf};

/// Where a configuration is read from.
pub trait Source {
    /// The bytes of a file of at most this size.
    fn read(&self, path: &Path, most: u64) -> io::Result<Vec<u8>>;

    /// The bytes of a file that holds a secret, or what changes with one: a private key, its certificate. They are never kept
    /// anywhere else, so that also a kept copy of a configuration reads them anew.
    fn read_secret(&self, path: &Path, most: u64) -> io::Result<Vec<u8>> {
        self.read(path, most)
    }

    /// Whether a file holds just these bytes.
    fn holds(&self, path: &Path, bytes: &[u8]) -> io::Result<bool> {
        Ok(self.read(path, bytes.len() as u64)? == bytes)
    }

    /// The paths that match a pattern, sorted by name.
    fn glob(&self, pattern: &Path) -> io::Result<Vec<PathBuf>>;

    /// A variable of the environment.
    fn env(&self, name: &str) -> Option<String>;

    /// The path from the root on, as `state_dir` and log files need it.
    fn absolute(&self, path: &Path) -> PathBuf;
}

/// How much of a file is compared at once.
const PIECE: usize = 64 * 1024;

/// The disk and the environment of this process.
#[derive(Debug, Clone, Copy, Default)]
pub struct Disk;

impl Source for Disk {
    /// Only regular files: opening a FIFO would block until somebody writes to it, and a device may never end.
    fn read(&self, path: &Path, most: u64) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        // It may grow while it is read; one byte over the limit is enough to know.
        open(path, most)?.take(most + 1).read_to_end(&mut bytes)?;
        if bytes.len() as u64 > most {
            return Err(too_large(most));
        }
        Ok(bytes)
    }

    /// Piece by piece: a large file that is looked at every few seconds is never in memory twice.
    fn holds(&self, path: &Path, bytes: &[u8]) -> io::Result<bool> {
        let mut file = BufReader::with_capacity(PIECE, open(path, bytes.len() as u64)?);
        let mut left = bytes;
        loop {
            let piece = file.fill_buf()?;
            if piece.is_empty() {
                return Ok(left.is_empty());
            }
            let Some(rest) = left.strip_prefix(piece) else { return Ok(false) };
            left = rest;
            let read = piece.len();
            file.consume(read);
        }
    }

    fn glob(&self, pattern: &Path) -> io::Result<Vec<PathBuf>> {
        let invalid = |error: String| io::Error::new(io::ErrorKind::InvalidInput, error);
        let pattern = pattern.to_str().ok_or_else(|| invalid("the pattern is not UTF-8".to_owned()))?;
        // Hidden files are editors' and ConfigMaps' own business.
        let options = glob::MatchOptions {
            case_sensitive: true,
            require_literal_separator: true,
            require_literal_leading_dot: true,
        };
        let found = glob::glob_with(pattern, options).map_err(|error| invalid(error.to_string()))?;
        let mut paths = found.collect::<Result<Vec<_>, _>>().map_err(io::Error::from)?;
        paths.sort();
        Ok(paths)
    }

    fn env(&self, name: &str) -> Option<String> {
        std::env::var(name).ok()
    }

    fn absolute(&self, path: &Path) -> PathBuf {
        std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf())
    }
}

pub(super) fn too_large(most: u64) -> io::Error {
    const MIB: u64 = 1024 * 1024;
    let size = if most >= MIB { format!("{} MiB", most / MIB) } else { format!("{most} bytes") };
    io::Error::new(io::ErrorKind::FileTooLarge, format!("larger than {size}"))
}

fn open(path: &Path, most: u64) -> io::Result<File> {
    regular(&fs::metadata(path)?, most)?;
    let file = File::open(path)?;
    // Once more for what was really opened.
    regular(&file.metadata()?, most)?;
    Ok(file)
}

fn regular(metadata: &fs::Metadata, most: u64) -> io::Result<()> {
    if metadata.is_dir() {
        return Err(io::Error::new(io::ErrorKind::IsADirectory, "a directory, not a file"));
    }
    if !metadata.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file"));
    }
    if metadata.len() > most {
        return Err(too_large(most));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_regular_files_of_a_decent_size_are_read() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("a");
        fs::write(&file, "12345").unwrap();
        assert_eq!(Disk.read(&file, 5).unwrap(), b"12345");
        assert_eq!(Disk.read(&file, 4).unwrap_err().to_string(), "larger than 4 bytes");
        assert_eq!(Disk.read(dir.path(), 5).unwrap_err().kind(), io::ErrorKind::IsADirectory);
        assert_eq!(Disk.read(Path::new("/dev/zero"), 5).unwrap_err().to_string(), "not a regular file");
        assert_eq!(Disk.read(&dir.path().join("no"), 5).unwrap_err().kind(), io::ErrorKind::NotFound);
    }

    #[test]
    fn a_file_holds_what_it_holds_and_nothing_more_or_less() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("a");
        let text: Vec<u8> = (0..3 * PIECE + 7).map(|place| (place % 251) as u8).collect();
        fs::write(&file, &text).unwrap();
        assert!(Disk.holds(&file, &text).unwrap());
        assert!(!Disk.holds(&file, &[&text[..], b"1"].concat()).unwrap());
        assert!(Disk.holds(&file, &text[1..]).is_err());
        let mut other = text.clone();
        other[2 * PIECE] ^= 1;
        assert!(!Disk.holds(&file, &other).unwrap());
        assert!(Disk.holds(&dir.path().join("no"), &text).is_err());
    }

    #[test]
    fn a_fifo_does_not_block() {
        let dir = tempfile::tempdir().unwrap();
        let fifo = dir.path().join("fifo");
        assert!(std::process::Command::new("mkfifo").arg(&fifo).status().unwrap().success());
        assert_eq!(Disk.read(&fifo, 5).unwrap_err().to_string(), "not a regular file");
    }

    #[test]
    fn patterns_match_in_name_order_and_skip_hidden_files() {
        let dir = tempfile::tempdir().unwrap();
        for name in ["b.yaml", "a.yaml", ".c.yaml", "d.txt"] {
            fs::write(dir.path().join(name), "").unwrap();
        }
        let found = Disk.glob(&dir.path().join("*.yaml")).unwrap();
        assert_eq!(found, [dir.path().join("a.yaml"), dir.path().join("b.yaml")]);
        assert!(Disk.glob(&dir.path().join("none/*.yaml")).unwrap().is_empty());
        assert!(Disk.glob(Path::new("***")).is_err());
    }
}
