//! Guards and ramps: what they mean, and what is wrong with them.

use std::time::Duration;

use super::*;
use crate::routing::{Percent, RouteId};
use crate::snapshot::Threshold;

/// A route in stage canary with these further keys.
fn route(keys: &str) -> String {
    format!("routes:\n- {{ name: a, match: {{ path: /a }}, new: new, stage: canary, {keys} }}\n")
}

/// `CODE LINE: WORD` of each finding in a text behind [`HEAD`]: the word stands at its place.
fn told(rest: &str) -> Vec<String> {
    let head = HEAD.lines().count();
    let loaded = main(format!("{HEAD}{rest}")).load();
    let list = loaded.diagnostics.list.iter().filter(|found| found.line as usize > head);
    let shown = list.map(|found| {
        let line = rest.lines().nth(found.line as usize - head - 1).unwrap();
        let at: String = line.chars().skip(found.col as usize - 1).collect();
        let word = at.split_inclusive([' ', ',', ']', '}']).next().unwrap_or("");
        format!("{} {}: {}", found.code, found.line as usize - head, word.trim_end_matches([' ', ',', ']']))
    });
    shown.collect()
}

const RAMP: &str = "ramp: { steps: [1%, 5%], every: 10m }";
const GUARD: &str = "guard: { error_rate: 1% }";

#[test]
fn a_guard_and_a_ramp_are_compiled() {
    let snapshot = load(&Disk, &fixture("valid/everything.yaml"), &Options::default()).snapshot.unwrap();
    let guard = snapshot.guard(RouteId(0)).unwrap();
    assert_eq!((guard.window, guard.min_requests), (Duration::from_secs(120), 200));
    let values = [0.01, 0.005, 0.02, 1.5, 0.001];
    assert_eq!(guard.limits, Threshold::ALL.into_iter().zip(values).collect::<Vec<_>>());
    assert_eq!(snapshot.guard(RouteId(1)), Some(guard), "the group has one guard");
    assert_eq!(snapshot.ramp(RouteId(0)), None);
    let ramp = snapshot.ramp(RouteId(2)).unwrap();
    let steps: Vec<u32> = ramp.steps.iter().map(|step| step.thousandths()).collect();
    assert_eq!((steps, ramp.every), (vec![125, 5_000, 25_000, 100_000], Duration::from_secs(600)));
    let share = snapshot.rules.routes[2].canary.as_ref().unwrap().share.unwrap();
    assert!(share.ramped && share.of.is_some() && share.percent == Percent::ZERO);
    assert_eq!(snapshot.guard(RouteId(3)), None);
}

#[test]
fn a_guard_without_words_has_defaults() {
    let snapshot = snapshot(&route(&format!("canary: {{ percent: 5, by: user }}, {GUARD}")));
    let guard = snapshot.guard(RouteId(0)).unwrap();
    assert_eq!((guard.window, guard.min_requests), (Duration::from_secs(60), 100));
    assert_eq!(guard.limits, [(Threshold::ErrorRate, 0.01)]);
}

