//! What is wrong with a configuration: every finding of one load, with its place and a stable code.

use std::collections::HashSet;
use std::path::PathBuf;

use serde::Serialize;
use xxhash_rust::xxh3::xxh3_64;

use super::place::{Files, Place};

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The configuration is refused.
    Error,
    /// It is taken, but somebody should look.
    Warning,
}

impl Severity {
    /// `error` or `warning`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Severity::Error => "error",
            Severity::Warning => "warning",
        }
    }
}

/// The code of a `tests:` entry that does not hold: start takes it as a warning, a reload and `check` refuse.
pub const TEST_FAILED: &str = "test-failed";

/// One finding, ready to be shown: control characters in it are escaped, so that a file cannot speak to a terminal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Diagnostic {
    /// How bad it is.
    pub severity: Severity,
    /// What kind of finding, in a word that stays: `unknown-key`.
    pub code: &'static str,
    /// The file, as its path was given.
    pub file: PathBuf,
    /// The line, from 1.
    pub line: u32,
    /// The column, from 1, in characters.
    pub col: u32,
    /// What is wrong, in a sentence.
    pub message: String,
    /// The offending line, cut to a window around the column where it is long.
    pub source_line: String,
    /// How many characters of `source_line` stand before the offending one.
    #[serde(skip)]
    pub caret: usize,
    /// What may help: ``did you mean `stage`?``
    pub suggestion: Option<String>,
}

/// All findings of one load, sorted by file and line.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Diagnostics {
    /// The findings; each severity is bounded to [`Diagnostics::MOST`].
    pub list: Vec<Diagnostic>,
    /// How many more errors there were.
    pub more_errors: usize,
    /// How many more warnings there were.
    pub more_warnings: usize,
}

impl Diagnostics {
    /// How many errors, and how many warnings, are kept.
    pub const MOST: usize = 100;

    /// The errors, failed tests among them.
    pub fn errors(&self) -> impl Iterator<Item = &Diagnostic> {
        self.list.iter().filter(|found| found.severity == Severity::Error)
    }

    /// The warnings.
    pub fn warnings(&self) -> impl Iterator<Item = &Diagnostic> {
        self.list.iter().filter(|found| found.severity == Severity::Warning)
    }

    /// Whether anything is an error, a failed test included.
    #[must_use]
    pub fn has_errors(&self) -> bool {
        self.errors().next().is_some()
    }

    /// Whether every error is a failed test.
    #[must_use]
    pub fn only_tests_failed(&self) -> bool {
        self.has_errors() && self.errors().all(|found| found.code == TEST_FAILED)
    }
}

/// A finding while it is made.
#[derive(Debug)]
pub(super) struct Finding {
    severity: Severity,
    code: &'static str,
    place: Place,
    message: String,
    help: Option<String>,
}

impl Finding {
    pub(super) fn error(place: Place, code: &'static str, message: impl Into<String>) -> Finding {
        Finding { severity: Severity::Error, code, place, message: message.into(), help: None }
    }

    pub(super) fn warning(place: Place, code: &'static str, message: impl Into<String>) -> Finding {
        Finding { severity: Severity::Warning, code, place, message: message.into(), help: None }
    }

    pub(super) fn help(mut self, help: impl Into<String>) -> Finding {
        self.help = Some(help.into());
        self
    }

    /// Says ``did you mean `NEAR`?`` where a near name exists.
    pub(super) fn near<'n>(mut self, word: &str, names: impl IntoIterator<Item = &'n str>) -> Finding {
        if self.help.is_none() {
            self.help = nearest(word, names).map(|near| format!("did you mean `{near}`?"));
        }
        self
    }
}

/// Collects the findings of one load, and the files they quote.
#[derive(Debug, Default)]
pub(super) struct Report {
    pub(super) files: Files,
    found: Vec<Finding>,
    seen: HashSet<(Place, &'static str, u64)>,
    errors: usize,
    warnings: usize,
}

impl Report {
    /// Adds a finding. The second one with the same words at the same place is the same mistake seen again, as when
    /// every route inherits a bad default.
    pub(super) fn add(&mut self, finding: Finding) {
        let count = match finding.severity {
            Severity::Error => &mut self.errors,
            Severity::Warning => &mut self.warnings,
        };
        // Far more than is shown, so that what is shown is first in file order; bounded all the same.
        if *count >= 50 * Diagnostics::MOST {
            *count += 1;
        } else if self.seen.insert((finding.place, finding.code, xxh3_64(finding.message.as_bytes()))) {
            *count += 1;
            self.found.push(finding);
        }
    }

