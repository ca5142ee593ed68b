//! What is remembered when a process starts, and what is done with a file that is not to be believed.

use std::path::Path;

use rusqlite::{Connection, OpenFlags};

use super::Remembered;
use super::database::{self, Fault, Open};
use super::memory::Memory;
use super::recall::{self, Recalled};
use super::witness::{self, Witness};

/// How a ledger begins.
#[derive(Debug)]
pub(super) struct Begun {
    /// What is known to be in force.
    pub(super) memory: Memory,
    /// The file, if it can be used now.
    pub(super) open: Option<Open>,
    /// How many transactions the file had.
    pub(super) commits: u64,
    /// Why what is known may not be all.
    pub(super) trouble: Option<String>,
    /// Whether there may be a file that was never read: it must be put aside before anything is written.
    pub(super) unread: bool,
}

impl Begun {
    /// For the caller.
    pub(super) fn remembered(&self) -> Remembered {
        Remembered {
            pins: self.memory.pins().cloned().collect(),
            hold: self.memory.hold().cloned(),
            ramps: self.memory.ramps().cloned().collect(),
            last_generation: self.memory.last_generation(),
            trouble: self.trouble.clone(),
        }
    }
}

/// Opens the file of a state directory and reads it; puts it aside and begins a fresh one if it is not to be believed.
pub(super) fn start(dir: &Path) -> Begun {
    let path = database::path(dir);
    let witness = witness::read(dir);
    let begun = match database::open(&path, true) {
        Ok(open) => {
            let recalled = recall::recall(&open.connection);
            match doubt(&recalled, witness) {
                None => Begun::with(recalled, Some(open)),
                // There is nothing in it that could be put aside.
                Some(why) if open.fresh => begin_anew(dir, recalled, why, Some(open)),
                Some(why) => {
                    drop(open);
                    set_aside(dir, &path, why)
                }
            }
        }
        Err(Fault::Broken(why)) => set_aside(dir, &path, why),
        Err(Fault::Passing(why)) => without_file(&path, witness, &why),
    };
    match (&begun.trouble, witness) {
        (None, Witness::Trouble) => {
            let why = "it could not be believed at an earlier start, and nothing was written since".to_owned();
            Begun { trouble: Some(why), ..begun }
        }
        _ => begun,
    }
}

impl Begun {
    fn with(recalled: Recalled, open: Option<Open>) -> Begun {
        Begun { memory: recalled.memory, open, commits: recalled.commits, trouble: None, unread: false }
    }
}

/// Why what was read cannot be all, or right.
fn doubt(recalled: &Recalled, witness: Witness) -> Option<String> {
    if let Some(first) = recalled.complaints.first() {
        return Some(match recalled.complaints.len() - 1 {
            0 => first.clone(),
            more => format!("{first} (and {more} more)"),
        });
    }
    match witness {
        Witness::Sealed(commits, _) if commits > recalled.commits => {
            let missing = commits - recalled.commits;
            Some(format!("the last {missing} transactions that were written are not in it"))
        }
        Witness::Sealed(commits, seal) if commits == recalled.commits && seal != recalled.memory.seal() => {
            Some("it is another than the one that was written last".to_owned())
        }
        _ => None,
    }
}

/// Puts the file aside with what is beside it, reads what can be read of it, and begins a fresh one with that.
fn set_aside(dir: &Path, path: &Path, why: String) -> Begun {
    // First of all, and durable: a crash from here on must not end in a fresh file that nobody doubts.
    let aside = witness::trouble(dir).and_then(|()| database::put_aside(path, "corrupt"));
    match aside {
        Ok(aside) => {
            let why = format!(
                "{why}; it was put aside as {} with its audit and history, and what could be read of its pins is in force",
                aside.display()
            );
            begin_anew(dir, salvage(&aside), why, database::open(path, true).ok())
        }
        Err(error) => {
            let why = format!("{why}; it could not be put aside: {error}");
            let Recalled { memory, commits, .. } = salvage(path);
            Begun { memory, open: None, commits, trouble: Some(why), unread: true }
        }
    }
}

fn begin_anew(dir: &Path, recalled: Recalled, why: String, open: Option<Open>) -> Begun {
    // Where it cannot be noted, an earlier note stands, or the file itself, which has not got what it should have.
    let _ = witness::trouble(dir);
    Begun { trouble: Some(why), ..Begun::with(recalled, open) }
}

/// What is known when the file cannot be opened for writing.
fn without_file(path: &Path, witness: Witness, why: &str) -> Begun {
    let found = if database::is_bare(path) { Ok(None) } else { database::peek(path) };
    // Where there never was anything, nothing is missing; whether there was, the witness knows.
    match found.map(|file| file.map(|connection| recall::recall(&connection)).unwrap_or_default()) {
        Ok(recalled) if doubt(&recalled, witness).is_none() => Begun::with(recalled, None),
        Ok(recalled) => {
            let trouble = Some(format!("{why}; what can be read of it is not all that was written"));
            Begun { trouble, unread: true, ..Begun::with(recalled, None) }
        }
        Err(fault) => {
            let trouble = Some(format!("{why}; it cannot be read either: {}", fault.why()));
            Begun { trouble, unread: true, ..Begun::with(Recalled::default(), None) }
        }
    }
}

/// Whatever can be read of a file that was put aside.
fn salvage(path: &Path) -> Recalled {
    Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY)
        .map(|connection| recall::recall(&connection))
        .unwrap_or_default()
}
