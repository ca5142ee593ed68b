//! Arrays: their elements are paired, then compared pair by pair.

use super::matching::Matching;
use super::pairing::{Element, Lists};
use super::print::Print;
use super::states::{Edge, NOTHING, State};
use super::{Comparison, Pair};
use crate::diff::tree::Node;
use crate::diff::{Kind, Unknown};

impl<'t> Comparison<'t, '_, '_> {
    pub(super) fn arrays(&mut self, pair: Pair<'t>) -> Result<(), Unknown> {
        let state = self.trail.state(pair.at);
        let unordered = self.states.facts(state).unordered;
        let (one, other) = (self.elements(pair.one, state)?, self.elements(pair.other, state)?);
        let (one, other) = self.trim(&one, &other)?;
        let matching = match (one, other) {
            ([], _) | (_, []) => Matching::new(one.len(), other.len()),
            ([_], [_]) if unordered.is_none() => {
                let mut matching = Matching::new(1, 1);
                matching.link(0, 0);
                matching
            }
            _ => {
                let prints = [self.prints(0, one)?, self.prints(1, other)?];
                let lists = Lists { elements: [one, other], prints: [&prints[0], &prints[1]] };
                match unordered {
                    Some(member) => self.pair_in_any_order(&lists, member.as_deref())?,
                    None => self.pair_in_order(&lists)?,
                }
            }
        };
        if unordered.is_none() && matching.is_crossed() {
            self.note(Kind::Order, pair.at, Some(pair.one), Some(pair.other))?;
        }
        self.compare_pairs(pair, one, other, &matching)
    }

    fn compare_pairs(
        &mut self,
        pair: Pair<'t>,
        one: &[Element<'t>],
        other: &[Element<'t>],
        matching: &Matching,
    ) -> Result<(), Unknown> {
        for element in matching.free_one().filter_map(|place| one.get(place as usize)) {
            self.note_only(pair.at, Edge::Place(element.place), element.state, Some(element.node), None)?;
        }
        for element in matching.free_other().filter_map(|place| other.get(place as usize)) {
            self.note_only(pair.at, Edge::Place(element.place), element.state, None, Some(element.node))?;
        }
        let before = self.left.len();
        for (one_at, other_at) in matching.pairs() {
            let (Some(one), Some(other)) = (one.get(one_at as usize), other.get(other_at as usize)) else { continue };
            self.budget.spend(1)?;
            let state = self.states.both(one.state, other.state);
            self.put_off(pair.at, Edge::Place(one.place), state, one.node, other.node)?;
        }
        self.in_order_from(before);
        Ok(())
    }

    /// The elements that are not ignored.
    fn elements(&mut self, array: Node<'t>, state: State) -> Result<Vec<Element<'t>>, Unknown> {
        let mut elements = Vec::with_capacity(array.len());
        for (node, place) in array.elements().zip(0..) {
            self.budget.spend(1)?;
            let state = self.states.down(state, Edge::Place(place));
            if !self.states.facts(state).ignore {
                elements.push(Element { node, place, state });
            }
        }
        Ok(elements)
    }

    /// What is left when equal elements at both ends are taken off.
    fn trim<'l>(
        &mut self,
        one: &'l [Element<'t>],
        other: &'l [Element<'t>],
    ) -> Result<(&'l [Element<'t>], &'l [Element<'t>]), Unknown> {
        let (mut one, mut other) = (one, other);
        while let ([left, one_left @ ..], [right, other_left @ ..]) = (one, other)
            && self.same(left.node, right.node, NOTHING)?
        {
            (one, other) = (one_left, other_left);
        }
        while let ([one_left @ .., left], [other_left @ .., right]) = (one, other)
            && self.same(left.node, right.node, NOTHING)?
        {
            (one, other) = (one_left, other_left);
        }
        Ok((one, other))
    }

    fn prints(&mut self, tree: usize, elements: &[Element<'t>]) -> Result<Vec<Print>, Unknown> {
        let Comparison { printers, states, budget, .. } = self;
        elements.iter().map(|element| printers[tree].print(element.node, element.state, states, budget)).collect()
    }
}
