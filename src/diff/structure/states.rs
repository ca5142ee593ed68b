//! Where the selectors stand, as a comparison walks down.
//!
//! A set of places in the program is a state; states are numbered as they are met. Without rules, and wherever none can
//! match any more, the state is [`NOTHING`], which costs nothing.

use std::collections::HashMap;

use super::matcher::{Effect, Matcher, Op};
use crate::diff::rules::{Allowed, Equivalence};
use crate::diff::selector::Step;

/// A set of places in the program, by its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct State(u32);

/// No selector matches here or below.
pub(super) const NOTHING: State = State(0);

/// One step down into a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Edge<'t> {
    Name(&'t str),
    Place(u32),
}

/// What the rules say of a value.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Facts<'m> {
    pub(super) ignore: bool,
    pub(super) redact: bool,
    pub(super) unordered: Option<&'m Option<Vec<String>>>,
    pub(super) tolerance: Option<Allowed>,
    pub(super) equivalent: Option<Equivalence>,
}

/// The states met so far.
#[derive(Debug)]
pub(super) struct States<'m> {
    matcher: &'m Matcher,
    sets: Vec<(Box<[u32]>, Facts<'m>)>,
    numbers: HashMap<Box<[u32]>, State>,
    scratch: Vec<u32>,
}

impl<'m> States<'m> {
    pub(super) fn new(matcher: &'m Matcher) -> States<'m> {
        let sets = vec![(Box::default(), Facts::default())];
        States { matcher, sets, numbers: HashMap::new(), scratch: Vec::new() }
    }

    pub(super) fn matcher(&self) -> &'m Matcher {
        self.matcher
    }

    /// The state of the value as a whole.
    pub(super) fn root(&mut self) -> State {
        self.scratch.clone_from(&self.matcher.starts);
        self.number()
    }

    pub(super) fn facts(&self, state: State) -> Facts<'m> {
        self.sets[state.0 as usize].1
    }

    /// The state one step down.
    pub(super) fn down(&mut self, state: State, edge: Edge<'_>) -> State {
        if state == NOTHING {
            return NOTHING;
        }
        self.scratch.clear();
        for at in &self.sets[state.0 as usize].0 {
            let (mut at, covers) = (*at, matches!(self.matcher.program.get(*at as usize), Some(Op::Cover(_))));
            if covers && matches!(edge, Edge::Name(_)) {
                // One element where a list was.
                while matches!(self.matcher.program.get(at as usize), Some(Op::Cover(Step::AnyElement))) {
                    at += 1;
                }
            }
            let Some(Op::Step(step) | Op::Cover(step)) = self.matcher.program.get(at as usize) else { continue };
            // A list where one element was.
            let passes = covers && matches!((step, edge), (Step::Member(_) | Step::AnyMember, Edge::Place(_)));
            if passes || matches!(step, Step::Descendant(_)) {
                self.scratch.push(at);
            }
            if takes(step, edge) {
                self.scratch.push(at + 1);
            }
        }
        self.number()
    }

    /// The state of an element that is at another place in the other array: what is said of either place holds.
    pub(super) fn both(&mut self, one: State, other: State) -> State {
        if one == other {
            return one;
        }
        self.scratch.clear();
        for state in [one, other] {
            self.scratch.extend_from_slice(&self.sets[state.0 as usize].0);
        }
        self.number()
    }

    fn number(&mut self) -> State {
        if self.scratch.is_empty() {
            return NOTHING;
        }
        self.scratch.sort_unstable();
        self.scratch.dedup();
        if let Some(state) = self.numbers.get(self.scratch.as_slice()) {
            return *state;
        }
        // Each state was paid for by a step of the comparison, of which there are fewer.
        let state = State(self.sets.len() as u32);
        let set: Box<[u32]> = self.scratch.as_slice().into();
        self.sets.push((set.clone(), self.facts_of(&set)));
        self.numbers.insert(set, state);
        state
    }

    /// Of several rules of the same sort, the first holds.
    fn facts_of(&self, set: &[u32]) -> Facts<'m> {
        let mut facts = Facts::default();
        for at in set {
            let Some(Op::End(effect)) = self.matcher.program.get(*at as usize) else { continue };
            match effect {
                Effect::Ignore => facts.ignore = true,
                Effect::Redact => facts.redact = true,
                Effect::Unordered(key) => facts.unordered = facts.unordered.or(Some(key)),
                Effect::Tolerance(allowed) => facts.tolerance = facts.tolerance.or(Some(*allowed)),
                Effect::Equivalent(as_) => facts.equivalent = facts.equivalent.or(Some(*as_)),
            }
        }
        facts
    }
}

fn takes(step: &Step, edge: Edge<'_>) -> bool {
    match (step, edge) {
        (Step::Member(name) | Step::Descendant(name), Edge::Name(member)) => name == member,
        (Step::AnyMember, Edge::Name(_)) | (Step::AnyElement, Edge::Place(_)) => true,
        (Step::Element(at), Edge::Place(place)) => *at == place as usize,
        _ => false,
    }
}
