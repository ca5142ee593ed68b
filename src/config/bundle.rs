//! Everything one load read: enough to load the same configuration again, from any directory and environment.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::{Xxh3, xxh3_64};

use super::source::{Disk, Source, too_large};

/// The most that is read of a file that could not be used before, in bytes.
const MOST_REREAD: u64 = 64 * 1024 * 1024;

/// Everything one load read. It is itself a [`Source`]: loading from it gives the same configuration.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bundle {
    /// The path of the main file as it was given.
    pub main: PathBuf,
    /// What relative paths were relative to.
    directory: PathBuf,
    /// The text of each file, by its path.
    files: BTreeMap<PathBuf, String>,
    /// What each `include:` pattern matched.
    globs: BTreeMap<PathBuf, Vec<PathBuf>>,
    /// The variables that were used and set.
    env: BTreeMap<String, String>,
    /// The files that could not be read: they may come to be.
    missing: BTreeSet<PathBuf>,
    /// SHA-256 of each file that holds a secret, in hexadecimal: enough to see that it has changed.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    secrets: BTreeMap<PathBuf, String>,
}

impl Bundle {
    /// The name of the file that [`Bundle::save`] writes.
    pub const FILE: &'static str = "accepted.json";

    /// Writes it into this directory, readable by its owner alone (it may hold secrets): whole or not at all, and
    /// durable when this returns.
    pub fn save(&self, dir: &Path) -> io::Result<()> {
        let text = self.to_text()?;
        let path = dir.join(Bundle::FILE);
        let fresh = dir.join(format!("{}.new", Bundle::FILE));
        // A left-over of a crash may have other permissions.
        match fs::remove_file(&fresh) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&fresh)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&fresh, &path)?;
        File::open(dir)?.sync_all()
    }

    /// Reads what [`Bundle::save`] wrote; `None` where nothing was ever saved.
    pub fn load(dir: &Path) -> io::Result<Option<Bundle>> {
        let text = match fs::read_to_string(dir.join(Bundle::FILE)) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        Bundle::from_text(&text).map(Some)
    }

    /// The files that were read, by path, with their texts.
    pub fn files(&self) -> impl Iterator<Item = (&Path, &str)> {
        self.files.iter().map(|(path, text)| (path.as_path(), text.as_str()))
    }

    /// The text of one of the files.
    #[must_use]
    pub fn text(&self, path: &Path) -> Option<&str> {
        self.files.get(path).map(String::as_str)
    }

    /// The same with another text of the main file.
    #[must_use]
    pub fn with_main(mut self, text: String) -> Bundle {
        self.files.insert(self.main.clone(), text);
        self
    }

    /// The whole as a text: what [`Bundle::from_text`] reads. The first line has the checksum of all that follows: it tells a
    /// whole text from one that lost its end.
    ///
    /// # Errors
    /// A path is not UTF-8.
    pub fn to_text(&self) -> io::Result<String> {
        let text = serde_json::to_string(self).map_err(io::Error::other)?;
        Ok(format!("{}\n{text}", checksum(&text)))
    }

    /// Reads what [`Bundle::to_text`] wrote.
    ///
    /// # Errors
    /// The text is not whole, or something else.
    pub fn from_text(text: &str) -> io::Result<Bundle> {
        let damaged = |why: String| io::Error::new(io::ErrorKind::InvalidData, why);
        let (first, text) = text.split_once('\n').unwrap_or_default();
        if first != checksum(text) {
            return Err(damaged("its checksum is wrong".to_owned()));
        }
        serde_json::from_str(text).map_err(|error| damaged(error.to_string()))
    }

    /// Equal for bundles that hold the same configuration.
    #[must_use]
    pub fn hash(&self) -> u64 {
        let mut hash = Xxh3::new();
        // Each part is hashed on its own first, so that no text can run into its neighbour.
        let mut part = |bytes: &[u8]| hash.update(&xxh3_64(bytes).to_le_bytes());
        part(self.main.as_os_str().as_encoded_bytes());
        for (path, text) in &self.files {
            part(path.as_os_str().as_encoded_bytes());
            part(text.as_bytes());
        }
        part(b"globs");
        for (pattern, paths) in &self.globs {
            part(pattern.as_os_str().as_encoded_bytes());
            paths.iter().for_each(|path| part(path.as_os_str().as_encoded_bytes()));
        }
        part(b"env");
        for (name, value) in &self.env {
            part(name.as_bytes());
            part(value.as_bytes());
        }
        part(b"secrets");
        for (path, digest) in &self.secrets {
            part(path.as_os_str().as_encoded_bytes());
            part(digest.as_bytes());
        }
        hash.digest()
    }

    /// Every path to watch: the files, those that do not exist yet, and the directories of the patterns.
    #[must_use]
    pub fn paths(&self) -> Vec<PathBuf> {
        let directories = self.globs.keys().map(|pattern| literal_prefix(pattern));
        let files = self.files.keys().chain(&self.missing).chain(self.secrets.keys()).cloned();
        let paths: BTreeSet<PathBuf> = files.chain(directories).map(|path| self.absolute(&path)).collect();
        paths.into_iter().collect()
    }

    /// The YAML files among what was read, the main file first, each with its text.
    pub fn yaml(&self) -> impl Iterator<Item = (&Path, &str)> {
        let included: BTreeSet<&PathBuf> = self.globs.values().flatten().filter(|path| **path != self.main).collect();
        let paths = std::iter::once(&self.main).chain(included);
        paths.filter_map(|path| Some((path.as_path(), self.files.get(path)?.as_str())))
    }

    /// Whether `source` would still give the same texts. Far cheaper than loading: nothing is parsed.
    #[must_use]
    pub fn still_holds(&self, source: &dyn Source) -> bool {
        let same = |path: &PathBuf, text: &String| source.holds(path, text.as_bytes()).unwrap_or(false);
        // One that was refused for its size or its bytes may have been repaired; then it is readable as text.
        let missing =
            |path: &PathBuf| source.read(path, MOST_REREAD).map(String::from_utf8).is_ok_and(|text| text.is_ok());
        let unchanged = |path: &PathBuf, digest: &String| {
            source.read_secret(path, MOST_REREAD).is_ok_and(|bytes| sha256(&bytes) == *digest)
        };
        self.files.iter().all(|(path, text)| same(path, text))
            && self.secrets.iter().all(|(path, digest)| unchanged(path, digest))
            && self.globs.iter().all(|(pattern, found)| source.glob(pattern).is_ok_and(|now| now == *found))
            && !self.missing.iter().any(missing)
    }
}

