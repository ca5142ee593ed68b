//! One walk over the tries: the candidates of a request, best first.

use super::Index;
use super::leaf::{Found, Leaf, MethodFit, method_bit};
use super::table::{DIRECT, NONE, Node, Origin};
use crate::routing::pattern::{MAX_HOST, segment_end};
use crate::routing::{Match, Outcome, RequestView, Route, Trace, TraceStep};

/// One walk.
pub(super) struct Search<'i, 'v, T> {
    index: &'i Index,
    routes: &'i [Route],
    view: &'v RequestView<'v>,
    path: &'v [u8],
    method: u16,
    trace: &'v mut T,
}

impl<'i, 'v, T: Trace> Search<'i, 'v, T> {
    pub(super) fn new(index: &'i Index, routes: &'i [Route], view: &'v RequestView<'v>, trace: &'v mut T) -> Self {
        Search { index, routes, view, path: view.path.as_bytes(), method: method_bit(view.method), trace }
    }

    pub(super) fn find(mut self) -> Option<Found<'i>> {
        let (index, host) = (self.index, self.view.host.as_bytes());
        // No pattern takes a longer host, and hashing all its endings would be work for whoever sends it.
        if host.len() <= MAX_HOST {
            if index.has_exact
                && let Some(root) = index.edges.get(Origin::ExactHost, host)
                && let Some(found) = self.enter(root)
            {
                return Some(found);
            }
            if index.has_wildcard
                && let Some(found) = self.find_wildcard(host)
            {
                return Some(found);
            }
        }
        self.enter(index.any_host.as_ref()?)
    }

    /// From the longest domain to the shortest; at least one label stands before each.
    fn find_wildcard(&mut self, host: &[u8]) -> Option<Found<'i>> {
        let index = self.index;
        let dots = host.iter().enumerate().skip(1).filter(|&(_, &byte)| byte == b'.');
        dots.map(|(dot, _)| &host[dot + 1..])
            .filter_map(|domain| index.edges.get(Origin::Wildcard, domain))
            .find_map(|root| self.enter(root))
    }

    /// Starts at a root.
    fn enter(&mut self, root: &'i Node) -> Option<Found<'i>> {
        if self.path.first() == Some(&b'/') {
            self.walk(root, 1)
        } else if root.skip == 0 {
            // `*`: only alternatives without a path take it, and they stand where the root's rest does.
            self.run(root.rest)
        } else {
            None
        }
    }

    /// Goes on from a node with the segment that starts at `start`; after the last one that is beyond the path's end.
    fn walk(&mut self, node: &'i Node, mut start: usize) -> Option<Found<'i>> {
        for _ in 0..node.skip {
            if start > self.path.len() {
                return None;
            }
            start = segment_end(self.path, start) + 1;
        }
        if start > self.path.len() {
            return self.run(node.end).or_else(|| self.run(node.rest));
        }
        let end = segment_end(self.path, start);
        if node.has_literals
            && let Some(child) = self.index.edges.get(Origin::Node(node.id), &self.path[start..end])
            && let Some(found) = self.walk(child, end + 1)
        {
            return Some(found);
        }
        if node.capture != NONE
            && end > start
            && let Some(found) = self.capture(node.capture, end)
        {
            return Some(found);
        }
        self.run(node.rest)
    }

    /// Goes on behind a capture whose segment ends at `end`.
    fn capture(&mut self, capture: u32, end: usize) -> Option<Found<'i>> {
        if capture & DIRECT == 0 {
            let index = self.index;
            return self.walk(&index.behind_captures[capture as usize], end + 1);
        }
        if end == self.path.len() { self.run(capture & !DIRECT) } else { None }
    }

    /// Tries the alternatives of one host and path shape.
    fn run(&mut self, start: u32) -> Option<Found<'i>> {
        let index = self.index;
        for leaf in index.leaves.get(start as usize..)? {
            if let Some(found) = self.attempt(leaf) {
                return Some(found);
            }
            if leaf.is_last() {
                break;
            }
        }
        None
    }

    fn attempt(&mut self, leaf: &'i Leaf) -> Option<Found<'i>> {
        let fit = leaf.fits_method(self.method);
        // The cheaper test comes first, unless somebody wants to know that host and path were right.
        if fit == MethodFit::No && !self.trace.is_wanted() {
            return None;
        }
        let captures = leaf.captures(self.view, &self.index.texts)?;
        let (route, alternative) = leaf.id();
        let (plain, wanted) = (fit == MethodFit::Yes && !leaf.has_conditions(), self.trace.is_wanted());
        if !plain || wanted {
            let holder = &self.routes[route.0 as usize];
            let outcome = outcome(&holder.matches[usize::from(alternative)], self.view);
            let holds = outcome == Outcome::Matches;
            self.trace.record(|| TraceStep::Tried { route: holder.name.clone(), alternative, outcome });
            if !holds {
                return None;
            }
        }
        Some(Found { route, alternative, captures, plan: leaf.plan() })
    }
}

/// Whether an alternative whose host and path are right takes the request.
fn outcome(entry: &Match, view: &RequestView<'_>) -> Outcome {
    if !entry.methods.is_empty() && !entry.methods.contains(view.method) {
        return Outcome::Method;
    }
    if let Some(failed) = entry.headers.iter().find(|condition| !condition.holds(view.headers)) {
        return Outcome::Header(failed.name.clone());
    }
    if let Some(failed) = entry.query.iter().find(|condition| !condition.holds(view.query)) {
        return Outcome::Query(failed.name.clone());
    }
    Outcome::Matches
}
