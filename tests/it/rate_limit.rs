//! A subject that asks too often is told so.

use crate::harness::{Answer, Pair};

/// Routes with limits by tenant and by client; legacy answers all.
const ROUTES: &str = "\
    subject: { tenant: [{ header: X-Tenant }], user: [{ header: X-User }] }\n\
    routes:\n\
    - { name: t, match: { path: /t }, rate_limit: { requests: 60, per: 60s, burst: 3, by: tenant } }\n\
    - { name: u, match: { path: /u }, rate_limit: { requests: 2, per: 60s, by: user } }\n\
    - { name: c, match: { path: /c }, rate_limit: { requests: 1, per: 60s, by: client } }\n";

fn ask(pair: &Pair, target: &str, lines: &str) -> Answer {
    pair.site.get_with(target, lines)
}

fn statuses(pair: &Pair, target: &str, lines: &str, count: usize) -> Vec<u16> {
    (0..count).map(|_| ask(pair, target, lines).status).collect()
}

#[test]
fn each_subject_has_a_burst_of_its_own() {
    let pair = Pair::start(ROUTES);
    let (acme, globex) = ("X-Tenant: acme\r\n", "X-Tenant: globex\r\n");
    assert_eq!(statuses(&pair, "/t", acme, 5), [200, 200, 200, 429, 429]);
    assert_eq!(statuses(&pair, "/t", globex, 4), [200, 200, 200, 429]);
    assert_eq!(statuses(&pair, "/t", "", 4), [200, 200, 200, 429], "those without one are one");
    assert_eq!(statuses(&pair, "/u", "X-User: acme\r\n", 3), [200, 200, 429]);
    assert_eq!(statuses(&pair, "/c", "", 2), [200, 429]);
    assert_eq!(statuses(&pair, "/elsewhere", "", 9), [200; 9]);
    assert_eq!(pair.legacy.lines().len(), 3 + 3 + 3 + 2 + 1 + 9, "a backend never sees what is refused");
}

#[test]
fn the_client_is_told_how_it_stands() {
    let pair = Pair::start(ROUTES);
    let first = ask(&pair, "/t", "X-Tenant: acme\r\n");
    assert_eq!(first.field("ratelimit-policy"), Some("\"banyan\";q=60;w=60"));
    assert_eq!(first.field("ratelimit"), Some("\"banyan\";r=2;t=1"));
    assert_eq!(first.field("retry-after"), None);
    statuses(&pair, "/t", "X-Tenant: acme\r\n", 2);
    let refused = ask(&pair, "/t", "X-Tenant: acme\r\n");
    refused.assert_problem(429);
    assert_eq!(refused.json()["route"], "t");
    assert_eq!(refused.field("retry-after"), Some("1"));
    assert_eq!(refused.field("ratelimit"), Some("\"banyan\";r=0;t=3"));
    assert_eq!(ask(&pair, "/elsewhere", "").field("ratelimit"), None);
    pair.site.await_metric("banyan_rejected_total{reason=\"rate_limited\"}", 1);
}

#[test]
fn a_reload_forgets_nobody_whose_limit_stays() {
    let pair = Pair::start(ROUTES);
    assert_eq!(statuses(&pair, "/c", "", 2), [200, 429]);
    assert_eq!(statuses(&pair, "/u", "", 3), [200, 200, 429]);
    pair.rewrite(&ROUTES.replace("requests: 2", "requests: 3"));
    assert_eq!(statuses(&pair, "/c", "", 1), [429]);
    assert_eq!(statuses(&pair, "/u", "", 4), [200, 200, 200, 429]);
}
