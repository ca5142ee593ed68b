//! Routes.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::ser::SerializeMap as _;
use serde::{Serialize, Serializer};

use super::{Fallback, Guard, Ramp, RateLimit, Shadow};
use crate::config::read::{
    At, Boxed, Choice, Cx, Filled, MethodName, Names, OneOrMany, Percentage, Read, Text, Time, Toggle, Word, record,
};
use crate::config::yaml::{Node, Shape};
use crate::names::{Key, Stage};

record! {
    /// A named rule: what it matches, the two backends, its stage.
    pub struct Route("a route") {
        /// Unique among the routes.
        pub name: At<Text>,
        /// Who to ask about it.
        pub owner: Option<At<Text>>,
        /// Routes of a group move together: one salt.
        pub group: Option<At<Text>>,
        /// What its percentage is salted with; the group's, else the route's name by default.
        pub salt: Option<At<Text>>,
        /// What it is for; a list: any of them.
        pub r#match: At<OneOrMany<Match>>,
        /// The legacy backend; defaults.legacy by default.
        pub legacy: Option<At<Text>>,
        /// The new backend.
        pub new: Option<At<Text>>,
        /// How far it has migrated; legacy by default.
        pub stage: Option<At<Word<Stage>>>,
        /// Who goes to new in stage canary.
        pub canary: Option<At<Boxed<Canary>>>,
        /// How requests to new are rewritten.
        pub rewrite: Option<At<Boxed<Rewrite>>>,
        /// What is copied to the other side. Stage shadow copies everything safe where this is not said.
        pub shadow: Option<At<Boxed<Shadow>>>,
        /// What new must keep to. The routes of a group have one.
        pub guard: Option<At<Boxed<Guard>>>,
        /// Percentages that follow each other while the guard holds. The routes of a group have one.
        pub ramp: Option<At<Boxed<Ramp>>>,
        /// When legacy answers because new failed; absent: never.
        pub fallback: Option<At<Boxed<Fallback>>>,
        /// How often one subject may ask; absent: as often as it likes.
        pub rate_limit: Option<At<Boxed<RateLimit>>>,
        /// How long the response head may take; 30s by default.
        pub timeout: Option<At<Time>>,
    }
}

record! {
    /// Route keys for all routes; a route's own value replaces one whole.
    pub struct Defaults("`defaults`") {
        /// Who to ask about a route.
        pub owner: Option<At<Text>>,
        /// What percentages are salted with.
        pub salt: Option<At<Text>>,
        /// The legacy backend; also of requests that no route matches. `none`: those get 404.
        pub legacy: Option<At<Text>>,
        /// The new backend.
        pub new: Option<At<Text>>,
        /// How far routes have migrated.
        pub stage: Option<At<Word<Stage>>>,
        /// Who goes to new in stage canary.
        pub canary: Option<At<Boxed<Canary>>>,
        /// How requests to new are rewritten.
        pub rewrite: Option<At<Boxed<Rewrite>>>,
        /// What is copied to the other side. Stage shadow copies everything safe where this is not said.
        pub shadow: Option<At<Boxed<Shadow>>>,
        /// What new must keep to. The routes of a group have one.
        pub guard: Option<At<Boxed<Guard>>>,
        /// Percentages that follow each other while the guard holds. The routes of a group have one.
        pub ramp: Option<At<Boxed<Ramp>>>,
        /// When legacy answers because new failed; absent: never.
        pub fallback: Option<At<Boxed<Fallback>>>,
        /// How often one subject may ask; absent: as often as it likes.
        pub rate_limit: Option<At<Boxed<RateLimit>>>,
        /// How long the response head may take; 30s by default.
        pub timeout: Option<At<Time>>,
    }
}

record! {
    /// What a route is for. All conditions must hold.
    pub struct Match("a match") {
        /// The methods; absent: any.
        pub methods: Option<At<Filled<MethodName>>>,
        /// A host, or `*.domain` for any host below it.
        pub host: Option<At<Text>>,
        /// A path such as `/orders/{id}` or `/orders/{*rest}`.
        pub path: Option<At<Text>>,
        /// Conditions on headers.
        pub headers: Option<At<Names<ValueMatch>>>,
        /// Conditions on query parameters.
        pub query: Option<At<Names<ValueMatch>>>,
    }
}

