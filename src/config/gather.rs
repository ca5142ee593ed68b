//! Reads the main file and what it includes, and puts together what they hold.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::diagnostic::Finding;
use super::file::{Backend, Cohort, Comparison, File, Flag, List, Part, Route, Test};
use super::place::{FileId, Place};
use super::read::{At, Cx, Named, Names, Read, read_at};
use super::yaml::{self, Mistake};

/// How large one YAML file may be.
const MAX_FILE: u64 = 8 * 1024 * 1024;
/// How large all YAML files together may be.
const MAX_ALL: u64 = 64 * 1024 * 1024;
/// How many files may be included.
const MAX_INCLUDES: usize = 10_000;

/// The main file and what all files together hold, in file order, includes by name.
#[derive(Debug)]
pub(super) struct Gathered {
    pub(super) main: File,
    pub(super) backends: Vec<Named<Backend>>,
    pub(super) cohorts: Vec<Named<Cohort>>,
    pub(super) flags: Vec<Named<Flag>>,
    pub(super) comparisons: Vec<Named<Comparison>>,
    pub(super) routes: Vec<At<Route>>,
    pub(super) tests: Vec<At<Test>>,
}

/// Reads everything; `None` where the main file could not be read at all.
pub(super) fn gather(path: &Path, cx: &mut Cx<'_>) -> Option<Gathered> {
    let mut left = MAX_ALL;
    let mut main: File = read_file(path, None, &mut left, cx).value?;
    let mut parts = vec![Part {
        backends: main.backends.take(),
        cohorts: main.cohorts.take(),
        flags: main.flags.take(),
        comparisons: main.comparisons.take(),
        routes: main.routes.take(),
        tests: main.tests.take(),
    }];
    for (path, place) in includes(&main, path, cx) {
        parts.extend(read_file(&path, Some(place), &mut left, cx).value);
    }
    Some(merge(main, parts, cx))
}

/// The included files with the place of their pattern, each once.
fn includes(main: &File, path: &Path, cx: &mut Cx<'_>) -> Vec<(PathBuf, Place)> {
    let mut found: Vec<(PathBuf, Place)> = Vec::new();
    for pattern in main.include.iter().filter_map(At::get).flatten() {
        let Some(text) = pattern.get() else { continue };
        match cx.source.glob(&beside(path, &text.0)) {
            Ok(paths) if paths.is_empty() => {
                cx.report.warning(pattern.place, "empty-include", format!("no file matches `{}`", text.0));
            }
            Ok(paths) => {
                found.extend(paths.into_iter().filter(|found| found != path).map(|path| (path, pattern.place)))
            }
            Err(error) => cx.report.error(pattern.place, "bad-include", format!("`{}`: {error}", text.0)),
        }
    }
    // By name over all patterns; a file that two patterns match is read once.
    found.sort();
    found.dedup_by(|later, first| later.0 == first.0);
    if let Some((_, place)) = found.get(MAX_INCLUDES) {
        cx.report.error(*place, "too-many-files", format!("more than {MAX_INCLUDES} included files"));
        found.truncate(MAX_INCLUDES);
    }
    found
}

/// A path beside the file that names it.
pub(super) fn beside(file: &Path, path: &str) -> PathBuf {
    file.parent().map_or_else(|| PathBuf::from(path), |dir| dir.join(path))
}

/// Reads one file; `named` is where it was named, if not by the caller.
fn read_file<T: Read>(path: &Path, named: Option<Place>, left: &mut u64, cx: &mut Cx<'_>) -> At<T> {
    let bytes = cx.source.read(path, MAX_FILE.min(*left));
    let text = match bytes.map(String::from_utf8) {
        Ok(Ok(text)) => text,
        Ok(Err(error)) => {
            let good = error.utf8_error().valid_up_to();
            return not_utf8(path, &error.into_bytes()[..good], cx);
        }
        Err(error) => {
            let place = named.unwrap_or_else(|| start(cx.report.files.add(path, Arc::from(""))));
            cx.report.error(place, "unreadable", format!("cannot read `{}`: {error}", path.display()));
            return At { value: None, place };
        }
    };
    *left = left.saturating_sub(text.len() as u64);
    read_text(path, text, named.is_none(), cx)
}

fn read_text<T: Read>(path: &Path, text: String, is_main: bool, cx: &mut Cx<'_>) -> At<T> {
    // A byte order mark is no character of the first line.
    let text: Arc<str> = Arc::from(text.strip_prefix('\u{feff}').unwrap_or(&text));
    let file = cx.report.files.add(path, Arc::clone(&text));
    let missing = At { value: None, place: start(file) };
    match yaml::parse(file, &text) {
        Ok(Some(tape)) => read_at(tape.root(), cx),
        Ok(None) if is_main => {
            cx.report.error(start(file), "empty-file", "there is nothing in this file");
            missing
        }
        Ok(None) => {
            cx.report.warning(start(file), "empty-file", "there is nothing in this included file");
            missing
        }
        Err(Mistake { place, code, message }) => {
            let mut finding = Finding::error(place, code, message);
            let line = cx.report.files.line(place);
            if line.contains("/{") {
                finding = finding.help(
                    "within `{ }` and `[ ]`, YAML takes a path with captures only in quotes: path: \"/orders/{id}\"",
                );
            } else if line.contains("${") {
                finding = finding.help("within `{ }` and `[ ]`, YAML takes `${NAME}` only in quotes: \"${NAME}\"");
            }
            cx.report.add(finding);
            missing
        }
    }
}

