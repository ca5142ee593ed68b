//! Walking through a value without recursion: one of these for each container that is open.

use super::states::{Edge, State, States};
use crate::diff::tree::{Node, Value};

/// A container, and how much of it was looked at.
#[derive(Debug)]
pub(super) struct Inside<'t> {
    pub(super) node: Node<'t>,
    pub(super) is_array: bool,
    state: State,
    /// The next value in it: its place on the tape, and its place in the container.
    next: u32,
    place: u32,
}

/// A value in a container.
#[derive(Debug, Clone, Copy)]
pub(super) struct Child<'t> {
    /// Its name, in an object.
    pub(super) name: Option<&'t str>,
    pub(super) node: Node<'t>,
    pub(super) state: State,
}

impl<'t> Inside<'t> {
    /// The beginning of a container; `None` of a scalar.
    pub(super) fn of(node: Node<'t>, state: State) -> Option<Inside<'t>> {
        let is_array = match node.value() {
            Value::Array => true,
            Value::Object => false,
            _ => return None,
        };
        Some(Inside { node, is_array, state, next: node.index() + 1, place: 0 })
    }

    /// The next value in it.
    pub(super) fn child(&mut self, states: &mut States<'_>) -> Option<Child<'t>> {
        if self.next >= self.node.end() {
            return None;
        }
        let first = self.node.elsewhere(self.next);
        let (name, node, edge) = match (self.is_array, first.value()) {
            (false, Value::Text(name)) => (Some(name), self.node.elsewhere(first.end()), Edge::Name(name)),
            _ => (None, first, Edge::Place(self.place)),
        };
        self.place += 1;
        self.next = node.end();
        Some(Child { name, node, state: states.down(self.state, edge) })
    }

    /// Whether nothing was looked at before the last child.
    pub(super) fn at_first(&self) -> bool {
        self.place <= 1
    }
}
