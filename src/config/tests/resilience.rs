//! Health checks, ejection, retries, fallback, rate limits: what they mean, and what is wrong with them.

use std::time::Duration;

use super::*;
use crate::names::Key;
use crate::routing::RouteId;
use crate::snapshot::{
    BackendSettings, FallbackOn, HealthSettings, OutlierSettings, RateLimit, RetryOn, RetrySettings,
};

fn everything() -> Snapshot {
    load(&Disk, &fixture("valid/everything.yaml"), &Options::default()).snapshot.unwrap()
}

fn named<'s>(snapshot: &'s Snapshot, name: &str) -> &'s BackendSettings {
    snapshot.backends.iter().find(|backend| &*backend.name == name).unwrap()
}

#[test]
fn what_is_said_of_a_backend_is_compiled() {
    let snapshot = everything();
    let backend = named(&snapshot, "shop_v2.1");
    let health = HealthSettings {
        path: "/healthz?full=1".into(),
        every: Duration::from_secs(5),
        timeout: Duration::from_millis(500),
        unhealthy_after: 2,
        healthy_after: 4,
    };
    assert_eq!(backend.health, Some(health));
    let eject_for = Duration::from_secs(30);
    assert_eq!(backend.outlier, Some(OutlierSettings { consecutive_failures: 7, eject_for, max_ejected: 25_000 }));
    let when = [502, 503, 504].map(RetryOn::Status);
    let when = [RetryOn::Connect, RetryOn::Reset].into_iter().chain(when).collect();
    assert_eq!(backend.retries, Some(RetrySettings { attempts: 3, budget: 12_500, when }));
    assert_eq!(backend.slow_start, Duration::from_secs(20));
    let plain = named(&snapshot, "monolith");
    assert_eq!((&plain.health, plain.outlier, &plain.retries), (&None, None, &None));
    assert_eq!(plain.slow_start, Duration::ZERO);
}

#[test]
fn what_is_left_out_has_defaults() {
    let text = HEAD.replace("old: {", "old: { health: { path: / }, outlier: {}, retries: {},");
    let snapshot = main(text).load().snapshot.unwrap();
    let backend = named(&snapshot, "old");
    let health = backend.health.as_ref().unwrap();
    assert_eq!((health.every, health.timeout), (Duration::from_secs(2), Duration::from_secs(1)));
    assert_eq!((health.unhealthy_after, health.healthy_after), (3, 2));
    let outlier = backend.outlier.unwrap();
    assert_eq!((outlier.consecutive_failures, outlier.max_ejected), (5, 50_000));
    assert_eq!(outlier.eject_for, Duration::from_secs(10));
    let when = vec![RetryOn::Connect, RetryOn::Reset];
    assert_eq!(backend.retries, Some(RetrySettings { attempts: 2, budget: 20_000, when }));
    assert_eq!(backend.slow_start, Duration::from_secs(10));
}

#[test]
fn fallbacks_and_rate_limits_are_a_routes_own_or_the_defaults() {
    let snapshot = everything();
    let limit = |requests, seconds, burst, by| RateLimit { requests, per: Duration::from_secs(seconds), burst, by };
    assert_eq!(**snapshot.rate_limit(RouteId(0)).unwrap(), limit(100, 60, 20, Key::Tenant));
    assert_eq!(**snapshot.rate_limit(RouteId(1)).unwrap(), limit(5, 1, 5, Key::Client));
    assert_eq!(snapshot.fallback(RouteId(0)).unwrap().when, FallbackOn::ALL);
    assert_eq!(snapshot.fallback(RouteId(1)).unwrap().when, FallbackOn::ALL);
}

#[test]
fn what_makes_no_sense_is_refused() {
    let of = |keys: &str| {
        let loaded = main(HEAD.replace("old: {", &format!("old: {{ {keys},"))).load();
        loaded.diagnostics.errors().map(|found| found.code).collect::<Vec<_>>()
    };
    assert_eq!(of("health: {}"), ["missing-key"]);
    assert_eq!(of("health: { path: healthz }"), ["bad-path"]);
    assert_eq!(of("health: { path: \"/a b\" }"), ["bad-path"]);
    assert_eq!(of("health: { path: /, every: 50ms, timeout: 0s, unhealthy_after: 0 }"), ["out-of-range"; 3]);
    assert_eq!(of("outlier: { consecutive_failures: 0, eject_for: 2h, max_ejected: 0 }"), ["out-of-range"; 3]);
    assert_eq!(of("retries: { attempts: 1, budget: 0 }"), ["out-of-range"; 2]);
    assert_eq!(of("retries: { attempts: 11 }"), ["out-of-range"]);
    assert_eq!(of("retries: { when: [500] }"), ["bad-value"]);
    assert_eq!(of("retries: { when: [] }"), ["empty-list"]);
    assert_eq!(of("slow_start: 5"), ["wrong-type"]);
    let of = |keys: &str| {
        let text = format!("routes:\n- {{ name: a, match: {{ path: /a }}, new: new, stage: live, {keys} }}\n");
        let codes = found(&text).into_iter().map(|found| found.rsplit(' ').next().unwrap().to_owned());
        codes.collect::<Vec<_>>()
    };
    assert_eq!(of("fallback: { when: [4xx] }"), ["bad-value"]);
    assert_eq!(of("legacy: none, fallback: {}"), ["fallback-without-legacy"]);
    assert_eq!(of("rate_limit: { requests: 5, per: 1s }"), ["missing-key"]);
    assert_eq!(of("rate_limit: { requests: 0, per: 1s, by: client }"), ["out-of-range"]);
    assert_eq!(of("rate_limit: { requests: 5, per: 1500ms, by: client }"), ["out-of-range"]);
    assert_eq!(of("rate_limit: { requests: 5, per: 2d, by: everyone }"), ["out-of-range", "bad-value"]);
}