fn sha256(bytes: &[u8]) -> String {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, bytes);
    digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

fn checksum(text: &str) -> String {
    format!("# xxh3 {:016x}", xxh3_64(text.as_bytes()))
}

impl Source for Bundle {
    fn read(&self, path: &Path, most: u64) -> io::Result<Vec<u8>> {
        let text = self.files.get(path).ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))?;
        if text.len() as u64 > most {
            return Err(too_large(most));
        }
        Ok(text.clone().into_bytes())
    }

    /// From the disk: no secret is kept here.
    fn read_secret(&self, path: &Path, most: u64) -> io::Result<Vec<u8>> {
        Disk.read(&self.absolute(path), most)
    }

    fn glob(&self, pattern: &Path) -> io::Result<Vec<PathBuf>> {
        self.globs.get(pattern).cloned().ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))
    }

    fn env(&self, name: &str) -> Option<String> {
        self.env.get(name).cloned()
    }

    fn absolute(&self, path: &Path) -> PathBuf {
        self.directory.join(path)
    }
}

/// The part of a pattern that stands before its first wildcard.
fn literal_prefix(pattern: &Path) -> PathBuf {
    let wild = |part: &std::path::Component<'_>| part.as_os_str().as_encoded_bytes().iter().any(|b| b"*?[".contains(b));
    let prefix: PathBuf = pattern.components().take_while(|part| !wild(part)).collect();
    if prefix.as_os_str().is_empty() { PathBuf::from(".") } else { prefix }
}

/// A source that remembers what it gave.
pub(super) struct Recorder<'a> {
    source: &'a dyn Source,
    bundle: RefCell<Bundle>,
}

impl<'a> Recorder<'a> {
    pub(super) fn new(source: &'a dyn Source, main: &Path) -> Recorder<'a> {
        let directory = source.absolute(Path::new("."));
        let bundle = Bundle { main: main.to_path_buf(), directory, ..Bundle::default() };
        Recorder { source, bundle: RefCell::new(bundle) }
    }

    pub(super) fn finish(self) -> Bundle {
        self.bundle.into_inner()
    }
}

impl Source for Recorder<'_> {
    fn read(&self, path: &Path, most: u64) -> io::Result<Vec<u8>> {
        let read = self.source.read(path, most);
        let mut bundle = self.bundle.borrow_mut();
        // What is not UTF-8 is refused by whoever reads it, so it need not be kept either.
        match read.as_deref().map(std::str::from_utf8) {
            Ok(Ok(text)) => drop(bundle.files.insert(path.to_path_buf(), text.to_owned())),
            Ok(Err(_)) | Err(_) => drop(bundle.missing.insert(path.to_path_buf())),
        }
        read
    }

