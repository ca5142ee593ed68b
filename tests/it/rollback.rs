//! Rolling back, killing, resuming: in force at once, and through reloads, restarts and crashes.

use serde_json::{Value, json};

use crate::harness::{Pair, Site};

const ROUTES: &str = "\
subject: { tenant: [{ header: X-Tenant }] }
routes:
  - { name: read, group: orders, match: { path: /read }, new: new, stage: live }
  - { name: write, group: orders, match: { path: /write }, new: new, stage: live }
  - { name: carts, match: { path: /carts }, new: new, stage: live }
  - { name: done, match: { path: /done }, new: new, stage: complete }";

fn served_by(site: &Site, target: &str, tenant: &str) -> String {
    site.get_with(target, &format!("X-Tenant: {tenant}\r\n")).served_by().to_owned()
}

#[track_caller]
fn obeyed(site: &Site, path: &str, told: Value) -> Value {
    let answer = site.change(path, &told);
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()
}

#[test]
fn a_rolled_back_route_goes_to_legacy_and_comes_back() {
    let pair = Pair::start(ROUTES);
    let site = &pair.site;
    assert_eq!(served_by(site, "/read", "a"), "new");
    let said = obeyed(site, "rollback", json!({ "route": "carts", "reason": "5xx" }));
    assert_eq!((said["generation"].as_u64(), said["changed"].as_bool()), (Some(2), Some(true)));
    assert_eq!(served_by(site, "/carts", "a"), "legacy");
    assert_eq!(served_by(site, "/read", "a"), "new");
    let line = site.logged("/carts");
    assert_eq!((line["reason"].as_str(), line["generation"].as_u64()), (Some("pin:route"), Some(2)));
    assert_eq!(site.metric("banyan_pins{route=\"carts\"}"), 1);
    let again = obeyed(site, "rollback", json!({ "route": "carts" }));
    assert_eq!((again["generation"].as_u64(), again["changed"].as_bool()), (Some(2), Some(false)));
    obeyed(site, "resume", json!({ "route": "carts" }));
    assert_eq!(served_by(site, "/carts", "a"), "new");
    assert_eq!(site.metric("banyan_pins{route=\"carts\"}"), 0);
}

#[test]
fn a_group_moves_as_one_and_a_tenant_alone() {
    let pair = Pair::start(ROUTES);
    let site = &pair.site;
    obeyed(site, "rollback", json!({ "group": "orders" }));
    assert_eq!([served_by(site, "/read", "a"), served_by(site, "/write", "a")], ["legacy", "legacy"]);
    obeyed(site, "resume", json!({ "group": "orders" }));
    let said = obeyed(site, "rollback", json!({ "tenant": "acme" }));
    assert_eq!(said["left_alone"], json!(["done"]));
    assert_eq!([served_by(site, "/read", "acme"), served_by(site, "/carts", "acme")], ["legacy", "legacy"]);
    assert_eq!(served_by(site, "/done", "acme"), "new");
    assert_eq!(served_by(site, "/read", "globex"), "new");
    obeyed(site, "resume", json!({ "tenant": "acme" }));
    obeyed(site, "rollback", json!({ "route": "read", "tenant": "acme" }));
    assert_eq!([served_by(site, "/read", "acme"), served_by(site, "/write", "acme")], ["legacy", "new"]);
}

#[test]
fn the_kill_switch_sends_everything_to_legacy_and_names_what_it_cannot() {
    let pair = Pair::start(ROUTES);
    let site = &pair.site;
    let said = obeyed(site, "kill", json!({ "reason": "fire" }));
    assert_eq!(said["left_alone"], json!(["done"]));
    for target in ["/read", "/write", "/carts"] {
        assert_eq!(served_by(site, target, "a"), "legacy", "{target}");
    }
    assert_eq!(served_by(site, "/done", "a"), "new");
    assert_eq!(site.metric("banyan_killed"), 1);
    assert_eq!(site.logged("/carts")["reason"], "kill");
    obeyed(site, "resume", json!({}));
    assert_eq!(served_by(site, "/carts", "a"), "new");
}

#[test]
fn what_cannot_be_rolled_back_is_refused_before_anything_changes() {
    let pair = Pair::start(ROUTES);
    for (told, status, says) in [
        (json!({ "route": "done" }), 409, "no legacy backend"),
        (json!({ "route": "nope" }), 404, "no route `nope`"),
        (json!({ "group": "nope" }), 404, "no group `nope`"),
        (json!({}), 422, "kill"),
        (json!({ "route": "read", "group": "orders" }), 422, "exclude each other"),
        (json!({ "route": "read", "for": "soon" }), 422, "no duration"),
        (json!({ "generation": 99 }), 404, "not kept"),
        (json!({ "rout": "read" }), 422, "unknown field"),
    ] {
        let answer = pair.site.command("rollback", &told);
        assert_eq!(answer.status, status, "{told}: {}", answer.text());
        assert!(answer.text().contains(says), "{told}: {}", answer.text());
    }
    assert_eq!(pair.site.metric("banyan_generation"), 1);
}

