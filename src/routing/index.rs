//! Finds the route of a request: candidates in order of specificity, at a cost that does not grow with their number.
//!
//! Per host pattern there is a trie over path segments. All its edges live in one flat table, keyed by a hash of node and
//! segment, and a chain of nodes without a choice is skipped. The walk therefore compares no segments; the leaf, which
//! holds the path template in full, does that once. What a decision needs to know about the route stands right
//! beside it. So a request touches a few cache lines, however many routes there are.
//!
//! The most specific first: exact host, wildcards from the longest, no host; then segment by segment literal,
//! capture, rest; then with methods before without; more header conditions; more query conditions; file order. A
//! candidate whose conditions fail gives way to the next one.

mod build;
mod leaf;
mod search;
mod table;

use super::canary::Plan;
use super::unreachable::Unreachable;
use super::{RequestView, Route, Trace};
use leaf::Leaves;
pub(super) use leaf::{Found, Leaf};
use search::Search;
use table::{Node, Place, Table};

/// The compiled routes.
#[derive(Debug)]
pub struct Index {
    /// The edges of all tries, and the roots of those of a host.
    edges: Table,
    /// Nodes behind a capture that follows a capture.
    behind_captures: Vec<Node>,
    /// The root of the routes for any host.
    any_host: Option<Place>,
    /// Whether some route is for one host.
    has_exact: bool,
    /// Whether some route is for a wildcard.
    has_wildcard: bool,
    /// The alternatives; those of one host and path shape stand together, best first.
    leaves: Leaves,
    /// The hosts and domains of the roots.
    texts: Vec<u8>,
    /// The canaries; equal ones are one, so the few that there usually are stay in the cache.
    canaries: Vec<Plan>,
}

impl Index {
    /// Builds the index over the routes.
    #[must_use]
    pub fn build(routes: &[Route]) -> Index {
        build::build(routes)
    }

    /// The best match whose every condition holds.
    pub(super) fn find<'i, T: Trace>(
        &'i self,
        routes: &'i [Route],
        view: &RequestView<'_>,
        trace: &mut T,
    ) -> Option<Found<'i>> {
        Search::new(self, routes, view, trace).find()
    }

    /// The canary of a route.
    pub(super) fn canary(&self, leaf: &Leaf<'_>) -> Option<&Plan> {
        self.canaries.get(leaf.canary() as usize)
    }

    /// The alternatives that can never win, in file order.
    pub(super) fn unreachable(&self, routes: &[Route]) -> Vec<Unreachable> {
        let ids = |leaf: Leaf<'_>| (leaf.route(), leaf.alternative());
        let runs = self.leaves.runs().map(|run| run.into_iter().map(ids));
        let mut found: Vec<_> = runs.flat_map(|run| super::unreachable::in_run(routes, run)).collect();
        found.sort_unstable_by_key(|one| (one.route, one.alternative));
        found
    }
}

#[cfg(test)]
mod tests;
