//! Ramps climb, stop and step back.

use proptest::prelude::*;

use super::*;
use Side::{Legacy, New};

const RAMP: &str = "- { name: a, match: { path: /a }, stage: canary, canary: { by: client }, \
    guard: { error_rate: 1%, errors_over_legacy: 1% }, ramp: { steps: [1%, 5%, 25%, 100%], every: 2m } }";

const WELL: [Answers; 2] = [Answers(New, 10, 0, 20), Answers(Legacy, 90, 0, 20)];

#[test]
fn a_ramp_climbs_to_its_last_step_and_stays() {
    let mut bench = Bench::new(RAMP);
    assert_eq!(bench.found(), ["0: a: ramp begins at 1 %"]);
    bench.seconds(3600, "a", &WELL);
    let found = bench.found();
    let steps = ["121: a: ramp 1 % → 5 %: the guard held", "242: a: ramp 5 % → 25 %", "363: a: ramp 25 % → 100 %"];
    assert!(found.len() == 3 && found.iter().zip(steps).all(|(found, step)| found.starts_with(step)), "{found:?}");
    let view = bench.ramp();
    assert_eq!((view.percent, view.step, view.waits, view.left_s), (100.0, 4, Waits::Finished, None));
    assert_eq!(view.steps, [1.0, 5.0, 25.0, 100.0]);
}

#[test]
fn a_ramp_never_moves_on_silence_or_too_few_answers() {
    let mut bench = Bench::new(RAMP);
    bench.found();
    bench.seconds(10_000, "a", &[]);
    bench.seconds(600, "a", &[Answers(Legacy, 100, 0, 20)]);
    assert_eq!((bench.found(), bench.ramp().waits), (vec![], Waits::Answers));
    bench.seconds(99, "a", &[Answers(New, 1, 0, 20)]);
    assert_eq!((bench.found(), bench.ramp().answers), (vec![], 99));
    bench.seconds(1, "a", &[Answers(New, 1, 0, 20)]);
    let found = bench.found();
    assert!(found.len() == 1 && found[0].contains("1 % → 5 %: the guard held over 100 answers of new"), "{found:?}");
}

#[test]
fn a_ramp_waits_for_legacy_where_nothing_else_can_be_judged() {
    let relative = RAMP.replace("error_rate: 1%, ", "");
    let mut bench = Bench::new(&relative);
    bench.found();
    bench.seconds(600, "a", &[Answers(New, 10, 0, 20)]);
    assert_eq!((bench.found(), bench.ramp().waits), (vec![], Waits::Answers));
    bench.seconds(1, "a", &[Answers(Legacy, 100, 0, 20)]);
    assert_eq!(bench.found().len(), 1);
}

#[test]
fn a_trip_steps_back_and_the_step_begins_anew_after_it() {
    let mut bench = Bench::new(RAMP);
    bench.seconds(130, "a", &WELL);
    bench.found();
    bench.seconds(60, "a", &[Answers(New, 10, 1, 20), Answers(Legacy, 90, 0, 20)]);
    let found = bench.found();
    assert!(found.len() == 1 && found[0].contains("a: tripped by a"), "{found:?}");
    assert_eq!((bench.ramp().percent, bench.ramp().waits, bench.ramp().left_s), (1.0, Waits::Pin, None));
    bench.seconds(10_000, "a", &[Answers(Legacy, 100, 0, 20)]);
    assert_eq!(bench.found(), [""; 0], "pinned, it stays");
    bench.resume();
    bench.seconds(120, "a", &WELL);
    assert_eq!((bench.found(), bench.ramp().waits), (vec![], Waits::Time));
    assert_eq!(bench.ramp().left_s, Some(1.0));
    bench.seconds(1, "a", &WELL);
    assert_eq!(bench.found().len(), 1);
    assert_eq!(bench.ramp().percent, 5.0);
}

