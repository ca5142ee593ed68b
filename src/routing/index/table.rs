//! The edges of all tries in one flat table with open addressing.

use xxhash_rust::xxh3::xxh3_64_with_seed;

/// No leaf, no node.
pub(super) const NONE: u32 = u32::MAX;
/// In [`Node::capture`]: the rest is the leaf of a template that ends with this capture.
pub(super) const DIRECT: u32 = 1 << 31;

/// A place in a trie, after some segments.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub(super) struct Node {
    /// Part of the key of the edges to its literal children.
    pub(super) id: u32,
    /// The first leaf of the templates that end here.
    pub(super) end: u32,
    /// The first leaf of the templates that take all that is left from here.
    pub(super) rest: u32,
    /// Where a segment goes that no literal takes: a node in `behind_captures`, or a leaf if [`DIRECT`].
    pub(super) capture: u32,
    /// How many segments come before this place that offer no choice; the leaf compares them.
    pub(super) skip: u16,
    /// Whether it has literal children.
    pub(super) has_literals: bool,
}

/// Half a cache line: an edge and the node it leads to.
#[derive(Debug, Clone, Copy)]
#[repr(C, align(32))]
struct Slot {
    /// The edge's hash; 0 where the slot is free.
    hash: u64,
    node: Node,
}

/// The edges of all tries.
#[derive(Debug)]
pub(super) struct Table {
    seed: u64,
    slots: Vec<Slot>,
}

/// Where an edge starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Origin {
    /// The root of the routes for one host; the edge's text is the host.
    ExactHost,
    /// The root of the routes for a wildcard; the edge's text is its domain.
    Wildcard,
    /// A node; the edge's text is the segment.
    Node(u32),
}

impl Table {
    /// The table of these edges. No two of them have the same hash: a seed is tried until that holds, the same one in each
    /// process. So a hash found means one edge, and only a text that is in no route can be taken for another's; the
    /// leaf sees that.
    pub(super) fn build(edges: &[(Origin, &[u8], Node)]) -> Table {
        let mut seed = 0;
        loop {
            match Table::try_build(edges, seed) {
                Some(table) => return table,
                None => seed += 1,
            }
        }
    }

    fn try_build(edges: &[(Origin, &[u8], Node)], seed: u64) -> Option<Table> {
        let free =
            Slot { hash: 0, node: Node { id: 0, end: NONE, rest: NONE, capture: NONE, skip: 0, has_literals: false } };
        // At least one slot stays free, so that each search ends.
        let mut table = Table { seed, slots: vec![free; edges.len() + edges.len() / 2 + 1] };
        for (origin, text, node) in edges {
            let hash = table.hash(*origin, text);
            let mut place = table.place(hash);
            while table.slots[place].hash != 0 {
                if table.slots[place].hash == hash {
                    return None;
                }
                place = table.after(place);
            }
            table.slots[place] = Slot { hash, node: *node };
        }
        Some(table)
    }

    /// Where an edge leads.
    pub(super) fn get(&self, origin: Origin, text: &[u8]) -> Option<&Node> {
        let hash = self.hash(origin, text);
        let mut place = self.place(hash);
        loop {
            let slot = &self.slots[place];
            if slot.hash == hash {
                return Some(&slot.node);
            }
            if slot.hash == 0 {
                return None;
            }
            place = self.after(place);
        }
    }

    fn hash(&self, origin: Origin, text: &[u8]) -> u64 {
        let origin = match origin {
            Origin::ExactHost => 0,
            Origin::Wildcard => 1,
            Origin::Node(id) => u64::from(id) + 2,
        };
        // 0 marks a free slot.
        xxh3_64_with_seed(text, (origin + self.seed).wrapping_mul(0x9E37_79B9_7F4A_7C15)).max(1)
    }

    fn place(&self, hash: u64) -> usize {
        // Below the number of slots.
        ((u128::from(hash) * self.slots.len() as u128) >> 64) as usize
    }

    fn after(&self, place: usize) -> usize {
        if place + 1 == self.slots.len() { 0 } else { place + 1 }
    }
}
