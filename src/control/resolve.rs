//! Names of endpoints become addresses, off the data path and over and over.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{sleep, timeout};

use crate::state::Live;
use crate::upstream::Endpoint;

/// How often a name with addresses is asked for again.
const EVERY: Duration = Duration::from_secs(10);
/// How often a name without one is.
const EVERY_MISSING: Duration = Duration::from_secs(1);
/// How long one look-up may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// Keeps the addresses of all named endpoints fresh, for as long as it is polled. A name that cannot be looked up keeps
/// the addresses it had: a resolver that is down must not take backends down with it.
pub(super) async fn keep_resolving(live: Arc<Live>) {
    loop {
        let missing = resolve_all(&live).await;
        sleep(if missing { EVERY_MISSING } else { EVERY }).await;
    }
}

/// Looks up every named endpoint of the live generation once, all at the same time. Whether one is left without an
/// address.
pub(super) async fn resolve_all(live: &Live) -> bool {
    let backends = live.current().backends.clone();
    let names = backends.iter().flat_map(|backend| &backend.endpoints).filter(|endpoint| endpoint.is_name());
    let lookups: Vec<_> = names.map(|endpoint| tokio::spawn(resolve(Arc::clone(endpoint)))).collect();
    let mut missing = false;
    for lookup in lookups {
        missing |= !lookup.await.unwrap_or(false);
    }
    missing
}

/// Whether the endpoint has an address afterwards.
async fn resolve(endpoint: Arc<Endpoint>) -> bool {
    let name = (&*endpoint.address.host, endpoint.address.port);
    let found: Vec<SocketAddr> = match timeout(PATIENCE, tokio::net::lookup_host(name)).await {
        Ok(Ok(addresses)) => addresses.collect(),
        Ok(Err(error)) => return keep_old(&endpoint, &error.to_string()),
        Err(_) => return keep_old(&endpoint, "the resolver did not answer in time"),
    };
    if found.is_empty() {
        return keep_old(&endpoint, "the name has no address");
    }
    endpoint.set_unresolved(false);
    if endpoint.resolved_to(found) {
        tracing::info!(endpoint = %endpoint.address.authority, addresses = ?endpoint.addresses(), "endpoint resolved");
    }
    true
}

fn keep_old(endpoint: &Endpoint, why: &str) -> bool {
    let known = !endpoint.addresses().is_empty();
    // Asked every second, a name that is gone would fill the log.
    if endpoint.set_unresolved(true) {
        tracing::warn!(endpoint = %endpoint.address.authority, why, known, "an endpoint's name cannot be resolved");
    }
    known
}
