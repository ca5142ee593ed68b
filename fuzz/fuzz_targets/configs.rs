//! Loading routes.yaml: no text makes it panic, every finding has a place, and what is taken can be loaded again as the same.

#![no_main]

use std::io;
use std::path::{Path, PathBuf};

use banyan::config::{Bundle, Format, Loaded, Options, Source, changes, load, needs_confirming, render};
use libfuzzer_sys::fuzz_target;

/// Between the main file and an included one.
const NEXT_FILE: &[u8] = b"\n#----\n";

/// A main file, and one that every `include:` pattern finds.
struct Memory<'a> {
    main: &'a [u8],
    included: Option<&'a [u8]>,
}

impl Source for Memory<'_> {
    fn read(&self, path: &Path, most: u64) -> io::Result<Vec<u8>> {
        let bytes = match path.to_str() {
            Some("routes.yaml") => self.main,
            Some("routes.d/a.yaml") => self.included.unwrap_or_default(),
            _ => return Err(io::ErrorKind::NotFound.into()),
        };
        if bytes.len() as u64 > most { Err(io::ErrorKind::FileTooLarge.into()) } else { Ok(bytes.to_vec()) }
    }

    fn glob(&self, _: &Path) -> io::Result<Vec<PathBuf>> {
        Ok(self.included.iter().map(|_| PathBuf::from("routes.d/a.yaml")).collect())
    }

    fn env(&self, name: &str) -> Option<String> {
        (name.len() < 8).then(|| name.to_lowercase())
    }

    fn absolute(&self, path: &Path) -> PathBuf {
        Path::new("/etc/banyan").join(path).components().collect()
    }
}

fuzz_target!(|data: &[u8]| {
    let cut = data.windows(NEXT_FILE.len()).position(|window| window == NEXT_FILE);
    let (main, included) = match cut {
        Some(at) => (&data[..at], Some(&data[at + NEXT_FILE.len()..])),
        None => (data, None),
    };
    let loaded = load(&Memory { main, included }, Path::new("routes.yaml"), &Options::default());
    check_findings(&loaded, main, included.unwrap_or_default());
    check_again(&loaded);
});

fn check_findings(loaded: &Loaded, main: &[u8], included: &[u8]) {
    let found = &loaded.diagnostics;
    assert_eq!(loaded.snapshot.is_some(), !found.has_errors() || found.only_tests_failed());
    for one in &found.list {
        let text = if one.file == Path::new("routes.d/a.yaml") { included } else { main };
        // As YAML counts them.
        let lines = text.iter().filter(|byte| matches!(byte, b'\n' | b'\r')).count() + 2;
        assert!((1..=lines).contains(&(one.line as usize)) && one.col >= 1, "{one:?}");
        assert!(!one.message.is_empty() && !one.code.is_empty());
        assert!(!one.message.contains(char::is_control) && !one.source_line.contains(char::is_control), "{one:?}");
    }
    for format in [Format::Text, Format::Json, Format::Github] {
        assert_eq!(render(found, format).trim().is_empty(), found.list.is_empty() && format != Format::Json);
    }
}

/// What was read, written out, read in and loaded again: the same configuration.
fn check_again(loaded: &Loaded) {
    let text = loaded.bundle.to_text().expect("paths that are UTF-8");
    let bundle = Bundle::from_text(&text).expect("what was written out");
    assert_eq!(bundle, loaded.bundle);
    let again = load(&bundle, &bundle.main, &Options::default());
    assert_eq!(again.snapshot.is_some(), loaded.snapshot.is_some());
    if let (Some(one), Some(other)) = (&loaded.snapshot, &again.snapshot) {
        assert_eq!(again.diagnostics, loaded.diagnostics);
        assert_eq!(changes(one, other), Vec::<String>::new());
        assert!(needs_confirming(one, other, &[]).is_empty());
    }
}
