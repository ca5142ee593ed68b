//! The elements of an XML or HTML body, and how selectors name them.
//!
//! | in the body | in the tree |
//! |---|---|
//! | the root of XML; `html`, `head` and `body` of HTML | a member with an object: `$.order`, `$.html.body` |
//! | any other element | an element of an array of its name, in order: `$.order.item[*]`, `$.html.body.div[*]` |
//! | an attribute | `@name`: `$.order.@id` |
//! | the text of an element without other elements in it | `#text` |
//! | the texts between elements, where there are any | `#text`, an array |
//! | the order of differently named elements, texts among them | `#order`: their names; each once if those of one name stand together |
//! | the namespace of an element, where it is not that of the element around it | `@xmlns` |
//! | an attribute of a namespace | `@{URI}name` |
//!
//! Where the order of elements says nothing, `ignore: ["$..#order"]` lets it pass.
//!
//! Elements stand in an arena, so nothing here recurses.

use std::borrow::Cow;
use std::collections::HashMap;

use super::tree::{Builder, Scalar, Tree};
use super::{Budget, Unknown};

/// What stands in an element.
#[derive(Debug)]
pub(super) enum Child {
    /// An element, by its place in the arena.
    Element(usize),
    /// A piece of text.
    Text(String),
}

/// An element.
#[derive(Debug, Default)]
pub(super) struct Element {
    /// Its name.
    pub(super) name: String,
    /// Its attributes, names without `@`.
    pub(super) attributes: Vec<(String, String)>,
    /// What stands in it, in order.
    pub(super) children: Vec<Child>,
    /// Whether it is the only one of its name by rule, and so no array.
    pub(super) single: bool,
}

/// All elements of a body; the first one is the document around them.
#[derive(Debug)]
pub(super) struct Markup {
    pub(super) elements: Vec<Element>,
}

impl Markup {
    /// A document with nothing in it.
    pub(super) fn new() -> Markup {
        Markup { elements: vec![Element::default()] }
    }

    /// Adds an element as the last child of another one.
    pub(super) fn add(&mut self, parent: usize, element: Element) -> usize {
        let at = self.elements.len();
        self.elements.push(element);
        self.elements[parent].children.push(Child::Element(at));
        at
    }

    /// Adds text at the end of an element; text after text is one piece.
    pub(super) fn add_text(&mut self, parent: usize, text: &str) {
        match self.elements[parent].children.last_mut() {
            Some(Child::Text(last)) => last.push_str(text),
            _ => self.elements[parent].children.push(Child::Text(text.to_owned())),
        }
    }

    /// The tree that selectors see.
    ///
    /// # Errors
    /// The budget is used up, or elements are nested too deep: an element that is no single one counts twice.
    pub(super) fn tree(&self, budget: &mut Budget<'_>) -> Result<Tree<'static>, Unknown> {
        let mut builder = Builder::new(b"", budget);
        let mut work = vec![Work::Element(0)];
        while let Some(next) = work.pop() {
            match next {
                Work::Element(at) => self.element(at, &mut builder, &mut work)?,
                Work::Key(name) => builder.key(Cow::Owned(name), None)?,
                Work::Array => builder.begin_array(None)?,
                Work::End => builder.end(None)?,
            }
        }
        Ok(builder.finish())
    }

    /// Puts an element in up to its children, and notes what is left to do, last things first.
    fn element(&self, at: usize, builder: &mut Builder<'_, '_, '_>, work: &mut Vec<Work>) -> Result<(), Unknown> {
        let element = &self.elements[at];
        builder.begin_object(None)?;
        for (name, value) in &element.attributes {
            builder.key(Cow::Owned(format!("@{name}")), None)?;
            builder.scalar(text(value), None)?;
        }
        let (groups, mixed) = self.groups(element);
        texts(element, mixed, builder)?;
        if let Some(order) = self.order(element, groups.len()) {
            builder.key(Cow::Borrowed("#order"), None)?;
            builder.scalar(text(&order), None)?;
        }
        work.push(Work::End);
        for (name, members) in groups.into_iter().rev() {
            let single = self.elements[members[0]].single;
            if !single {
                work.push(Work::End);
            }
            work.extend(members.iter().rev().map(|member| Work::Element(*member)));
            if !single {
                work.push(Work::Array);
            }
            work.push(Work::Key(name.to_owned()));
        }
        Ok(())
    }

    /// The child elements by name, in the order of the first of each; and whether there are any.
    fn groups(&self, element: &Element) -> (Vec<(&str, Vec<usize>)>, bool) {
        let mut groups: Vec<(&str, Vec<usize>)> = Vec::new();
        let mut places: HashMap<&str, usize> = HashMap::new();
        for child in &element.children {
            let Child::Element(at) = child else { continue };
            let name = self.elements[*at].name.as_str();
            let place = *places.entry(name).or_insert(groups.len());
            match groups.get_mut(place) {
                Some((_, members)) => members.push(*at),
                None => groups.push((name, vec![*at])),
            }
        }
        let mixed = !groups.is_empty();
        (groups, mixed)
    }

    /// The names of the children in order, if there is more than one name among them.
    fn order(&self, element: &Element, groups: usize) -> Option<String> {
        let names: Vec<&str> = element
            .children
            .iter()
            .map(|child| match child {
                Child::Element(at) => self.elements[*at].name.as_str(),
                Child::Text(_) => "#text",
            })
            .collect();
        let kinds = groups + usize::from(element.children.iter().any(|child| matches!(child, Child::Text(_))));
        if kinds < 2
            || element.children.iter().any(|child| matches!(child, Child::Element(at) if self.elements[*at].single))
        {
            return None;
        }
        let mut runs = names.clone();
        runs.dedup();
        Some(if runs.len() == kinds { runs } else { names }.join(" "))
    }
}

fn text(value: &str) -> Scalar<'static> {
    Scalar::Text(Cow::Owned(value.to_owned()))
}

fn texts(element: &Element, mixed: bool, builder: &mut Builder<'_, '_, '_>) -> Result<(), Unknown> {
    let pieces = element.children.iter().filter_map(|child| match child {
        Child::Text(piece) => Some(piece),
        Child::Element(_) => None,
    });
    let pieces: Vec<&String> = pieces.collect();
    let Some(first) = pieces.first() else { return Ok(()) };
    builder.key(Cow::Borrowed("#text"), None)?;
    if !mixed {
        return builder.scalar(text(first), None);
    }
    builder.begin_array(None)?;
    for piece in pieces {
        builder.scalar(text(piece), None)?;
    }
    builder.end(None)
}

enum Work {
    Element(usize),
    Key(String),
    Array,
    End,
}
