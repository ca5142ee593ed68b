//! Sets one key of a route in the text of its file, and leaves every other byte as it is: comments, layout, quotes, line
//! ends.
//!
//! An edit works by places: [`layout`] finds where each node stands to the byte, [`change`] replaces a value or inserts a
//! key in the style of its neighbours, and [`verify`] reads the result and compares it with what was meant: that key, and
//! nothing else, anywhere in the file. What cannot be done so (a value that other places share by an alias, a comment that
//! would be lost) is refused, and the file stays as it is.
//!
//! [`excerpt`] only reads: a route as its file has it.

mod change;
mod excerpt;
mod layout;
mod overlay;
mod replace;
#[cfg(test)]
mod tests;
mod value;
mod verify;

use std::fmt;

pub use excerpt::Excerpt;
pub use overlay::Overlay;
pub use replace::{ReplaceError, replace};
pub use value::Value;

use change::Change;
use layout::Layout;

use super::place::{FileId, Place};
use super::yaml::{self, Node, Shape, Tape, substitute};

/// Whose key is set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// The route of this name.
    Route(String),
    /// The routes of this group that have the key, or all of them where none has it.
    Group(String),
}

impl Target {
    /// `NAME` or `group:NAME`.
    #[must_use]
    pub fn parse(text: &str) -> Target {
        match text.strip_prefix("group:") {
            Some(group) => Target::Group(group.to_owned()),
            None => Target::Route(text.to_owned()),
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Target::Route(name) => write!(f, "route `{name}`"),
            Target::Group(name) => write!(f, "group `{name}`"),
        }
    }
}

/// A key of a route and of the mappings in it: `canary.percent`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyPath(Vec<String>);

impl KeyPath {
    /// Reads a dotted path.
    ///
    /// # Errors
    /// Where a part of it is empty.
    pub fn parse(text: &str) -> Result<KeyPath, EditError> {
        let parts: Vec<String> = text.split('.').map(str::to_owned).collect();
        if parts.iter().any(String::is_empty) {
            return Err(EditError::of_all(format!("`{text}` is no key such as stage or canary.percent")));
        }
        Ok(KeyPath(parts))
    }
}

impl KeyPath {
    /// The key of the route itself, and whether there is more behind it.
    #[must_use]
    pub fn first(&self) -> (&str, bool) {
        (self.0.first().map_or("", String::as_str), self.0.len() > 1)
    }
}

impl fmt::Display for KeyPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join("."))
    }
}

/// Why an edit is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EditError {
    /// Line and column in the file, both from 1; `None` where it is about the command.
    pub place: Option<(u32, u32)>,
    /// What is wrong, and what to do.
    pub message: String,
}

impl EditError {
    fn at(place: Place, message: impl Into<String>) -> EditError {
        EditError { place: Some((place.line, place.col)), message: message.into() }
    }

    fn of_all(message: impl Into<String>) -> EditError {
        EditError { place: None, message: message.into() }
    }
}

impl fmt::Display for EditError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for EditError {}

/// A route as one file has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RouteAt {
    /// Its name, variables filled in.
    pub name: String,
    /// Whether it says the key itself.
    pub has_key: bool,
    /// Whether it says the first part of a dotted key itself.
    pub has_first: bool,
    /// Where it stands among the routes of its file.
    item: usize,
}

/// The text of one file, and where everything stands in it.
#[derive(Debug)]
pub struct Sheet<'t> {
    /// Without a byte order mark.
    text: &'t str,
    mark: &'static str,
    /// `None` where there is nothing but comments.
    tape: Option<Tape>,
    layout: Layout,
}

