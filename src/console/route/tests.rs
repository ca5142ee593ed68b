//! Routes to look at.

use crate::config::{self, Options};
use crate::control::plan::Candidate;
use crate::snapshot::Snapshot;

/// A route in each stage.
pub(in crate::console) const ROUTES: &str = "version: 1
listen: [{ address: 127.0.0.1:1 }]
defaults: { legacy: old }
backends: { old: { endpoints: [http://10.0.0.1:80] }, new: { endpoints: [http://10.0.0.2:80] } }
subject: { tenant: [{ header: X-Tenant }], user: [{ cookie: uid }] }
routes:
  - name: orders-read
    group: orders
    match: { methods: [GET], path: '/orders/{id}' }
    new: new
    stage: canary
    canary: { percent: 12.5, by: user }
    guard: { error_rate: 1%, errors_over_legacy: 0.5%, latency_p99_ratio: 1.5 }
  - { name: orders-write, group: orders, match: { methods: [POST], path: /orders }, new: new, stage: shadow, shadow: {} }
  - { name: search, match: { path: /search }, new: new }
  - { name: catalog, match: { path: /catalog }, new: new, stage: live }
  - { name: cart, match: { path: /cart }, new: new, stage: canary, canary: { tenants: [acme] } }
  - { name: old, match: { path: /old } }
";

pub(in crate::console) fn snapshot(text: &str) -> Snapshot {
    let loaded = Candidate::Text(text.to_owned()).load(&Options::default());
    assert!(loaded.is_clean(), "{}", config::render(&loaded.diagnostics, config::Format::Text));
    loaded.snapshot.unwrap()
}