fn start(file: FileId) -> Place {
    Place { file, line: 1, col: 1 }
}

/// Reports the place of the first byte that is no UTF-8; what stands before it is quoted.
fn not_utf8<T>(path: &Path, good: &[u8], cx: &mut Cx<'_>) -> At<T> {
    let good = String::from_utf8_lossy(good);
    let line = good.split('\n').count();
    let col = good.rsplit('\n').next().unwrap_or("").chars().count() + 1;
    let narrow = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    let file = cx.report.files.add(path, Arc::from(&*good));
    let place = Place { file, line: narrow(line), col: narrow(col) };
    cx.report.error(place, "not-utf8", "this byte is no UTF-8: save the file as UTF-8");
    At { value: None, place }
}

fn merge(main: File, parts: Vec<Part>, cx: &mut Cx<'_>) -> Gathered {
    let mut all = Gathered {
        main,
        backends: vec![],
        cohorts: vec![],
        flags: vec![],
        comparisons: vec![],
        routes: vec![],
        tests: vec![],
    };
    for part in parts {
        all.backends.extend(names(part.backends));
        all.cohorts.extend(names(part.cohorts));
        all.flags.extend(names(part.flags));
        all.comparisons.extend(names(part.comparisons));
        all.routes.extend(items(part.routes));
        all.tests.extend(items(part.tests));
    }
    unique(&mut all.backends, "backend", cx);
    unique(&mut all.cohorts, "cohort", cx);
    unique(&mut all.flags, "flag", cx);
    unique(&mut all.comparisons, "comparison", cx);
    unique_routes(&all.routes, cx);
    all
}

fn names<T>(names: Option<At<Names<T>>>) -> Vec<Named<T>> {
    names.and_then(|at| at.value).map(|names| names.0).unwrap_or_default()
}

fn items<T>(list: Option<At<List<T>>>) -> List<T> {
    list.and_then(|at| at.value).unwrap_or_default()
}

/// Reports names that two files give, and names that could not stand in a header or a label; the first is kept.
fn unique<T>(entries: &mut Vec<Named<T>>, what: &str, cx: &mut Cx<'_>) {
    let mut seen: HashMap<Arc<str>, Place> = HashMap::new();
    entries.retain(|entry| {
        check_name(entry.name_place, &entry.name, what, cx);
        match seen.get(&entry.name) {
            Some(first) => {
                duplicate(entry.name_place, *first, &entry.name, what, cx);
                false
            }
            None => seen.insert(Arc::clone(&entry.name), entry.name_place).is_none(),
        }
    });
}

fn unique_routes(routes: &[At<Route>], cx: &mut Cx<'_>) {
    let mut seen: HashMap<&str, Place> = HashMap::with_capacity(routes.len());
    for name in routes.iter().filter_map(|route| Some(&route.get()?.name)) {
        let Some(text) = name.get() else { continue };
        check_name(name.place, &text.0, "route", cx);
        match seen.get(&*text.0) {
            Some(first) => duplicate(name.place, *first, &text.0, "route", cx),
            None => drop(seen.insert(&text.0, name.place)),
        }
    }
}

fn duplicate(place: Place, first: Place, name: &str, what: &str, cx: &mut Cx<'_>) {
    let first = cx.report.files.name(first);
    cx.report.error(place, "duplicate-name", format!("the {what} `{name}` is there twice, first at {first}"));
}

/// Names stand in headers, metrics, addresses and commands, so they are plain words.
pub(super) fn check_name(place: Place, name: &str, what: &str, cx: &mut Cx<'_>) {
    const MOST: usize = 128;
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
    let start = name.bytes().next().is_some_and(|b| b.is_ascii_alphanumeric());
    if !start || name.len() > MOST || !name.bytes().all(plain) {
        let finding = Finding::error(place, "bad-name", format!("`{name}` cannot name a {what}"));
        cx.report.add(finding.help("up to 128 letters, digits, `-`, `_` and `.`, starting with a letter or digit"));
    } else if name == "none" && matches!(what, "backend" | "comparison") {
        cx.report.error(
            place,
            "bad-name",
            format!("a {what} cannot be called `none`: that word means that there is none"),
        );
    } else if name == "all" && what == "route" {
        cx.report.error(place, "bad-name", "a route cannot be called `all`: that word means all of them");
    }
}
