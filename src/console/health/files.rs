//! What is wrong with the files, where: looked up while the last reload is refused.

use std::path::Path;

use crate::config::{self, Bundle, Diagnostic, Disk, Options};

/// The most findings that are shown.
const SHOWN: usize = 20;

/// Something that is wrong with the files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::console) struct Finding {
    /// `routes.yaml:12:5`.
    pub(in crate::console) place: String,
    /// `error` or `warning`, and the code.
    pub(in crate::console) kind: String,
    pub(in crate::console) message: String,
    /// The line, and what stands below it to point at the column; empty where it is not shown.
    pub(in crate::console) line: String,
    pub(in crate::console) caret: String,
    pub(in crate::console) help: Option<String>,
}

/// What is wrong with the files that the live configuration was loaded from, as they are now. Reads the disk.
pub(super) fn findings(live: &str, state_dir: &Path) -> Vec<Finding> {
    let Ok(bundle) = Bundle::from_text(live) else { return Vec::new() };
    let options = Options { state_dir: Some(state_dir.to_path_buf()), without_tls: true, ..Options::default() };
    let loaded = config::load(&Disk, &bundle.main, &options);
    loaded.diagnostics.errors().take(SHOWN).map(Finding::of).collect()
}

impl Finding {
    fn of(found: &Diagnostic) -> Finding {
        let file = found.file.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        // Whoever may read the console may not read what is secret in the files.
        let is_secret = found.source_line.to_ascii_lowercase().contains("secret");
        let (line, caret) = match is_secret || found.source_line.is_empty() {
            true => (String::new(), String::new()),
            false => (found.source_line.clone(), format!("{}^", " ".repeat(found.caret))),
        };
        Finding {
            place: format!("{file}:{}:{}", found.line, found.col),
            kind: format!("{} {}", found.severity.as_str(), found.code),
            message: found.message.clone(),
            line,
            caret,
            help: found.suggestion.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_finding_has_its_place_and_its_line_but_no_secret() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("routes.yaml");
        let good = "version: 1\nlisten: [{ address: 127.0.0.1:1 }]\ndefaults: { legacy: none }\n";
        std::fs::write(&path, good).unwrap();
        let live = config::load(&Disk, &path, &Options::default()).bundle.to_text().unwrap();
        assert_eq!(findings(&live, folder.path()), []);
        std::fs::write(&path, format!("{good}routs: []\nforce: {{ secret: hunter2, x: 1 }}\n")).unwrap();
        let found = findings(&live, folder.path());
        assert_eq!((&*found[0].place, &*found[0].line, &*found[0].caret), ("routes.yaml:4:1", "routs: []", "^"));
        assert!(found[0].help.is_some() && found.len() > 1);
        assert!(found.iter().all(|finding| !format!("{finding:?}").contains("hunter2")), "{found:?}");
    }
}
