//! What a load reads, and loading it again.

use super::*;

#[test]
fn what_was_read_loads_again_from_any_directory_and_environment() {
    let text = format!("{HEAD}include: [routes.d/*.yaml]\nforce: {{ secret: \"${{SECRET}}\" }}\n");
    let part =
        "cohorts: { big: { tenants_file: big.txt } }\nroutes: [{ name: a, match: {}, canary: { cohorts: [big] } }]\n";
    let memory = main(text)
        .with("routes.d/a.yaml", part)
        .with("routes.d/big.txt", "one\n")
        .env("SECRET", "s3")
        .env("OTHER", "x");
    let first = memory.load();
    assert!(first.is_clean());
    let dir = tempfile::tempdir().unwrap();
    first.bundle.save(dir.path()).unwrap();
    let kept = Bundle::load(dir.path()).unwrap().unwrap();
    assert_eq!(kept, first.bundle);
    let again = load(&kept, &kept.main, &Options::default());
    let (one, two) = (first.snapshot.unwrap(), again.snapshot.unwrap());
    assert_eq!(changes(&one, &two), [""; 0]);
    assert_eq!(two.state_dir, PathBuf::from("/etc/banyan/.banyan"));
    assert_eq!(again.bundle.hash(), kept.hash());
}

#[test]
fn a_state_directory_is_the_same_when_it_is_loaded_again_however_it_is_written() {
    for state_dir in [".", "data/", "./data/.", "/var//lib/./banyan/"] {
        let first = main(format!("{HEAD}state_dir: {state_dir}\n")).load();
        let again = load(&first.bundle, &first.bundle.main, &Options::default());
        assert_eq!(changes(&first.snapshot.unwrap(), &again.snapshot.unwrap()), [""; 0], "{state_dir}");
    }
    let (one, other) = (snapshot("state_dir: data\n"), snapshot("state_dir: data2\n"));
    assert_eq!(changes(&one, &other), ["state_dir: /etc/banyan/data → /etc/banyan/data2 takes a restart"]);
}

#[test]
fn paths_that_do_not_exist_yet_are_watched_too() {
    let text = format!("{HEAD}include: [routes.d/*.yaml]\ncohorts: {{ a: {{ tenants_file: big.txt }} }}\n");
    let paths = main(text).load().bundle.paths();
    assert_eq!(paths, ["/etc/banyan/big.txt", "/etc/banyan/routes.d", "/etc/banyan/routes.yaml"].map(PathBuf::from));
}

#[test]
fn variables_are_values_and_never_structure() {
    let text = format!("{HEAD}drain: {{ delay: \"${{DELAY}}\", grace: \"${{GRACE:-7s}}\" }}\naccess_log: ${{LOG}}\n");
    let loaded = main(&text).env("DELAY", "3s").env("LOG", "a: [b, {c").load();
    let snapshot = loaded.snapshot.unwrap();
    assert_eq!((snapshot.drain.delay.as_secs(), snapshot.drain.grace.as_secs()), (3, 7));
    assert_eq!(snapshot.access_log, crate::snapshot::AccessLog::File("/etc/banyan/a: [b, {c".into()));
    let loaded = main(&text).env("DELAY", "3s").load();
    let error = loaded.diagnostics.errors().next().unwrap();
    assert_eq!((error.code, error.line, error.col), ("unset-variable", 7, 13));
}

#[test]
fn a_number_from_the_environment_may_be_text_or_number() {
    let text = format!(
        "{HEAD}cohorts: {{ a: {{ percent: \"${{P}}\", by: client, salt: \"${{P}}\" }} }}\nreload: {{ confirm_removals: \"${{B}}\" }}\n"
    );
    let snapshot = main(text).env("P", "5").env("B", "false").load().snapshot.unwrap();
    assert!(!snapshot.confirm_removals);
    assert_eq!(format!("{:?}", snapshot.rules.cohorts[0].kind).matches('5').count(), 2);
}

#[test]
fn the_state_directory_of_the_command_line_wins() {
    let options = Options { state_dir: Some("/var/lib/banyan".into()), ..Options::default() };
    let loaded = load(&main(HEAD), Path::new("routes.yaml"), &options);
    assert_eq!(loaded.snapshot.unwrap().state_dir, PathBuf::from("/var/lib/banyan"));
}
