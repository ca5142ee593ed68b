//! What evidence comes to.

use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::telemetry::octaves;

/// A side that answered so many times, each in so many milliseconds.
fn side(requests: u64, errors: u64, client_errors: u64, millis: u64) -> SideEvidence {
    let bucket = octaves::bucket_of(Duration::from_millis(millis));
    let times = (0..=bucket).map(|place| if place == bucket { requests } else { 0 }).collect();
    SideEvidence { requests, errors, client_errors, times }
}

fn evidence(new: SideEvidence, legacy: SideEvidence) -> Evidence {
    Evidence { sides: [legacy, new], ..Evidence::default() }
}

fn guard(limits: &[(Threshold, f64)]) -> GuardSettings {
    GuardSettings { window: Duration::from_secs(60), min_requests: 100, limits: limits.to_vec() }
}

fn one(threshold: Threshold, limit: f64, evidence: &Evidence) -> Measure {
    judge(&guard(&[(threshold, limit)]), evidence, true).remove(0)
}

#[test]
fn what_is_measured_is_told_in_a_line() {
    let evidence =
        Evidence { mismatches: 15, matches: 400, noise: 85, ..evidence(side(1000, 51, 20, 200), side(3000, 6, 3, 80)) };
    let line = |threshold, limit| one(threshold, limit, &evidence).to_string();
    assert_eq!(
        line(Threshold::ErrorRate, 0.01),
        "error_rate 5.1 %, limit 1 % (95 %: 3.9 % to 6.64 %; 1000 answers of new)"
    );
    assert_eq!(
        line(Threshold::ErrorsOverLegacy, 0.005),
        "errors_over_legacy 4.9 %, limit 0.5 % (95 %: 3.68 % to 6.45 %; 5.1 % of 1000 answers of new, 0.2 % of 3000 of legacy)"
    );
    assert_eq!(
        line(Threshold::ClientErrorsOverLegacy, 0.02),
        "client_errors_over_legacy 1.9 %, limit 2 % (95 %: 1.17 % to 2.97 %; 2 % of 1000 answers of new, 0.1 % of 3000 of legacy)"
    );
    assert_eq!(
        line(Threshold::LatencyP99Ratio, 1.5),
        "latency_p99_ratio 2.6, limit 1.5 (95 %: 2.4 to 2.89; p99 213 ms of 1000 answers of new, p99 81.8 ms of 3000 of legacy)"
    );
    assert_eq!(
        line(Threshold::MismatchRate, 0.001),
        "mismatch_rate 3 %, limit 0.1 % (95 %: 1.83 % to 4.89 %; 500 comparisons)"
    );
    let states = [0.01, 0.005, 0.02, 1.5, 0.001];
    let states =
        Threshold::ALL.into_iter().zip(states).map(|(threshold, limit)| one(threshold, limit, &evidence).state);
    let (b, h) = (State::Breached, State::Holds);
    assert_eq!(states.collect::<Vec<_>>(), [b, b, h, b, b]);
}

#[test]
fn a_limit_itself_is_kept_to() {
    assert_eq!(one(Threshold::ErrorRate, 0.01, &evidence(side(200, 2, 0, 1), side(0, 0, 0, 1))).state, State::Holds);
    assert_eq!(one(Threshold::ErrorRate, 0.01, &evidence(side(200, 3, 0, 1), side(0, 0, 0, 1))).state, State::Breached);
    assert_eq!(one(Threshold::ErrorRate, 0.0, &evidence(side(200, 1, 0, 1), side(0, 0, 0, 1))).state, State::Breached);
    let equal = evidence(side(200, 0, 0, 10), side(200, 0, 0, 10));
    assert_eq!(one(Threshold::LatencyP99Ratio, 1.0, &equal).state, State::Holds);
}

#[test]
fn without_legacy_relative_thresholds_are_not_evaluated_and_absolute_ones_hold() {
    let settings = guard(&Threshold::ALL.map(|threshold| (threshold, 0.01)));
    let states = |evidence: &Evidence, answers| {
        judge(&settings, evidence, answers).into_iter().map(|measure| measure.state).collect::<Vec<_>>()
    };
    let (few, not, bad) = (State::TooFew, State::NotEvaluated, State::Breached);
    let alone = evidence(side(100, 50, 50, 10), side(99, 0, 0, 1));
    assert_eq!(states(&alone, true), [bad, not, not, not, few]);
    assert_eq!(states(&Evidence::default(), true), [few, few, few, few, few]);
    let compared = Evidence { mismatches: 2, noise: 98, ..alone };
    assert_eq!(states(&compared, false), [not, not, not, not, bad], "in stage shadow only comparisons count");
    assert_eq!(Judgement::of(&judge(&settings, &Evidence::default(), true)), Judgement::TooFew);
}

