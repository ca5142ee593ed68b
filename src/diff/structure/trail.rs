//! The way down to a value, spelled only when there is something to say of it.

use super::states::{Edge, State};
use crate::diff::selector::Step;

/// A value that the comparison came by.
#[derive(Debug, Clone, Copy)]
pub(super) struct Crumb<'t> {
    /// What holds it; itself, for the value as a whole.
    parent: u32,
    /// The step down to it; `None` for the value as a whole.
    edge: Option<Edge<'t>>,
    /// Where the selectors stand at it.
    pub(super) state: State,
}

/// All values that the comparison came by.
#[derive(Debug)]
pub(super) struct Trail<'t>(Vec<Crumb<'t>>);

/// A value on the trail.
pub(super) type At = u32;

impl<'t> Trail<'t> {
    /// A trail that begins at the value as a whole.
    pub(super) fn new(state: State) -> Trail<'t> {
        Trail(vec![Crumb { parent: 0, edge: None, state }])
    }

    /// One step down.
    pub(super) fn down(&mut self, parent: At, edge: Edge<'t>, state: State) -> At {
        // Each crumb is paid for by a step, and a tree has fewer than 2³² nodes.
        let at = self.0.len() as u32;
        self.0.push(Crumb { parent, edge: Some(edge), state });
        at
    }

    pub(super) fn state(&self, at: At) -> State {
        self.0[at as usize].state
    }

    /// The values from the whole down to this one, each with the step to it.
    pub(super) fn way(&self, at: At) -> Vec<Crumb<'t>> {
        let mut way = Vec::new();
        let mut crumb = self.0[at as usize];
        while crumb.edge.is_some() {
            way.push(crumb);
            crumb = self.0[crumb.parent as usize];
        }
        way.push(crumb);
        way.reverse();
        way
    }
}

impl<'t> Crumb<'t> {
    pub(super) fn name(&self) -> Option<&'t str> {
        match self.edge {
            Some(Edge::Name(name)) => Some(name),
            _ => None,
        }
    }

    /// The step as a signature has it: the same for all answers of a route.
    pub(super) fn normalised(&self) -> Option<Step> {
        self.edge.map(|edge| match edge {
            Edge::Place(_) => Step::AnyElement,
            Edge::Name(name) if is_field_name(name) => Step::Member(name.to_owned()),
            Edge::Name(_) => Step::AnyMember,
        })
    }

    /// The step without its name.
    pub(super) fn untold(&self) -> Option<Step> {
        self.edge.map(|edge| match edge {
            Edge::Place(_) => Step::AnyElement,
            Edge::Name(_) => Step::AnyMember,
        })
    }

    /// The step as it is in this answer. Names that could be somebody's address stay untold.
    pub(super) fn exact(&self) -> Option<Step> {
        self.edge.map(|edge| match edge {
            Edge::Place(place) => Step::Element(place as usize),
            Edge::Name(name) if name.len() <= LONGEST_NAME && is_plain(name) => Step::Member(name.to_owned()),
            Edge::Name(_) => Step::AnyMember,
        })
    }
}

/// The longest name of a field, in bytes.
const LONGEST_NAME: usize = 64;
/// From so many hexadecimal digits on, a name is a hash or an identifier.
const LONG_HEX: usize = 16;
/// From so many digits in a row on, a name is numbered: `iso8601` is a field, `ord-00017` is not.
const LONG_NUMBER: usize = 5;

/// Whether it is the name of a field, and not one of the many keys of a map: a number, a date, an identifier, an address.
pub(crate) fn is_field_name(name: &str) -> bool {
    let hex = name.bytes().filter(|byte| byte.is_ascii_hexdigit() || *byte == b'-').count();
    let has_digit = name.bytes().any(|byte| byte.is_ascii_digit());
    let is_number = has_digit && !name.chars().any(char::is_alphabetic);
    let is_hex = hex >= LONG_HEX && hex == name.len();
    let is_numbered = name.split(|what: char| !what.is_ascii_digit()).any(|digits| digits.len() >= LONG_NUMBER);
    !name.is_empty() && name.len() <= LONGEST_NAME && is_plain(name) && !is_number && !is_hex && !is_numbered
}

/// Whether it has nothing in it that no field's name has.
fn is_plain(name: &str) -> bool {
    // XML attributes begin with one.
    let name = name.strip_prefix('@').unwrap_or(name);
    !name
        .chars()
        .any(|what| what.is_control() || matches!(what, '@' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_of_maps_are_no_field_names() {
        for name in [
            "17",
            "10.0.0.1",
            "ord-00017",
            "2024-01-01",
            "f81d4fae-7dec-11d0-a765-00a0c91e6bf6",
            "d41d8cd98f00b204e9800998ecf8427e",
            "a@b.example",
            "\u{1b}[2J",
            "",
            &"x".repeat(65),
        ] {
            assert!(!is_field_name(name), "{name}");
        }
        for name in
            ["id", "address2", "iso8601", "line 1", "@id", "#text", "größe", "deadbeef", "x-1", "ns:name", "it's"]
        {
            assert!(is_field_name(name), "{name}");
        }
    }
}
