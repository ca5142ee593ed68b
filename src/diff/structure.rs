//! Two structured values held against each other.
//!
//! The comparison walks down both values at once, with a list of what is left to look at in place of recursion. Equal bytes
//! are equal values and are passed over at once. Objects are compared by name ([`object`]); the elements of arrays are
//! paired first ([`array`](mod@array)), so that one element more does not shift all others. No path is spelled before a
//! difference is found on it ([`trail`]).
//!
//! Whether there is any difference is never decided by a hash: hashes only find the pairs, which are then compared.

mod alias;
mod align;
mod array;
mod decimal;
mod equivalent;
mod excerpt;
mod identity;
mod inside;
mod matcher;
mod matching;
mod object;
mod pairing;
mod print;
mod redacted;
mod rename;
mod scalar;
mod states;
mod trail;

use std::fmt::Write;

pub use matcher::Matcher;
pub use redacted::redact_spans;
pub(crate) use trail::is_field_name;

use self::print::Printer;
use self::states::{Edge, State, States};
use self::trail::{At, Crumb, Trail};
use super::differences::{Differences, Shown};
use super::tree::{Node, Tree, Value};
use super::{Budget, Kind, Unknown};
use crate::names::Side;

/// Compares two values and notes what differs.
///
/// A value of side new has its renamed fields read under their legacy names, whichever place it is in.
///
/// # Errors
/// The budget is spent; what was found until then is noted.
pub fn compare(
    one: &Tree<'_>,
    one_side: Side,
    other: &Tree<'_>,
    other_side: Side,
    matcher: &Matcher,
    budget: &mut Budget<'_>,
    found: &mut Differences,
) -> Result<(), Unknown> {
    let one_renamed = rename::as_legacy(one, one_side, matcher, budget)?;
    let other_renamed = rename::as_legacy(other, other_side, matcher, budget)?;
    let (one, other) = (one_renamed.as_ref().unwrap_or(one), other_renamed.as_ref().unwrap_or(other));
    Comparison::new(one, other, matcher, budget, found).run()
}

/// Two values that are at the same place and not yet known to be equal.
#[derive(Debug, Clone, Copy)]
struct Pair<'t> {
    one: Node<'t>,
    other: Node<'t>,
    at: At,
}

struct Comparison<'t, 'c, 'b> {
    whole: (Node<'t>, Node<'t>),
    states: States<'c>,
    trail: Trail<'t>,
    /// What is left to look at, the next last.
    left: Vec<Pair<'t>>,
    printers: [Printer; 2],
    budget: &'c mut Budget<'b>,
    found: &'c mut Differences,
    path: String,
}

/// Comparing bytes is that much cheaper than looking at values.
const BYTES_PER_STEP: usize = 128;

