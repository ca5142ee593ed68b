//! A value with its place, and lists of them.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Serialize, Serializer};

use super::{Cx, Read};
use crate::config::place::Place;
use crate::config::yaml::{Node, Shape};

/// A value with its place. The value is missing where it was bad; that has been reported.
#[derive(Debug, Clone)]
pub struct At<T> {
    /// The value, unless it was bad.
    pub value: Option<T>,
    /// Where it stands.
    pub place: Place,
}

impl<T> At<T> {
    /// The value, unless it was bad.
    pub fn get(&self) -> Option<&T> {
        self.value.as_ref()
    }
}

/// Reads a node, and keeps where it stands.
pub(in crate::config) fn read_at<T: Read>(node: Node<'_>, cx: &mut Cx<'_>) -> At<T> {
    At { value: T::read(node, cx), place: node.place() }
}

/// Two values are equal wherever they stand.
impl<T: PartialEq> PartialEq for At<T> {
    fn eq(&self, other: &At<T>) -> bool {
        self.value == other.value
    }
}

impl<T: Serialize> Serialize for At<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.value.serialize(serializer)
    }
}

impl<T: Read> Read for Vec<At<T>> {
    fn read(node: Node<'_>, cx: &mut Cx<'_>) -> Option<Self> {
        let Shape::Sequence(items) = node.shape() else {
            cx.wrong_type(node, "a list");
            return None;
        };
        Some(items.map(|item| read_at(item, cx)).collect())
    }
}

/// A list with at least one item.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(transparent)]
pub struct Filled<T>(pub Vec<At<T>>);

impl<T> AsRef<[At<T>]> for Filled<T> {
    fn as_ref(&self) -> &[At<T>] {
        &self.0
    }
}

impl<T: Read> Read for Filled<T> {
    fn read(node: Node<'_>, cx: &mut Cx<'_>) -> Option<Self> {
        let list = Vec::read(node, cx)?;
        if list.is_empty() {
            cx.report.error(node.place(), "empty-list", "this list is empty");
            return None;
        }
        Some(Filled(list))
    }
}

impl<T: JsonSchema> JsonSchema for Filled<T> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        format!("Filled{}", T::schema_name()).into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let one = generator.subschema_for::<T>();
        json_schema!({ "type": "array", "items": one, "minItems": 1 })
    }
}

/// A large value that is often left out.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(transparent)]
pub struct Boxed<T>(pub Box<T>);

impl<T> std::ops::Deref for Boxed<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T: Read> Read for Boxed<T> {
    fn read(node: Node<'_>, cx: &mut Cx<'_>) -> Option<Self> {
        T::read(node, cx).map(|value| Boxed(Box::new(value)))
    }
}

impl<T: JsonSchema> JsonSchema for Boxed<T> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        T::schema_name()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        generator.subschema_for::<T>()
    }
}

impl<T: JsonSchema> JsonSchema for At<T> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        T::schema_name()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        generator.subschema_for::<T>()
    }
}

/// One value or a list of them; the same either way.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(transparent)]
pub struct OneOrMany<T>(pub Vec<At<T>>);

impl<T: Read> Read for OneOrMany<T> {
    fn read(node: Node<'_>, cx: &mut Cx<'_>) -> Option<Self> {
        match node.shape() {
            Shape::Sequence(_) => Filled::read(node, cx).map(|list| OneOrMany(list.0)),
            _ => Some(OneOrMany(vec![read_at(node, cx)])),
        }
    }
}

impl<T: JsonSchema> JsonSchema for OneOrMany<T> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        format!("OneOrMany{}", T::schema_name()).into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let one = generator.subschema_for::<T>();
        let many = generator.subschema_for::<Filled<T>>();
        json_schema!({ "anyOf": [one, many] })
    }
}

/// A value, or `null` said on purpose.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(transparent)]
pub struct Nullable<T>(pub Option<T>);

impl<T: Read> Read for Nullable<T> {
    const NULLABLE: bool = true;

    fn read(node: Node<'_>, cx: &mut Cx<'_>) -> Option<Self> {
        match node.shape() {
            Shape::Scalar { text, plain: true } if super::resolve(text) == super::Resolved::Null => {
                Some(Nullable(None))
            }
            _ => T::read(node, cx).map(|value| Nullable(Some(value))),
        }
    }
}

impl<T: JsonSchema> JsonSchema for Nullable<T> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        format!("Nullable{}", T::schema_name()).into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let one = generator.subschema_for::<T>();
        json_schema!({ "anyOf": [one, { "type": "null" }] })
    }
}
