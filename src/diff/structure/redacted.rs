//! Where in a body the values stand that are not to be kept.

use std::ops::Range;

use super::Matcher;
use super::inside::Inside;
use super::states::States;
use crate::diff::tree::{Tree, Value};

/// The places in the source of all values that the rules redact or whose name is secret, none within another.
/// `None`, if such a value has no place there: then the body cannot be kept.
#[must_use]
pub fn redact_spans(tree: &Tree<'_>, matcher: &Matcher) -> Option<Vec<Range<usize>>> {
    let mut states = States::new(matcher);
    let root = states.root();
    if states.facts(root).redact {
        return tree.root().span().map(|span| vec![span]);
    }
    let mut spans = Vec::new();
    let mut open: Vec<_> = Inside::of(tree.root(), root).into_iter().collect();
    while let Some(container) = open.last_mut() {
        let Some(child) = container.child(&mut states) else {
            open.pop();
            continue;
        };
        if states.facts(child.state).redact || child.name.is_some_and(matcher.secret) {
            match child.node.value() {
                // A repeated field of a form is a list that has no place of its own.
                Value::Array if child.node.span().is_none() => {
                    for element in child.node.elements() {
                        spans.push(element.span()?);
                    }
                }
                _ => spans.push(child.node.span()?),
            }
        } else {
            open.extend(Inside::of(child.node, child.state));
        }
    }
    Some(spans)
}
