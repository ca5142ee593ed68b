//! One walk over the tries: the candidates of a request, best first.

use super::Index;
use super::leaf::{Found, Leaf, MethodFit, method_bit};
use super::table::{BESIDE, NONE, Node, Origin, Place};
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
                && let Some(root) = index.edges.root(Origin::ExactHost, host, &index.texts)
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
            .filter_map(|domain| index.edges.root(Origin::Wildcard, domain, &index.texts))
            .find_map(|root| self.enter(root))
    }

    /// Starts at a root.
    fn enter(&mut self, root: &'i Place) -> Option<Found<'i>> {
        if self.path.first() == Some(&b'/') {
            self.walk(&root.node, Some(&root.beside), 1)
        } else if root.node.skip == 0 {
            // `*`: only alternatives without a path take it, and they stand where the root's rest does.
            self.run(root.node.rest)
        } else {
            None
        }
    }

    /// Goes on from a node with the segment that starts at `start`; after the last one that is beyond the path's end.
    fn walk(&mut self, node: &'i Node, beside: Option<&'i Node>, mut start: usize) -> Option<Found<'i>> {
        for _ in 0..node.skip {
            if start > self.path.len() {
                return None;
            }
            start = segment_end(self.path, start) + 1;
        }
        if start > self.path.len() {
            return self.run(node.end).or_else(|| self.run(node.rest));
        }
        let (index, end) = (self.index, segment_end(self.path, start));
        if node.has_literals
            && let Some(child) = index.edges.get(Origin::Node(node.id), &self.path[start..end])
            && let Some(found) = self.walk(&child.node, Some(&child.beside), end + 1)
        {
            return Some(found);
        }
        // A capture never takes an empty segment.
        let behind = match node.capture {
            _ if end == start => None,
            NONE => None,
            BESIDE => beside,
            number => index.behind_captures.get(number as usize),
        };
        if let Some(behind) = behind
            && let Some(found) = self.walk(behind, None, end + 1)
        {
            return Some(found);
        }
        self.run(node.rest)
    }

    /// Tries the alternatives of one host and path shape.
    fn run(&mut self, first: u32) -> Option<Found<'i>> {
        let index = self.index;
        index.leaves.run(first).find_map(|leaf| self.attempt(leaf))
    }

    fn attempt(&mut self, leaf: Leaf<'i>) -> Option<Found<'i>> {
        let fit = leaf.fits_method(self.method);
        // The cheaper test comes first, unless somebody wants to know that host and path were right.
        if fit == MethodFit::No && !self.trace.is_wanted() {
            return None;
        }
        let captures = leaf.captures(self.view)?;
        let (route, alternative) = (leaf.route(), leaf.alternative());
        let (plain, wanted) = (fit == MethodFit::Yes && !leaf.has_conditions(), self.trace.is_wanted());
        if !plain || wanted {
            let holder = &self.routes[route.0 as usize];
            let outcome = match outcome(&holder.matches[usize::from(alternative)], self.view) {
                Outcome::Header(_) | Outcome::Query(_) if self.trace.assumes(&holder.name) => Outcome::Matches,
                found => found,
            };
            let holds = outcome == Outcome::Matches;
            self.trace.record(|| TraceStep::Tried { route: holder.name.clone(), alternative, outcome });
            if !holds {
                return None;
            }
        }
        Some(Found { captures, leaf })
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
