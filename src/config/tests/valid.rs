//! What valid files mean.

use std::sync::Arc;
use std::time::Duration;

use http::{HeaderName, HeaderValue, Method};

use super::*;
use crate::diff::Rules;
use crate::diff::rules::{BodyRule, StatusRule};
use crate::names::{Key, Stage};
use crate::routing::{CohortKind, Percent, RouteId, SubjectSource};
use crate::snapshot::{Balance, ClientLimits, HostRule, Retention, Shadowing};

#[test]
fn every_valid_fixture_loads_and_its_tests_hold() {
    for name in ["minimal.yaml", "everything.yaml"] {
        let loaded = load(&Disk, &fixture("valid").join(name), &Options::default());
        assert!(loaded.is_clean(), "{}", render(&loaded.diagnostics, Format::Text));
        assert!(loaded.tests.iter().all(|test| test.passed), "{:?}", loaded.tests);
    }
}

#[test]
fn everything_is_compiled() {
    let snapshot = load(&Disk, &fixture("valid/everything.yaml"), &Options::default()).snapshot.unwrap();
    let route = &snapshot.rules.routes[0];
    assert_eq!((route.stage, &*route.salt, route.timeout), (Stage::Canary, "orders", Duration::from_secs(3)));
    assert_eq!(route.owner.as_deref(), Some("team-orders"));
    assert_eq!(snapshot.rules.routes[1].owner.as_deref(), Some("team-shop"));
    assert_eq!(&*snapshot.backend(route.legacy.unwrap()).name, "literal");
    let canary = route.canary.as_ref().unwrap();
    let share = canary.share.unwrap();
    assert_eq!((share.percent.thousandths(), share.by), (12_500, Key::User));
    assert_eq!(&*snapshot.rules.cohorts[share.of.unwrap().0 as usize].name, "early");
    assert_eq!(canary.cohorts.len() + canary.flags.len() + canary.tenants.len() + canary.except.tenants.len(), 6);
    let backend = snapshot.backends.iter().find(|backend| &*backend.name == "shop_v2.1").unwrap();
    assert_eq!((backend.balance, &backend.host), (Balance::RoundRobin, &HostRule::Endpoint));
    let authorities: Vec<_> = backend.endpoints.iter().map(|endpoint| &*endpoint.authority).collect();
    assert_eq!(authorities, ["10.0.0.5:8080", "[2001:db8::5]:8080", "orders.internal"]);
    assert_eq!(snapshot.trust.headers, ["x-tenant-id", "x-partner"]);
    assert_eq!(snapshot.jwt.unwrap().keys.keys.len(), 2);
    let listener = &snapshot.listeners[1];
    assert_eq!(listener.timeouts.idle, Duration::from_secs(90));
    assert_eq!(
        (listener.timeouts.handshake, listener.timeouts.tunnel),
        (Duration::from_secs(3), Duration::from_secs(7200))
    );
    let limits = ClientLimits {
        connections: 10_000,
        per_client: Some(100),
        requests: Some(1000),
        headers: 50,
        head: 16 << 10,
        target: 4 << 10,
        body: Some(10 << 20),
        min_rate: 1 << 10,
    };
    assert_eq!(listener.limits, limits);
    assert!(listener.tls.as_ref().is_some_and(|tls| tls.asks_clients) && snapshot.listeners[0].tls.is_none());
    assert!(snapshot.admin.tls.as_ref().is_some_and(|tls| !tls.asks_clients));
    assert!(snapshot.listeners[1].opaque_slashes && !snapshot.confirm_removals);
    let retention = Retention { size: 64 << 20, age: Duration::from_secs(30 * 24 * 3600), samples: 5 };
    assert_eq!((snapshot.retention, snapshot.stream_grace), (retention, Duration::from_secs(45)));
    assert!(snapshot.state_dir.is_absolute());
    assert_eq!(snapshot.tenant_files.len(), 2);
}

#[test]
fn shadows_and_comparisons_are_compiled() {
    let snapshot = load(&Disk, &fixture("valid/everything.yaml"), &Options::default()).snapshot.unwrap();
    let bounds = Shadowing { threads: Some(2), requests: 1000, bytes: 32 << 20, in_flight: 16 };
    assert_eq!(snapshot.shadowing, bounds);
    let plan = snapshot.shadow(RouteId(0)).unwrap();
    assert_eq!((plan.sample.thousandths(), plan.max_body, plan.timeout), (12_500, 1 << 20, Duration::from_secs(5)));
    assert_eq!(plan.methods, [Method::GET, Method::POST]);
    assert_eq!(plan.set, [(HeaderName::from_static("x-dry-run"), HeaderValue::from_static("1"))]);
    assert_eq!(plan.remove, ["x-csrf", "authorization", "cookie"]);
    let comparison = plan.comparison.as_ref().unwrap();
    assert_eq!((&*comparison.name, comparison.noise.thousandths()), ("orders", 1000));
    assert!(!comparison.confirm && comparison.hashes_only);
    let rules = comparison.rules.rules();
    assert_eq!((rules.status, rules.body, rules.headers.len()), (StatusRule::Class, BodyRule::Json, 4));
    assert_eq!((rules.ignore.len(), rules.rename.len(), rules.redact.len()), (6, 2, 4));
    assert_eq!(rules.unordered[0].key.as_deref(), Some(&["product".to_owned(), "sku".to_owned()][..]));
    let names = |id| snapshot.shadow(RouteId(id)).map(|plan| plan.comparison.as_ref().map(|one| one.name.to_string()));
    // Stage shadow copies without being told to, by the comparison called default.
    assert_eq!(names(1), Some(Some("default".to_owned())));
    assert_eq!((names(3), names(4), names(5)), (None, Some(None), None));
}

