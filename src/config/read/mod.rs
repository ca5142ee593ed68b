//! From nodes to the types of the file, collecting every mistake instead of stopping at the first.
//!
//! A type that routes.yaml holds implements [`Read`]. A mapping with fixed keys is declared with [`record!`], a scalar
//! by [`FromText`]. Each field is an [`At`]: its place, and its value unless that was bad. What was bad has been
//! reported where it stands, and its siblings were read all the same.

mod amounts;
mod answer;
mod at;
mod names;
mod record;
mod scalars;

use std::borrow::Cow;

pub use amounts::{Age, Count, Size};
pub use answer::{Number, Where};
pub(super) use at::read_at;
pub use at::{At, Boxed, Filled, Nullable, OneOrMany};
pub use names::{Named, Names};
pub(super) use record::{Field, key, properties, record};
pub use scalars::{
    Address, Choice, HeaderKey, MethodName, Network, Percentage, Switch, Text, Time, Toggle, Version, Word,
};

use super::diagnostic::{Finding, Report};
use super::place::Place;
use super::source::Source;
use super::yaml::{Node, Resolved, Shape, Unfilled, resolve, substitute};

/// A type that a node of routes.yaml holds.
pub(in crate::config) trait Read: Sized + schemars::JsonSchema {
    /// Whether `null` is one of its values.
    const NULLABLE: bool = false;

    /// Reads it; `None` where it was bad, which has then been reported.
    fn read(node: Node<'_>, cx: &mut Cx<'_>) -> Option<Self>;
}

/// A type that is written as one scalar.
pub trait FromText: Sized + schemars::JsonSchema {
    /// What it is, with its article: `a duration such as 30s`.
    const WHAT: &'static str;
    /// Whether a number may stand without quotes.
    const NUMBER: bool = false;

    /// Reads it; the error says what is wrong and what may help.
    fn from_text(text: &str) -> Result<Self, Refusal>;
}

/// Why a scalar is no value of its type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    code: &'static str,
    message: String,
    help: Option<String>,
}

impl Refusal {
    /// A refusal with a code other than `bad-value`.
    pub fn new(code: &'static str, message: impl Into<String>) -> Refusal {
        Refusal { code, message: message.into(), help: None }
    }

    /// A refusal with the code `bad-value`.
    pub fn value(message: impl Into<String>) -> Refusal {
        Refusal::new("bad-value", message)
    }

    /// Says what may help.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Refusal {
        self.help = Some(help.into());
        self
    }
}

/// What reading needs beside the node.
pub(super) struct Cx<'a> {
    pub(super) report: &'a mut Report,
    pub(super) source: &'a dyn Source,
}

/// A scalar with its variables filled in.
#[derive(Debug)]
pub(super) struct ScalarValue<'t> {
    pub(super) text: Cow<'t, str>,
    pub(super) meaning: Meaning,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Meaning {
    /// As YAML has it.
    Is(Resolved),
    /// It came from the environment: whatever its field needs. In quotes too, since within `{ }` YAML takes
    /// `${NAME}` only in quotes.
    Open,
}

impl Cx<'_> {
    /// The scalar of this node; reports what is none, and variables that cannot be filled.
    pub(super) fn scalar<'t>(&mut self, node: Node<'t>, what: &str) -> Option<ScalarValue<'t>> {
        let Shape::Scalar { text, plain } = node.shape() else {
            self.wrong_type(node, what);
            return None;
        };
        let source = self.source;
        match substitute(text, &|name| source.env(name)) {
            Ok(text) => {
                let meaning = match (&text, plain) {
                    (Cow::Owned(_), _) => Meaning::Open,
                    (Cow::Borrowed(_), false) => Meaning::Is(Resolved::Text),
                    (Cow::Borrowed(text), true) => Meaning::Is(resolve(text)),
                };
                Some(ScalarValue { text, meaning })
            }
            Err(error) => {
                self.report.add(unfilled(node.place(), &error));
                None
            }
        }
    }

    /// Reports that a node is something else than its place needs.
    pub(super) fn wrong_type(&mut self, node: Node<'_>, what: &str) {
        let mut finding =
            Finding::error(node.place(), "wrong-type", format!("expected {what}, found {}", describe(node)));
        if let Shape::Scalar { text, plain: true } = node.shape()
            && matches!(resolve(text), Resolved::Number | Resolved::Bool(_))
        {
            if what.starts_with("text") {
                finding = finding.help(format!("write it in quotes: \"{text}\""));
            } else if what.starts_with("a duration") {
                finding = finding.help(format!("did you mean `{text}s`?"));
            }
        }
        if let Shape::Scalar { text, .. } = node.shape()
            && what.starts_with("a list")
        {
            finding = finding.help(format!("write it in brackets: [{text}]"));
        }
        self.report.add(finding);
    }

    pub(super) fn refuse(&mut self, place: Place, refusal: Refusal) {
        let mut finding = Finding::error(place, refusal.code, refusal.message);
        if let Some(help) = refusal.help {
            finding = finding.help(help);
        }
        self.report.add(finding);
    }
}

impl<T: FromText> Read for T {
    fn read(node: Node<'_>, cx: &mut Cx<'_>) -> Option<T> {
        let scalar = cx.scalar(node, T::WHAT)?;
        let fits = match scalar.meaning {
            Meaning::Open | Meaning::Is(Resolved::Text) => true,
            Meaning::Is(Resolved::Number) => T::NUMBER,
            Meaning::Is(Resolved::Null | Resolved::Bool(_)) => false,
        };
        if !fits {
            cx.wrong_type(node, T::WHAT);
            return None;
        }
        T::from_text(&scalar.text).map_err(|refusal| cx.refuse(node.place(), refusal)).ok()
    }
}

/// What a node is, in words.
pub(super) fn describe(node: Node<'_>) -> String {
    match node.shape() {
        Shape::Scalar { text, plain: true } => match resolve(text) {
            Resolved::Null => "nothing".to_owned(),
            Resolved::Bool(value) => format!("the boolean `{value}`"),
            Resolved::Number => format!("the number `{text}`"),
            Resolved::Text => format!("`{text}`"),
        },
        Shape::Scalar { text, .. } => format!("the text `{text}`"),
        Shape::Sequence(_) => "a list".to_owned(),
        Shape::Mapping(_) => "a mapping".to_owned(),
    }
}

fn unfilled(place: Place, error: &Unfilled) -> Finding {
    match error {
        Unfilled::Unset(name) => Finding::error(place, "unset-variable", format!("the variable {name} is not set"))
            .help(format!("set it, or give a default: ${{{name}:-…}}")),
        Unfilled::Malformed => {
            Finding::error(place, "bad-variable", "`${` starts a variable such as ${NAME} or ${NAME:-default}")
                .help("write `$${` for a literal `${`")
        }
    }
}
