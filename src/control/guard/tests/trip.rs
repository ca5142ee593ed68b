//! What trips a guard, and what does not.

use proptest::prelude::*;

use super::*;
use Side::{Legacy, New};

const CANARY: &str = "- { name: a, match: { path: /a }, stage: canary, canary: { percent: 25, by: client }, \
    guard: { error_rate: 1%, errors_over_legacy: 0.5%, latency_p99_ratio: 1.5, mismatch_rate: 1% }, shadow: {} }";

/// Five minutes in which everything is well.
fn well(routes: &str) -> Bench {
    let mut bench = Bench::new(routes);
    bench.seconds(300, "a", &[Answers(New, 25, 0, 20), Answers(Legacy, 75, 0, 20)]);
    assert_eq!((bench.found(), bench.state("a")), (vec![], GuardState::Holds));
    bench
}

#[test]
fn new_that_starts_to_fail_is_rolled_back_within_the_window_and_a_second() {
    let mut bench = well(CANARY);
    // 5 % errors: one in 20 of new's.
    for _ in 0..61 {
        bench.seconds(1, "a", &[Answers(New, 20, 1, 20), Answers(Legacy, 80, 0, 20)]);
    }
    let found = std::mem::take(&mut bench.found);
    assert_eq!(found.len(), 1);
    assert!(found[0].0 <= 300 + 61, "{found:?}");
    assert!(found[0].1.starts_with("a: tripped by a: error"), "{found:?}");
    assert!(found[0].1.contains("limit") && found[0].1.contains("answers of new"), "{found:?}");
    assert_eq!(bench.state("a"), GuardState::Pinned);
}

#[test]
fn new_that_fails_at_once_is_rolled_back_with_the_first_hundred_answers() {
    let mut bench = Bench::new(CANARY);
    bench.seconds(3, "a", &[Answers(New, 40, 40, 2)]);
    assert_eq!(bench.found(), ["3: a: tripped by a: error_rate 100 %, limit 1 %"]);
}

#[test]
fn slow_new_is_rolled_back() {
    let mut bench = well(CANARY);
    bench.seconds(60, "a", &[Answers(New, 24, 0, 20), Answers(New, 1, 0, 100), Answers(Legacy, 75, 0, 20)]);
    let found = bench.found();
    assert!(found.len() == 1 && found[0].contains("a: tripped by a: latency_p99_ratio"), "{found:?}");
}

#[test]
fn slow_new_trips_only_beside_a_faster_legacy() {
    let mut bench = Bench::new(CANARY);
    bench.seconds(300, "a", &[Answers(New, 25, 0, 2000), Answers(Legacy, 75, 0, 2000)]);
    assert_eq!(bench.found(), [""; 0]);
    let mut bench = Bench::new(&CANARY.replace("canary, canary: { percent: 25, by: client }", "live"));
    bench.seconds(300, "a", &[Answers(New, 25, 0, 2000)]);
    assert_eq!((bench.found(), bench.state("a")), (vec![], GuardState::Holds));
}

#[test]
fn mismatching_new_is_rolled_back() {
    let mut bench = well(CANARY);
    bench.compare("a", Verdict::Match, 97);
    bench.compare("a", Verdict::Noise, 1);
    bench.compare("a", Verdict::Unknown, 1000);
    bench.compare("a", Verdict::Mismatch, 2);
    bench.seconds(1, "a", &[]);
    assert_eq!(bench.found(), ["301: a: tripped by a: mismatch_rate 2 %, limit 1 %"]);
}

#[test]
fn mismatches_in_stage_shadow_only_warn_and_once() {
    let mut bench = Bench::new(&CANARY.replace("canary, canary: { percent: 25, by: client }", "shadow"));
    for _ in 0..30 {
        bench.compare("a", Verdict::Mismatch, 50);
        bench.compare("a", Verdict::Match, 50);
        bench.seconds(1, "a", &[Answers(Legacy, 100, 100, 20)]);
    }
    assert_eq!(bench.found(), ["1: a: breached by a: mismatch_rate 50 %, limit 1 %"]);
    assert_eq!(bench.state("a"), GuardState::Breached);
    let view = bench.guards.guard("a").unwrap();
    assert!(!view.trips && view.measures[0].state == State::NotEvaluated);
}

#[test]
fn in_complete_a_guard_only_warns_once_until_it_holds_again() {
    let mut bench =
        Bench::new("- { name: a, match: { path: /a }, stage: complete, legacy: old, guard: { error_rate: 1% } }");
    for _ in 0..2 {
        bench.seconds(60, "a", &[Answers(New, 50, 5, 20)]);
        bench.seconds(30, "a", &[]);
        bench.seconds(90, "a", &[Answers(New, 50, 0, 20)]);
    }
    // The second time as soon as the window, full of good answers, has over 1 % of bad ones.
    let told =
        ["2: a: breached by a: error_rate 10 %, limit 1 %", "186: a: breached by a: error_rate 1.07 %, limit 1 %"];
    assert_eq!(bench.found(), told);
}

#[test]
fn live_without_legacy_only_warns_since_there_is_nothing_to_go_back_to() {
    let live = "- { name: a, match: { path: /a }, stage: live, legacy: none, guard: { error_rate: 1%, errors_over_legacy: 1% } }";
    let mut bench = Bench::new(live);
    bench.seconds(2, "a", &[Answers(New, 50, 50, 20)]);
    assert_eq!(bench.found(), ["2: a: breached by a: error_rate 100 %, limit 1 %"]);
    let measures = bench.guards.guard("a").unwrap().measures;
    assert_eq!(
        measures.iter().map(|measure| measure.state).collect::<Vec<_>>(),
        [State::Breached, State::NotEvaluated]
    );
}

