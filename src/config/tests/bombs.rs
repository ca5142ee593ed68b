//! Texts made to exhaust whoever reads them.

use super::*;

fn codes(text: &str) -> Vec<&'static str> {
    main(text).load().diagnostics.errors().map(|found| found.code).collect()
}

#[test]
fn an_alias_bomb_is_refused() {
    let mut text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..12 {
        let many = vec![format!("*a{}", level - 1); 10].join(", ");
        text.push_str(&format!("a{level}: &a{level} [{many}]\n"));
    }
    assert_eq!(codes(&text), ["too-many-aliases"]);
}

#[test]
fn a_large_file_is_refused_before_it_is_parsed() {
    let text = "#".repeat(8 * 1024 * 1024 + 1);
    assert_eq!(codes(&text), ["unreadable"]);
}

#[test]
fn deep_files_are_refused() {
    for open in ["[", "{a: ", "- ", "a: ["] {
        assert_eq!(codes(&open.repeat(10_000)), ["too-deep"], "{open}");
    }
}

#[test]
fn cohorts_that_multiply_are_refused() {
    let mut text = format!("{HEAD}cohorts:\n  c0: {{ percent: 1, by: client }}\n  d0: {{ percent: 1, by: client }}\n");
    for level in 1..20 {
        let below = level - 1;
        text.push_str(&format!(
            "  c{level}: {{ any: [c{below}, d{below}] }}\n  d{level}: {{ any: [c{below}, d{below}] }}\n"
        ));
    }
    assert!(codes(&text).contains(&"cohort-too-large"));
}

#[test]
fn a_long_chain_of_cohorts_is_refused_without_recursion() {
    let mut text = format!("{HEAD}cohorts:\n  c0: {{ percent: 1, by: client }}\n");
    for level in (1..20_000).rev() {
        text.push_str(&format!("  c{level}: {{ any: [c{}] }}\n", level - 1));
    }
    assert!(codes(&text).contains(&"cohort-too-large"));
}

#[test]
fn many_mistakes_stay_bounded() {
    let text: String = (0..20_000).map(|i| format!("key{i}: 1\n")).collect();
    let loaded = main(text).load();
    assert_eq!(loaded.diagnostics.errors().count(), Diagnostics::MOST);
    assert!(loaded.diagnostics.more_errors >= 19_900);
}
