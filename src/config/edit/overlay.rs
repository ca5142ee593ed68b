//! A source in which some files have another text: what a load would say if they were written.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use crate::config::source::{Source, too_large};

/// A source with the texts of some files replaced.
#[derive(Debug)]
pub struct Overlay<'s, S> {
    source: &'s S,
    texts: BTreeMap<PathBuf, String>,
}

impl<'s, S: Source> Overlay<'s, S> {
    /// `source`, but for these texts.
    pub fn new(source: &'s S, texts: impl IntoIterator<Item = (PathBuf, String)>) -> Overlay<'s, S> {
        Overlay { source, texts: texts.into_iter().collect() }
    }
}

impl<S: Source> Source for Overlay<'_, S> {
    fn read(&self, path: &Path, most: u64) -> io::Result<Vec<u8>> {
        match self.texts.get(path) {
            Some(text) if text.len() as u64 > most => Err(too_large(most)),
            Some(text) => Ok(text.clone().into_bytes()),
            None => self.source.read(path, most),
        }
    }

    fn glob(&self, pattern: &Path) -> io::Result<Vec<PathBuf>> {
        self.source.glob(pattern)
    }

    fn env(&self, name: &str) -> Option<String> {
        self.source.env(name)
    }

    fn absolute(&self, path: &Path) -> PathBuf {
        self.source.absolute(path)
    }
}
