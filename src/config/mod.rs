//! `routes.yaml` to a [`Snapshot`]: one load for check, test, reload and start.
//!
//! A load goes one way: [`source`] gives texts, [`yaml`] makes trees with places of them, [`read`] makes the types of
//! [`mod@file`] of those, [`gather`] puts files together, [`compile`] looks names up and gives the snapshot. Each step
//! reports all it finds and goes on, so one load names every mistake ([`diagnostic`], [`mod@render`]).
//!
//! Everything a load reads is kept in a [`Bundle`], from which the same configuration can be loaded again. What a new
//! configuration changes, and whether it looks like a file that was cut short, is told by [`change`]. [`edit`] goes the
//! other way: it sets one key of a route in the text, and leaves every other byte as it is.

pub mod bundle;
pub mod change;
mod compile;
pub mod diagnostic;
pub mod edit;
pub mod file;
mod gather;
pub mod place;
pub mod read;
pub mod render;
pub mod source;
mod yaml;

#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

pub use bundle::Bundle;
pub use change::{Removal, canary_in_words, changes, needs_confirming};
pub use compile::{TestResult, token_entry};
pub use diagnostic::{Diagnostic, Diagnostics, Severity};
pub use file::schema;
pub use render::{Format, render};
pub use source::{Disk, Source};

use bundle::Recorder;
use diagnostic::Report;
use read::Cx;

use crate::snapshot::Snapshot;

/// What the caller of a load decides.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// `--state-dir`, which wins over the file.
    pub state_dir: Option<PathBuf>,
    /// Leave certificates and keys unread, where nobody will be served by what is loaded: they belong to the
    /// machine that serves, and an old generation may name files that are long gone.
    pub without_tls: bool,
    /// Even then, read those that backends are spoken to with: what is loaded will be served, behind the listeners of now.
    pub with_tls_of_backends: bool,
}

/// What came of a load.
#[derive(Debug)]
pub struct Loaded {
    /// The configuration; there where nothing but tests failed.
    pub snapshot: Option<Snapshot>,
    /// Everything that was found.
    pub diagnostics: Diagnostics,
    /// How each of the `tests:` went; empty where the file itself is wrong.
    pub tests: Vec<TestResult>,
    /// Everything that was read.
    pub bundle: Bundle,
}

impl Loaded {
    /// Whether a reload takes it and `check` is content: no error, and no failed test either.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.snapshot.is_some() && !self.diagnostics.has_errors()
    }
}

/// Loads a configuration. It is taken whole or not at all, and everything that is wrong with it is found at once.
#[must_use]
pub fn load(source: &dyn Source, main: &Path, options: &Options) -> Loaded {
    let recorder = Recorder::new(source, main);
    let mut report = Report::default();
    let mut cx = Cx { report: &mut report, source: &recorder };
    let gathered = gather::gather(main, &mut cx);
    let compiled = gathered.and_then(|all| compile::compile(all, main, options, &mut cx));
    let (snapshot, tests) = match compiled {
        Some(compiled) => {
            let tests = compile::run_tests(&compiled.tests, &compiled.snapshot.rules, &mut cx);
            (Some(compiled.snapshot), tests)
        }
        None => (None, Vec::new()),
    };
    Loaded { snapshot, diagnostics: report.finish(), tests, bundle: recorder.finish() }
}
