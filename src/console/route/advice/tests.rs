use super::super::tests::{ROUTES, snapshot};
use super::*;
use crate::control::overview::SideStatus;
use crate::diff::Verdict;

fn tally(matching: u64, mismatch: u64) -> Tally {
    let mut tally = Tally::default();
    tally.add(Verdict::Match, matching);
    tally.add(Verdict::Mismatch, mismatch);
    tally
}

fn side(requests: u64, p99_ms: f64) -> SideStatus {
    SideStatus { requests, p99_ms: Some(p99_ms), ..SideStatus::default() }
}

fn status() -> RouteStatus {
    let (legacy, new) = (side(900, 50.0), side(100, 45.0));
    RouteStatus { name: "orders-read".to_owned(), legacy, new, ..RouteStatus::default() }
}

fn known(status: &RouteStatus) -> Known<'_> {
    let percent = |thousandths| Percent::from_thousandths(thousandths).unwrap();
    Known {
        status,
        span_s: 45.0,
        hour: [(9_000, 9), (1_000, 1)],
        guard: None,
        limits: &[],
        min_requests: FEW,
        tally: Ok(tally(12_000, 1)),
        gate: Gate { min_match: percent(99_900), min_n: 10_000, max_unknown: percent(1_000) },
        open: [0, 0],
        by: Some("user".to_owned()),
    }
}

/// What is said of going to 50 %.
fn advised(known: &Known<'_>) -> Advice {
    let route = snapshot(ROUTES).rules.routes.into_iter().find(|route| &*route.name == "orders-read").unwrap();
    advise(&Step::of(&route, "50"), known)
}

fn against(advice: &Advice) -> Vec<&str> {
    let is_against = |finding: &&Finding| matches!(finding.state, State::Bad | State::Open);
    advice.findings.iter().filter(is_against).map(|finding| &*finding.text).collect()
}

#[test]
fn a_route_that_is_well_may_go_on() {
    let status = status();
    let advice = advised(&known(&status));
    assert_eq!((advice.state, against(&advice).len()), (State::Good, 0), "{advice:#?}");
    let said: Vec<&str> = advice.findings.iter().map(|finding| &*finding.text).collect();
    assert!(said[0].starts_with("Answers match: 99.9917 % of 12001 ("), "{said:#?}");
    assert!(said.iter().any(|text| text.starts_with("From 12.5 % to 50 %")), "{said:#?}");
}

#[test]
fn too_few_comparisons_are_told_with_how_many_are_missing() {
    let status = status();
    let advice = advised(&Known { tally: Ok(tally(999, 0)), ..known(&status) });
    assert_eq!(advice.state, State::Open);
    assert!(against(&advice)[0].ends_with("so 9,001 more are wanted."), "{advice:#?}");
    let nothing = advised(&Known { tally: Ok(Tally::default()), ..known(&status) });
    assert!(against(&nothing)[0].starts_with("Nothing was compared yet"), "{nothing:#?}");
}

#[test]
fn each_thing_that_speaks_against_it_is_said() {
    let well = status();
    let mut pinned = status();
    pinned.pins = vec!["group:orders".to_owned(), "orders-read tenant:acme".to_owned()];
    let mut slow = status();
    slow.new.p99_ms = Some(90.0);
    for (known, text) in [
        (Known { tally: Ok(tally(10_000, 500)), ..known(&well) }, "Answers match: 95.2 %"),
        (Known { open: [2, 1], ..known(&well) }, "2 real differences are neither fixed nor accepted."),
        (Known { open: [1, 0], ..known(&well) }, "1 real difference is neither fixed nor accepted."),
        (Known { hour: [(9_000, 9), (1_000, 100)], ..known(&well) }, "In the last hour new failed 10.0 % of 1,000"),
        (known(&slow), "New's p99 is 1.80 times legacy's"),
        (known(&pinned), "Pinned to legacy: group:orders."),
        (Known { limits: &[(Threshold::LatencyP99Ratio, 0.5)], ..known(&well) }, "New's p99 is 0.90 times legacy's"),
    ] {
        let advice = advised(&known);
        assert_eq!(advice.state, State::Bad, "{text}");
        assert!(against(&advice).iter().any(|said| said.starts_with(text)), "{text}: {advice:#?}");
    }
}

#[test]
fn what_cannot_be_read_is_not_taken_for_good() {
    let status = status();
    let advice = advised(&Known { tally: Err("the disk is gone".to_owned()), ..known(&status) });
    assert_eq!(advice.state, State::Open);
    assert!(against(&advice)[0].contains("the disk is gone"));
}

#[test]
fn where_new_answers_nobody_yet_its_answers_are_not_asked_for() {
    let status = RouteStatus { name: "orders-write".to_owned(), ..RouteStatus::default() };
    let route = snapshot(ROUTES).rules.routes.into_iter().find(|route| &*route.name == "orders-write").unwrap();
    let known = Known { hour: [(0, 0); 2], ..known(&status) };
    assert_eq!(advise(&Step::of(&route, ""), &known).state, State::Good);
}
