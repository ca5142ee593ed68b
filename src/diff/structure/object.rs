//! Objects, by the names of their members.

use super::states::{Edge, State};
use super::{Comparison, Pair};
use crate::diff::tree::{Member, Node};
use crate::diff::{Kind, Unknown};

impl<'t> Comparison<'t, '_, '_> {
    pub(super) fn objects(&mut self, pair: Pair<'t>) -> Result<(), Unknown> {
        let before = self.left.len();
        if !self.members_in_step(pair)? {
            self.left.truncate(before);
            self.members_by_name(pair)?;
        }
        self.in_order_from(before);
        Ok(())
    }

    /// Puts off the members pair by pair, if both objects have the same names in the same order.
    fn members_in_step(&mut self, pair: Pair<'t>) -> Result<bool, Unknown> {
        if pair.one.len() != pair.other.len() {
            return Ok(false);
        }
        for (one, other) in pair.one.members().zip(pair.other.members()) {
            self.budget.spend(1)?;
            if one.name != other.name {
                return Ok(false);
            }
            if let Some(state) = self.member_state(pair, one.name) {
                self.put_off(pair.at, Edge::Name(one.name), state, one.value, other.value)?;
            }
        }
        Ok(true)
    }

    /// Pairs members by their names; of a repeated name the values are paired in their order.
    fn members_by_name(&mut self, pair: Pair<'t>) -> Result<(), Unknown> {
        let (one, other) = (self.sorted(pair.one)?, self.sorted(pair.other)?);
        let (mut one, mut other) = (one.as_slice(), other.as_slice());
        while let Some(name) = [one.first(), other.first()].into_iter().flatten().map(|member| member.name).min() {
            let (from_one, one_left) = one.split_at(run(one, name));
            let (from_other, other_left) = other.split_at(run(other, name));
            (one, other) = (one_left, other_left);
            if let Some(state) = self.member_state(pair, name) {
                self.member(pair, name, state, from_one, from_other)?;
            }
        }
        Ok(())
    }

    fn member(
        &mut self,
        pair: Pair<'t>,
        name: &'t str,
        state: State,
        one: &[Member<'t>],
        other: &[Member<'t>],
    ) -> Result<(), Unknown> {
        let edge = Edge::Name(name);
        let value = |members: &[Member<'t>]| members.first().map(|member| member.value);
        if one.is_empty() || other.is_empty() {
            return self.note_only(pair.at, edge, state, value(one), value(other));
        }
        if one.len() != other.len() {
            let at = self.trail.down(pair.at, edge, state);
            return self.note(Kind::Duplicate, at, value(one), value(other));
        }
        one.iter().zip(other).try_for_each(|(one, other)| self.put_off(pair.at, edge, state, one.value, other.value))
    }

    /// Where the selectors stand at a member; `None`, if it is ignored.
    fn member_state(&mut self, pair: Pair<'t>, name: &str) -> Option<State> {
        let state = self.states.down(self.trail.state(pair.at), Edge::Name(name));
        (!self.states.facts(state).ignore).then_some(state)
    }

    /// The members by name, those of the same name in their order.
    fn sorted(&mut self, object: Node<'t>) -> Result<Vec<Member<'t>>, Unknown> {
        self.budget.spend(object.len() as u64)?;
        let mut members: Vec<_> = object.members().collect();
        members.sort_by_key(|member| member.name);
        Ok(members)
    }
}

/// How many members have this name, of those sorted by name that begin with it.
fn run(members: &[Member<'_>], name: &str) -> usize {
    members.iter().take_while(|member| member.name == name).count()
}
