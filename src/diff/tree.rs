//! A structured value as a flat tape: what every body with a structure is read into before it is compared.
//!
//! Nodes lie in document order, a container before what is in it, and each knows where it ends; nothing is boxed and nothing
//! recurses, so depth costs no stack and a tree is dropped in one piece. Texts are borrowed from the body where they stand
//! there as they are.

mod builder;

use std::borrow::Cow;
use std::ops::Range;

pub use builder::Builder;

/// A value without anything in it, as readers hand it to a [`Builder`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scalar<'a> {
    /// Nothing, said out loud.
    Null,
    /// True or false.
    Bool(bool),
    /// A number in its exact spelling: digits, and what JSON allows beside them.
    Number(&'a str),
    /// A text, escapes resolved.
    Text(Cow<'a, str>),
}

/// What a node is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Value<'t> {
    /// Nothing, said out loud.
    Null,
    /// True or false.
    Bool(bool),
    /// A number in its exact spelling.
    Number(&'t str),
    /// A text.
    Text(&'t str),
    /// An array: see [`Node::elements`].
    Array,
    /// An object: see [`Node::members`].
    Object,
}

/// A structured value, and the text it was read from.
#[derive(Debug, Clone)]
pub struct Tree<'a> {
    source: &'a [u8],
    nodes: Vec<Slot<'a>>,
    /// Texts that do not stand in the source as they are.
    written: String,
}

/// A value in a tree.
#[derive(Debug, Clone, Copy)]
pub struct Node<'t> {
    tree: &'t Tree<'t>,
    at: u32,
}

/// A member of an object.
#[derive(Debug, Clone, Copy)]
pub struct Member<'t> {
    /// Its name.
    pub name: &'t str,
    /// Its value.
    pub value: Node<'t>,
}

impl<'a> Tree<'a> {
    /// The value as a whole; null, if its reader put nothing in.
    #[must_use]
    pub fn root(&self) -> Node<'_> {
        Node { tree: self, at: 0 }
    }

    /// The text it was read from.
    #[must_use]
    pub fn source(&self) -> &'a [u8] {
        self.source
    }

    /// How many values and member names it has.
    #[must_use]
    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    /// Whether its reader put nothing in.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }
}

impl<'t> Node<'t> {
    /// What it is.
    #[must_use]
    pub fn value(&self) -> Value<'t> {
        let Some(slot) = self.slot() else { return Value::Null };
        match slot.tag {
            Tag::Null => Value::Null,
            Tag::False => Value::Bool(false),
            Tag::True => Value::Bool(true),
            Tag::Number => Value::Number(self.text()),
            Tag::Text | Tag::Name => Value::Text(self.text()),
            Tag::Array => Value::Array,
            Tag::Object => Value::Object,
        }
    }

    /// How many elements an array or members an object has; 0 for anything else.
    #[must_use]
    pub fn len(&self) -> usize {
        match self.slot().map(|slot| (slot.tag, slot.content)) {
            Some((Tag::Array | Tag::Object, Content::Pair(count, _))) => count as usize,
            _ => 0,
        }
    }

    /// Whether there is nothing in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The elements of an array, in order; of anything else, none.
    pub fn elements(&self) -> impl Iterator<Item = Node<'t>> + use<'t> {
        let mut walk = self.inside(Tag::Array);
        std::iter::from_fn(move || walk.next())
    }

    /// The members of an object, in order, repeated names included; of anything else, none.
    pub fn members(&self) -> impl Iterator<Item = Member<'t>> + use<'t> {
        let mut walk = self.inside(Tag::Object);
        std::iter::from_fn(move || {
            let name = walk.next()?;
            let value = walk.next()?;
            Some(Member { name: name.text(), value })
        })
    }

    /// The first member of this name, if it is an object and has one.
    #[must_use]
    pub fn member(&self, name: &str) -> Option<Node<'t>> {
        self.members().find(|member| member.name == name).map(|member| member.value)
    }

    /// Where in the source it stands, in bytes, if its reader said so.
    #[must_use]
    pub fn span(&self) -> Option<Range<usize>> {
        let slot = self.slot().filter(|slot| slot.start < slot.end)?;
        Some(slot.start as usize..slot.end as usize)
    }

    /// Its own text in the source, if its reader said where it stands.
    #[must_use]
    pub fn source(&self) -> Option<&'t [u8]> {
        self.tree.source.get(self.span()?)
    }

    /// Its place on the tape: larger than that of whatever holds it and of whatever stands before it.
    #[must_use]
    pub fn index(&self) -> u32 {
        self.at
    }

    /// One past the place of the last value in it.
    #[must_use]
    pub fn end(&self) -> u32 {
        self.slot().map_or(self.at, |slot| slot.next)
    }

    /// The node of this [`Node::index`] in the same tree; null, if there is none.
    #[must_use]
    pub fn elsewhere(&self, index: u32) -> Node<'t> {
        Node { tree: self.tree, at: index }
    }

    fn slot(&self) -> Option<&'t Slot<'t>> {
        self.tree.nodes.get(self.at as usize)
    }

    fn text(&self) -> &'t str {
        match self.slot().map(|slot| slot.content) {
            Some(Content::Source(text)) => text,
            Some(Content::Pair(from, to)) => self.tree.written.get(from as usize..to as usize).unwrap_or_default(),
            None => "",
        }
    }

    fn inside(&self, tag: Tag) -> Walk<'t> {
        match self.slot().filter(|slot| slot.tag == tag) {
            Some(slot) => Walk { tree: self.tree, at: self.at + 1, end: slot.next },
            None => Walk { tree: self.tree, at: 0, end: 0 },
        }
    }
}

