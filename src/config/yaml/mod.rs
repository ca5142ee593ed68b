//! YAML text to a compact tree with a place for every node, within bounds that no text can break.
//!
//! The tree is a [`Tape`]: the nodes in the order they are written, 20 bytes each, beside one string of all scalars. An
//! alias stays one entry that points at its anchor, so an alias bomb costs nothing to hold; it is refused by counting
//! what it would expand to.

mod environment;
mod parse;
mod scalar;
mod tape;

pub(super) use environment::{Unfilled, escape, substitute};
pub(super) use parse::{Mistake, parse};
pub(super) use scalar::{Resolved, resolve};
pub(super) use tape::{Node, Shape, Tape};
