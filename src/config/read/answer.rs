//! Places in an answer, and numbers that say how far apart two of them may be.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Serialize, Serializer};
use serde_json::json;

use super::scalars::{or_variable, schema};
use super::{FromText, Refusal};
use crate::config::yaml::escape;
use crate::diff::Selector;

/// A place in an answer: `$.items[*].etag`, `header:Date`, `cookie:sid`, `query:token`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Where(pub Selector);

impl FromText for Where {
    const WHAT: &'static str = "a place such as `$.items[*].etag` or `header:Date`";

    fn from_text(text: &str) -> Result<Where, Refusal> {
        Selector::parse(text).map(Where).map_err(|error| {
            Refusal::new("bad-place", format!("`{text}`: {error}"))
                .help("such as `$.items[*].etag`, `header:Date`, `cookie:sid`")
        })
    }
}

impl Serialize for Where {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // A `$` before a brace would start a variable.
        serializer.serialize_str(&escape(&self.0.to_string()))
    }
}

schema!(
    Where,
    "Where",
    json_schema!({ "type": "string", "pattern": "^(\\$|header:|cookie:|query:)", "examples": ["$.items[*].etag", "header:Date"] })
);

/// A number that is not negative, such as `0.01`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(transparent)]
pub struct Number(pub f64);

impl FromText for Number {
    const WHAT: &'static str = "a number such as `0.01`";
    const NUMBER: bool = true;

    fn from_text(text: &str) -> Result<Number, Refusal> {
        let number: f64 = text.parse().map_err(|_| Refusal::value(format!("`{text}` is no number")))?;
        let fits = number.is_finite() && number.is_sign_positive();
        if fits { Ok(Number(number)) } else { Err(Refusal::new("out-of-range", "0 or more is possible here")) }
    }
}

schema!(Number, "Number", or_variable(json!({ "type": "number", "minimum": 0 })));
