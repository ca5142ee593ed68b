//! An endpoint that fails request after request is left out for a while.

use std::time::Instant;

use crate::harness::{Pair, Script, until};

/// Legacy at the recorders `legacy` and `new`, one after the other.
fn two(outlier: &str) -> String {
    format!(
        "backends: {{ legacy: {{ endpoints: [LEGACY, NEW], balance: round_robin, outlier: {{ {outlier} }}, slow_start: 0s }} }}"
    )
}

fn error() -> Script {
    Script::raw("HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n")
}

#[test]
fn failures_in_a_row_take_an_endpoint_out() {
    let pair = Pair::start(&two("consecutive_failures: 3, eject_for: 1h"));
    pair.legacy.on("/x", error());
    let failed = (0..40).filter(|_| pair.site.get("/x").status == 500).count();
    assert_eq!((failed, pair.legacy.lines().len(), pair.new.lines().len()), (3, 3, 37));
    let series = format!("banyan_endpoint_healthy{{backend=\"legacy\",endpoint=\"{}\"}}", pair.legacy.address);
    pair.site.await_metric(&series, 0);
}

#[test]
fn no_answer_is_a_failure_too_and_the_time_brings_it_back() {
    let pair = Pair::start(&two("consecutive_failures: 2, eject_for: 300ms"));
    pair.legacy.on("/x", Script::default().reset());
    let began = Instant::now();
    until("its ejection", || {
        pair.site.get_with("/x", "Connection: close\r\n");
        (pair.legacy.lines().len() == 2).then_some(())
    });
    until("its return", || (pair.site.get("/y").text() == "legacy").then_some(()));
    assert!(began.elapsed().as_millis() >= 300);
}

#[test]
fn a_good_answer_between_failures_keeps_it_in() {
    let pair = Pair::start(&two("consecutive_failures: 2, eject_for: 1h"));
    pair.legacy.on("/bad", error());
    for _ in 0..10 {
        // Each to both, one after the other.
        for path in ["/bad", "/bad", "/good", "/good"] {
            pair.site.get(path);
        }
    }
    assert_eq!(pair.legacy.lines().len(), 20);
}

#[test]
fn the_only_endpoint_stays() {
    let pair = Pair::start(
        "backends: { legacy: { endpoints: [LEGACY], outlier: { consecutive_failures: 1, max_ejected: 100% } } }",
    );
    pair.legacy.on("/x", error());
    (0..10).for_each(|_| assert_eq!(pair.site.get("/x").status, 500));
    assert_eq!(pair.legacy.lines().len(), 10);
}
