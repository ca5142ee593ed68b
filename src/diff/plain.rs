//! Trees as text, for tests to read.

use super::tree::{Node, Tree, Value};

/// The tree as compact JSON, members in their order.
pub(super) fn plain(tree: &Tree<'_>) -> String {
    node(&tree.root())
}

fn node(value: &Node<'_>) -> String {
    let text = |text: &str| serde_json::to_string(text).unwrap();
    match value.value() {
        Value::Null => "null".to_owned(),
        Value::Bool(bool) => bool.to_string(),
        Value::Number(number) => number.to_owned(),
        Value::Text(string) => text(string),
        Value::Array => format!("[{}]", value.elements().map(|element| node(&element)).collect::<Vec<_>>().join(",")),
        Value::Object => {
            let members = value.members().map(|member| format!("{}:{}", text(member.name), node(&member.value)));
            format!("{{{}}}", members.collect::<Vec<_>>().join(","))
        }
    }
}
