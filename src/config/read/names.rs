//! Mappings from names that the file chooses: backends, cohorts, flags, headers.

use std::borrow::Cow;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::ser::SerializeMap as _;
use serde::{Serialize, Serializer};

use super::{At, Cx, Read, read_at};
use crate::config::place::Place;
use crate::config::yaml::{Node, Shape};

/// One entry: its name, where that stands, and its value.
#[derive(Debug, Clone)]
pub struct Named<T> {
    /// The key, exactly as written; variables are not filled in here.
    pub name: Arc<str>,
    /// Where the key stands.
    pub name_place: Place,
    /// The value.
    pub value: At<T>,
}

/// The entries in the order they are written; no name comes twice.
#[derive(Debug, Clone, PartialEq)]
pub struct Names<T>(pub Vec<Named<T>>);

impl<T: PartialEq> PartialEq for Named<T> {
    fn eq(&self, other: &Named<T>) -> bool {
        self.name == other.name && self.value == other.value
    }
}

impl<T: Serialize> Serialize for Names<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for entry in &self.0 {
            map.serialize_entry(&*entry.name, &entry.value)?;
        }
        map.end()
    }
}

impl<T: Read> Read for Names<T> {
    fn read(node: Node<'_>, cx: &mut Cx<'_>) -> Option<Self> {
        let Shape::Mapping(pairs) = node.shape() else {
            cx.wrong_type(node, "a mapping of names");
            return None;
        };
        let mut seen: HashMap<&str, Place> = HashMap::new();
        let mut entries = Vec::new();
        for (key, value) in pairs {
            let Some(name) = cx.key(key) else { continue };
            match seen.entry(name) {
                Entry::Occupied(first) => cx.duplicate(key.place(), name, *first.get()),
                Entry::Vacant(slot) => {
                    slot.insert(key.place());
                    let value = cx.value(name, key.place(), value);
                    entries.push(Named { name: Arc::from(name), name_place: key.place(), value });
                }
            }
        }
        Some(Names(entries))
    }
}

impl<T: JsonSchema> JsonSchema for Names<T> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        format!("Names{}", T::schema_name()).into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let one = generator.subschema_for::<T>();
        json_schema!({ "type": "object", "additionalProperties": one })
    }
}

impl Cx<'_> {
    /// The text of a key; reports a key that is no scalar.
    pub(super) fn key<'t>(&mut self, node: Node<'t>) -> Option<&'t str> {
        match node.shape() {
            Shape::Scalar { text, .. } if !text.is_empty() => Some(text),
            Shape::Scalar { .. } => {
                self.report.error(node.place(), "bad-key", "an empty key");
                None
            }
            Shape::Sequence(_) | Shape::Mapping(_) => {
                self.report.error(node.place(), "bad-key", "a key must be a word, not a list or a mapping");
                None
            }
        }
    }

    pub(super) fn duplicate(&mut self, place: Place, key: &str, first: Place) {
        self.report.error(place, "duplicate-key", format!("`{key}` stands here twice, first in line {}", first.line));
    }

    /// The value of a key. Nothing at all is reported at the key, since it has no place of its own.
    pub(super) fn value<T: Read>(&mut self, key: &str, key_place: Place, node: Node<'_>) -> At<T> {
        if !T::NULLABLE
            && let Shape::Scalar { text: "", plain: true } = node.shape()
        {
            self.report.error(key_place, "missing-value", format!("`{key}` has no value"));
            return At { value: None, place: key_place };
        }
        read_at(node, self)
    }
}
