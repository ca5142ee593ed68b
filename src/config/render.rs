//! Findings as text for people, JSON for tools, and annotations for GitHub.

use std::fmt::Write as _;

use super::diagnostic::{Diagnostic, Diagnostics, escape};

/// How findings are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Format {
    /// `FILE:LINE:COL: error[CODE]: text`, the offending line with a caret, and help.
    #[default]
    Text,
    /// An array of objects.
    Json,
    /// `::error file=…,line=…,col=…,title=…::…`, one per line.
    Github,
}

/// All findings in this format, ending with a line break; empty where there is nothing to say (JSON: `[]`).
#[must_use]
pub fn render(diagnostics: &Diagnostics, format: Format) -> String {
    match format {
        Format::Text => text(diagnostics),
        Format::Json => json(diagnostics),
        Format::Github => github(diagnostics),
    }
}

fn text(diagnostics: &Diagnostics) -> String {
    let mut out = String::new();
    for found in &diagnostics.list {
        let _ = writeln!(out, "{}", headline(found));
        if !found.source_line.is_empty() {
            let _ = writeln!(out, "    {}\n    {:width$}^", found.source_line, "", width = found.caret);
        }
        if let Some(suggestion) = &found.suggestion {
            let _ = writeln!(out, "help: {suggestion}");
        }
    }
    if let Some(more) = and_more(diagnostics) {
        let _ = writeln!(out, "{more}");
    }
    out
}

/// `FILE:LINE:COL: error[CODE]: text`.
#[must_use]
pub fn headline(found: &Diagnostic) -> String {
    let file = escape(&found.file.display().to_string());
    let Diagnostic { line, col, code, message, severity, .. } = found;
    format!("{file}:{line}:{col}: {}[{code}]: {message}", severity.as_str())
}

/// The headline and what may help, on one line: for logs and answers.
#[must_use]
pub fn told(found: &Diagnostic) -> String {
    let help = found.suggestion.as_ref().map(|help| format!(" ({})", escape(help))).unwrap_or_default();
    headline(found) + &help
}

fn and_more(diagnostics: &Diagnostics) -> Option<String> {
    let words = |count: usize, what: &str| match count {
        0 => None,
        1 => Some(format!("1 more {what}")),
        count => Some(format!("{count} more {what}s")),
    };
    let parts: Vec<String> = [words(diagnostics.more_errors, "error"), words(diagnostics.more_warnings, "warning")]
        .into_iter()
        .flatten()
        .collect();
    (!parts.is_empty()).then(|| format!("and {}", parts.join(" and ")))
}

fn json(diagnostics: &Diagnostics) -> String {
    // Serializing plain strings and numbers to memory cannot fail.
    let mut out = serde_json::to_string_pretty(&diagnostics.list).unwrap_or_else(|_| "[]".to_owned());
    out.push('\n');
    out
}

fn github(diagnostics: &Diagnostics) -> String {
    let mut out = String::new();
    for found in &diagnostics.list {
        let mut message = found.message.clone();
        if let Some(suggestion) = &found.suggestion {
            let _ = write!(message, "\nhelp: {suggestion}");
        }
        let _ = writeln!(
            out,
            "::{} file={},line={},col={},title={}::{}",
            found.severity.as_str(),
            property(&found.file.display().to_string()),
            found.line,
            found.col,
            property(found.code),
            data(&message)
        );
    }
    if let Some(more) = and_more(diagnostics) {
        let _ = writeln!(out, "::notice title=more::{}", data(&more));
    }
    out
}

/// The escapes of a workflow command's message.
fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// The escapes of a workflow command's property.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};
    use std::sync::Arc;

    use super::*;
    use crate::config::diagnostic::{Finding, Report};
    use crate::config::place::Place;

    fn diagnostics(line: &str, col: u32, message: &str) -> Diagnostics {
        let mut report = Report::default();
        let file = report.files.add(Path::new("a,b.yaml"), Arc::from(line));
        let place = Place { file, line: 1, col };
        report.add(Finding::error(place, "unknown-key", message).near("stge", ["stage", "salt"]));
        report.finish()
    }

    #[test]
    fn text_has_the_line_a_caret_and_help() {
        let found = diagnostics("  stge: live", 3, "`stge` is not a key of a route");
        assert_eq!(
            render(&found, Format::Text),
            "a,b.yaml:1:3: error[unknown-key]: `stge` is not a key of a route\n      stge: live\n      ^\n\
             help: did you mean `stage`?\n"
        );
    }

    #[test]
    fn a_file_cannot_speak_to_the_terminal() {
        let found = diagnostics("a\u{1b}[2Jb: \u{202e}x", 6, "bad \u{1b}]0;title\u{7}");
        let text = render(&found, Format::Text);
        assert!(!text.contains('\u{1b}') && !text.contains('\u{7}') && !text.contains('\u{202e}'), "{text}");
        assert_eq!(found.list[0].source_line, "a\\u{1b}[2Jb: \\u{202e}x");
        assert_eq!(found.list[0].caret, 10);
    }

    #[test]
    fn github_annotations_are_escaped() {
        let found = diagnostics("x: y", 1, "50% of\nit");
        assert_eq!(
            render(&found, Format::Github),
            "::error file=a%2Cb.yaml,line=1,col=1,title=unknown-key::50%25 of\\u{a}it%0Ahelp: did you mean `stage`?\n"
        );
    }

    #[test]
    fn json_is_an_array_of_objects() {
        let value: serde_json::Value =
            serde_json::from_str(&render(&diagnostics("x: y", 1, "m"), Format::Json)).unwrap();
        assert_eq!(value[0]["severity"], "error");
        assert_eq!(value[0]["code"], "unknown-key");
        assert_eq!((&value[0]["line"], &value[0]["col"]), (&1.into(), &1.into()));
    }

    #[test]
    fn a_long_line_is_shown_around_its_column() {
        let line = format!("{}X{}", "a".repeat(500), "b".repeat(500));
        let found = diagnostics(&line, 501, "m");
        let shown = &found.list[0];
        assert_eq!(shown.source_line.chars().nth(shown.caret), Some('X'));
        assert!(shown.source_line.chars().count() < 200);
    }

    #[test]
    fn findings_are_bounded_and_counted() {
        let mut report = Report::default();
        let file = report.files.add(&PathBuf::from("a"), Arc::from(""));
        for line in 1..=10_000 {
            report.error(Place { file, line, col: 1 }, "unknown-key", "m");
        }
        let found = report.finish();
        assert_eq!((found.list.len(), found.more_errors), (100, 9_900));
        assert!(render(&found, Format::Text).ends_with("and 9900 more errors\n"));
    }
}
