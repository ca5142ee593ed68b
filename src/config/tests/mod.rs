//! Facts about a whole load.

mod admin;
mod backend_tls;
mod bombs;
mod change;
mod fuzz;
mod guards;
mod includes;
mod mistakes;
mod resilience;
mod schema;
mod sources;
mod valid;

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use super::*;

/// A source in memory.
#[derive(Debug, Default, Clone)]
struct Memory {
    files: BTreeMap<PathBuf, Vec<u8>>,
    env: BTreeMap<String, String>,
}

impl Memory {
    fn with(mut self, path: &str, text: impl AsRef<[u8]>) -> Memory {
        self.files.insert(PathBuf::from(path), text.as_ref().to_vec());
        self
    }

    fn env(mut self, name: &str, value: &str) -> Memory {
        self.env.insert(name.to_owned(), value.to_owned());
        self
    }

    fn load(&self) -> Loaded {
        load(self, Path::new("routes.yaml"), &Options::default())
    }
}

impl Source for Memory {
    fn read(&self, path: &Path, most: u64) -> io::Result<Vec<u8>> {
        let bytes = self.files.get(path).ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))?;
        if bytes.len() as u64 > most { Err(source::too_large(most)) } else { Ok(bytes.clone()) }
    }

    fn glob(&self, pattern: &Path) -> io::Result<Vec<PathBuf>> {
        let pattern = glob::Pattern::new(&pattern.to_string_lossy()).map_err(io::Error::other)?;
        Ok(self.files.keys().filter(|path| pattern.matches_path(path)).cloned().collect())
    }

    fn env(&self, name: &str) -> Option<String> {
        self.env.get(name).cloned()
    }

    fn absolute(&self, path: &Path) -> PathBuf {
        Path::new("/etc/banyan").join(path).components().collect()
    }
}

/// What most texts below start with.
const HEAD: &str = "\
version: 1
listen: [{ address: 127.0.0.1:8080 }]
defaults: { legacy: old }
backends: { old: { endpoints: [http://10.0.0.1:80] }, new: { endpoints: [http://10.0.0.2:80] } }
subject: { tenant: [{ header: X-Tenant }], user: [{ cookie: sid }] }
";

fn main(text: impl AsRef<[u8]>) -> Memory {
    Memory::default().with("routes.yaml", text)
}

/// `LINE:COL code` of each finding in a text behind [`HEAD`], lines counted from the end of it.
fn found(rest: &str) -> Vec<String> {
    let head = u32::try_from(HEAD.lines().count()).unwrap();
    let loaded = main(format!("{HEAD}{rest}")).load();
    let list = loaded.diagnostics.list.iter();
    // That nothing leads to `new` is no news in most of the texts.
    let list = list.filter(|found| found.line > head);
    list.map(|found| format!("{}:{} {}", found.line - head, found.col, found.code)).collect()
}

/// The snapshot of a text behind [`HEAD`], which must load without errors.
fn snapshot(rest: &str) -> Snapshot {
    let loaded = main(format!("{HEAD}{rest}")).load();
    assert!(loaded.is_clean(), "{}", render(&loaded.diagnostics, Format::Text));
    loaded.snapshot.unwrap()
}

fn fixture(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/config").join(path)
}