/// The nodes directly inside a container, member names among them.
struct Walk<'t> {
    tree: &'t Tree<'t>,
    at: u32,
    end: u32,
}

impl<'t> Walk<'t> {
    fn next(&mut self) -> Option<Node<'t>> {
        if self.at >= self.end {
            return None;
        }
        let node = Node { tree: self.tree, at: self.at };
        self.at = node.end();
        Some(node)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tag {
    Null,
    False,
    True,
    Number,
    Text,
    /// The name of the member that follows.
    Name,
    Array,
    Object,
}

#[derive(Debug, Clone, Copy)]
enum Content<'a> {
    /// A text that stands in the source as it is.
    Source(&'a str),
    /// From where to where a text stands in `written`; for a container: how many are in it, and 0.
    Pair(u32, u32),
}

/// One place on the tape.
#[derive(Debug, Clone, Copy)]
struct Slot<'a> {
    content: Content<'a>,
    /// Where in the source it begins and ends; both 0 if nobody knows.
    start: u32,
    end: u32,
    /// The place after it and all that is in it.
    next: u32,
    tag: Tag,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diff::{Budget, Limits, Unknown};

    #[test]
    fn slot_is_small() {
        assert!(size_of::<Slot<'_>>() <= 32);
    }

    #[test]
    fn what_is_put_in_is_read_out() {
        let mut in_time = || false;
        let mut budget = Budget::new(Limits::default(), &mut in_time);
        let mut builder = Builder::new(br#"{"a":[1,"x"],"b":{}}"#, &mut budget);
        builder.begin_object(Some(0)).unwrap();
        builder.key("a".into(), Some(1..4)).unwrap();
        builder.begin_array(Some(5)).unwrap();
        builder.scalar(Scalar::Number("1"), Some(6..7)).unwrap();
        builder.scalar(Scalar::Text(Cow::Owned("x".to_owned())), Some(8..11)).unwrap();
        builder.end(Some(12)).unwrap();
        builder.key("b".into(), None).unwrap();
        builder.begin_object(None).unwrap();
        builder.end(None).unwrap();
        builder.end(Some(20)).unwrap();
        let tree = builder.finish();

        let root = tree.root();
        assert_eq!((root.value(), root.len(), root.end()), (Value::Object, 2, 7));
        assert_eq!(root.source(), Some(tree.source()));
        let members: Vec<_> = root.members().map(|member| (member.name, member.value.value())).collect();
        assert_eq!(members, [("a", Value::Array), ("b", Value::Object)]);
        let list = root.member("a").unwrap();
        assert_eq!(list.source(), Some(&br#"[1,"x"]"#[..]));
        assert_eq!(
            list.elements().map(|node| node.value()).collect::<Vec<_>>(),
            [Value::Number("1"), Value::Text("x")]
        );
        let empty = root.member("b").unwrap();
        assert!(empty.is_empty() && empty.members().next().is_none() && empty.span().is_none());
    }

    #[test]
    fn nesting_has_its_limit() {
        let mut in_time = || false;
        let mut budget = Budget::new(Limits { depth: 2, ..Limits::default() }, &mut in_time);
        let mut builder = Builder::new(b"", &mut budget);
        builder.begin_array(None).unwrap();
        builder.begin_object(None).unwrap();
        builder.key("a".into(), None).unwrap();
        assert_eq!(builder.begin_array(None), Err(Unknown::TooDeep));
        assert_eq!(builder.scalar(Scalar::Null, None), Ok(()));
        assert_eq!(builder.finish().len(), 4);
    }

    #[test]
    fn every_node_is_paid_for() {
        let mut in_time = || false;
        let mut budget = Budget::new(Limits { steps: 2, ..Limits::default() }, &mut in_time);
        let mut builder = Builder::new(b"", &mut budget);
        builder.begin_array(None).unwrap();
        builder.scalar(Scalar::Null, None).unwrap();
        assert_eq!(builder.scalar(Scalar::Null, None), Err(Unknown::TooMuchWork));
    }

    #[test]
    fn tree_of_nothing_is_null() {
        let mut in_time = || false;
        let mut budget = Budget::new(Limits::default(), &mut in_time);
        let tree = Builder::new(b"", &mut budget).finish();
        assert_eq!(tree.root().value(), Value::Null);
        assert_eq!((tree.root().end(), tree.root().len()), (0, 0));
    }
}
