//! The configuration that may come, as it was sent.

use std::io;
use std::path::{Path, PathBuf};

use crate::config::{self, Bundle, Loaded, Options, Source};

/// The name of a configuration that was sent as one text.
const ALONE: &str = "routes.yaml";

/// A configuration that was sent.
#[derive(Debug)]
pub enum Candidate {
    /// All that one load read: [`Bundle::to_text`].
    Bundle(Box<Bundle>),
    /// The text of one file; what it includes, and variables, are not there.
    Text(String),
}

impl Candidate {
    /// Loads it, with everything that is wrong about it.
    #[must_use]
    pub fn load(&self, options: &Options) -> Loaded {
        match self {
            Candidate::Bundle(bundle) => config::load(&**bundle, &bundle.main, options),
            Candidate::Text(text) => config::load(&Alone(text), Path::new(ALONE), options),
        }
    }
}

/// One file, and nothing beside it. Variables are not this process's: whoever may read must not learn its secrets from an error.
struct Alone<'t>(&'t str);

impl Source for Alone<'_> {
    fn read(&self, path: &Path, most: u64) -> io::Result<Vec<u8>> {
        if path != Path::new(ALONE) {
            return Err(io::Error::new(io::ErrorKind::NotFound, "only the main file was sent"));
        }
        if self.0.len() as u64 > most {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        Ok(self.0.as_bytes().to_vec())
    }

    fn glob(&self, _pattern: &Path) -> io::Result<Vec<PathBuf>> {
        Err(io::Error::new(io::ErrorKind::NotFound, "only the main file was sent"))
    }

    fn env(&self, _name: &str) -> Option<String> {
        None
    }

    fn absolute(&self, path: &Path) -> PathBuf {
        Path::new("/").join(path)
    }
}