impl<'t, 'c, 'b> Comparison<'t, 'c, 'b> {
    fn new(
        one: &'t Tree<'t>,
        other: &'t Tree<'t>,
        matcher: &'c Matcher,
        budget: &'c mut Budget<'b>,
        found: &'c mut Differences,
    ) -> Comparison<'t, 'c, 'b> {
        let mut states = States::new(matcher);
        let trail = Trail::new(states.root());
        let printers = [Printer::default(), Printer::default()];
        let whole = (one.root(), other.root());
        Comparison { whole, states, trail, left: Vec::new(), printers, budget, found, path: String::new() }
    }

    fn run(mut self) -> Result<(), Unknown> {
        let (one, other) = self.whole;
        if self.states.facts(self.trail.state(0)).ignore || self.same(one, other, self.trail.state(0))? {
            return Ok(());
        }
        self.left.push(Pair { one, other, at: 0 });
        while let Some(pair) = self.left.pop() {
            self.budget.spend(1)?;
            match (pair.one.value(), pair.other.value()) {
                (Value::Object, Value::Object) => self.objects(pair)?,
                (Value::Array, Value::Array) => self.arrays(pair)?,
                (one, other) => {
                    let kind = if same_type(one, other) { Kind::Value } else { Kind::Type };
                    self.note(kind, pair.at, Some(pair.one), Some(pair.other))?;
                }
            }
        }
        Ok(())
    }

    /// Whether two values are the same at a glance: equal bytes, or equal scalars.
    fn same(&mut self, one: Node<'t>, other: Node<'t>, state: State) -> Result<bool, Unknown> {
        if let (Some(one), Some(other)) = (one.source(), other.source())
            && one.len() == other.len()
        {
            self.budget.spend((one.len() / BYTES_PER_STEP) as u64)?;
            if one == other {
                return Ok(true);
            }
        }
        Ok(scalar::equal(one.value(), other.value(), &self.states.facts(state)))
    }

    /// Puts off two values at the same place, unless they are the same at a glance.
    fn put_off(
        &mut self,
        parent: At,
        edge: Edge<'t>,
        state: State,
        one: Node<'t>,
        other: Node<'t>,
    ) -> Result<(), Unknown> {
        if !self.same(one, other, state)? {
            let at = self.trail.down(parent, edge, state);
            self.left.push(Pair { one, other, at });
        }
        Ok(())
    }

    /// Lets what was put off since the list had this length be looked at in the order in which it was put off.
    fn in_order_from(&mut self, length: usize) {
        self.left[length..].reverse();
    }

    /// Notes a value that only one of them has.
    fn note_only(
        &mut self,
        parent: At,
        edge: Edge<'t>,
        state: State,
        one: Option<Node<'t>>,
        other: Option<Node<'t>>,
    ) -> Result<(), Unknown> {
        let is_null = |node: Option<Node<'_>>| node.is_some_and(|node| node.value() == Value::Null);
        let kind = match (one, other) {
            _ if is_null(one) || is_null(other) => Kind::Null,
            (Some(_), _) => Kind::Missing,
            _ => Kind::Extra,
        };
        let at = self.trail.down(parent, edge, state);
        self.note(kind, at, one, other)
    }

    fn note(&mut self, kind: Kind, at: At, one: Option<Node<'t>>, other: Option<Node<'t>>) -> Result<(), Unknown> {
        let way = self.trail.way(at);
        self.budget.spend(way.len() as u64)?;
        let states = &mut self.states;
        let hidden = hidden_from(&way, states);
        self.path.clear();
        self.path.push('$');
        for (depth, crumb) in way.iter().enumerate() {
            // Names within what is redacted may be secrets themselves.
            let untold = hidden.is_some_and(|from| from < depth);
            if let Some(step) = if untold { crumb.untold() } else { crumb.normalised() } {
                // Writing to a string does not fail.
                let _ = write!(self.path, "{step}");
            }
        }
        self.found.add(kind, &self.path, || {
            let state = way.last().map_or(states::NOTHING, |crumb| crumb.state);
            let mut show = |node: Option<Node<'_>>| {
                node.map(|node| match hidden {
                    Some(_) => excerpt::REDACTED.to_owned(),
                    None => excerpt::of(node, state, states),
                })
            };
            let (one, other) = (show(one), show(other));
            Shown { place: place(&way, hidden), one, other }
        });
        Ok(())
    }
}

/// From where on the way values are redacted.
fn hidden_from(way: &[Crumb<'_>], states: &States<'_>) -> Option<usize> {
    let secret = states.matcher().secret;
    way.iter().position(|crumb| states.facts(crumb.state).redact || crumb.name().is_some_and(secret))
}

/// The exact path; what lies in a redacted value is told no more exactly than a signature tells it.
fn place(way: &[Crumb<'_>], hidden: Option<usize>) -> String {
    let mut place = "$".to_owned();
    for (depth, crumb) in way.iter().enumerate() {
        let step = match hidden {
            Some(from) if from < depth => crumb.untold(),
            Some(from) if from == depth => crumb.normalised(),
            _ => crumb.exact(),
        };
        if let Some(step) = step {
            let _ = write!(place, "{step}");
        }
    }
    place
}

fn same_type(one: Value<'_>, other: Value<'_>) -> bool {
    std::mem::discriminant(&one) == std::mem::discriminant(&other)
}

#[cfg(test)]
mod tests;
