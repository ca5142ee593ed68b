//! Routes that move together.

use super::*;
use Side::{Legacy, New};

const GROUP: &str = "\
- { name: read, group: orders, match: { path: /r }, stage: canary, canary: { by: client }, shadow: {}, guard: { error_rate: 1%, mismatch_rate: 1% }, ramp: { steps: [5%, 50%], every: 1m } }
- { name: write, group: orders, match: { path: /w }, stage: canary, canary: { by: client } }
- { name: list, group: orders, match: { path: /l }, stage: shadow }
- { name: alone, match: { path: /x }, stage: live, guard: { error_rate: 1% } }";

fn orders() -> Unit {
    Unit::Group("orders".into())
}

#[test]
fn one_bad_route_rolls_its_group_back_and_no_other() {
    let mut bench = Bench::new(GROUP);
    assert_eq!(bench.found(), ["0: group:orders: ramp begins at 5 %"]);
    bench.answer("write", Answers(New, 100, 50, 20));
    bench.answer("read", Answers(New, 100, 50, 20));
    bench.seconds(1, "alone", &[Answers(New, 100, 0, 20)]);
    assert_eq!(bench.found(), ["1: group:orders: tripped by read: error_rate 50 %, limit 1 %"], "once for both");
    bench.seconds(1, "alone", &[]);
    let states = ["read", "write", "list", "alone"].map(|route| bench.state(route));
    let pinned = GuardState::Pinned;
    assert_eq!(states, [pinned, pinned, pinned, GuardState::Holds]);
}

#[test]
fn a_groups_ramp_climbs_by_the_answers_of_all_its_routes() {
    let mut bench = Bench::new(GROUP);
    bench.found();
    bench.seconds(61, "read", &[Answers(New, 1, 0, 20)]);
    bench.answer("list", Answers(Legacy, 1000, 1000, 20));
    // The step began with the look after it was set.
    bench.seconds(39, "write", &[Answers(New, 1, 0, 20)]);
    assert_eq!((bench.found(), bench.ramp().answers), (vec![], 99));
    bench.seconds(1, "write", &[Answers(New, 1, 0, 20)]);
    let found = bench.found();
    assert!(found.len() == 1 && found[0].contains("group:orders: ramp 5 % → 50 %"), "{found:?}");
}

#[test]
fn mismatches_of_a_route_in_stage_shadow_stop_the_groups_ramp() {
    let mut bench = Bench::new(GROUP);
    bench.seconds(1, "read", &[]);
    bench.found();
    bench.compare("list", Verdict::Mismatch, 100);
    bench.seconds(90, "read", &[Answers(New, 10, 0, 20)]);
    assert_eq!(bench.found(), ["2: group:orders: breached by list: mismatch_rate 100 %, limit 1 %"]);
    assert_eq!(bench.ramp().waits, Waits::Guard);
}

#[test]
fn a_pin_on_one_of_its_routes_stops_the_groups_ramp() {
    let mut bench = Bench::new(GROUP);
    bench.found();
    bench.pin(&Unit::parse("write"));
    bench.seconds(90, "read", &[Answers(New, 10, 0, 20)]);
    assert_eq!((bench.found(), bench.ramp().waits), (vec![], Waits::Pin));
    bench.pin(&orders());
    bench.resume();
    bench.seconds(61, "read", &[Answers(New, 10, 0, 20)]);
    assert_eq!(bench.found().len(), 1);
}