#[test]
fn a_shadow_without_words_has_defaults() {
    let snapshot = snapshot("routes:\n- { name: a, match: { path: /a }, new: new, stage: shadow }\n");
    let plan = snapshot.shadow(RouteId(0)).unwrap();
    assert_eq!((plan.sample, plan.max_body, plan.timeout), (Percent::ALL, 256 << 10, Duration::from_secs(10)));
    assert_eq!(plan.methods, [Method::GET, Method::HEAD, Method::OPTIONS]);
    let comparison = plan.comparison.as_ref().unwrap();
    assert_eq!((&*comparison.name, comparison.noise.thousandths(), comparison.confirm), ("built-in", 5000, true));
    assert_eq!(*comparison.rules.rules(), Rules::default());
}

#[test]
fn cohorts_refer_only_to_earlier_ones() {
    let snapshot =
        snapshot("cohorts: { a: { any: [c], except: [b] }, b: { all: [c] }, c: { percent: 1, by: client } }\n");
    for (id, cohort) in snapshot.rules.cohorts.iter().enumerate() {
        let inner = match &cohort.kind {
            CohortKind::Any(ids) | CohortKind::All(ids) => ids.clone(),
            _ => Vec::new(),
        };
        assert!(inner.iter().chain(&cohort.except).all(|inner| (inner.0 as usize) < id), "{}", cohort.name);
    }
}

#[test]
fn salts_come_from_the_group_or_the_name() {
    let snapshot = snapshot(
        "routes:\n- { name: a, match: { path: /a } }\n- { name: b, group: g, match: { path: /b } }\n- { name: c, salt: s, match: { path: /c } }\n",
    );
    let salts: Vec<_> = snapshot.rules.routes.iter().map(|route| &*route.salt).collect();
    assert_eq!(salts, ["a", "g", "s"]);
}

#[test]
fn a_complete_route_keeps_only_its_own_legacy() {
    let text = "routes:\n- { name: a, match: { path: /a }, new: new, stage: complete }\n- { name: b, match: { path: /b }, new: new, stage: complete, legacy: old }\n- { name: c, match: { path: /c }, new: new, stage: live }\n";
    let snapshot = snapshot(text);
    let legacy: Vec<_> = snapshot.rules.routes.iter().map(|route| route.legacy.is_some()).collect();
    assert_eq!(legacy, [false, true, true]);
}

#[test]
fn defaults_are_replaced_whole() {
    let text = HEAD.replace(
        "{ legacy: old }",
        "{ legacy: old, new: new, stage: canary, canary: { tenants: [x], percent: 5, by: user } }",
    );
    let text = text
        + "routes:\n- { name: a, match: { path: /a } }\n- { name: b, match: { path: /b }, canary: { tenants: [y] } }\n";
    let snapshot = main(text).load().snapshot.unwrap();
    let [a, b] = [0, 1].map(|i| snapshot.rules.routes[i].canary.clone().unwrap());
    assert!(a.share.is_some() && a.tenants.contains("x"));
    assert!(b.share.is_none() && !b.tenants.contains("x") && b.tenants.contains("y"));
}

#[test]
fn hosts_and_claims_are_taken_apart() {
    let text = HEAD.replace("[{ header: X-Tenant }]", "[{ host: \"T-{tenant}.Shop.example\" }, { query: t }]");
    let snapshot = main(text).load().snapshot.unwrap();
    let SubjectSource::Host { prefix, suffix } = &snapshot.rules.subjects.tenant[0] else { panic!() };
    assert_eq!((&**prefix, &**suffix), ("t-", ".shop.example"));
}

#[test]
fn anchors_spare_writing_things_twice() {
    let text = "routes:\n- { name: a, match: { path: /a }, new: new, stage: canary, canary: &c { percent: 5, by: user } }\n- { name: b, match: { path: /b }, new: new, stage: canary, canary: *c }\n";
    let snapshot = snapshot(text);
    assert_eq!(snapshot.rules.routes[1].canary.as_ref().unwrap().share.unwrap().by, Key::User);
    let _: &Arc<str> = &snapshot.rules.routes[1].name;
}

#[test]
fn the_shipped_file_loads_and_its_tests_hold() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("routes.yaml");
    if path.exists() {
        let loaded = load(&Disk, &path, &Options::default());
        assert!(loaded.is_clean(), "{}", render(&loaded.diagnostics, Format::Text));
    }
}