impl<'t> Sheet<'t> {
    /// Reads the text of a file.
    ///
    /// # Errors
    /// Where it is no YAML that a load would take.
    pub fn parse(text: &'t str) -> Result<Sheet<'t>, EditError> {
        let (mark, text) = text.strip_prefix('\u{feff}').map_or(("", text), |rest| ("\u{feff}", rest));
        let tape = yaml::parse(FileId(0), text).map_err(|mistake| EditError::at(mistake.place, mistake.message))?;
        let layout =
            Layout::of(text).ok_or_else(|| EditError::of_all("the file cannot be taken apart; edit it by hand"))?;
        Ok(Sheet { text, mark, tape, layout })
    }

    /// The routes that are meant. `variable` looks up the environment, as names may be made of it.
    #[must_use]
    pub fn routes(&self, target: &Target, path: &KeyPath, variable: &dyn Fn(&str) -> Option<String>) -> Vec<RouteAt> {
        let said = |route: Node<'_>, key: &str| -> Option<String> {
            let Shape::Scalar { text, .. } = child(route, key)?.shape() else { return None };
            Some(substitute(text, variable).ok()?.into_owned())
        };
        let is_meant = |route: Node<'_>| match target {
            Target::Route(name) => said(route, "name").as_ref() == Some(name),
            Target::Group(group) => said(route, "group").as_ref() == Some(group),
        };
        let found = self.items().enumerate().filter(|(_, route)| is_meant(*route)).map(|(item, route)| {
            let has_key = path.0.iter().try_fold(route, |node, key| child(node, key)).is_some();
            let has_first = child(route, path.first().0).is_some();
            RouteAt { name: said(route, "name").unwrap_or_default(), has_key, has_first, item }
        });
        found.collect()
    }

    /// The names of all routes, as they are written.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.items().filter_map(|route| match child(route, "name")?.shape() {
            Shape::Scalar { text, .. } => Some(text),
            Shape::Sequence(_) | Shape::Mapping(_) => None,
        })
    }

    /// Whether `defaults:` of this file has a key.
    #[must_use]
    pub fn has_default(&self, key: &str) -> bool {
        let root = self.tape.as_ref().map(Tape::root);
        root.and_then(|root| child(root, "defaults")).and_then(|defaults| child(defaults, key)).is_some()
    }

    /// The text with this key of these routes set; `None` where they all have that value already.
    ///
    /// # Errors
    /// Where it cannot be done without touching anything else.
    pub fn set(&self, routes: &[RouteAt], path: &KeyPath, value: &Value) -> Result<Option<String>, EditError> {
        let items: Vec<usize> = routes.iter().map(|route| route.item).collect();
        let Some(tape) = self.tape.as_ref() else { return Ok(None) };
        let is_there = |item: &usize| {
            let route = self.items().nth(*item);
            let now = route.and_then(|route| path.0.iter().try_fold(route, |node, key| child(node, key)));
            now.is_some_and(|now| verify::is_same(now, value.root()))
        };
        if items.iter().all(is_there) {
            return Ok(None);
        }
        let mut changes: Vec<Change> = Vec::new();
        let mut shared = None;
        for route in items.iter().filter_map(|item| self.items().nth(*item)) {
            let planned = change::plan(self, route, &path.0, value)?;
            shared = shared.or(planned.shared);
            changes.extend(planned.changes);
        }
        let text = change::apply(self.text, change::settle(changes));
        let is_as_meant = yaml::parse(FileId(0), &text).is_ok_and(|after| {
            after.is_some_and(|after| verify::is_set(tape.root(), after.root(), &items, &path.0, value.root()))
        });
        match shared {
            _ if is_as_meant => Ok(Some(format!("{}{text}", self.mark))),
            Some(place) => Err(EditError::at(
                place,
                "other places share what stands here by its anchor: set it for all of them at once (`group:NAME`), or write it out where it shall differ",
            )),
            None => Err(EditError::of_all(format!(
                "`{path}` cannot be set here without touching anything else; edit it by hand"
            ))),
        }
    }

    fn items(&self) -> impl Iterator<Item = Node<'_>> {
        let routes = self.tape.as_ref().and_then(|tape| child(tape.root(), "routes"));
        let items = match routes.map(Node::shape) {
            Some(Shape::Sequence(items)) => Some(items),
            _ => None,
        };
        items.into_iter().flatten()
    }
}

/// The value of a key of a mapping.
fn child<'t>(mapping: Node<'t>, name: &str) -> Option<Node<'t>> {
    entry(mapping, name).map(|(_, value)| value)
}

fn entry<'t>(mapping: Node<'t>, name: &str) -> Option<(Node<'t>, Node<'t>)> {
    let Shape::Mapping(mut pairs) = mapping.shape() else { return None };
    pairs.find(|(key, _)| matches!(key.shape(), Shape::Scalar { text, .. } if text == name))
}
