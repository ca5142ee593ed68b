//! Mappings with fixed keys.

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde_json::{Map, Value, json};

use super::{At, Cx, Read};
use crate::config::diagnostic::{Finding, nearest};
use crate::config::place::Place;
use crate::config::yaml::{Node, Shape};

/// Declares a mapping with fixed keys: the struct, how it is read and written, and its schema. The text in parentheses
/// names it in messages. An `Option` may be left out; any other field is required.
macro_rules! record {
    ($(#[doc = $about:literal])* pub struct $name:ident($what:literal) {
        $( $(#[doc = $doc:literal])* pub $field:ident: $type:ty, )*
    }) => {
        $(#[doc = $about])*
        #[derive(Debug, Clone, PartialEq, serde::Serialize)]
        pub struct $name {
            $( $(#[doc = $doc])* #[serde(skip_serializing_if = "crate::config::read::Field::is_absent")] pub $field: $type, )*
        }

        impl $name {
            /// The keys it knows.
            pub(in crate::config) const KEYS: &'static [&'static str] =
                &[$( crate::config::read::key(stringify!($field)) ),*];
        }

        impl crate::config::read::Read for $name {
            fn read(node: crate::config::yaml::Node<'_>, cx: &mut crate::config::read::Cx<'_>) -> Option<Self> {
                let mut slots = cx.record(node, $what, Self::KEYS)?.into_iter();
                Some($name { $( $field: crate::config::read::Field::field(slots.next(), cx), )* })
            }
        }

        impl schemars::JsonSchema for $name {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
                crate::config::read::properties(concat!($( $about ),*), vec![$((
                    crate::config::read::key(stringify!($field)),
                    concat!($( $doc ),*),
                    <$type as crate::config::read::Field>::REQUIRED,
                    <$type as crate::config::read::Field>::schema(generator),
                )),*])
            }
        }
    };
}
pub(in crate::config) use record;

/// A field of a record.
pub(in crate::config) trait Field: Sized {
    /// Whether it must be there.
    const REQUIRED: bool;

    /// Reads it from its slot.
    fn field(slot: Option<Slot<'_>>, cx: &mut Cx<'_>) -> Self;

    /// Whether it was left out.
    fn is_absent(&self) -> bool;

    /// The schema of its value.
    fn schema(generator: &mut SchemaGenerator) -> Schema;
}

/// What a record found for one of its keys.
pub(in crate::config) struct Slot<'t> {
    key: &'static str,
    /// Where the key stands, or the record where the key is missing.
    place: Place,
    node: Option<Node<'t>>,
}

impl<T: Read> Field for At<T> {
    const REQUIRED: bool = true;

    fn field(slot: Option<Slot<'_>>, cx: &mut Cx<'_>) -> Self {
        let Some(slot) = slot else { return At { value: None, place: Place::default() } };
        match slot.node {
            Some(node) => cx.value(slot.key, slot.place, node),
            None => {
                cx.report.error(slot.place, "missing-key", format!("`{}` is missing here", slot.key));
                At { value: None, place: slot.place }
            }
        }
    }

    fn is_absent(&self) -> bool {
        false
    }

    fn schema(generator: &mut SchemaGenerator) -> Schema {
        <At<T> as JsonSchema>::json_schema(generator)
    }
}

impl<T: Read> Field for Option<At<T>> {
    const REQUIRED: bool = false;

    fn field(slot: Option<Slot<'_>>, cx: &mut Cx<'_>) -> Self {
        let slot = slot?;
        slot.node.map(|node| cx.value(slot.key, slot.place, node))
    }

    fn is_absent(&self) -> bool {
        self.is_none()
    }

    fn schema(generator: &mut SchemaGenerator) -> Schema {
        <At<T> as JsonSchema>::json_schema(generator)
    }
}

/// The YAML key of a field: `r#match` is `match`.
pub(in crate::config) const fn key(field: &'static str) -> &'static str {
    match field.as_bytes() {
        [b'r', b'#', ..] => field.split_at(2).1,
        _ => field,
    }
}

impl Cx<'_> {
    /// A slot for each of the keys, in their order; reports unknown and duplicate keys.
    pub(in crate::config) fn record<'t>(
        &mut self,
        node: Node<'t>,
        what: &str,
        keys: &'static [&'static str],
    ) -> Option<Vec<Slot<'t>>> {
        let Shape::Mapping(pairs) = node.shape() else {
            self.wrong_type(node, &format!("{what} (a mapping)"));
            return None;
        };
        let mut slots: Vec<Slot<'t>> = keys.iter().map(|key| Slot { key, place: node.place(), node: None }).collect();
        for (key_node, value) in pairs {
            let Some(key) = self.key(key_node) else { continue };
            match slots.iter_mut().find(|slot| slot.key == key) {
                Some(slot) if slot.node.is_some() => {
                    let first = slot.place;
                    self.duplicate(key_node.place(), key, first);
                }
                Some(slot) => (slot.node, slot.place) = (Some(value), key_node.place()),
                None => self.unknown(key_node.place(), what, key, keys),
            }
        }
        Some(slots)
    }

    fn unknown(&mut self, place: Place, what: &str, key: &str, keys: &'static [&'static str]) {
        let finding = if what == crate::config::file::Part::WHAT && crate::config::file::File::KEYS.contains(&key) {
            Finding::error(place, "not-in-include", format!("`{key}` belongs in the main file, not in an included one"))
        } else {
            let message = format!("`{key}` is not a key of {what}");
            let finding = Finding::error(place, "unknown-key", message);
            let near = if self.report.is_crowded() { None } else { nearest(key, keys.iter().copied()) };
            match near {
                Some(near) => finding.help(format!("did you mean `{near}`?")),
                None => finding.help(format!("known here: {}", keys.join(", "))),
            }
        };
        self.report.add(finding);
    }
}

/// The schema of a mapping with these properties: key, description, whether it is required, schema.
pub(in crate::config) fn properties(about: &str, list: Vec<(&'static str, &str, bool, Schema)>) -> Schema {
    let mut properties = Map::new();
    let mut required = Vec::new();
    for (key, doc, needed, schema) in list {
        properties.insert(key.to_owned(), described(schema.to_value(), doc));
        if needed {
            required.push(json!(key));
        }
    }
    let mut schema = json!({ "type": "object", "additionalProperties": false, "properties": properties });
    if let Value::Object(map) = &mut schema {
        map.insert("description".to_owned(), json!(about.trim()));
        if !required.is_empty() {
            map.insert("required".to_owned(), Value::Array(required));
        }
    }
    schema.try_into().unwrap_or_default()
}

/// In draft-07 nothing counts beside a `$ref`, so a described reference is wrapped.
fn described(schema: Value, doc: &str) -> Value {
    let doc = json!(doc.trim());
    match schema {
        Value::Object(map) if map.contains_key("$ref") => json!({ "description": doc, "allOf": [map] }),
        Value::Object(mut map) => {
            map.insert("description".to_owned(), doc);
            Value::Object(map)
        }
        other => other,
    }
}