#[test]
fn a_trip_at_the_first_step_stays_there() {
    let mut bench = Bench::new(RAMP);
    bench.seconds(20, "a", &[Answers(New, 10, 5, 20)]);
    assert_eq!(bench.found().len(), 2);
    assert_eq!((bench.ramp().percent, bench.ramp().waits), (1.0, Waits::Pin));
}

#[test]
fn errors_early_in_a_step_hold_it_even_when_the_window_is_clean_again() {
    let lenient = RAMP.replace("guard: {", "guard: { window: 1s, min_requests: 50,");
    let mut bench = Bench::new(&lenient);
    bench.found();
    // Five seconds of errors in windows too small to judge: in sum 5 in 200 and more, over 1 %.
    bench.seconds(5, "a", &[Answers(New, 10, 1, 20)]);
    bench.seconds(200, "a", &[Answers(New, 1, 0, 20), Answers(Legacy, 50, 0, 20)]);
    assert_eq!((bench.found(), bench.ramp().waits), (vec![], Waits::Guard));
    bench.seconds(180, "a", &[Answers(New, 1, 0, 20), Answers(Legacy, 50, 0, 20)]);
    assert_eq!(bench.found().len(), 1, "as soon as the step as a whole holds, it goes on");
}

#[test]
fn a_pause_stops_the_clock_and_a_skip_restarts_it() {
    let mut bench = Bench::new(RAMP);
    bench.seconds(60, "a", &WELL);
    bench.found();
    bench.pause(true);
    bench.seconds(600, "a", &WELL);
    assert_eq!((bench.found(), bench.ramp().waits), (vec![], Waits::Pause));
    bench.pause(false);
    bench.seconds(100, "a", &WELL);
    let five = Percent::parse("5").unwrap();
    bench.set_ramp(&Unit::parse("a"), five);
    bench.seconds(120, "a", &WELL);
    assert_eq!((bench.found(), bench.ramp().percent), (vec![], 5.0));
    bench.seconds(1, "a", &WELL);
    assert_eq!(bench.ramp().percent, 25.0);
}

#[test]
fn a_restart_begins_the_step_anew() {
    let mut bench = Bench::new(RAMP);
    bench.seconds(240, "a", &WELL);
    assert_eq!(bench.ramp().percent, 5.0);
    bench.found();
    bench.restart(RAMP);
    bench.seconds(119, "a", &WELL);
    assert_eq!((bench.found(), bench.ramp().percent), (vec![], 5.0));
    bench.seconds(2, "a", &WELL);
    assert_eq!(bench.ramp().percent, 25.0);
}

#[test]
fn a_reload_that_leaves_the_ramp_alone_leaves_its_clock_alone() {
    let mut bench = Bench::new(RAMP);
    bench.seconds(100, "a", &WELL);
    bench.reload(&format!("{RAMP}\n- {{ name: b, match: {{ path: /b }} }}"));
    bench.seconds(21, "a", &WELL);
    assert_eq!(bench.ramp().percent, 5.0);
}

#[test]
fn other_steps_in_the_file_keep_the_largest_that_is_not_above() {
    for (steps, expected) in
        [("[2%, 50%]", "25 % → 2 %"), ("[30%, 40%]", "25 % → 30 %"), ("[10%, 20%, 90%]", "25 % → 20 %")]
    {
        let mut bench = Bench::new(RAMP);
        bench.seconds(250, "a", &WELL);
        assert_eq!(bench.ramp().percent, 25.0);
        bench.found();
        bench.reload(&RAMP.replace("[1%, 5%, 25%, 100%]", steps));
        bench.seconds(60, "a", &WELL);
        let found = bench.found();
        assert!(found.len() == 1 && found[0].contains(expected) && found[0].contains("steps are others"), "{found:?}");
    }
    let mut bench = Bench::new(RAMP);
    bench.seconds(250, "a", &WELL);
    bench.found();
    bench.reload(&RAMP.replace("[1%, 5%, 25%, 100%]", "[5%, 25%, 30%]"));
    bench.seconds(60, "a", &WELL);
    assert_eq!((bench.found(), bench.ramp().step), (vec![], 2));
}

