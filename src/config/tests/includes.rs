//! Several files are one configuration.

use super::*;

fn with(part: &str) -> Memory {
    main(format!("{HEAD}include: [routes.d/*.yaml]\n")).with("routes.d/a.yaml", part)
}

fn codes(memory: &Memory) -> Vec<String> {
    let loaded = memory.load();
    loaded.diagnostics.errors().map(|f| format!("{}:{}:{} {}", f.file.display(), f.line, f.col, f.code)).collect()
}

#[test]
fn routes_come_in_the_order_of_the_files_names() {
    let memory = with("routes: [{ name: a, match: { path: /a } }]\n")
        .with("routes.d/0.yaml", "routes: [{ name: zero, match: { path: /0 } }]\n");
    let mut memory = memory;
    let text = format!("{HEAD}include: [routes.d/*.yaml, routes.d/a.*]\nroutes: [{{ name: main, match: {{}} }}]\n");
    memory.files.insert("routes.yaml".into(), text.into_bytes());
    let loaded = memory.load();
    let names: Vec<_> = loaded.snapshot.unwrap().rules.routes.iter().map(|route| route.name.to_string()).collect();
    assert_eq!(names, ["main", "zero", "a"]);
}

#[test]
fn errors_name_their_own_file() {
    assert_eq!(codes(&with("routes: [{ name: a, match: {}, stgae: live }]\n")), ["routes.d/a.yaml:1:32 unknown-key"]);
    assert_eq!(codes(&with("listen: []\n")), ["routes.d/a.yaml:1:1 not-in-include"]);
    assert_eq!(codes(&with("bakends: {}\n")), ["routes.d/a.yaml:1:1 unknown-key"]);
    assert_eq!(codes(&with("a: [\n")).len(), 1);
    assert_eq!(codes(&with("")), [""; 0]);
}

#[test]
fn a_name_in_two_files_names_the_first_place() {
    let loaded = with("backends: { old: { endpoints: [http://a] } }\n").load();
    let error = loaded.diagnostics.errors().next().unwrap();
    assert_eq!(error.message, "the backend `old` is there twice, first at routes.yaml:4:13");
    assert_eq!(error.file, PathBuf::from("routes.d/a.yaml"));
}

#[test]
fn files_are_found_beside_the_file_that_names_them() {
    let part =
        "cohorts: { big: { tenants_file: big.txt } }\nroutes: [{ name: a, match: {}, canary: { cohorts: [big] } }]\n";
    let loaded = with(part).with("routes.d/big.txt", "one\n# two\n\n three \n").load();
    assert!(loaded.is_clean(), "{}", render(&loaded.diagnostics, Format::Text));
    assert_eq!(loaded.snapshot.unwrap().tenant_files, [(PathBuf::from("routes.d/big.txt"), 2)]);
    assert_eq!(codes(&with(part)), ["routes.d/a.yaml:1:33 unreadable"]);
}

#[test]
fn a_pattern_that_matches_nothing_is_a_warning() {
    let loaded = main(format!("{HEAD}include: [routes.d/*.yaml]\n")).load();
    assert!(loaded.is_clean());
    assert!(loaded.diagnostics.warnings().any(|found| found.code == "empty-include"));
}

#[test]
fn what_is_no_utf8_is_refused_with_its_place() {
    assert_eq!(codes(&main(b"version: 1\nlisten: \xff\n")), ["routes.yaml:2:9 not-utf8"]);
    let memory = with("").with("routes.d/a.yaml", b"# \xc3\xbc \xff");
    assert_eq!(codes(&memory), ["routes.d/a.yaml:1:5 not-utf8"]);
}

#[test]
fn a_byte_order_mark_is_skipped() {
    assert!(main(format!("\u{feff}{HEAD}")).load().is_clean());
}
