//! Builds the index: a trie per host pattern, then the flat form.

use std::cmp::Reverse;
use std::collections::HashMap;

use super::Index;
use super::leaf::Leaves;
use super::table::{BESIDE, Edge, NONE, Node, Origin, Place, Table};
use crate::routing::canary::Plan;
use crate::routing::pattern::Segment;
use crate::routing::{HostPattern, Match, Route};

/// A route's number and that of one of its alternatives.
type Entry = (u32, u16);

/// A node while the tries grow.
#[derive(Debug, Default)]
struct Shoot<'r> {
    literals: Vec<(&'r str, usize)>,
    capture: Option<usize>,
    end: Vec<Entry>,
    rest: Vec<Entry>,
}

/// The tries while they grow.
#[derive(Debug, Default)]
struct Tries<'r> {
    shoots: Vec<Shoot<'r>>,
    /// The roots, in the order of the file.
    roots: Vec<(Option<&'r HostPattern>, usize)>,
    root_of: HashMap<Option<&'r HostPattern>, usize>,
    literal_of: HashMap<(usize, &'r str), usize>,
}

/// The flat form while it is written.
struct Writer<'r> {
    routes: &'r [Route],
    tries: Tries<'r>,
    edges: Vec<Edge<'r>>,
    /// The numbers of the canaries that were written, so that equal ones are one.
    canaries: HashMap<Plan, u32>,
    next_id: u32,
    index: Index,
}

/// Builds the index over the routes.
pub(super) fn build(routes: &[Route]) -> Index {
    let mut tries = Tries::default();
    for (number, route) in routes.iter().enumerate() {
        for (alternative, entry) in route.matches.iter().enumerate() {
            // A file that fits into memory has far fewer routes, and alternatives, than these numbers hold.
            tries.insert(entry, (number as u32, alternative as u16));
        }
    }
    let index = Index {
        edges: Table::build(&[]),
        behind_captures: Vec::new(),
        any_host: None,
        has_exact: false,
        has_wildcard: false,
        leaves: Leaves::default(),
        texts: Vec::new(),
        canaries: Vec::new(),
    };
    Writer { routes, tries, edges: Vec::new(), canaries: HashMap::new(), next_id: 0, index }.write()
}

impl<'r> Tries<'r> {
    fn insert(&mut self, entry: &'r Match, id: Entry) {
        let mut at = self.root(entry.host.as_ref());
        let Some(path) = &entry.path else {
            self.shoots[at].rest.push(id);
            return;
        };
        for segment in &path.segments {
            at = match segment {
                Segment::Literal(text) => self.literal(at, text),
                Segment::Capture => self.capture(at),
                Segment::Rest => {
                    self.shoots[at].rest.push(id);
                    return;
                }
            };
        }
        self.shoots[at].end.push(id);
    }

    fn root(&mut self, host: Option<&'r HostPattern>) -> usize {
        let shoots = &mut self.shoots;
        let roots = &mut self.roots;
        *self.root_of.entry(host).or_insert_with(|| {
            shoots.push(Shoot::default());
            roots.push((host, shoots.len() - 1));
            shoots.len() - 1
        })
    }

    fn literal(&mut self, at: usize, text: &'r str) -> usize {
        let shoots = &mut self.shoots;
        *self.literal_of.entry((at, text)).or_insert_with(|| {
            shoots.push(Shoot::default());
            let child = shoots.len() - 1;
            shoots[at].literals.push((text, child));
            child
        })
    }

    fn capture(&mut self, at: usize) -> usize {
        if let Some(child) = self.shoots[at].capture {
            return child;
        }
        self.shoots.push(Shoot::default());
        let child = self.shoots.len() - 1;
        self.shoots[at].capture = Some(child);
        child
    }
}

impl Shoot<'_> {
    /// Its only child, if nothing else can happen here.
    fn only_child(&self) -> Option<usize> {
        match (self.literals.as_slice(), self.capture) {
            _ if !self.end.is_empty() || !self.rest.is_empty() => None,
            ([(_, child)], None) => Some(*child),
            ([], Some(child)) => Some(child),
            _ => None,
        }
    }
}

impl<'r> Writer<'r> {
    fn write(mut self) -> Index {
        for (host, root) in std::mem::take(&mut self.tries.roots) {
            let place = self.place(root);
            let (origin, text) = match host {
                None => {
                    self.index.any_host = Some(place);
                    continue;
                }
                Some(HostPattern::Exact(name)) => (Origin::ExactHost, name.as_bytes()),
                Some(HostPattern::Wildcard(domain)) => (Origin::Wildcard, domain.as_bytes()),
            };
            self.index.has_exact |= origin == Origin::ExactHost;
            self.index.has_wildcard |= origin == Origin::Wildcard;
            // A host's length is bounded when it is parsed.
            let host = (self.index.texts.len() as u32, text.len() as u16);
            self.index.texts.extend_from_slice(text);
            self.edges.push(Edge { origin, text, place, host });
        }
        self.index.edges = Table::build(&self.edges);
        self.index.leaves = self.index.leaves.aligned();
        self.index
    }

    /// Writes a place and all below it. The depth is that of the longest template, which is bounded.
    fn place(&mut self, mut at: usize) -> Place {
        let mut skip = 0;
        while let Some(child) = self.tries.shoots[at].only_child() {
            at = child;
            skip += 1;
        }
        let Shoot { literals, capture, end, rest } = std::mem::take(&mut self.tries.shoots[at]);
        let id = self.next_id;
        self.next_id += 1;
        let (end, rest) = (self.run(end), self.run(rest));
        let beside = capture.map(|child| self.behind_capture(child));
        let has_literals = !literals.is_empty();
        for (text, child) in literals {
            let place = self.place(child);
            self.edges.push(Edge { origin: Origin::Node(id), text: text.as_bytes(), place, host: (0, 0) });
        }
        let capture = if beside.is_some() { BESIDE } else { NONE };
        Place { node: Node { id, end, rest, capture, skip, has_literals }, beside: beside.unwrap_or(Node::EMPTY) }
    }

    /// The node behind a capture. It will stand beside another, so what stands beside itself moves away.
    fn behind_capture(&mut self, child: usize) -> Node {
        let Place { mut node, beside } = self.place(child);
        if node.capture == BESIDE {
            node.capture = self.index.behind_captures.len() as u32;
            self.index.behind_captures.push(beside);
        }
        node
    }

    /// Writes the alternatives of one host and path shape, best first.
    fn run(&mut self, mut entries: Vec<Entry>) -> u32 {
        let routes = self.routes;
        entries.sort_unstable_by_key(|&(route, alternative)| {
            let entry = &routes[route as usize].matches[usize::from(alternative)];
            (entry.methods.is_empty(), Reverse(entry.headers.len()), Reverse(entry.query.len()), route, alternative)
        });
        let mut first = NONE;
        let mut last = NONE;
        for id in entries {
            let route = &routes[id.0 as usize];
            let canary = self.canary(route);
            last = self.index.leaves.push(id, route, canary);
            first = first.min(last);
        }
        if last != NONE {
            self.index.leaves.set_last(last);
        }
        first
    }

    fn canary(&mut self, route: &Route) -> u32 {
        let Some(canary) = &route.canary else { return NONE };
        let canaries = &mut self.index.canaries;
        *self.canaries.entry(canary.plan()).or_insert_with_key(|plan| {
            canaries.push(plan.clone());
            canaries.len() as u32 - 1
        })
    }
}
