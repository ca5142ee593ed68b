//! What is shown of a value.

use super::inside::Inside;
use super::states::{State, States};
use crate::diff::difference::SHOWN;
use crate::diff::redact::mask_text;
use crate::diff::tree::{Node, Value};

/// What is shown of a redacted value.
pub(super) const REDACTED: &str = "\"[redacted]\"";

/// What stands for the rest of what is cut.
const CUT: &str = "…";

/// A value as compact JSON, cut to [`SHOWN`] bytes, with what is redacted in it left out.
pub(super) fn of(node: Node<'_>, state: State, states: &mut States<'_>) -> String {
    let mut text = String::new();
    let mut open: Vec<Inside<'_>> = Vec::new();
    begin(node, state, &mut text, &mut open);
    while let Some(container) = open.last_mut()
        && text.len() <= SHOWN
    {
        let Some(child) = container.child(states) else {
            text.push(if container.is_array { ']' } else { '}' });
            open.pop();
            continue;
        };
        if !container.at_first() {
            text.push(',');
        }
        if let Some(name) = child.name {
            write_text(name, &mut text);
            text.push(':');
        }
        let secret = states.matcher().secret;
        if states.facts(child.state).redact || child.name.is_some_and(secret) {
            text.push_str(REDACTED);
        } else {
            begin(child.node, child.state, &mut text, &mut open);
        }
    }
    cut(text)
}

fn begin<'t>(node: Node<'t>, state: State, text: &mut String, open: &mut Vec<Inside<'t>>) {
    match node.value() {
        Value::Null => text.push_str("null"),
        Value::Bool(yes) => text.push_str(if yes { "true" } else { "false" }),
        Value::Number(number) => text.push_str(&number[..number.floor_char_boundary(SHOWN + 1)]),
        Value::Text(content) => write_text(content, text),
        Value::Array => text.push('['),
        Value::Object => text.push('{'),
    }
    open.extend(Inside::of(node, state));
}

/// A text in quotes, without what tells a secret; far beyond what is shown, it is left out.
fn write_text(content: &str, text: &mut String) {
    let content = &content[..content.floor_char_boundary(SHOWN + 1)];
    text.push_str(&serde_json::Value::from(&*mask_text(content)).to_string());
}

fn cut(mut text: String) -> String {
    if text.len() > SHOWN {
        text.truncate(text.floor_char_boundary(SHOWN - CUT.len()));
        text.push_str(CUT);
    }
    text
}
