//! Building a tree from what a reader meets, in document order.

use std::borrow::Cow;
use std::ops::Range;

use super::{Content, Node, Scalar, Slot, Tag, Tree};
use crate::diff::{Budget, Unknown};

/// Builds a [`Tree`], pays for it, and holds the limit of depth.
///
/// A reader names what it meets in document order. Where it stands in the source is optional: values at places with equal
/// bytes are taken for equal, and what has no place cannot be cut out when a body is redacted.
///
/// Every method fails alike: with [`Unknown::TooMuchWork`] or [`Unknown::OutOfTime`] when the budget is spent, with
/// [`Unknown::TooDeep`] beyond `limits.depth` open containers, with [`Unknown::TooLarge`] beyond what 32 bits can count.
#[derive(Debug)]
pub struct Builder<'a, 'b, 't> {
    tree: Tree<'a>,
    open: Vec<Open>,
    budget: &'b mut Budget<'t>,
}

#[derive(Debug, Clone, Copy)]
struct Open {
    /// Its place on the tape.
    at: u32,
    count: u32,
}

/// A typical distance of two nodes in a compact body, in bytes: a guess that saves most of the growing.
const APART: usize = 8;

impl<'a, 'b, 't> Builder<'a, 'b, 't> {
    /// An empty tree over this source; its places are given as offsets into it.
    #[must_use]
    pub fn new(source: &'a [u8], budget: &'b mut Budget<'t>) -> Builder<'a, 'b, 't> {
        let tree = Tree { source, nodes: Vec::with_capacity(source.len() / APART + 1), written: String::new() };
        Builder { tree, open: Vec::with_capacity(8), budget }
    }

    /// An array begins, at this offset.
    ///
    /// # Errors
    /// See [`Builder`].
    pub fn begin_array(&mut self, from: Option<usize>) -> Result<(), Unknown> {
        self.begin(Tag::Array, from)
    }

    /// An object begins, at this offset.
    ///
    /// # Errors
    /// See [`Builder`].
    pub fn begin_object(&mut self, from: Option<usize>) -> Result<(), Unknown> {
        self.begin(Tag::Object, from)
    }

    /// The name of the next member of the open object; its value comes next.
    ///
    /// # Errors
    /// See [`Builder`].
    #[inline]
    pub fn key(&mut self, name: Cow<'a, str>, span: Option<Range<usize>>) -> Result<(), Unknown> {
        debug_assert!(self.awaits_name(), "a name where a value belongs");
        let content = self.text(name)?;
        self.put(Tag::Name, content, span)
    }

    /// A value with nothing in it.
    ///
    /// # Errors
    /// See [`Builder`].
    #[inline]
    pub fn scalar(&mut self, scalar: Scalar<'a>, span: Option<Range<usize>>) -> Result<(), Unknown> {
        let (tag, content) = match scalar {
            Scalar::Null => (Tag::Null, Content::Pair(0, 0)),
            Scalar::Bool(false) => (Tag::False, Content::Pair(0, 0)),
            Scalar::Bool(true) => (Tag::True, Content::Pair(0, 0)),
            Scalar::Number(text) => (Tag::Number, Content::Source(text)),
            Scalar::Text(text) => (Tag::Text, self.text(text)?),
        };
        self.count();
        self.put(tag, content, span)
    }

    /// A value of a tree over the same source, with all that is in it.
    ///
    /// # Errors
    /// See [`Builder`]; its depth is not looked at, it was when its own tree was built.
    pub fn graft(&mut self, node: Node<'a>) -> Result<(), Unknown> {
        self.budget.spend(u64::from(node.end() - node.index()))?;
        self.count();
        let (from, to) = (node.index(), fit(self.tree.nodes.len())?);
        for at in from..node.end() {
            let grafted = node.elsewhere(at);
            let Some(slot) = grafted.slot().copied() else { break };
            let content = match slot.tag {
                Tag::Number | Tag::Text | Tag::Name => Content::Source(grafted.text()),
                _ => slot.content,
            };
            let next = to.checked_add(slot.next - from).ok_or(Unknown::TooLarge)?;
            self.tree.nodes.push(Slot { content, next, ..slot });
        }
        Ok(())
    }

    /// The innermost open container ends, before this offset.
    ///
    /// # Errors
    /// See [`Builder`].
    pub fn end(&mut self, to: Option<usize>) -> Result<(), Unknown> {
        let Some(open) = self.open.pop() else { return Ok(()) };
        let next = fit(self.tree.nodes.len())?;
        let to = fit(to.unwrap_or(0))?;
        if let Some(slot) = self.tree.nodes.get_mut(open.at as usize) {
            slot.next = next;
            slot.content = Content::Pair(open.count, 0);
            slot.end = to;
        }
        Ok(())
    }

    /// How many containers are open.
    #[must_use]
    pub fn depth(&self) -> usize {
        self.open.len()
    }

    /// Spends steps on work that leaves no value behind.
    ///
    /// # Errors
    /// See [`Builder`].
    pub fn spend(&mut self, steps: u64) -> Result<(), Unknown> {
        self.budget.spend(steps)
    }

    /// The tree; what is still open ends here.
    #[must_use]
    pub fn finish(mut self) -> Tree<'a> {
        // Only what can be counted was put in, so ending it cannot fail.
        while !self.open.is_empty() && self.end(None).is_ok() {}
        self.tree
    }

    fn begin(&mut self, tag: Tag, from: Option<usize>) -> Result<(), Unknown> {
        if self.open.len() >= self.budget.limits.depth {
            return Err(Unknown::TooDeep);
        }
        self.count();
        let at = fit(self.tree.nodes.len())?;
        // The end of the span comes with the end of the container.
        self.put(tag, Content::Pair(0, 0), from.map(|from| from..from))?;
        self.open.push(Open { at, count: 0 });
        Ok(())
    }

    // On the way of every value: a call would cost as much as what it does.
    #[inline]
    fn put(&mut self, tag: Tag, content: Content<'a>, span: Option<Range<usize>>) -> Result<(), Unknown> {
        self.budget.spend(1)?;
        let next = fit(self.tree.nodes.len() + 1)?;
        let span = span.unwrap_or(0..0);
        let slot = Slot { content, start: fit(span.start)?, end: fit(span.end)?, next, tag };
        self.tree.nodes.push(slot);
        Ok(())
    }

    fn count(&mut self) {
        if let Some(open) = self.open.last_mut() {
            open.count += 1;
        }
    }

    fn text(&mut self, text: Cow<'a, str>) -> Result<Content<'a>, Unknown> {
        match text {
            Cow::Borrowed(text) => Ok(Content::Source(text)),
            Cow::Owned(text) => {
                let from = fit(self.tree.written.len())?;
                self.tree.written.push_str(&text);
                Ok(Content::Pair(from, fit(self.tree.written.len())?))
            }
        }
    }

    /// Whether the open container is an object, between two members.
    fn awaits_name(&self) -> bool {
        let container = self.open.last().and_then(|open| self.tree.nodes.get(open.at as usize));
        container.is_some_and(|slot| slot.tag == Tag::Object)
            && self.tree.nodes.last().is_some_and(|last| last.tag != Tag::Name)
    }
}

fn fit(number: usize) -> Result<u32, Unknown> {
    u32::try_from(number).map_err(|_| Unknown::TooLarge)
}
