//! The generations of before: who made them and what they changed; the latest can be put back without reading anything.

use std::collections::VecDeque;
use std::fmt::Write as _;
use std::sync::Arc;

use similar::TextDiff;
use xxhash_rust::xxh3::{Xxh3, xxh3_64};

use crate::config::Bundle;
use crate::directives::Author;
use crate::ledger::GENERATIONS;
use crate::snapshot::Snapshot;

/// How many bytes of configuration text the snapshots in memory may come from; one takes a few times its text.
const MOST_TEXT: usize = 32 * 1024 * 1024;

/// A generation of before.
#[derive(Debug, Clone)]
pub struct Past {
    /// Its number.
    pub number: u64,
    /// When it went live, in milliseconds since 1970.
    pub at_ms: u64,
    /// Who made it.
    pub by: Author,
    /// What it changed, in words.
    pub changes: Vec<String>,
    /// What it was made from, where that is still in memory.
    pub made_from: Option<MadeFrom>,
}

/// A configuration as it was loaded. Generations that differ in directives alone share it.
#[derive(Debug, Clone)]
pub struct MadeFrom {
    /// What was compiled.
    pub snapshot: Arc<Snapshot>,
    /// What was read, as [`Bundle::to_text`] writes it.
    pub text: Arc<str>,
    /// XXH3-64 of the files' texts, as 16 hexadecimal digits: the same on every instance with the same files.
    pub digest: Arc<str>,
}

/// The latest generations, oldest first.
#[derive(Debug, Default)]
pub(super) struct History {
    past: VecDeque<Past>,
}

impl MadeFrom {
    /// A loaded configuration.
    #[must_use]
    pub fn new(snapshot: Snapshot, bundle: &Bundle) -> MadeFrom {
        // A path that is not UTF-8 does not serialize; such a configuration cannot be put back after a restart.
        let text = bundle.to_text().unwrap_or_default().into();
        let mut hash = Xxh3::new();
        bundle.files().for_each(|(_, text)| hash.update(&xxh3_64(text.as_bytes()).to_le_bytes()));
        let digest = format!("{:016x}", hash.digest()).into();
        MadeFrom { snapshot: Arc::new(snapshot), text, digest }
    }
}

impl History {
    /// Begins with what was remembered from before the start, oldest first.
    pub(super) fn new(past: Vec<Past>) -> History {
        History { past: past.into() }
    }

    /// Adds the newest; lets go of what is too old or too large.
    pub(super) fn push(&mut self, past: Past) {
        self.past.push_back(past);
        while self.past.len() > GENERATIONS as usize {
            self.past.pop_front();
        }
        let mut room = MOST_TEXT;
        let mut known: Option<Arc<str>> = None;
        // The newest is live in any case.
        for past in self.past.iter_mut().rev() {
            let Some(made_from) = &past.made_from else { continue };
            if known.as_ref().is_some_and(|text| Arc::ptr_eq(text, &made_from.text)) {
                continue;
            }
            let size = made_from.text.len();
            if known.is_some() && size > room {
                past.made_from = None;
                continue;
            }
            room = room.saturating_sub(size);
            known = Some(Arc::clone(&made_from.text));
        }
    }

    /// The generation with this number.
    pub(super) fn get(&self, number: u64) -> Option<&Past> {
        self.past.iter().find(|past| past.number == number)
    }

    /// All of them, newest first.
    pub(super) fn all(&self) -> Vec<Past> {
        self.past.iter().rev().cloned().collect()
    }
}

/// What changed from one configuration's files to another's, as a unified diff of each file; empty where nothing did.
#[must_use]
pub fn text_diff(old: &Bundle, new: &Bundle) -> String {
    let mut text = String::new();
    let mut paths: Vec<_> = old.files().chain(new.files()).map(|(path, _)| path).collect();
    paths.sort_unstable();
    paths.dedup();
    for path in paths {
        let (before, after) = (old.text(path).unwrap_or_default(), new.text(path).unwrap_or_default());
        if before == after {
            continue;
        }
        let name = path.display().to_string();
        let diff = TextDiff::from_lines(before, after);
        // Writing to a string cannot fail.
        let _ = write!(text, "{}", diff.unified_diff().context_radius(3).header(&name, &name));
    }
    text
}