#[test]
fn new_that_flaps_is_rolled_back_and_begins_with_an_empty_window_afterwards() {
    let mut bench = well(CANARY);
    for _ in 0..3 {
        bench.seconds(5, "a", &[Answers(New, 50, 3, 20), Answers(Legacy, 50, 0, 20)]);
        bench.seconds(15, "a", &[Answers(New, 50, 0, 20), Answers(Legacy, 50, 0, 20)]);
    }
    let found = bench.found();
    assert!(found.len() == 1 && found[0].contains("a: tripped by a: error"), "{found:?}");
    // What was still under way when the pin came is no evidence after it.
    bench.seconds(5, "a", &[Answers(New, 50, 50, 20)]);
    bench.resume();
    bench.seconds(1, "a", &[]);
    assert_eq!(bench.state("a"), GuardState::TooFew);
    bench.seconds(60, "a", &[Answers(New, 50, 0, 20), Answers(Legacy, 50, 0, 20)]);
    assert_eq!((bench.found(), bench.state("a")), (vec![], GuardState::Holds));
    bench.seconds(60, "a", &[Answers(New, 50, 3, 20), Answers(Legacy, 50, 0, 20)]);
    assert_eq!(bench.found().len(), 1, "it trips again");
}

#[test]
fn too_little_traffic_neither_trips_nor_passes() {
    let mut bench = Bench::new(&CANARY.replace("guard: {", "guard: { window: 10s,"));
    // A window of 10 s never holds 100 answers.
    bench.seconds(600, "a", &[Answers(New, 9, 9, 20), Answers(Legacy, 100, 0, 20)]);
    assert_eq!((bench.found(), bench.state("a")), (vec![], GuardState::TooFew));
    assert_eq!(bench.guards.guard("a").unwrap().measures[0].new.answers, 90);
}

#[test]
fn the_kill_switch_stops_judging() {
    let mut bench = well(CANARY);
    bench.direct(|standing| {
        let (by, why) = (Author::nameless(Way::Api), String::new());
        standing.pins.push(Pin { scope: Scope::KILL, by, why, at_ms: 0, for_ms: None });
    });
    bench.seconds(5, "a", &[Answers(New, 100, 100, 20)]);
    assert_eq!((bench.found(), bench.state("a")), (vec![], GuardState::Pinned));
}

#[test]
fn a_trip_that_nobody_obeys_is_not_repeated() {
    let mut bench = well(CANARY);
    let mut found = Vec::new();
    for _ in 0..60 {
        bench.answer("a", Answers(New, 50, 50, 20));
        bench.now += Duration::from_secs(1);
        found.extend(bench.guards.tick(&bench.generation, bench.now));
    }
    assert_eq!(found.len(), 1);
}

#[test]
fn evidence_outlives_a_reload_unless_it_is_of_something_else() {
    let other = format!("{CANARY}\n- {{ name: b, match: {{ path: /b }} }}");
    for (routes, known) in [
        (other.clone(), true),
        (other.replace("percent: 25", "percent: 50"), true),
        (other.replace("error_rate: 1%", "error_rate: 2%"), false),
        (other.replace("stage: canary", "new: newer, stage: canary"), false),
        (other.replace("stage: canary, canary: { percent: 25, by: client }", "stage: live"), false),
    ] {
        let mut bench = well(CANARY);
        bench.reload(&routes);
        bench.seconds(1, "a", &[]);
        assert_eq!(bench.state("a") == GuardState::Holds, known, "{routes}");
    }
}

#[test]
fn a_route_without_a_part_for_new_is_not_judged() {
    let mut bench = Bench::new(&CANARY.replace("canary, canary: { percent: 25, by: client }", "legacy"));
    bench.seconds(5, "a", &[Answers(Legacy, 100, 100, 20)]);
    assert_eq!((bench.found(), bench.state("a")), (vec![], GuardState::Off));
    assert_eq!(bench.guards.guard("b"), None);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever the traffic, a guard trips as if it knew exactly what happened within its window, up to the slot that it
    /// lets go at once.
    #[test]
    fn a_guard_trips_when_its_window_says_so_and_only_then(
        traffic in prop::collection::vec((0_u64..40, 0_u64..3), 1..200),
        window in 1_usize..60,
    ) {
        let mut bench = Bench::new(&format!("- {{ name: a, match: {{}}, stage: live, guard: {{ window: {window}s, error_rate: 3% }} }}"));
        let breached = |second: usize, length: usize| {
            let seen = &traffic[(second + 1).saturating_sub(length)..=second];
            let (requests, errors) = seen.iter().fold((0, 0), |sum, (n, bad)| (sum.0 + n, sum.1 + bad.min(n)));
            requests >= 100 && errors * 100 > requests * 3
        };
        for (second, &(requests, errors)) in traffic.iter().enumerate() {
            bench.seconds(1, "a", &[Answers(New, requests, errors.min(requests), 20)]);
            let lengths = || (window - window.div_ceil(12)).max(1)..=window;
            if bench.found.is_empty() {
                prop_assert!(!lengths().all(|length| breached(second, length)), "it should have tripped at {second}");
            } else {
                prop_assert!(lengths().any(|length| breached(second, length)), "{:?} at {second}", bench.found);
                break;
            }
        }
    }
}