    pub(super) fn error(&mut self, place: Place, code: &'static str, message: impl Into<String>) {
        self.add(Finding::error(place, code, message));
    }

    pub(super) fn warning(&mut self, place: Place, code: &'static str, message: impl Into<String>) {
        self.add(Finding::warning(place, code, message));
    }

    pub(super) fn has_errors(&self) -> bool {
        self.errors > 0
    }

    /// Whether there are so many findings that guessing what was meant is wasted on another.
    pub(super) fn is_crowded(&self) -> bool {
        self.errors + self.warnings > 5 * Diagnostics::MOST
    }

    pub(super) fn finish(mut self) -> Diagnostics {
        self.found.sort_by_key(|found| (found.place, found.severity, found.code));
        let mut room = [Diagnostics::MOST; 2];
        let mut list = Vec::new();
        for found in self.found {
            let left = &mut room[found.severity as usize];
            if *left > 0 {
                *left -= 1;
                list.push(show(&self.files, found));
            }
        }
        let shown = |left: usize| Diagnostics::MOST - left;
        let more_errors = self.errors.saturating_sub(shown(room[0]));
        let more_warnings = self.warnings.saturating_sub(shown(room[1]));
        Diagnostics { list, more_errors, more_warnings }
    }
}

/// The name that was probably meant, if one is near enough.
pub fn nearest<'n>(word: &str, names: impl IntoIterator<Item = &'n str>) -> Option<&'n str> {
    // Names longer than this were not mistyped by hand, and the distance costs the product of the lengths.
    if word.len() > 64 {
        return None;
    }
    let lower = word.to_lowercase();
    let mut best: Option<(usize, &str)> = None;
    for name in names.into_iter().filter(|name| name.len() <= 64 && name.len().abs_diff(word.len()) <= 3) {
        let distance = strsim::damerau_levenshtein(&lower, &name.to_lowercase());
        let allowed = (word.chars().count().max(name.chars().count()) / 3).clamp(1, 3);
        if distance <= allowed && best.is_none_or(|(least, _)| distance < least) {
            best = Some((distance, name));
        }
    }
    best.map(|(_, name)| name)
}

/// How many characters of a long line are shown before and after the offending one.
const BEFORE: usize = 60;
const AFTER: usize = 100;

fn show(files: &Files, found: Finding) -> Diagnostic {
    let line = files.line(found.place);
    let col = (found.place.col as usize).saturating_sub(1);
    let skipped = col.saturating_sub(BEFORE);
    let start = if skipped > 0 { "…" } else { "" };
    let mut chars = line.chars().skip(skipped);
    let before: String = chars.by_ref().take(col - skipped).collect();
    let after: String = chars.by_ref().take(AFTER).collect();
    let end = if chars.next().is_some() { "…" } else { "" };
    let before = format!("{start}{}", escape(&before));
    Diagnostic {
        severity: found.severity,
        code: found.code,
        file: files.path(found.place.file).to_path_buf(),
        line: found.place.line,
        col: found.place.col,
        message: escape(&shorten(&found.message)),
        caret: before.chars().count(),
        source_line: format!("{before}{}{end}", escape(&after)),
        suggestion: found.help.map(|help| escape(&shorten(&help))),
    }
}

fn shorten(message: &str) -> String {
    const MOST: usize = 600;
    match message.char_indices().nth(MOST) {
        Some((end, _)) => format!("{}…", &message[..end]),
        None => message.to_owned(),
    }
}

/// Makes control characters, and those that turn the direction of writing, visible and harmless. A tab becomes a
/// space, so that a caret below it stands right.
pub(super) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\t' => out.push(' '),
            '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}' => {
                out.extend(c.escape_unicode());
            }
            c if c.is_control() => out.extend(c.escape_unicode()),
            c => out.push(c),
        }
    }
    out
}
