//! Guards roll back by themselves, and ramps climb while they hold, on real traffic.

use serde_json::{Value, json};

use crate::harness::{Pair, Script, until};

const GUARDED: &str = "\
subject: { user: [{ header: X-User }] }
routes:
  - name: orders
    match: { path: /orders }
    new: new
    stage: canary
    canary: { percent: 100, by: user }
    guard: { window: 2s, min_requests: 20, error_rate: 10% }";

const RAMPED: &str = "\
subject: { user: [{ header: X-User }] }
routes:
  - name: orders
    match: { path: /orders }
    new: new
    stage: canary
    canary: { by: user }
    guard: { window: 2s, min_requests: 5, error_rate: 10% }
    ramp: { steps: [40%, 100%], every: 1s }";

fn ask(pair: &Pair, user: u32) -> String {
    pair.site.get_with("/orders", &format!("X-User: u-{user}\r\n")).served_by().to_owned()
}

fn status(pair: &Pair) -> Value {
    pair.site.read("status").json()
}

#[test]
fn a_new_system_that_fails_is_rolled_back_and_stays_so_until_it_is_resumed() {
    let pair = Pair::start(GUARDED);
    pair.new.on("/orders", Script::raw("HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n"));
    until("the guard to trip", || {
        (0..5).for_each(|user| drop(ask(&pair, user)));
        (pair.site.metric("banyan_pins{route=\"orders\"}") == 1).then_some(())
    });
    assert_eq!(ask(&pair, 1), "legacy");
    assert_eq!(pair.site.metric("banyan_guard_trips_total{route=\"orders\"}"), 1);
    let said = status(&pair);
    let pin = &said["pins"][0];
    assert_eq!((pin["scope"].as_str(), pin["by"].as_str()), (Some("orders"), Some("guard")));
    assert!(pin["why"].as_str().unwrap().contains("error_rate"), "{pin}");
    assert_eq!(said["routes"][0]["guard"]["state"], "pinned");
    let pair = pair.restart();
    assert_eq!(ask(&pair, 1), "legacy");
    assert_eq!(pair.site.command("resume", &json!({ "route": "orders" })).status, 200);
    assert_eq!(ask(&pair, 1), "new");
}

#[test]
fn a_ramp_climbs_while_its_guard_holds_and_keeps_its_step_through_a_restart() {
    let pair = Pair::start(RAMPED);
    let percent = |pair: &Pair| status(pair)["routes"][0]["ramp"]["percent"].as_f64();
    until("the ramp to begin", || (percent(&pair) == Some(40.0)).then_some(()));
    let outside = (0..).find(|user| banyan::routing::bucket_of("orders", format!("u-{user}")).0 >= 40_000).unwrap();
    assert_eq!(ask(&pair, outside), "legacy");
    assert_eq!(pair.site.command("ramp", &json!({ "unit": "orders", "action": "pause" })).status, 200);
    let pair = pair.restart();
    let ramp = status(&pair)["routes"][0]["ramp"].clone();
    assert_eq!((ramp["percent"].as_f64(), ramp["waits"].as_str()), (Some(40.0), Some("pause")));
    assert_eq!(pair.site.command("ramp", &json!({ "unit": "orders", "action": "continue" })).status, 200);
    until("the ramp to finish", || {
        (0..10).for_each(|user| drop(ask(&pair, user)));
        (percent(&pair) == Some(100.0)).then_some(())
    });
    assert_eq!(ask(&pair, outside), "new");
    assert_eq!(pair.site.command("ramp", &json!({ "unit": "orders", "action": "skip" })).status, 422);
    assert_eq!(pair.site.command("ramp", &json!({ "unit": "orders", "action": "back" })).status, 200);
    assert_eq!(ask(&pair, outside), "legacy");
}
