//! What is wrong with a configuration, with the lines that it is about.

use crate::admin::{Checked, FindingView};
use crate::console::differences::list::shown;

/// Lines before and after the one that is wrong.
const AROUND: usize = 2;
/// The most characters of a line.
const LONGEST: usize = 240;

/// Something that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Finding {
    pub(crate) is_error: bool,
    pub(crate) code: String,
    pub(crate) message: String,
    pub(crate) suggestion: Option<String>,
    /// The file, where it is not the one that was sent.
    pub(crate) file: Option<String>,
    pub(crate) line: u32,
    pub(crate) col: u32,
    pub(crate) lines: Vec<Line>,
}

/// A line of the text, with its number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Line {
    pub(crate) number: usize,
    pub(crate) text: String,
    /// What stands below it, where something on it is wrong: a caret at the place.
    pub(crate) under: Option<String>,
}

/// Errors first, each as far up in the file as it stands.
pub(super) fn findings(checked: &Checked, text: &str, main: &str) -> Vec<Finding> {
    let lines: Vec<&str> = text.lines().collect();
    let mut found: Vec<Finding> = checked.findings.iter().map(|finding| Finding::of(finding, &lines, main)).collect();
    found.sort_by_key(|finding| !finding.is_error);
    found
}

impl Finding {
    fn of(finding: &FindingView, lines: &[&str], main: &str) -> Finding {
        let is_main = finding.file == main;
        let around = if is_main { around(finding, lines) } else { Vec::new() };
        let own = || {
            vec![Line {
                number: finding.line as usize,
                text: finding.source_line.clone(),
                under: Some(under(finding.caret)),
            }]
        };
        Finding {
            is_error: finding.severity == "error",
            code: finding.code.clone(),
            message: finding.message.clone(),
            suggestion: finding.suggestion.clone(),
            file: (!is_main).then(|| shown(&finding.file, LONGEST)),
            line: finding.line,
            col: finding.col,
            lines: match around.is_empty() {
                true if finding.source_line.is_empty() => Vec::new(),
                true => own(),
                false => around,
            },
        }
    }
}

/// The lines around; the wrong one as the finding has cut it, so that the caret stands right.
fn around(finding: &FindingView, lines: &[&str]) -> Vec<Line> {
    let Some(at) = (finding.line as usize).checked_sub(1).filter(|at| *at < lines.len()) else { return Vec::new() };
    let from = at.saturating_sub(AROUND);
    let numbered = lines.iter().enumerate().skip(from).take(at - from + 1 + AROUND);
    let line = |(place, text): (usize, &&str)| match place == at {
        true => Line { number: place + 1, text: finding.source_line.clone(), under: Some(under(finding.caret)) },
        false => Line { number: place + 1, text: shown(&text.replace('\t', "    "), LONGEST), under: None },
    };
    numbered.map(line).collect()
}

/// A caret behind so many characters.
fn under(caret: usize) -> String {
    format!("{:1$}^", "", caret.min(LONGEST))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::config::Options;
    use crate::control::plan::Candidate;

    fn check(text: &str) -> Vec<Finding> {
        let checked = Checked::from(Candidate::Text(text.to_owned()).load(&Options::default()));
        findings(&checked, text, "routes.yaml")
    }

    #[test]
    fn an_error_stands_at_its_line_with_what_is_around() {
        let text = "version: 1\nbackends: { old: { endpoints: [http://127.0.0.1:1] } }\ndefaults: { legacy: old }\nroutes:\n  - { name: a, stagee: live, match: { path: / } }\n# end\n";
        let found = check(text);
        let first = found.iter().find(|finding| finding.code == "unknown-key").unwrap();
        assert_eq!((first.line, first.file.as_deref()), (5, None));
        let numbers: Vec<_> = first.lines.iter().map(|line| (line.number, line.under.is_some())).collect();
        assert_eq!(numbers, [(3, false), (4, false), (5, true), (6, false)]);
        assert!(first.suggestion.as_deref().is_some_and(|help| help.contains("stage")), "{first:?}");
    }

    proptest! {
        #[test]
        fn any_text_is_checked_and_shown(text in "[ \\n\\t:{}\\[\\]a-z<>&\"'\u{202e}-]{0,200}") {
            for finding in check(&text) {
                prop_assert!(finding.lines.len() <= 2 * AROUND + 1);
            }
        }
    }
}
