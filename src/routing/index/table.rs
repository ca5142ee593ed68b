//! The edges of all tries in one flat table without collisions.
//!
//! Hash and displace: an edge's hash names a bucket, the bucket's displacement moves the hash to a slot that is its own.
//! The displacements are small enough to stay in the cache, so an edge costs one cache line, and so does one that is not
//! there.

use xxhash_rust::xxh3::xxh3_64_with_seed;

/// No leaf, no place.
pub(super) const NONE: u32 = u32::MAX;
/// In [`Node::capture`]: the node beside this one.
pub(super) const BESIDE: u32 = u32::MAX - 1;

/// Spreads numbers over 64 bits (the golden ratio's fraction, odd).
const MIX: u64 = 0x9E37_79B9_7F4A_7C15;

/// A place in a trie, after some segments.
#[derive(Debug, Clone, Copy)]
pub(super) struct Node {
    /// Part of the key of the edges to its literal children.
    pub(super) id: u32,
    /// The first leaf of the templates that end here.
    pub(super) end: u32,
    /// The first leaf of the templates that take all that is left from here.
    pub(super) rest: u32,
    /// Where a segment goes that no literal takes: [`BESIDE`], or the number of a place behind a capture.
    pub(super) capture: u32,
    /// How many segments come before this place that offer no choice; the leaf compares them.
    pub(super) skip: u16,
    /// Whether it has literal children.
    pub(super) has_literals: bool,
}

/// A node, and beside it the one behind its capture: `/orders` and `/orders/{id}` are found in one cache line.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    pub(super) node: Node,
    pub(super) beside: Node,
}

/// One cache line: an edge and the place it leads to.
#[derive(Debug, Clone, Copy)]
#[repr(C, align(64))]
struct Slot {
    /// The edge's hash; 0 where the slot is free.
    hash: u64,
    place: Place,
    /// Where the host of a root stands in the index's texts, and its length.
    host: (u32, u16),
}

const _: () = assert!(size_of::<Slot>() == 64, "a slot is one cache line");

/// The edges of all tries.
#[derive(Debug)]
pub(super) struct Table {
    seed: u64,
    /// By bucket.
    displacements: Vec<u16>,
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

/// An edge on its way into the table.
#[derive(Debug, Clone, Copy)]
pub(super) struct Edge<'r> {
    pub(super) origin: Origin,
    pub(super) text: &'r [u8],
    pub(super) place: Place,
    pub(super) host: (u32, u16),
}

impl Node {
    /// Leads nowhere.
    pub(super) const EMPTY: Node = Node { id: 0, end: NONE, rest: NONE, capture: NONE, skip: 0, has_literals: false };
}

impl Table {
    /// The table of these edges. No two of them have the same hash: a seed is tried until that holds, the same one in each
    /// process. So a hash found means one edge, and only a text that is in no route can be taken for another's; the
    /// leaf, or the host at the root, sees that.
    pub(super) fn build(edges: &[Edge<'_>]) -> Table {
        let mut seed = 0;
        loop {
            match Table::try_build(edges, seed) {
                Some(table) => return table,
                None => seed += 1,
            }
        }
    }

    fn try_build(edges: &[Edge<'_>], seed: u64) -> Option<Table> {
        let free = Slot { hash: 0, place: Place { node: Node::EMPTY, beside: Node::EMPTY }, host: (0, 0) };
        // A fifth of the slots stays free, or the last buckets would take long to place.
        let slots = vec![free; edges.len() + edges.len() / 4 + 1];
        let mut table = Table { seed, displacements: vec![0; edges.len() / 3 + 1], slots };
        let mut buckets: Vec<Vec<Slot>> = vec![Vec::new(); table.displacements.len()];
        for edge in edges {
            let hash = table.hash(edge.origin, edge.text);
            buckets[table.bucket(hash)].push(Slot { hash, place: edge.place, host: edge.host });
        }
        let mut order: Vec<usize> = (0..buckets.len()).collect();
        // Full buckets come first, while there is room.
        order.sort_by_key(|&bucket| std::cmp::Reverse(buckets[bucket].len()));
        for bucket in order {
            table.displacements[bucket] =
                (0..=u16::MAX).find(|&displacement| table.try_place(&buckets[bucket], displacement))?;
        }
        Some(table)
    }

    /// Puts the edges of one bucket into their slots, or none of them if one is taken.
    fn try_place(&mut self, bucket: &[Slot], displacement: u16) -> bool {
        for (done, slot) in bucket.iter().enumerate() {
            let at = self.at(slot.hash, displacement);
            if self.slots[at].hash != 0 {
                for undo in &bucket[..done] {
                    let at = self.at(undo.hash, displacement);
                    self.slots[at].hash = 0;
                }
                return false;
            }
            self.slots[at] = *slot;
        }
        true
    }

    /// Where an edge leads.
    pub(super) fn get(&self, origin: Origin, text: &[u8]) -> Option<&Place> {
        self.slot(origin, text).map(|slot| &slot.place)
    }

    /// The root for this host or domain.
    pub(super) fn root(&self, origin: Origin, host: &[u8], texts: &[u8]) -> Option<&Place> {
        let slot = self.slot(origin, host)?;
        let (offset, length) = slot.host;
        let text = texts.get(offset as usize..)?.get(..usize::from(length))?;
        (text == host).then_some(&slot.place)
    }

    fn slot(&self, origin: Origin, text: &[u8]) -> Option<&Slot> {
        let hash = self.hash(origin, text);
        let slot = &self.slots[self.at(hash, self.displacements[self.bucket(hash)])];
        (slot.hash == hash).then_some(slot)
    }

    fn hash(&self, origin: Origin, text: &[u8]) -> u64 {
        let origin = match origin {
            Origin::ExactHost => 0,
            Origin::Wildcard => 1,
            Origin::Node(id) => u64::from(id) + 2,
        };
        // 0 marks a free slot.
        xxh3_64_with_seed(text, (origin + self.seed).wrapping_mul(MIX)).max(1)
    }

    fn bucket(&self, hash: u64) -> usize {
        below(hash, self.displacements.len())
    }

    fn at(&self, hash: u64, displacement: u16) -> usize {
        let moved = (hash ^ u64::from(displacement).wrapping_mul(MIX)).wrapping_mul(MIX);
        below(moved, self.slots.len())
    }
}

/// Maps a hash to a number below `end`.
fn below(hash: u64, end: usize) -> usize {
    ((u128::from(hash) * end as u128) >> 64) as usize
}
