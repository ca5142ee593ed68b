//! Builds the index: a trie per host pattern, then the flat form.

use std::cmp::Reverse;
use std::collections::HashMap;

use super::Index;
use super::leaf::Leaf;
use super::table::{DIRECT, NONE, Node, Origin, Table};
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
    edges: Vec<(Origin, &'r [u8], Node)>,
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
        leaves: Vec::new(),
        texts: Vec::new(),
        rules: Vec::new(),
    };
    Writer { routes, tries, edges: Vec::new(), next_id: 0, index }.write()
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
            let node = self.node(root);
            match host {
                None => self.index.any_host = Some(node),
                Some(HostPattern::Exact(name)) => {
                    self.index.has_exact = true;
                    self.edges.push((Origin::ExactHost, name.as_bytes(), node));
                }
                Some(HostPattern::Wildcard(domain)) => {
                    self.index.has_wildcard = true;
                    self.edges.push((Origin::Wildcard, domain.as_bytes(), node));
                }
            }
        }
        self.index.edges = Table::build(&self.edges);
        self.index
    }

    /// Writes a node and all below it. The depth is that of the longest template, which is bounded.
    fn node(&mut self, mut at: usize) -> Node {
        let mut skip = 0;
        while let Some(child) = self.tries.shoots[at].only_child() {
            at = child;
            skip += 1;
        }
        let Shoot { literals, capture, end, rest } = std::mem::take(&mut self.tries.shoots[at]);
        let id = self.next_id;
        self.next_id += 1;
        let (end, rest) = (self.run(end), self.run(rest));
        let capture = capture.map_or(NONE, |child| self.behind_capture(child));
        let has_literals = !literals.is_empty();
        for (text, child) in literals {
            let node = self.node(child);
            self.edges.push((Origin::Node(id), text.as_bytes(), node));
        }
        Node { id, end, rest, capture, skip, has_literals }
    }

    /// Where a capture leads: to a leaf if nothing else can follow.
    fn behind_capture(&mut self, child: usize) -> u32 {
        let node = self.node(child);
        if node.skip == 0 && !node.has_literals && node.capture == NONE && node.rest == NONE {
            return node.end | DIRECT;
        }
        self.index.behind_captures.push(node);
        self.index.behind_captures.len() as u32 - 1
    }

    /// Writes the alternatives of one host and path shape, best first.
    fn run(&mut self, mut entries: Vec<Entry>) -> u32 {
        let routes = self.routes;
        entries.sort_unstable_by_key(|&(route, alternative)| {
            let entry = &routes[route as usize].matches[usize::from(alternative)];
            (entry.methods.is_empty(), Reverse(entry.headers.len()), Reverse(entry.query.len()), route, alternative)
        });
        let start = self.index.leaves.len();
        for id in entries {
            let leaf = Leaf::new(id, &routes[id.0 as usize], &mut self.index.texts, &mut self.index.rules);
            self.index.leaves.push(leaf);
        }
        match self.index.leaves.get_mut(start..).and_then(|run| run.last_mut()) {
            Some(last) => {
                last.set_last();
                start as u32
            }
            None => NONE,
        }
    }
}