#[test]
fn evidence_reads_well_as_json() {
    let measure = one(Threshold::ErrorRate, 0.01, &evidence(side(200, 0, 0, 1), side(0, 0, 0, 1)));
    let json = serde_json::to_value(&measure).unwrap();
    let high = json["measured"]["high"].as_f64().unwrap();
    assert!(high > 0.018 && high < 0.019);
    assert_eq!((&json["threshold"], &json["state"]), (&"error_rate".into(), &"holds".into()));
    assert_eq!(json["new"], serde_json::json!({ "answers": 200, "value": 0.0 }));
    assert_eq!(json["legacy"], serde_json::json!({ "answers": 0, "value": null }));
}

#[test]
fn differences_have_newcombes_interval() {
    // Newcombe, "Interval estimation for the difference between independent proportions", 1998, table II, method 10.
    for ([a, m, b, n], low, high) in
        [([56, 70, 48, 80], 0.0524, 0.3339), ([9, 10, 3, 10], 0.1705, 0.8090), ([10, 10, 0, 10], 0.6075, 1.0)]
    {
        let found = difference(Share::new(a, m), Share::new(b, n)).unwrap();
        assert!((found.low - low).abs() < 5e-5 && (found.high - high).abs() < 5e-5, "{found:?}");
    }
}

#[test]
fn numbers_have_three_digits() {
    let shown = [0.0, 0.001, 0.12345, 5.0, 12.345, 123.45, 12345.6, -0.5].map(number);
    assert_eq!(shown, ["0", "0.001", "0.123", "5", "12.3", "123", "12346", "-0.5"]);
}

fn any_side() -> impl Strategy<Value = SideEvidence> {
    (0_u64..400, 0.0_f64..=1.0, 0.0_f64..=1.0, 0_u64..2000).prop_map(|(requests, errors, client, millis)| {
        let errors = (requests as f64 * errors) as u64;
        side(requests, errors, ((requests - errors) as f64 * client) as u64, millis)
    })
}

fn any_evidence() -> impl Strategy<Value = Evidence> {
    (any_side(), any_side(), [0_u64..200, 0..200, 0..200]).prop_map(|(new, legacy, [matches, mismatches, noise])| {
        Evidence { matches, mismatches, noise, ..evidence(new, legacy) }
    })
}

proptest! {
    #[test]
    fn nothing_is_breached_below_the_minimum(evidence in any_evidence(), limit in 0.0_f64..1.0, min in 1_u64..500) {
        let settings = GuardSettings { min_requests: min, ..guard(&Threshold::ALL.map(|threshold| (threshold, limit))) };
        for measure in judge(&settings, &evidence, true).iter().filter(|measure| measure.state == State::Breached) {
            let n = if measure.threshold == Threshold::MismatchRate { measure.compared } else { measure.new.answers };
            prop_assert!(n >= min, "{measure}");
            let relative = !matches!(measure.threshold, Threshold::ErrorRate | Threshold::MismatchRate);
            prop_assert!(!relative || measure.legacy.answers >= min, "{measure}");
        }
    }

    #[test]
    fn one_more_error_never_helps(evidence in any_evidence(), limit in 0.0_f64..1.0) {
        prop_assume!(evidence.side(Side::New).errors < evidence.side(Side::New).requests);
        let mut worse = evidence.clone();
        worse.sides[Side::New.index()].errors += 1;
        for threshold in [Threshold::ErrorRate, Threshold::ErrorsOverLegacy] {
            let (before, after) = (one(threshold, limit, &evidence), one(threshold, limit, &worse));
            prop_assert!(before.state != State::Breached || after.state == State::Breached, "{before}; {after}");
        }
    }

    #[test]
    fn values_lie_in_their_intervals(evidence in any_evidence()) {
        for threshold in Threshold::ALL {
            if let Some(Estimate { value, low, high }) = one(threshold, 0.01, &evidence).measured {
                prop_assert!(low <= value + 1e-9 && value <= high + 1e-9 && low.is_finite() && high.is_finite(), "{threshold}: {low} {value} {high}");
            }
        }
    }
}