    fn read_secret(&self, path: &Path, most: u64) -> io::Result<Vec<u8>> {
        let read = self.source.read_secret(path, most);
        let mut bundle = self.bundle.borrow_mut();
        match &read {
            Ok(bytes) => drop(bundle.secrets.insert(path.to_path_buf(), sha256(bytes))),
            Err(_) => drop(bundle.missing.insert(path.to_path_buf())),
        }
        read
    }

    fn glob(&self, pattern: &Path) -> io::Result<Vec<PathBuf>> {
        let found = self.source.glob(pattern)?;
        self.bundle.borrow_mut().globs.insert(pattern.to_path_buf(), found.clone());
        Ok(found)
    }

    fn env(&self, name: &str) -> Option<String> {
        let value = self.source.env(name)?;
        self.bundle.borrow_mut().env.insert(name.to_owned(), value.clone());
        Some(value)
    }

    fn absolute(&self, path: &Path) -> PathBuf {
        self.source.absolute(path)
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use proptest::prelude::*;

    use super::*;

    fn bundle(text: &str) -> Bundle {
        Bundle {
            main: PathBuf::from("routes.yaml"),
            directory: PathBuf::from("/etc/banyan"),
            files: BTreeMap::from([(PathBuf::from("routes.yaml"), text.to_owned())]),
            globs: BTreeMap::from([(PathBuf::from("routes.d/*.yaml"), vec![])]),
            env: BTreeMap::from([("SECRET".to_owned(), "s3cret".to_owned())]),
            missing: BTreeSet::from([PathBuf::from("tenants.txt")]),
            secrets: BTreeMap::new(),
        }
    }

    #[test]
    fn what_was_saved_comes_back_and_is_the_owners_alone() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(Bundle::load(dir.path()).unwrap(), None);
        let kept = bundle("version: 1\n# ü \u{2028} \r\n");
        kept.save(dir.path()).unwrap();
        kept.save(dir.path()).unwrap();
        assert_eq!(Bundle::load(dir.path()).unwrap(), Some(kept));
        let mode = fs::metadata(dir.path().join(Bundle::FILE)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_damaged_file_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        bundle("version: 1\n").save(dir.path()).unwrap();
        let path = dir.path().join(Bundle::FILE);
        let text = fs::read_to_string(&path).unwrap();
        for end in 0..text.len() {
            fs::write(&path, &text[..end]).unwrap();
            assert!(Bundle::load(dir.path()).is_err(), "{end}");
        }
    }

    #[test]
    fn every_path_is_watched_from_the_root_on() {
        let paths = bundle("").paths();
        let expected = ["/etc/banyan/routes.d", "/etc/banyan/routes.yaml", "/etc/banyan/tenants.txt"];
        assert_eq!(paths, expected.map(PathBuf::from));
    }

    #[test]
    fn the_hash_knows_each_part() {
        let one = bundle("a");
        let mut other = bundle("a");
        other.missing.clear();
        assert_eq!(one.hash(), other.hash());
        assert_ne!(one.hash(), bundle("b").hash());
        other.env.clear();
        assert_ne!(one.hash(), other.hash());
        let mut renewed = bundle("a");
        renewed.secrets.insert(PathBuf::from("a.key"), sha256(b"new"));
        assert_ne!(one.hash(), renewed.hash());
    }

    #[test]
    fn a_secret_is_watched_and_read_anew_but_never_kept() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.key");
        fs::write(&path, "s3cret").unwrap();
        let recorder = Recorder::new(&Disk, Path::new("routes.yaml"));
        assert_eq!(recorder.read_secret(&path, 100).unwrap(), b"s3cret");
        let kept = recorder.finish();
        assert!(!kept.to_text().unwrap().contains("s3cret"));
        assert!(kept.paths().contains(&path) && kept.still_holds(&Disk));
        let kept = Bundle::from_text(&kept.to_text().unwrap()).unwrap();
        fs::write(&path, "renewed").unwrap();
        assert!(!kept.still_holds(&Disk));
        assert_eq!(kept.read_secret(&path, 100).unwrap(), b"renewed");
    }

    proptest! {
        #[test]
        fn any_text_survives(text in "\\PC*|[ -~\\n\\r\\t]*|[: \\n#'\"-]*") {
            let kept = bundle(&text);
            prop_assert_eq!(Bundle::from_text(&kept.to_text().unwrap()).unwrap(), kept);
        }
    }
}
