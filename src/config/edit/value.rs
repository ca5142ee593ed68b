//! A value as it is given on a command line, and as it is written into a file.

use super::EditError;
use super::layout::Style;
use crate::config::place::FileId;
use crate::config::yaml::{self, Node, Resolved, Shape, resolve};

/// One YAML value.
#[derive(Debug)]
pub struct Value {
    tape: yaml::Tape,
    /// As it was given, where that can be written as it is: on one line, a scalar or within brackets.
    given: Option<String>,
}

impl Value {
    /// Reads a value: `25`, `live`, `[a, b]`, `{ percent: 25, by: user }`.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Value, EditError> {
        let refuse = |why: String| EditError { place: None, message: format!("the value is no YAML: {why}") };
        match yaml::parse(FileId(0), text) {
            Ok(Some(tape)) => {
                let trimmed = text.trim();
                // Within brackets, what refers to other places of this text, or is a comment, cannot move along.
                let movable = !trimmed.contains(['\n', '\r', '#', '&', '*', '!']);
                let given = (movable && trimmed.starts_with(['{', '['])).then(|| trimmed.to_owned());
                Ok(Value { tape, given })
            }
            Ok(None) => Err(refuse("it is empty; an empty text is '\"\"'".to_owned())),
            Err(mistake) => Err(refuse(mistake.message)),
        }
    }

    pub(super) fn root(&self) -> Node<'_> {
        self.tape.root()
    }

    /// Writes it on one line. `within` says whether it stands in brackets; text takes the quotes of what it replaces.
    pub(super) fn write(&self, within: bool, replaced: Option<Style>) -> String {
        if let Some(given) = &self.given {
            return given.clone();
        }
        let mut out = String::new();
        match self.root().shape() {
            Shape::Scalar { text, plain } => scalar(text, plain, within, replaced, &mut out),
            Shape::Sequence(_) | Shape::Mapping(_) => flow(self.root(), &mut out),
        }
        out
    }
}

/// A key as it is written before a colon.
pub(super) fn key(name: &str) -> String {
    let mut out = String::new();
    scalar(name, resolve(name) == Resolved::Text, true, None, &mut out);
    out
}

/// Depth is bounded by the parser.
fn flow(node: Node<'_>, out: &mut String) {
    match node.shape() {
        Shape::Scalar { text, plain } => scalar(text, plain, true, None, out),
        Shape::Sequence(items) => {
            out.push('[');
            for (number, item) in items.enumerate() {
                out.push_str(if number > 0 { ", " } else { "" });
                flow(item, out);
            }
            out.push(']');
        }
        Shape::Mapping(pairs) => {
            let mut start = "{ ";
            for (key, value) in pairs {
                out.push_str(start);
                flow(key, out);
                out.push_str(": ");
                flow(value, out);
                start = ", ";
            }
            out.push_str(if start == ", " { " }" } else { "{}" });
        }
    }
}

fn scalar(text: &str, plain: bool, within: bool, replaced: Option<Style>, out: &mut String) {
    let is_text = !plain || resolve(text) == Resolved::Text;
    let quotes = match replaced {
        Some(Style::Quoted(quote)) if is_text => Some(quote),
        _ if plain && is_plain(text, within) => None,
        _ => Some('"'),
    };
    match quotes {
        _ if plain && text.is_empty() => out.push_str("null"),
        None => out.push_str(text),
        Some('\'') if !text.contains(char::is_control) => {
            out.push('\'');
            out.push_str(&text.replace('\'', "''"));
            out.push('\'');
        }
        // Every JSON string is a double-quoted scalar of YAML.
        Some(_) => out.push_str(&serde_json::Value::from(text).to_string()),
    }
}

/// Whether a text that was plain where it was given is so here, too.
fn is_plain(text: &str, within: bool) -> bool {
    let starts_well =
        !text.starts_with([
            '-', '?', ':', ',', '[', ']', '{', '}', '#', '&', '*', '!', '|', '>', '\'', '"', '%', '@', '`', ' ',
        ]) || text.strip_prefix('-').is_some_and(|rest| rest.starts_with(|c: char| c.is_alphanumeric() || c == '.'));
    let is_told_apart = !text.contains([',', '[', ']', '{', '}']) || !within;
    let has_no_indicator = !text.contains(": ") && !text.ends_with(':') && !text.contains(" #");
    !text.is_empty() && starts_well && is_told_apart && has_no_indicator && !text.contains(char::is_control)
}
