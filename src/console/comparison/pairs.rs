//! What in two containers belongs together.

use std::collections::HashMap;
use std::time::Instant;

use similar::{Algorithm, DiffOp, capture_diff_slices_deadline};

use super::hashes;
use crate::diff::selector::Step;
use crate::diff::tree::{Node, Value};

/// What stands in the same place of two containers; one of the two may have nothing there.
#[derive(Debug, Clone)]
pub(super) struct Pair<'t> {
    /// The step down to it, by legacy's way where it has one.
    pub(super) step: Step,
    /// What new calls it, where that is another name.
    pub(super) renamed: Option<Step>,
    pub(super) sides: [Option<Node<'t>>; 2],
}

/// The two trees that are paired.
pub(super) struct Pairing<'a> {
    /// The hashes of both.
    pub(super) hashes: [&'a [u64]; 2],
    /// When long arrays are no further looked at for what moved.
    pub(super) deadline: Instant,
}

impl Pairing<'_> {
    /// Whether both sides have the same there.
    pub(super) fn is_equal(&self, sides: &[Option<Node<'_>>; 2]) -> bool {
        match sides {
            [Some(one), Some(other)] => {
                hashes::of(*one, self.hashes[0]) == hashes::of(*other, self.hashes[1])
                    && std::mem::discriminant(&one.value()) == std::mem::discriminant(&other.value())
            }
            _ => false,
        }
    }

    /// The pairs in these; `unordered` as [`super::way::Way::unordered`] says it.
    pub(super) fn inside<'t>(
        &self,
        sides: [Option<Node<'t>>; 2],
        unordered: Option<Option<&[String]>>,
    ) -> Vec<Pair<'t>> {
        let of = |value: Value<'static>, side: Option<Node<'t>>| {
            side.filter(|node| std::mem::discriminant(&node.value()) == std::mem::discriminant(&value))
        };
        let objects = sides.map(|side| of(Value::Object, side));
        let arrays = sides.map(|side| of(Value::Array, side));
        let mut pairs = if objects.iter().any(Option::is_some) { members(objects) } else { Vec::new() };
        if arrays.iter().any(Option::is_some) {
            let elements = arrays.map(|side| side.map(|node| node.elements().collect::<Vec<_>>()).unwrap_or_default());
            pairs.extend(match unordered {
                None => self.in_order(&elements),
                Some(key) => self.in_any_order(&elements, key),
            });
        }
        pairs
    }

    fn in_order<'t>(&self, elements: &[Vec<Node<'t>>; 2]) -> Vec<Pair<'t>> {
        let prints = [0, 1]
            .map(|side| elements[side].iter().map(|node| hashes::of(*node, self.hashes[side])).collect::<Vec<u64>>());
        let operations = capture_diff_slices_deadline(Algorithm::Myers, &prints[0], &prints[1], Some(self.deadline));
        let mut pairs = Vec::with_capacity(elements[0].len().max(elements[1].len()));
        for operation in operations {
            let (old, new) = (operation.old_range(), operation.new_range());
            debug_assert!(!matches!(operation, DiffOp::Equal { .. }) || old.len() == new.len());
            for place in 0..old.len().max(new.len()) {
                let places =
                    [(place < old.len()).then(|| old.start + place), (place < new.len()).then(|| new.start + place)];
                pairs.extend(pair(elements, places));
            }
        }
        pairs
    }

    /// Equal keys belong together, without a key equal values; then what is left, in order.
    fn in_any_order<'t>(&self, elements: &[Vec<Node<'t>>; 2], key: Option<&[String]>) -> Vec<Pair<'t>> {
        let name = |side: usize, node: Node<'t>| match key {
            None => Some(hashes::of(node, self.hashes[side])),
            Some(key) => key
                .iter()
                .try_fold(node, |node, name| node.member(name))
                .map(|node| hashes::of(node, self.hashes[side])),
        };
        let mut places: HashMap<u64, Vec<usize>> = HashMap::new();
        for (place, node) in elements[1].iter().enumerate().rev() {
            if let Some(name) = name(1, *node) {
                places.entry(name).or_default().push(place);
            }
        }
        let mut taken = vec![false; elements[1].len()];
        let mut found: Vec<Option<usize>> = Vec::with_capacity(elements[0].len());
        for node in &elements[0] {
            let place = name(0, *node).and_then(|name| places.get_mut(&name)).and_then(Vec::pop);
            if let Some(place) = place {
                taken[place] = true;
            }
            found.push(place);
        }
        // A key says that what has another one is another thing.
        let mut left = (0..taken.len()).filter(|place| !taken[*place]).collect::<Vec<_>>().into_iter();
        if key.is_none() {
            for place in found.iter_mut().filter(|place| place.is_none()) {
                *place = left.next();
            }
        }
        let mut pairs: Vec<Pair<'t>> =
            found.into_iter().enumerate().filter_map(|(old, new)| pair(elements, [Some(old), new])).collect();
        pairs.extend(left.filter_map(|new| pair(elements, [None, Some(new)])));
        pairs
    }
}

/// Puts together what legacy and new call by different names in the same object, as `renamed` says of two steps.
pub(super) fn rename(pairs: &mut Vec<Pair<'_>>, renamed: impl Fn(&Step, &Step) -> bool) {
    let mut at = 0;
    while at < pairs.len() {
        let is_legacys = matches!(pairs[at].sides, [Some(_), None]);
        let is_news = |pair: &Pair<'_>| matches!(pair.sides, [None, Some(_)]);
        let found =
            pairs.iter().position(|other| is_legacys && is_news(other) && renamed(&pairs[at].step, &other.step));
        if let Some(place) = found {
            let other = pairs.remove(place);
            // What was before it has moved up.
            at -= usize::from(place < at);
            pairs[at].sides[1] = other.sides[1];
            pairs[at].renamed = Some(other.step);
        }
        at += 1;
    }
}

fn pair<'t>(elements: &[Vec<Node<'t>>; 2], places: [Option<usize>; 2]) -> Option<Pair<'t>> {
    let step = Step::Element(places[0].or(places[1])?);
    let sides = [0, 1].map(|side| places[side].and_then(|place| elements[side].get(place).copied()));
    Some(Pair { step, renamed: None, sides })
}

/// Members by name, in legacy's order, then those that only new has. Of a name that stands there twice the first belongs to the first.
fn members<'t>(objects: [Option<Node<'t>>; 2]) -> Vec<Pair<'t>> {
    let mut places: HashMap<&str, Vec<usize>> = HashMap::new();
    let mut pairs: Vec<Pair<'t>> = Vec::new();
    for member in objects[0].iter().flat_map(|node| node.members()) {
        places.entry(member.name).or_default().push(pairs.len());
        pairs.push(Pair {
            step: Step::Member(member.name.to_owned()),
            renamed: None,
            sides: [Some(member.value), None],
        });
    }
    places.values_mut().for_each(|places| places.reverse());
    for member in objects[1].iter().flat_map(|node| node.members()) {
        match places.get_mut(member.name).and_then(Vec::pop) {
            Some(place) => pairs[place].sides[1] = Some(member.value),
            None => {
                let step = Step::Member(member.name.to_owned());
                pairs.push(Pair { step, renamed: None, sides: [None, Some(member.value)] });
            }
        }
    }
    pairs
}
