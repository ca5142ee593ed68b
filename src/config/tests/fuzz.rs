//! No text makes a load panic, and what is taken means what it says.

use proptest::prelude::*;

use super::*;
use crate::config::file::File;
use crate::config::read::Read as _;

fn everything() -> String {
    std::fs::read_to_string(fixture("valid/everything.yaml")).unwrap()
}

/// The file of a text, if nothing in it is bad.
fn read(text: &str) -> Option<File> {
    let memory = Memory::default();
    let mut report = Report::default();
    let id = report.files.add(Path::new("routes.yaml"), text.into());
    let tape = yaml::parse(id, text).ok()??;
    let mut cx = Cx { report: &mut report, source: &memory };
    let file = File::read(tape.root(), &mut cx)?;
    (!report.has_errors()).then_some(file)
}

#[test]
fn every_prefix_is_refused_or_loads() {
    let text = everything();
    let whole = main(&text).load();
    assert!(whole.diagnostics.list.len() < 20);
    let mut taken = 0;
    for end in (0..text.len()).filter(|end| text.is_char_boundary(*end)) {
        let loaded = main(&text[..end]).load();
        assert_eq!(
            loaded.snapshot.is_some(),
            !loaded.diagnostics.has_errors() || loaded.diagnostics.only_tests_failed()
        );
        taken += usize::from(loaded.snapshot.is_some());
    }
    assert!(taken < text.len() / 10, "{taken}");
}

#[test]
fn what_is_written_out_reads_the_same() {
    let file = read(&everything()).unwrap();
    let dumped = serde_yaml::to_string(&file).unwrap();
    assert_eq!(read(&dumped).as_ref(), Some(&file), "{dumped}");
    let minimal = std::fs::read_to_string(fixture("valid/minimal.yaml")).unwrap();
    let file = read(&minimal).unwrap();
    assert_eq!(read(&serde_yaml::to_string(&file).unwrap()), Some(file));
}

/// A name, a percentage, texts of any kind: a file made of parts.
fn files() -> impl Strategy<Value = String> {
    let name = "[a-z][a-z0-9-]{0,8}";
    // Quoted by serde_json, which is YAML too.
    let text = "[^\\pC\u{2028}\u{2029}]{1,12}";
    let text = text.prop_map(|text: String| serde_json::to_string(&text).unwrap().replace("${", "$${"));
    let route =
        (name, 0_u32..=100_000, text.clone(), proptest::bool::ANY).prop_map(|(name, percent, owner, canary)| {
            let percent = f64::from(percent) / 1000.0;
            let rest = if canary {
                format!(", stage: canary, canary: {{ percent: {percent}, by: client }}")
            } else {
                String::new()
            };
            format!("- {{ name: {name}, owner: {owner}, match: {{ path: \"/{name}/{{id}}\" }}, new: new{rest} }}\n")
        });
    proptest::collection::vec(route, 1..6).prop_map(|routes| format!("{HEAD}routes:\n{}", routes.concat()))
}

proptest! {
    #[test]
    fn any_file_of_this_kind_reads_the_same_after_writing(text in files()) {
        let file = read(&text).unwrap();
        let dumped = serde_yaml::to_string(&file).unwrap();
        prop_assert_eq!(read(&dumped), Some(file));
    }

    #[test]
    fn no_mutation_panics(at in 0_usize..5_000, cut in 0_usize..40, put in "\\PC{0,6}|[\\[\\]{}:,&*!|>\"'%#\\n\\t -]{0,6}") {
        let text = everything();
        let start = (0..=at.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap();
        let end = ((start + cut).min(text.len())..=text.len()).find(|at| text.is_char_boundary(*at)).unwrap();
        let mutated = format!("{}{put}{}", &text[..start], &text[end..]);
        let loaded = main(mutated).load();
        let _ = render(&loaded.diagnostics, Format::Text);
        prop_assert!(loaded.snapshot.is_some() || loaded.diagnostics.has_errors());
    }

    #[test]
    fn no_text_panics(text in "\\PC{0,80}|[a-c\\[\\]{}:,&*!|>\"'%#?\\n\\t -]{0,80}") {
        let loaded = main(text).load();
        let _ = render(&loaded.diagnostics, Format::Github);
    }

    #[test]
    fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
        let _: Loaded = main(bytes).load();
    }
}
