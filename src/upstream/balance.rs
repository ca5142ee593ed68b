//! Which endpoint the next request goes to.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crossbeam_utils::CachePadded;

use super::Endpoint;
use crate::snapshot::Balance;

/// Picks endpoints; of each backend there is one.
#[derive(Debug, Default)]
pub(super) struct Balancer {
    turn: CachePadded<AtomicUsize>,
}

impl Balancer {
    /// One of `all`, which are not empty: one that is up if there is any, and another than `avoid` if there is one. While one that
    /// came back is cold, chance passes it over. Where none is up, all are tried: what took them out may be wrong.
    pub(super) fn pick<'e>(
        &self,
        all: &'e [Arc<Endpoint>],
        how: Balance,
        slow_start: Duration,
        avoid: Option<u64>,
    ) -> &'e Arc<Endpoint> {
        if all.len() == 1 {
            return &all[0];
        }
        let wanted = |endpoint: &Endpoint| {
            endpoint.is_up() && endpoint.is_known() && Some(endpoint.id) != avoid && is_warm(endpoint, slow_start)
        };
        // Nearly always all is well, and only those that are compared are looked at.
        match how {
            // Whoever is passed on from one that failed takes nobody's turn.
            Balance::RoundRobin if avoid.is_some() => among(&candidates(all, slow_start, avoid), how),
            Balance::RoundRobin => {
                let next = &all[self.turn.fetch_add(1, Ordering::Relaxed) % all.len()];
                if wanted(next) { next } else { among(&candidates(all, slow_start, avoid), how) }
            }
            Balance::LeastRequests => {
                let (one, other) = two(all);
                if wanted(one) && wanted(other) {
                    less_busy(one, other)
                } else {
                    among(&candidates(all, slow_start, avoid), how)
                }
            }
        }
    }
}

/// One of these, all of which will do. The turns of those that are out go to the rest by chance: to go on from each to its
/// neighbour would give that one twice the load.
fn among<'e>(these: &[&'e Arc<Endpoint>], how: Balance) -> &'e Arc<Endpoint> {
    match (these, how) {
        ([only], _) => only,
        (_, Balance::RoundRobin) => these[fastrand::usize(..these.len())],
        (_, Balance::LeastRequests) => {
            let (one, other) = two(these);
            less_busy(one, other)
        }
    }
}

/// The endpoints that will do, by the strictest rule that leaves any; never empty.
fn candidates(all: &[Arc<Endpoint>], slow_start: Duration, avoid: Option<u64>) -> Vec<&Arc<Endpoint>> {
    let known = |endpoint: &Endpoint| endpoint.is_known();
    let up = |endpoint: &Endpoint| endpoint.is_up() && known(endpoint);
    let other = |endpoint: &Endpoint| Some(endpoint.id) != avoid;
    let rules: [&dyn Fn(&Endpoint) -> bool; 5] = [
        &|endpoint| up(endpoint) && other(endpoint) && is_warm(endpoint, slow_start),
        &|endpoint| up(endpoint) && other(endpoint),
        &|endpoint| up(endpoint),
        &|endpoint| known(endpoint) && other(endpoint),
        &|endpoint| known(endpoint),
    ];
    let by = |rule: &dyn Fn(&Endpoint) -> bool| -> Vec<&Arc<Endpoint>> {
        all.iter().filter(|endpoint| rule(endpoint)).collect()
    };
    rules.into_iter().map(by).find(|left| !left.is_empty()).unwrap_or_else(|| all.iter().collect())
}

/// By chance, as often as it is warm.
fn is_warm(endpoint: &Endpoint, slow_start: Duration) -> bool {
    let warmth = endpoint.warmth(slow_start);
    warmth >= 1.0 || fastrand::f64() < warmth
}

/// Two different ones of at least two. The less busy of two at random is close to the least busy of all, without asking all
/// (Mitzenmacher, "The Power of Two Choices").
fn two<T>(these: &[T]) -> (&T, &T) {
    let count = these.len();
    let one = fastrand::usize(..count);
    let other = (one + fastrand::usize(1..count)) % count;
    (&these[one], &these[other])
}

fn less_busy<'e>(one: &'e Arc<Endpoint>, other: &'e Arc<Endpoint>) -> &'e Arc<Endpoint> {
    if other.in_flight() < one.in_flight() { other } else { one }
}