#[test]
fn a_ramp_without_a_unit_in_stage_canary_is_dropped() {
    for routes in [
        RAMP.replace("stage: canary", "stage: live"),
        RAMP.replace("name: a", "name: other"),
        "- { name: a, match: { path: /a }, stage: canary, canary: { percent: 5, by: client } }".to_owned(),
    ] {
        let mut bench = Bench::new(RAMP);
        bench.seconds(10, "a", &[]);
        bench.found();
        bench.reload(&routes);
        bench.now += Duration::from_secs(1);
        bench.tick();
        let found = bench.found();
        assert!(found.contains(&"11: a: ramp ends at 1 %: no ramp in stage canary any more".to_owned()), "{found:?}");
        assert!(bench.generation.standing.ramp(&Unit::parse("a")).is_none());
    }
}

#[derive(Debug, Clone)]
enum Then {
    Traffic { seconds: u64, answers: u64, errors: u64 },
    Pause(bool),
    Rollback,
    Resume,
    Restart,
}

fn then() -> impl Strategy<Value = Then> {
    prop_oneof![
        8 => (1_u64..90, 0_u64..20, 0_u64..20).prop_map(|(seconds, answers, chance)| {
            Then::Traffic { seconds, answers, errors: u64::from(chance == 0).min(answers) }
        }),
        1 => any::<bool>().prop_map(Then::Pause),
        1 => Just(Then::Rollback),
        2 => Just(Then::Resume),
        1 => Just(Then::Restart),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Whatever happens, a ramp climbs one step at a time, only after the whole time of the step with enough answers and few
    /// enough errors in it and neither pin nor pause, and falls only with a trip, by one step.
    #[test]
    fn a_ramp_climbs_only_by_what_was_seen_since_its_step_began(story in prop::collection::vec(then(), 1..40)) {
        let steps = [1.0, 5.0, 25.0, 100.0];
        let place = |percent: f64| steps.iter().position(|step| *step == percent).unwrap();
        let mut bench = Bench::new(RAMP);
        // Of the step under way: seconds, answers, errors.
        let mut seen = (0, 0, 0);
        for event in story {
            let (seconds, answers, errors) = match event {
                Then::Traffic { seconds, answers, errors } => (seconds, answers, errors),
                Then::Pause(paused) => {
                    bench.pause(paused);
                    continue;
                }
                Then::Rollback => {
                    bench.pin(&Unit::parse("a"));
                    continue;
                }
                Then::Resume => {
                    bench.resume();
                    continue;
                }
                Then::Restart => {
                    bench.restart(RAMP);
                    seen = (0, 0, 0);
                    continue;
                }
            };
            for _ in 0..seconds {
                let (before, standing) = (bench.ramp().percent, Arc::clone(&bench.generation.standing));
                let stands = standing.ramps[0].paused || !standing.pins.is_empty();
                bench.found.clear();
                bench.seconds(1, "a", &[Answers(New, answers, errors, 20), Answers(Legacy, 100, 0, 20)]);
                seen = if stands { (0, 0, 0) } else { (seen.0 + 1, seen.1 + answers, seen.2 + errors) };
                let after = bench.ramp().percent;
                if after > before {
                    prop_assert!(!stands && place(after) == place(before) + 1, "{before} to {after}");
                    // What came with the first look of a step may be of the time before it.
                    prop_assert!(seen.0 >= 120 && seen.1 >= 100, "{seen:?}");
                    prop_assert!(seen.2.saturating_sub(1) * 100 <= seen.1, "{seen:?}");
                }
                if after < before {
                    prop_assert!(bench.found.iter().any(|(_, text)| text.contains("tripped")), "{:?}", bench.found);
                    prop_assert_eq!(place(after) + 1, place(before));
                }
                if after != before {
                    seen = (0, 0, 0);
                }
            }
        }
    }
}
