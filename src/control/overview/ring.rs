//! The latest points of a series, each in a slot of time.

use std::collections::VecDeque;

/// The latest points, in the order of their slots; slots without a point take no room.
#[derive(Debug, Clone)]
pub(super) struct Ring<P> {
    points: VecDeque<(u64, P)>,
    /// How many slots are looked back.
    slots: u64,
}

impl<P> Ring<P> {
    /// Nothing yet; points stay for so many slots.
    pub(super) fn new(slots: u64) -> Ring<P> {
        Ring { points: VecDeque::new(), slots }
    }

    /// Adds the point of a slot. Where the clock was set back, what lies ahead of it was never so and is forgotten.
    pub(super) fn push(&mut self, slot: u64, point: P) {
        while self.points.pop_back_if(|(other, _)| *other >= slot).is_some() {}
        self.expire(slot);
        self.points.push_back((slot, point));
    }

    /// Forgets what is too old when this slot has ended.
    pub(super) fn expire(&mut self, slot: u64) {
        let oldest = (slot + 1).saturating_sub(self.slots);
        while self.points.pop_front_if(|(other, _)| *other < oldest).is_some() {}
    }

    /// Forgets everything.
    pub(super) fn clear(&mut self) {
        self.points = VecDeque::new();
    }

    /// The slot of the newest point.
    pub(super) fn last(&self) -> Option<u64> {
        self.points.back().map(|(slot, _)| *slot)
    }

    /// How many points there are.
    pub(super) fn len(&self) -> usize {
        self.points.len()
    }

    /// The points with their slots, oldest first.
    pub(super) fn iter(&self) -> impl Iterator<Item = (u64, &P)> {
        self.points.iter().map(|(slot, point)| (*slot, point))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_too_old_is_forgotten_and_what_never_came_to_pass_too() {
        let mut ring = Ring::new(3);
        (10..15).for_each(|slot| ring.push(slot, ()));
        assert_eq!(ring.iter().map(|(slot, ())| slot).collect::<Vec<_>>(), [12, 13, 14]);
        ring.push(13, ());
        assert_eq!(ring.iter().map(|(slot, ())| slot).collect::<Vec<_>>(), [12, 13]);
        ring.expire(100);
        assert_eq!(ring.len(), 0);
    }

    proptest! {
        #[test]
        fn a_ring_is_bounded_and_in_order_whatever_the_clock_does(slots in 1_u64..50, pushed in prop::collection::vec(0_u64..200, 1..300)) {
            let mut ring = Ring::new(slots);
            for slot in pushed {
                ring.push(slot, slot);
                let kept: Vec<(u64, u64)> = ring.iter().map(|(slot, point)| (slot, *point)).collect();
                prop_assert!(kept.len() as u64 <= slots);
                prop_assert!(kept.windows(2).all(|pair| pair[0].0 < pair[1].0));
                prop_assert_eq!(kept.last().copied(), Some((slot, slot)));
                prop_assert!(kept.iter().all(|(kept, _)| kept + slots > slot));
            }
        }
    }
}
