//! What changes, and what must be confirmed.

use super::*;

const ROUTE: &str =
    "routes: [{ name: a, match: { path: /a }, new: new, stage: canary, canary: { percent: 5, by: client } }]\n";

#[test]
fn changes_are_told_in_words() {
    let old = snapshot(ROUTE);
    let new =
        snapshot(&ROUTE.replace("percent: 5", "percent: 25").replace("}]", "}, { name: b, match: { path: /b } }]"));
    assert_eq!(changes(&old, &new), ["a: canary 5 % by client → 25 % by client", "b: added, stage legacy"]);
    assert_eq!(changes(&new, &old), ["a: canary 25 % by client → 5 % by client", "b: removed, was legacy"]);
    assert_eq!(changes(&old, &snapshot(ROUTE)), [""; 0]);
    let live = snapshot(&ROUTE.replace("stage: canary", "stage: live"));
    assert_eq!(changes(&old, &live), ["a: stage canary → live"]);
}

#[test]
fn what_takes_a_restart_is_said() {
    let old = snapshot("");
    let new = main(HEAD.replace("8080", "8081") + "admin: { address: 127.0.0.1:9901 }\n").load().snapshot.unwrap();
    assert_eq!(
        changes(&old, &new),
        [
            "listen: 127.0.0.1:8080 → 127.0.0.1:8081 takes a restart",
            "admin: 127.0.0.1:9900 → 127.0.0.1:9901 takes a restart"
        ]
    );
}

#[test]
fn a_migrated_route_that_vanishes_must_be_confirmed() {
    let old = snapshot(ROUTE);
    let removed = needs_confirming(&old, &snapshot(""), &[]);
    assert_eq!(removed.len(), 1);
    assert_eq!(
        removed[0].to_string(),
        "route `a` is in stage canary and would vanish: its traffic would go back to legacy"
    );
    assert!(needs_confirming(&old, &snapshot("reload: { confirm_removals: false }\n"), &[]).is_empty());
    assert!(needs_confirming(&snapshot("routes: [{ name: a, match: {} }]\n"), &snapshot(""), &[]).is_empty());
}

#[test]
fn a_tenants_file_that_loses_over_a_tenth_must_be_confirmed() {
    let with = |count: usize| {
        let tenants: String = (0..count).map(|i| format!("t{i}\n")).collect();
        let memory = main(format!("{HEAD}cohorts: {{ a: {{ tenants_file: t.txt }} }}\n")).with("t.txt", tenants);
        memory.load().snapshot.unwrap()
    };
    assert!(needs_confirming(&with(100), &with(90), &[]).is_empty());
    assert!(needs_confirming(&with(100), &with(200), &[]).is_empty());
    assert_eq!(needs_confirming(&with(100), &with(89), &[])[0].to_string(), "t.txt had 100 tenants and would have 89");
    assert_eq!(needs_confirming(&with(1), &with(0), &[]).len(), 1);
}
