//! The tree of one file, flat in memory.

use crate::config::place::{FileId, Place};

/// The nodes of one file in the order they are written.
#[derive(Debug)]
pub(in crate::config) struct Tape {
    pub(super) file: FileId,
    pub(super) entries: Vec<Entry>,
    pub(super) text: String,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Entry {
    pub(super) line: u32,
    pub(super) col: u32,
    pub(super) kind: Kind,
    /// Scalars: where the text starts. Collections: the entry after their last one. Aliases: the entry meant.
    pub(super) a: u32,
    /// Scalars: where the text ends. Collections: how many children they have (a pair counts as two).
    pub(super) b: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Plain,
    Quoted,
    Sequence,
    Mapping,
    Alias,
}

/// One node.
#[derive(Debug, Clone, Copy)]
pub(in crate::config) struct Node<'t> {
    tape: &'t Tape,
    at: u32,
}

/// What a node is; an alias is what it stands for.
#[derive(Debug, Clone, Copy)]
pub(in crate::config) enum Shape<'t> {
    /// A scalar, and whether it is plain (not quoted, not a block).
    Scalar { text: &'t str, plain: bool },
    /// The items of a sequence.
    Sequence(Children<'t>),
    /// The pairs of a mapping.
    Mapping(Pairs<'t>),
}

/// The children of a collection, in order.
#[derive(Debug, Clone, Copy)]
pub(in crate::config) struct Children<'t> {
    tape: &'t Tape,
    at: u32,
    left: u32,
}

/// The pairs of a mapping, in order.
#[derive(Debug, Clone, Copy)]
pub(in crate::config) struct Pairs<'t>(Children<'t>);

impl Tape {
    pub(in crate::config) fn root(&self) -> Node<'_> {
        Node { tape: self, at: 0 }
    }
}

impl<'t> Node<'t> {
    /// Where it is written: for an alias, where its anchor is.
    pub(in crate::config) fn place(self) -> Place {
        let entry = self.entry();
        Place { file: self.tape.file, line: entry.line, col: entry.col }
    }

    /// Its number in the order of writing; an alias has one of its own.
    pub(in crate::config) fn number(self) -> usize {
        self.at as usize
    }

    /// The node it stands for: itself, unless it is an alias.
    pub(in crate::config) fn meant(self) -> Node<'t> {
        Node { tape: self.tape, at: self.resolved() }
    }

    pub(in crate::config) fn shape(self) -> Shape<'t> {
        let entry = self.entry();
        match entry.kind {
            Kind::Plain | Kind::Quoted | Kind::Alias => {
                let text = &self.tape.text[entry.a as usize..entry.b as usize];
                Shape::Scalar { text, plain: entry.kind == Kind::Plain }
            }
            Kind::Sequence => Shape::Sequence(self.children()),
            Kind::Mapping => Shape::Mapping(Pairs(self.children())),
        }
    }

    /// The entry it stands for. An alias points backwards at an anchor, which is never itself an alias.
    fn resolved(self) -> u32 {
        let entry = self.tape.entries[self.at as usize];
        if entry.kind == Kind::Alias { entry.a } else { self.at }
    }

    fn entry(self) -> Entry {
        self.tape.entries[self.resolved() as usize]
    }

    fn children(self) -> Children<'t> {
        Children { tape: self.tape, at: self.resolved() + 1, left: self.entry().b }
    }
}

impl<'t> Iterator for Children<'t> {
    type Item = Node<'t>;

    fn next(&mut self) -> Option<Node<'t>> {
        self.left = self.left.checked_sub(1)?;
        let node = Node { tape: self.tape, at: self.at };
        let entry = self.tape.entries[self.at as usize];
        self.at = match entry.kind {
            Kind::Sequence | Kind::Mapping => entry.a,
            Kind::Plain | Kind::Quoted | Kind::Alias => self.at + 1,
        };
        Some(node)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left as usize, Some(self.left as usize))
    }
}

impl<'t> Iterator for Pairs<'t> {
    type Item = (Node<'t>, Node<'t>);

    fn next(&mut self) -> Option<(Node<'t>, Node<'t>)> {
        Some((self.0.next()?, self.0.next()?))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.0.left as usize / 2, Some(self.0.left as usize / 2))
    }
}