#[test]
fn a_pin_survives_reloads_and_restarts() {
    let pair = Pair::start(ROUTES);
    obeyed(&pair.site, "rollback", json!({ "route": "carts" }));
    obeyed(&pair.site, "rollback", json!({ "tenant": "acme" }));
    pair.rewrite(&format!("{ROUTES}\n  - {{ name: more, match: {{ path: /more }}, new: new, stage: live }}"));
    assert_eq!(served_by(&pair.site, "/more", "a"), "new");
    assert_eq!(served_by(&pair.site, "/more", "acme"), "legacy");
    assert_eq!(served_by(&pair.site, "/carts", "a"), "legacy");
    let before = pair.site.metric("banyan_generation");
    let pair = pair.restart();
    assert_eq!(pair.site.metric("banyan_generation"), before + 1);
    assert_eq!(served_by(&pair.site, "/carts", "a"), "legacy");
    assert_eq!(served_by(&pair.site, "/read", "acme"), "legacy");
    assert_eq!(served_by(&pair.site, "/read", "a"), "new");
}

#[test]
fn a_generation_of_before_is_held_whatever_the_file_says() {
    let pair = Pair::start(ROUTES);
    pair.rewrite(&ROUTES.replace("path: /carts }, new: new, stage: live", "path: /carts }, new: new, stage: legacy"));
    assert_eq!(served_by(&pair.site, "/carts", "a"), "legacy");
    let held = obeyed(&pair.site, "rollback", json!({ "generation": 1 }));
    assert_eq!(held["generation"], 3);
    assert_eq!(served_by(&pair.site, "/carts", "a"), "new");
    let answer = pair.site.command("reload", &Value::Null);
    assert_eq!(answer.status, 409, "{}", answer.text());
    let pair = pair.restart();
    assert_eq!(served_by(&pair.site, "/carts", "a"), "new");
    assert_eq!(pair.site.metric("banyan_held"), 1);
    obeyed(&pair.site, "resume", json!({ "file": true }));
    assert_eq!(served_by(&pair.site, "/carts", "a"), "legacy");
    assert_eq!(pair.site.metric("banyan_held"), 0);
}

#[test]
fn a_change_that_is_meant_for_another_generation_is_refused() {
    let pair = Pair::start(ROUTES);
    let kill = |generation| pair.site.command_if("kill", &json!({}), generation);
    assert_eq!(kill(7).status, 409);
    assert_eq!(pair.site.metric("banyan_killed"), 0);
    assert_eq!(kill(1).status, 200);
}

#[test]
fn pins_that_cannot_be_read_send_everything_to_legacy() {
    let pair = Pair::start(ROUTES);
    obeyed(&pair.site, "rollback", json!({ "route": "carts" }));
    let pair = pair.restart_after(|state| {
        let file = state.join("control.db");
        let mut bytes = std::fs::read(&file).unwrap();
        bytes.iter_mut().skip(16).for_each(|byte| *byte ^= 0x5a);
        std::fs::write(file, bytes).unwrap();
    });
    assert_eq!(pair.site.metric("banyan_killed"), 1);
    assert_eq!(served_by(&pair.site, "/read", "a"), "legacy");
    // It does not wear off with the next start.
    let pair = pair.restart();
    assert_eq!(served_by(&pair.site, "/read", "a"), "legacy");
    obeyed(&pair.site, "resume", json!({}));
    assert_eq!(served_by(&pair.site, "/read", "a"), "new");
}

#[test]
fn a_second_rollback_never_shortens_the_first() {
    let pair = Pair::start(ROUTES);
    obeyed(&pair.site, "rollback", json!({ "route": "carts", "reason": "incident" }));
    let again = obeyed(&pair.site, "rollback", json!({ "route": "carts", "for": "1s" }));
    assert_eq!((again["changed"].as_bool(), &again["pins"]), (Some(false), &json!(["carts"])));
    obeyed(&pair.site, "rollback", json!({ "route": "read", "for": "1s" }));
    assert_eq!(obeyed(&pair.site, "rollback", json!({ "route": "read" }))["changed"], true);
    pair.site.await_metric("banyan_pins{route=\"read\"}", 1);
    assert!(pair.site.read("status").json()["pins"].as_array().unwrap().iter().all(|pin| pin["ends_in_s"].is_null()));
    let left = obeyed(&pair.site, "resume", json!({ "route": "read" }));
    assert_eq!(left["pins"], json!(["carts"]));
}

#[test]
fn a_pin_for_a_time_ends_by_itself_and_says_so() {
    let pair = Pair::start(ROUTES);
    // Longer than any clock runs: it is a pin like any other.
    obeyed(&pair.site, "rollback", json!({ "group": "orders", "for": "500000000years" }));
    obeyed(&pair.site, "rollback", json!({ "route": "carts", "for": "1s" }));
    assert_eq!(served_by(&pair.site, "/carts", "a"), "legacy");
    pair.site.await_metric("banyan_pins{route=\"carts\"}", 0);
    assert_eq!([served_by(&pair.site, "/carts", "a"), served_by(&pair.site, "/read", "a")], ["new", "legacy"]);
    let record = pair.site.read("audit?on=carts").json()["records"][0].clone();
    assert_eq!((record["source"].as_str(), record["what"].as_str()), (Some("timer"), Some("resume")), "{record}");
}
