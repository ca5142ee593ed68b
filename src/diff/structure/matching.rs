//! Which element of one array goes with which of the other.

/// Pairs of places in two lists; each place is in one pair at most.
#[derive(Debug)]
pub(super) struct Matching {
    /// For each place of the first list its partner in the other.
    one: Vec<Option<u32>>,
    /// For each place of the other list its partner in the first.
    other: Vec<Option<u32>>,
}

impl Matching {
    /// No pairs yet between lists of these lengths.
    pub(super) fn new(one: usize, other: usize) -> Matching {
        Matching { one: vec![None; one], other: vec![None; other] }
    }

    /// Makes a pair of two free places.
    pub(super) fn link(&mut self, one: u32, other: u32) {
        let places = (self.one.get_mut(one as usize), self.other.get_mut(other as usize));
        if let (Some(free @ None), Some(free_too @ None)) = places {
            (*free, *free_too) = (Some(other), Some(one));
        }
    }

    /// The places of the first list without a partner.
    pub(super) fn free_one(&self) -> impl Iterator<Item = u32> {
        free(&self.one)
    }

    /// The places of the other list without a partner.
    pub(super) fn free_other(&self) -> impl Iterator<Item = u32> {
        free(&self.other)
    }

    /// The pairs, in the order of the first list.
    pub(super) fn pairs(&self) -> impl Iterator<Item = (u32, u32)> {
        self.one.iter().zip(0..).filter_map(|(other, one)| other.map(|other| (one, other)))
    }

    /// Whether the pairs are not in the same order in both lists.
    pub(super) fn is_crossed(&self) -> bool {
        !self.pairs().is_sorted_by_key(|(_, other)| other)
    }

    /// Pairs free places of equal keys. `key` is asked for each list (0 or 1) and place; places without a key stay free, and
    /// so does what one list has more of a key. Of several places with the same key, those lowest in the order beside it
    /// go together.
    pub(super) fn link_by<K: Ord + Copy>(&mut self, of_many: OfMany, key: impl Fn(usize, u32) -> Option<(K, i64)>) {
        let keys = |list: usize, free: &mut dyn Iterator<Item = u32>| {
            let mut keys: Vec<Keyed<K>> =
                free.filter_map(|place| key(list, place).map(|(key, order)| (key, order, place))).collect();
            keys.sort_unstable();
            keys
        };
        let (one, other) = (keys(0, &mut self.free_one()), keys(1, &mut self.free_other()));
        let (mut one, mut other) = (one.as_slice(), other.as_slice());
        while let (Some(left), Some(right)) = (one.first(), other.first()) {
            let key = left.0.min(right.0);
            let (from_one, one_left) = one.split_at(run(one, key));
            let (from_other, other_left) = other.split_at(run(other, key));
            (one, other) = (one_left, other_left);
            if of_many == OfMany::InOrder || (from_one.len() == 1 && from_other.len() == 1) {
                from_one.iter().zip(from_other).for_each(|(one, other)| self.link(one.2, other.2));
            }
        }
    }

    /// Pairs what is free between two pairs (those that are there now, which are not crossed) in its order.
    pub(super) fn link_gaps(&mut self, fences: &[(u32, u32)]) {
        let (mut one, mut other) = (0, 0);
        let end = (self.one.len() as u32, self.other.len() as u32);
        for (one_end, other_end) in fences.iter().copied().chain([end]) {
            let left: Vec<_> = Matching::free_in(&self.one, one, one_end).collect();
            let right: Vec<_> = Matching::free_in(&self.other, other, other_end).collect();
            left.into_iter().zip(right).for_each(|(left, right)| self.link(left, right));
            (one, other) = (one_end + 1, other_end + 1);
        }
    }

    fn free_in<'a>(list: &'a [Option<u32>], from: u32, to: u32) -> impl Iterator<Item = u32> + use<'a> {
        (from..to).filter(|place| matches!(list.get(*place as usize), Some(None)))
    }
}

/// What to do with several places of the same key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum OfMany {
    /// The first goes with the first, and so on.
    InOrder,
    /// They are left alone.
    Free,
}

fn free(list: &[Option<u32>]) -> impl Iterator<Item = u32> {
    list.iter().zip(0..).filter_map(|(partner, place)| partner.is_none().then_some(place))
}

/// A key, an order among equal keys, and a place.
type Keyed<K> = (K, i64, u32);

fn run<K: Ord + Copy>(keys: &[Keyed<K>], key: K) -> usize {
    keys.iter().take_while(|found| found.0 == key).count()
}
