//! The layers hold: a module imports the ones below it, never the ones above, and sideways only where an arrow says so.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// The layers, lowest first.
const LAYERS: [&[&str]; 8] = [
    &["names", "errors", "clock", "descriptors", "memory", "shutdown", "runtime", "fields"],
    &["routing", "diff", "wire"],
    &["snapshot", "directives", "telemetry"],
    &["config", "upstream"],
    &["state", "shadow", "store", "ledger"],
    &["control", "proxy", "server"],
    &["admin", "console", "report"],
    &["main", "cli", "app", "demo"],
];

/// The only imports within a layer.
const ARROWS: [(&str, &str); 10] = [
    // What is logged where is configuration.
    ("telemetry", "snapshot"),
    // The proxy is the handler that the server is generic over.
    ("proxy", "server"),
    // A finished exchange is shadowed by the generation that answered it, and what came of it is recorded.
    ("shadow", "state"),
    ("shadow", "store"),
    // Analysts' commands are served over HTTP as well.
    ("admin", "report"),
    // The console shows what the API answers, and does what it does.
    ("console", "admin"),
    ("console", "report"),
    // The command line starts what it is asked for.
    ("cli", "app"),
    ("cli", "demo"),
    ("main", "cli"),
];

fn layer(module: &str) -> usize {
    LAYERS
        .iter()
        .position(|layer| layer.contains(&module))
        .unwrap_or_else(|| panic!("the module `{module}` is in no layer: give it one here and in src/lib.rs"))
}

fn is_allowed(from: &str, to: &str) -> bool {
    from == to || layer(to) < layer(from) || ARROWS.contains(&(from, to))
}

/// Every source file, with the path of its module: `src/a/b.rs` and `src/a/b/mod.rs` are `["a", "b"]`.
fn sources(folder: &Path, module: &[String], found: &mut Vec<(PathBuf, Vec<String>)>) {
    for entry in fs::read_dir(folder).expect("the sources are there") {
        let path = entry.expect("a readable entry").path();
        let name = path.file_stem().and_then(|stem| stem.to_str()).expect("a UTF-8 name").to_owned();
        let inner = [module, std::slice::from_ref(&name)].concat();
        if path.is_dir() {
            sources(&path, &inner, found);
        } else if name == "mod" || (module.is_empty() && name == "lib") {
            found.push((path, module.to_vec()));
        } else {
            found.push((path, inner));
        }
    }
}

/// What stands at the begin of `text`: a name, or the names a `{…}` group begins its paths with.
fn heads(text: &str) -> Vec<String> {
    let name = |text: &str| -> String { text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect() };
    let Some(group) = text.strip_prefix('{') else { return vec![name(text)] };
    let (mut depth, mut heads, mut at_start) = (0, Vec::new(), true);
    for (place, character) in group.char_indices() {
        match character {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => at_start = true,
            c if depth == 0 && at_start && (c.is_alphabetic() || c == '_') => {
                heads.push(name(&group[place..]));
                at_start = false;
            }
            _ => {}
        }
    }
    heads
}

/// The top-level modules that this text of the module `module` refers to, by `crate::` or by climbing with `super::`.
fn references(text: &str, module: &[String]) -> BTreeSet<String> {
    let code: String = text.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n");
    let mut found = BTreeSet::new();
    for (place, _) in code.match_indices("crate::") {
        found.extend(heads(&code[place + "crate::".len()..]));
    }
    for (place, _) in code.match_indices("super::") {
        if code[..place].ends_with("super::") {
            continue;
        }
        let mut rest = &code[place..];
        let mut climbed = 0;
        while let Some(next) = rest.strip_prefix("super::") {
            climbed += 1;
            rest = next;
        }
        // A `super::` within an inline module climbs out of that first; it can only stay lower than counted here.
        if climbed == module.len() {
            found.extend(heads(rest));
        }
    }
    let modules: BTreeSet<&str> = LAYERS.iter().flat_map(|layer| layer.iter().copied()).collect();
    found.retain(|name| modules.contains(name.as_str()));
    found
}

#[test]
fn no_module_imports_what_stands_above_it() {
    let mut files = Vec::new();
    sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &[], &mut files);
    assert!(files.len() > 50, "the sources were not found");
    let mut wrong = Vec::new();
    for (path, module) in files {
        let Some(from) = module.first() else { continue };
        for to in references(&fs::read_to_string(&path).expect("a readable source"), &module) {
            if !is_allowed(from, &to) {
                wrong.push(format!("{}: `{from}` must not import `{to}`", path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn imports_are_seen_in_every_spelling() {
    let module = ["routing".to_owned(), "flag".to_owned()];
    let seen = |text: &str| references(text, &module).into_iter().collect::<Vec<_>>();
    assert_eq!(seen("use crate::state::Live;"), ["state"]);
    assert_eq!(seen("pub use crate::{names::{Side, Key}, config};"), ["config", "names"]);
    assert_eq!(seen("let x = super::super::proxy::Proxy;"), ["proxy"]);
    assert_eq!(seen("// crate::state"), Vec::<String>::new());
    assert!(!is_allowed("routing", "state") && is_allowed("state", "routing") && !is_allowed("routing", "wire"));
}
