//! A value of the new system with its renamed fields moved to where legacy has them.

use std::borrow::Cow;

use super::Matcher;
use crate::diff::rules::Rename;
use crate::diff::selector::{Selector, Step};
use crate::diff::tree::{Node, Value};
use crate::diff::{Budget, Builder, Tree, Unknown};
use crate::names::Side;

/// The value with the legacy names of its fields, if its side has others. Where it has a field under both names, nothing is
/// moved: one of them is too much, and that shows. What is empty after the move is taken out.
///
/// # Errors
/// The budget is spent.
pub(super) fn as_legacy<'t>(
    tree: &'t Tree<'t>,
    side: Side,
    matcher: &'t Matcher,
    budget: &mut Budget<'_>,
) -> Result<Option<Tree<'t>>, Unknown> {
    if side == Side::Legacy || matcher.renames.is_empty() {
        return Ok(None);
    }
    let mut draft = Draft { items: Vec::new(), moved: false };
    draft.add(Content::Whole(tree.root()), 0);
    for rename in &matcher.renames {
        draft.apply(rename, budget)?;
    }
    if draft.moved { draft.written(tree, budget).map(Some) } else { Ok(None) }
}

/// A value that is taken apart only where something is moved.
struct Draft<'t> {
    items: Vec<Item<'t>>,
    moved: bool,
}

struct Item<'t> {
    content: Content<'t>,
    /// What holds it; the whole holds itself.
    parent: usize,
    /// How many of those in it are not gone.
    live: usize,
    gone: bool,
}

enum Content<'t> {
    /// As it is in the tree.
    Whole(Node<'t>),
    Array(Vec<usize>),
    Object(Vec<(&'t str, usize)>),
}

impl Item<'_> {
    fn gone() -> Self {
        Item { content: Content::Array(Vec::new()), parent: 0, live: 0, gone: true }
    }
}

/// A step down to one value.
#[derive(Debug, Clone, Copy)]
enum Edge<'t> {
    Name(&'t str),
    Place(usize),
}

/// Where a field belongs: in what, and at which place of it.
#[derive(Debug, Clone, Copy)]
struct Home<'t> {
    parent: usize,
    edge: Edge<'t>,
}

/// A field that was found: what it is, and the places that `[*]` stood for on the way.
struct Found {
    item: usize,
    places: Vec<usize>,
}

impl<'t> Draft<'t> {
    fn apply(&mut self, rename: &'t Rename, budget: &mut Budget<'_>) -> Result<(), Unknown> {
        let (Selector::Body(legacy), Selector::Body(new)) = (&rename.legacy, &rename.new) else { return Ok(()) };
        if legacy.is_empty() || new.is_empty() {
            return Ok(());
        }
        for found in self.find(new, budget)? {
            // First out, then in: what it leaves empty may be what stands in its way.
            let out = self.take_out(found.item);
            if out.is_empty() {
                continue;
            }
            let Some(home) = self.home(legacy, &found.places, budget)? else {
                self.put_back(&out);
                continue;
            };
            let Item { content, live, .. } = std::mem::replace(&mut self.items[found.item], Item::gone());
            let item = self.add(content, home.parent);
            self.items[item].live = live;
            self.adopt(item);
            self.attach(home, item);
            self.moved = true;
        }
        Ok(())
    }

    /// All fields at a path.
    fn find(&mut self, path: &[Step], budget: &mut Budget<'_>) -> Result<Vec<Found>, Unknown> {
        let mut found = vec![Found { item: 0, places: Vec::new() }];
        for step in path {
            let mut next = Vec::new();
            for Found { item, places } in found {
                self.open(item, budget)?;
                match (step, &self.items[item].content) {
                    (Step::AnyElement, Content::Array(elements)) => {
                        budget.spend(elements.len() as u64)?;
                        let live = elements.iter().copied().enumerate().filter(|(_, item)| !self.items[*item].gone);
                        let places = |place| [places.as_slice(), &[place]].concat();
                        next.extend(live.map(|(place, item)| Found { item, places: places(place) }));
                    }
                    (Step::Element(place), _) => {
                        let child = self.child(item, Edge::Place(*place), budget)?;
                        next.extend(child.map(|item| Found { item, places }));
                    }
                    (Step::Member(name), _) => {
                        let child = self.child(item, Edge::Name(name), budget)?;
                        next.extend(child.map(|item| Found { item, places }));
                    }
                    _ => {}
                }
            }
            found = next;
        }
        Ok(found)
    }