#[test]
fn a_guard_needs_thresholds_and_sane_bounds() {
    let guard = |keys: &str| {
        let places = found(&route(&format!("canary: {{ tenants: [t] }}, guard: {{ {keys} }}")));
        places.iter().map(|place| place.rsplit(' ').next().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(guard(""), ["empty-guard"]);
    assert_eq!(guard("window: 5m"), ["empty-guard"]);
    assert_eq!(guard("error_rate: 101"), ["bad-percent"]);
    assert_eq!(guard("error_rate: 1, window: 999ms"), ["out-of-range"]);
    assert_eq!(guard("error_rate: 1, window: 61m"), ["out-of-range"]);
    assert_eq!(guard("error_rate: 1, min_requests: 0"), ["out-of-range"]);
    assert_eq!(guard("error_rate: 1, min_requests: -5"), ["bad-value"]);
    assert_eq!(guard("latency_p99_ratio: 0"), ["out-of-range"]);
    assert_eq!(guard("latency_p99_ratio: .nan"), ["bad-value"]);
    assert_eq!(guard("error-rate: 1"), ["empty-guard", "unknown-key"]);
    assert_eq!(guard("mismatch_rate: 0"), [""; 0]);
    assert_eq!(guard("latency_p99_ratio: 0.5, window: 1h"), [""; 0]);
}

#[test]
fn steps_rise() {
    let ramp = |keys: &str| told(&route(&format!("canary: {{ by: user }}, {GUARD}, ramp: {{ {keys} }}")));
    assert_eq!(ramp("steps: [1, 5, 5], every: 1m"), ["bad-steps 2: 5"]);
    assert_eq!(ramp("steps: [0, 5], every: 1m"), ["bad-steps 2: 0"]);
    assert_eq!(ramp("steps: [5, 1, 3], every: 1m"), ["bad-steps 2: 1", "bad-steps 2: 3"]);
    assert_eq!(ramp("steps: [101], every: 1m"), ["bad-percent 2: 101"]);
    assert_eq!(ramp("steps: [], every: 1m"), ["empty-list 2: ["]);
    assert_eq!(ramp("steps: [1], every: 0s"), ["out-of-range 2: 0s"]);
    assert_eq!(ramp("steps: [1]"), ["missing-key 2: {"]);
    assert_eq!(ramp("every: 1m"), ["missing-key 2: {"]);
    assert_eq!(ramp("steps: [100], every: 1s"), [""; 0]);
}

#[test]
fn a_ramp_needs_a_guard_and_a_key_and_no_percentage() {
    let found = |keys: String| told(&route(&keys));
    assert_eq!(found(format!("canary: {{ by: user }}, {RAMP}")), ["ramp-without-guard 2: {"]);
    assert_eq!(found(format!("canary: {{ tenants: [a] }}, {GUARD}, {RAMP}")), ["ramp-without-by 2: {"]);
    assert_eq!(found(format!("canary: {{ percent: 5, by: user }}, {GUARD}, {RAMP}")), ["ramp-and-percent 2: {"]);
    assert_eq!(found(format!("canary: {{ by: usr }}, {GUARD}, {RAMP}")), ["bad-value 2: usr"]);
    assert_eq!(found("canary: { by: user }".to_owned()), ["empty-canary 2: {", "missing-percent 2: user"]);
}

#[test]
fn a_group_has_one_guard_and_one_ramp() {
    let text = "\
routes:
- { name: a, group: g, match: { path: /a }, guard: { error_rate: 1% } }
- { name: b, group: g, match: { path: /b }, guard: { error_rate: 1, min_requests: 100 } }
- { name: c, group: g, match: { path: /c }, guard: { error_rate: 2% } }
- { name: d, group: g, match: { path: /d }, canary: { by: user }, ramp: { steps: [1], every: 1m } }
- { name: e, group: g, match: { path: /e }, canary: { by: user }, ramp: { steps: [1], every: 60s } }
- { name: f, group: g, match: { path: /f }, canary: { by: user }, ramp: { steps: [2], every: 1m } }
- { name: g, group: g, match: { path: /g } }
";
    assert_eq!(told(text), ["group-guard 4: {", "group-ramp 7: {"]);
    let good = text.replace("2%", "1%").replace("[2]", "[1]");
    let snapshot = snapshot(&good);
    assert!((0..7).all(|id| snapshot.guard(RouteId(id)) == snapshot.guard(RouteId(0))));
    let ramped: Vec<bool> = (0..7).map(|id| snapshot.ramp(RouteId(id)).is_some()).collect();
    assert_eq!(ramped, [false, false, false, true, true, true, false], "only what has something to count by climbs");
    let canary = good.replace("path: /g }", "path: /g }, new: new, stage: canary, canary: { percent: 5, by: user }");
    assert_eq!(told(&canary), ["ramp-and-percent 5: {"]);
}

#[test]
fn defaults_pass_over_routes_that_cannot_have_a_ramp() {
    let head = HEAD.replace("{ legacy: old }", &format!("{{ legacy: old, new: new, {GUARD}, {RAMP} }}"));
    let text = "routes:
- { name: a, match: { path: /a }, stage: canary, canary: { by: user } }
- { name: b, match: { path: /b }, stage: canary, canary: { percent: 5, by: user } }
- { name: c, match: { path: /c }, stage: live, guard: { mismatch_rate: 1% } }
";
    let loaded = main(format!("{head}{text}")).load();
    assert!(loaded.is_clean(), "{}", render(&loaded.diagnostics, Format::Text));
    let snapshot = loaded.snapshot.unwrap();
    assert_eq!([0, 1, 2].map(|id| snapshot.ramp(RouteId(id)).is_some()), [true, false, false]);
    assert_eq!(snapshot.guard(RouteId(0)), snapshot.guard(RouteId(1)));
    assert_eq!(snapshot.guard(RouteId(2)).unwrap().limits, [(Threshold::MismatchRate, 0.01)]);
}

#[test]
fn changes_of_guards_and_ramps_are_told() {
    let with = |keys: &str| snapshot(&route(keys));
    let fixed = with(&format!("canary: {{ percent: 5, by: user }}, {GUARD}"));
    let ramped = with(&format!("canary: {{ by: user }}, {GUARD}, {RAMP}"));
    assert_eq!(changes(&fixed, &ramped), ["a: canary 5 % by user → ramp by user", "a: ramp added"]);
    let longer = with(&format!("canary: {{ by: user }}, {}, {}", GUARD.replace("1%", "2%"), RAMP.replace("10m", "1h")));
    assert_eq!(changes(&ramped, &longer), ["a: guard changed", "a: ramp changed"]);
}
