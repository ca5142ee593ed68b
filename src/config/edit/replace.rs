//! Another text for a file: whole or not at all, and durable when it is done.

use std::ffi::OsString;
use std::fmt;
use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

/// Why a file keeps its text.
#[derive(Debug)]
pub enum ReplaceError {
    /// Somebody else has changed it since it was read.
    Changed(PathBuf),
    /// It may not be written.
    ReadOnly(PathBuf),
    /// The system refused a step.
    Failed(PathBuf, &'static str, io::Error),
}

impl fmt::Display for ReplaceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ReplaceError::Changed(path) => {
                write!(f, "{} was changed by somebody else in the meantime; it stays as it is now", path.display())
            }
            ReplaceError::ReadOnly(path) => write!(f, "{} is read-only; it stays as it is", path.display()),
            ReplaceError::Failed(path, what, error) => {
                write!(f, "{} stays as it is: cannot {what}: {error}", path.display())
            }
        }
    }
}

impl std::error::Error for ReplaceError {}

/// Replaces the text of a file that was `before`. A link stays a link: what it leads to is replaced. Permissions stay; the
/// owner too, where this process may say so.
///
/// # Errors
/// Why nothing was changed.
pub fn replace(path: &Path, before: &str, after: &str) -> Result<(), ReplaceError> {
    let failed = |what| move |error: io::Error| ReplaceError::Failed(path.to_path_buf(), what, error);
    let real = fs::canonicalize(path).map_err(failed("find it"))?;
    // A rename asks the directory alone; whoever has locked the file itself means it, too.
    let mut file = OpenOptions::new().read(true).append(true).open(&real).map_err(|error| match error.kind() {
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
            ReplaceError::ReadOnly(path.to_path_buf())
        }
        _ => failed("open it")(error),
    })?;
    let metadata = file.metadata().map_err(failed("open it"))?;
    if metadata.permissions().readonly() {
        return Err(ReplaceError::ReadOnly(path.to_path_buf()));
    }
    let fresh = beside(&real);
    let written = write(&fresh, after, &metadata).map_err(failed("write beside it")).and_then(|()| {
        // As late as can be: between this look and the rename lies next to nothing.
        let mut now = Vec::new();
        file.read_to_end(&mut now).map_err(failed("read it"))?;
        if now != before.as_bytes() || !is_still(&real, &metadata) {
            return Err(ReplaceError::Changed(path.to_path_buf()));
        }
        fs::rename(&fresh, &real).map_err(failed("replace it"))
    });
    if written.is_err() {
        // What could not take its place is of no use; if it cannot go either, there is nothing more to do.
        let _ = fs::remove_file(&fresh);
    }
    written?;
    // The text is there; only whether it outlives a power cut is open where this fails.
    let directory = real.parent().unwrap_or_else(|| Path::new("."));
    File::open(directory)
        .and_then(|directory| directory.sync_all())
        .map_err(failed("make it durable, but it is replaced"))
}

/// Hidden, so that no `include:` pattern takes it for a part of the configuration.
fn beside(real: &Path) -> PathBuf {
    let mut name = OsString::from(".");
    name.push(real.file_name().unwrap_or_default());
    name.push(format!(".{}.new", std::process::id()));
    real.with_file_name(name)
}

fn write(fresh: &Path, text: &str, like: &Metadata) -> io::Result<()> {
    // A left-over of a crashed process that had the same number.
    match fs::remove_file(fresh) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(fresh)?;
    file.write_all(text.as_bytes())?;
    if file.metadata()?.uid() != like.uid() || file.metadata()?.gid() != like.gid() {
        // Only root may give files away; everybody else's edit is their own file, as with an editor.
        let _ = std::os::unix::fs::fchown(&file, Some(like.uid()), Some(like.gid()));
    }
    file.set_permissions(fs::Permissions::from_mode(like.mode() & 0o7777))?;
    file.sync_all()
}

/// Whether the path still leads to the same file.
fn is_still(real: &Path, metadata: &Metadata) -> bool {
    fs::metadata(real).is_ok_and(|now| (now.dev(), now.ino()) == (metadata.dev(), metadata.ino()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(text: &str) -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("routes.yaml");
        fs::write(&path, text).unwrap();
        (folder, path)
    }

    fn names(folder: &Path) -> Vec<OsString> {
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name()).collect()
    }

    #[test]
    fn a_file_is_replaced_and_keeps_its_permissions() {
        let (folder, path) = file("one");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        replace(&path, "one", "two").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "two");
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o7777, 0o640);
        assert_eq!(names(folder.path()), ["routes.yaml"]);
    }

    #[test]
    fn a_link_stays_a_link() {
        let (folder, path) = file("one");
        let link = folder.path().join("link.yaml");
        std::os::unix::fs::symlink("routes.yaml", &link).unwrap();
        replace(&link, "one", "two").unwrap();
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(fs::read_to_string(&path).unwrap(), "two");
    }

    #[test]
    fn what_somebody_else_wrote_is_not_overwritten() {
        let (folder, path) = file("three");
        assert!(matches!(replace(&path, "one", "two"), Err(ReplaceError::Changed(_))));
        assert_eq!(fs::read_to_string(&path).unwrap(), "three");
        assert_eq!(names(folder.path()), ["routes.yaml"]);
    }

    #[test]
    fn a_read_only_file_stays_as_it_is() {
        let (_folder, path) = file("one");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o444)).unwrap();
        let error = replace(&path, "one", "two").unwrap_err();
        assert!(error.to_string().ends_with("routes.yaml is read-only; it stays as it is"), "{error}");
        assert_eq!(fs::read_to_string(&path).unwrap(), "one");
    }
}