    /// Where a field at this path belongs; what is to hold it is made where it is not there yet. `None`, if the field is
    /// there already, or something stands in the way.
    fn home(
        &mut self,
        path: &'t [Step],
        places: &[usize],
        budget: &mut Budget<'_>,
    ) -> Result<Option<Home<'t>>, Unknown> {
        let mut places = places.iter().copied();
        let mut at = 0;
        let mut steps = path.iter().peekable();
        while let Some(step) = steps.next() {
            self.open(at, budget)?;
            let edge = match step {
                Step::AnyElement => Edge::Place(places.next().unwrap_or(0)),
                Step::Element(place) => Edge::Place(*place),
                Step::Member(name) => Edge::Name(name),
                Step::AnyMember | Step::Descendant(_) => return Ok(None),
            };
            let home = Home { parent: at, edge };
            match (self.child(at, edge, budget)?, steps.peek()) {
                (Some(_), None) => return Ok(None),
                (Some(child), Some(_)) => at = child,
                (None, _) if !self.fits(home) => return Ok(None),
                (None, None) => return Ok(Some(home)),
                (None, Some(Step::Member(_))) => at = self.make(home, Content::Object(Vec::new())),
                (None, Some(_)) => at = self.make(home, Content::Array(Vec::new())),
            }
        }
        Ok(None)
    }

    fn fits(&self, home: Home<'t>) -> bool {
        matches!(
            (home.edge, &self.items[home.parent].content),
            (Edge::Name(_), Content::Object(_)) | (Edge::Place(_), Content::Array(_))
        )
    }

    fn make(&mut self, home: Home<'t>, content: Content<'t>) -> usize {
        let item = self.add(content, home.parent);
        self.attach(home, item);
        item
    }

    fn add(&mut self, content: Content<'t>, parent: usize) -> usize {
        self.items.push(Item { content, parent, live: 0, gone: false });
        self.items.len() - 1
    }

    /// Puts an item where it belongs. In an array it takes the place of what is gone from there; beyond its end, the next.
    fn attach(&mut self, home: Home<'t>, item: usize) {
        self.items[home.parent].live += 1;
        match (&mut self.items[home.parent].content, home.edge) {
            (Content::Object(members), Edge::Name(name)) => members.push((name, item)),
            (Content::Array(elements), Edge::Place(place)) => match elements.get_mut(place) {
                Some(element) => *element = item,
                None => elements.push(item),
            },
            _ => {}
        }
    }

    /// Tells the values in an item who holds them.
    fn adopt(&mut self, item: usize) {
        for child in self.children(item) {
            self.items[child].parent = item;
        }
    }

    fn children(&self, item: usize) -> Vec<usize> {
        match &self.items[item].content {
            Content::Whole(_) => Vec::new(),
            Content::Array(elements) => elements.clone(),
            Content::Object(members) => members.iter().map(|(_, item)| *item).collect(),
        }
    }

    /// Takes an item out, and with it what has nothing left in it then: all that went, the item first.
    fn take_out(&mut self, item: usize) -> Vec<usize> {
        let mut out = Vec::new();
        let mut at = item;
        while at != 0 && !self.items[at].gone {
            self.items[at].gone = true;
            out.push(at);
            at = self.items[at].parent;
            self.items[at].live -= 1;
            if self.items[at].live > 0 {
                break;
            }
        }
        out
    }

    fn put_back(&mut self, out: &[usize]) {
        for item in out {
            self.items[*item].gone = false;
            let parent = self.items[*item].parent;
            self.items[parent].live += 1;
        }
    }

    /// Takes a container of the tree apart.
    fn open(&mut self, item: usize, budget: &mut Budget<'_>) -> Result<(), Unknown> {
        let Content::Whole(node) = self.items[item].content else { return Ok(()) };
        budget.spend(node.len() as u64 + 1)?;
        let content = match node.value() {
            Value::Array => {
                Content::Array(node.elements().map(|element| self.add(Content::Whole(element), item)).collect())
            }
            Value::Object => Content::Object(
                node.members().map(|member| (member.name, self.add(Content::Whole(member.value), item))).collect(),
            ),
            _ => return Ok(()),
        };
        self.items[item].content = content;
        self.items[item].live = node.len();
        Ok(())
    }

    fn child(&self, item: usize, edge: Edge<'_>, budget: &mut Budget<'_>) -> Result<Option<usize>, Unknown> {
        let child = match (&self.items[item].content, edge) {
            (Content::Object(members), Edge::Name(name)) => {
                budget.spend(members.len() as u64)?;
                members.iter().find(|(member, item)| *member == name && !self.items[*item].gone).map(|(_, item)| *item)
            }
            (Content::Array(elements), Edge::Place(place)) => elements.get(place).copied(),
            _ => None,
        };
        Ok(child.filter(|child| !self.items[*child].gone))
    }

    /// The tree anew. What was taken apart has no place in the source any more.
    fn written(&self, tree: &'t Tree<'t>, budget: &mut Budget<'_>) -> Result<Tree<'t>, Unknown> {
        let mut builder = Builder::new(tree.source(), budget);
        // What is left to write, the next last.
        let mut left = vec![Next::Item(0)];
        while let Some(next) = left.pop() {
            let item = match next {
                Next::End => {
                    builder.end(None)?;
                    continue;
                }
                Next::Member(name, item) => {
                    builder.key(Cow::Borrowed(name), None)?;
                    item
                }
                Next::Item(item) => item,
            };
            let live = |item: &usize| !self.items[*item].gone;
            match &self.items[item].content {
                Content::Whole(node) => builder.graft(*node)?,
                Content::Array(elements) => {
                    builder.begin_array(None)?;
                    left.push(Next::End);
                    left.extend(elements.iter().rev().copied().filter(live).map(Next::Item));
                }
                Content::Object(members) => {
                    builder.begin_object(None)?;
                    left.push(Next::End);
                    let members = members.iter().rev().filter(|(_, item)| live(item));
                    left.extend(members.map(|(name, item)| Next::Member(name, *item)));
                }
            }
        }
        Ok(builder.finish())
    }
}

enum Next<'t> {
    Item(usize),
    Member(&'t str, usize),
    End,
}