record! {
    /// To new when any of these holds, unless `except` does.
    pub struct Canary("`canary`") {
        /// Members of any of these cohorts.
        pub cohorts: Option<At<Filled<Text>>>,
        /// These tenants.
        pub tenants: Option<At<Filled<Text>>>,
        /// Those for whom any of these flags is on.
        pub flags: Option<At<Filled<Text>>>,
        /// A share, in steps of 0.001.
        pub percent: Option<At<Percentage>>,
        /// What the percentage, or the ramp, is counted by; required with it.
        pub by: Option<At<Word<Key>>>,
        /// The percentage, or the ramp, is of this cohort only; absent: of everybody.
        pub of: Option<At<Text>>,
        /// Who stays with legacy whatever the rest says.
        pub except: Option<At<Except>>,
    }
}

record! {
    /// Who stays with legacy whatever the rest says.
    pub struct Except("`except`") {
        /// Members of any of these cohorts.
        pub cohorts: Option<At<Filled<Text>>>,
        /// These tenants.
        pub tenants: Option<At<Filled<Text>>>,
    }
}

record! {
    /// How requests to new are rewritten, and its answers mapped back.
    pub struct Rewrite("`rewrite`") {
        /// The path at new, such as `/v2/orders/{id}`; the captures are those of the match.
        pub path: At<Text>,
        /// What of new's answers is mapped back.
        pub response: Option<At<Filled<Word<Answer>>>>,
    }
}

/// What of an answer is mapped back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// The Location header.
    Location,
    /// The paths of cookies.
    Cookies,
}

impl Choice for Answer {
    const WHAT: &'static str = "a part of an answer that can be mapped back";
    const WORDS: &'static [(&'static str, Answer)] = &[("location", Answer::Location), ("cookies", Answer::Cookies)];
}

/// What a value must be: an exact text, or one of `prefix`, `regex`, `present`.
#[derive(Debug, Clone, PartialEq)]
pub enum ValueMatch {
    /// Exactly this.
    Exact(Text),
    /// Starts with this.
    Prefix(At<Text>),
    /// Matches this expression somewhere.
    Regex(At<Text>),
    /// There is one, whatever its value.
    Present,
}

record! {
    /// A condition other than an exact value.
    pub struct Condition("a condition on a value") {
        /// It starts with this.
        pub prefix: Option<At<Text>>,
        /// It matches this expression somewhere; anchor it with ^ and $.
        pub regex: Option<At<Text>>,
        /// There is one, whatever its value: `true`.
        pub present: Option<At<Toggle>>,
    }
}

impl Read for ValueMatch {
    fn read(node: Node<'_>, cx: &mut Cx<'_>) -> Option<ValueMatch> {
        let Shape::Mapping(_) = node.shape() else { return Text::read(node, cx).map(ValueMatch::Exact) };
        match Condition::read(node, cx)? {
            Condition { prefix: Some(prefix), regex: None, present: None } => Some(ValueMatch::Prefix(prefix)),
            Condition { prefix: None, regex: Some(regex), present: None } => Some(ValueMatch::Regex(regex)),
            Condition { prefix: None, regex: None, present: Some(present) } => match present.value?.0 {
                true => Some(ValueMatch::Present),
                false => {
                    cx.report.error(present.place, "bad-value", "only `present: true` is a condition");
                    None
                }
            },
            _ => {
                cx.report.error(node.place(), "bad-condition", "exactly one of prefix, regex, present");
                None
            }
        }
    }
}

impl Serialize for ValueMatch {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let one = |key: &str, text: &At<Text>, serializer: S| {
            let mut map = serializer.serialize_map(Some(1))?;
            map.serialize_entry(key, text)?;
            map.end()
        };
        match self {
            ValueMatch::Exact(text) => text.serialize(serializer),
            ValueMatch::Prefix(text) => one("prefix", text, serializer),
            ValueMatch::Regex(text) => one("regex", text, serializer),
            ValueMatch::Present => {
                let mut map = serializer.serialize_map(Some(1))?;
                map.serialize_entry("present", &true)?;
                map.end()
            }
        }
    }
}

impl JsonSchema for ValueMatch {
    fn schema_name() -> Cow<'static, str> {
        "ValueMatch".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let text = generator.subschema_for::<Text>();
        let condition = generator.subschema_for::<Condition>();
        json_schema!({ "anyOf": [text, { "allOf": [condition], "minProperties": 1, "maxProperties": 1, "properties": { "present": { "not": { "const": false } } } }] })
    }
}
