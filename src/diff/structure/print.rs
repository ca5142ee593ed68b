//! Hashes of values, to find pairs by.

use xxhash_rust::xxh3::xxh3_64;

use super::inside::Inside;
use super::scalar;
use super::states::{State, States};
use crate::diff::tree::Node;
use crate::diff::{Budget, Unknown};

/// A value as the search for pairs sees it. Values that are equal under the rules have the same `loose`; others hardly ever.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Print {
    /// Leaves out what rules let be off; the order of members, and of elements where it does not matter.
    pub(super) loose: u64,
    /// What `loose` leaves out.
    pub(super) exact: u64,
    /// An order in which what is nearly equal is near.
    pub(super) rank: f64,
}

/// The prints of one tree. Those of containers are kept: an array within an array is asked for them again.
#[derive(Debug, Default)]
pub(super) struct Printer {
    kept: Vec<Option<Print>>,
}

/// A container whose contents are being added up.
struct Open<'t> {
    inside: Inside<'t>,
    /// The hash of its own name, in an object.
    name: u64,
    in_any_order: bool,
    sum: Print,
}

impl Printer {
    /// The print of a value whose selectors stand at `state`.
    pub(super) fn print(
        &mut self,
        node: Node<'_>,
        state: State,
        states: &mut States<'_>,
        budget: &mut Budget<'_>,
    ) -> Result<Print, Unknown> {
        let mut open: Vec<Open<'_>> = Vec::new();
        let mut done = match self.begin(node, state, 0, states, budget)? {
            Ok(print) => return Ok(print),
            Err(container) => {
                open.push(container);
                None
            }
        };
        while let Some(container) = open.last_mut() {
            if let Some((name, print)) = done.take() {
                container.add(name, print);
            }
            let Some(child) = container.inside.child(states) else {
                let (name, at, print) = (container.name, container.inside.node.index(), container.sum());
                self.keep(at, print);
                open.pop();
                done = Some((name, print));
                continue;
            };
            if states.facts(child.state).ignore {
                continue;
            }
            let name = child.name.map_or(0, |name| xxh3_64(name.as_bytes()));
            match self.begin(child.node, child.state, name, states, budget)? {
                Ok(print) => done = Some((name, print)),
                Err(container) => open.push(container),
            }
        }
        Ok(done.map(|(_, print)| print).unwrap_or_default())
    }

    /// The print of a value, if it is known or a scalar's; else the container to look into.
    fn begin<'t>(
        &mut self,
        node: Node<'t>,
        state: State,
        name: u64,
        states: &States<'_>,
        budget: &mut Budget<'_>,
    ) -> Result<Result<Print, Open<'t>>, Unknown> {
        if let Some(Some(print)) = self.kept.get(node.index() as usize) {
            return Ok(Ok(*print));
        }
        let facts = states.facts(state);
        budget.spend(1)?;
        let Some(inside) = Inside::of(node, state) else {
            let look = scalar::look(node.value(), &facts);
            return Ok(Ok(Print { loose: look.loose, exact: look.exact, rank: look.rank }));
        };
        let in_any_order = !inside.is_array || facts.unordered.is_some();
        Ok(Err(Open { inside, name, in_any_order, sum: Print::default() }))
    }

    fn keep(&mut self, at: u32, print: Print) {
        let at = at as usize;
        if self.kept.len() <= at {
            self.kept.resize((at + 1).next_power_of_two(), None);
        }
        self.kept[at] = Some(print);
    }
}

impl Open<'_> {
    fn add(&mut self, name: u64, print: Print) {
        let (loose, exact) = (mix(print.loose ^ name), mix(print.exact ^ name));
        // What is not there to be told apart adds nothing, wherever it stands.
        let exact = if print.exact == 0 { 0 } else { exact };
        if self.in_any_order {
            self.sum.loose = self.sum.loose.wrapping_add(loose);
            self.sum.exact = self.sum.exact.wrapping_add(exact);
        } else {
            self.sum.loose = mix(self.sum.loose.rotate_left(7) ^ loose);
            self.sum.exact = if exact == 0 { self.sum.exact } else { mix(self.sum.exact.rotate_left(7) ^ exact) };
        }
        self.sum.rank += print.rank;
    }

    fn sum(&self) -> Print {
        const ARRAY: u64 = 0x6a09_e667_f3bc_c909;
        const OBJECT: u64 = 0xbb67_ae85_84ca_a73b;
        Print { loose: mix(self.sum.loose ^ if self.inside.is_array { ARRAY } else { OBJECT }), ..self.sum }
    }
}

/// The finaliser of MurmurHash3: every bit of the input changes about half of those of the output.
const fn mix(mut bits: u64) -> u64 {
    bits ^= bits >> 33;
    bits = bits.wrapping_mul(0xff51_afd7_ed55_8ccd);
    bits ^= bits >> 33;
    bits = bits.wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    bits ^ (bits >> 33)
}
