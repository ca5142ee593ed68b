//! The scalars of routes.yaml.

use std::borrow::Cow;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use http::{HeaderName, Method};
use ipnet::IpNet;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Serialize, Serializer};
use serde_json::{Value, json};

use super::{Cx, FromText, Meaning, Read, Refusal};
use crate::config::diagnostic::{Finding, nearest};
use crate::config::yaml::{Node, Resolved, escape, resolve};
use crate::names::{Key, Side, Stage};
use crate::routing::Percent;

/// A schema that also takes `${NAME}`.
pub(super) fn or_variable(schema: Value) -> Schema {
    json_schema!({ "anyOf": [schema, { "type": "string", "pattern": "\\$\\{" }] })
}

/// Gives a scalar its name and schema.
macro_rules! schema {
    ($type:ty, $name:literal, $schema:expr) => {
        impl JsonSchema for $type {
            fn inline_schema() -> bool {
                true
            }

            fn schema_name() -> Cow<'static, str> {
                $name.into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                $schema
            }
        }
    };
}

pub(super) use schema;

/// Any text that is not empty, without control characters and line breaks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Text(pub Box<str>);

impl FromText for Text {
    const WHAT: &'static str = "text";

    fn from_text(text: &str) -> Result<Text, Refusal> {
        if text.is_empty() {
            return Err(Refusal::value("an empty text"));
        }
        // Nothing that is compared with a request or named in a log has one, and YAML writers do not agree on them.
        if let Some(c) = text.chars().find(|c| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}')) {
            return Err(Refusal::value(format!("the character {} has no place here", c.escape_unicode())));
        }
        Ok(Text(text.into()))
    }
}

impl Serialize for Text {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&escape(&self.0))
    }
}

schema!(Text, "Text", json_schema!({ "type": "string", "minLength": 1 }));

/// A duration, such as `250ms`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Time(pub Duration);

/// Longer is a mistake, and some clocks cannot add more.
const LONGEST: Duration = Duration::from_secs(7 * 24 * 3600);

impl FromText for Time {
    const WHAT: &'static str = "a duration such as `250ms`, `2s` or `5m`";

    fn from_text(text: &str) -> Result<Time, Refusal> {
        let bad = || Refusal::value(format!("`{text}` is no duration")).help("write it as `250ms`, `2s` or `5m`");
        let duration = humantime::parse_duration(text).map_err(|_| bad())?;
        if duration > LONGEST {
            return Err(Refusal::new("out-of-range", "longer than seven days"));
        }
        Ok(Time(duration))
    }
}

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&humantime::format_duration(self.0))
    }
}

schema!(
    Time,
    "Time",
    json_schema!({ "type": "string", "pattern": "^ *[0-9].*$|\\$\\{", "examples": ["250ms", "2s", "5m"] })
);

/// A percentage: `5`, `5%` or `12.125`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Percentage(pub Percent);

impl FromText for Percentage {
    const WHAT: &'static str = "a percentage such as `5` or `12.5%`";
    const NUMBER: bool = true;

    fn from_text(text: &str) -> Result<Percentage, Refusal> {
        Percent::parse(text).map(Percentage).map_err(|error| {
            Refusal::new("bad-percent", format!("`{text}`: {error}")).help("0 to 100, in steps of 0.001")
        })
    }
}

impl Serialize for Percentage {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(f64::from(self.0.thousandths()) / 1000.0)
    }
}

schema!(
    Percentage,
    "Percentage",
    json_schema!({ "anyOf": [
        { "type": "number", "minimum": 0, "maximum": 100 },
        { "type": "string", "pattern": "^[0-9]{1,3}(\\.[0-9]{1,3})?%?$|\\$\\{" },
    ] })
);

/// An IP address and a port.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Address(pub SocketAddr);

impl FromText for Address {
    const WHAT: &'static str = "an address such as `0.0.0.0:8080`";

    fn from_text(text: &str) -> Result<Address, Refusal> {
        text.parse().map(Address).map_err(|_| {
            let refusal = Refusal::value(format!("`{text}` is no IP address with a port"));
            match text.rsplit_once(':') {
                Some(("", port)) => refusal.help(format!("write `0.0.0.0:{port}` for every interface")),
                Some(("localhost", port)) => refusal.help(format!("write `127.0.0.1:{port}`")),
                _ => refusal.help("write it as `0.0.0.0:8080` or `[::]:8080`"),
            }
        })
    }
}

schema!(Address, "Address", json_schema!({ "type": "string", "pattern": ":[0-9]{1,5}$|\\$\\{" }));

/// A network such as `10.0.0.0/8`; an address alone is a network of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network(pub IpNet);

impl Serialize for Network {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl FromText for Network {
    const WHAT: &'static str = "a network such as `10.0.0.0/8`";

    fn from_text(text: &str) -> Result<Network, Refusal> {
        let net = text.parse::<IpNet>().or_else(|_| text.parse::<IpAddr>().map(IpNet::from)).map_err(|_| {
            Refusal::value(format!("`{text}` is no network")).help("write it as `10.0.0.0/8` or `2001:db8::/32`")
        })?;
        if net.network() != net.addr() {
            return Err(Refusal::value(format!("`{text}` has bits set behind its prefix"))
                .help(format!("did you mean `{}`?", net.trunc())));
        }
        Ok(Network(net))
    }
}

schema!(Network, "Network", json_schema!({ "type": "string", "pattern": "^[0-9a-fA-F:.]+(/[0-9]{1,3})?$|\\$\\{" }));

/// An HTTP method, in capitals as it is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MethodName(pub Method);

impl FromText for MethodName {
    const WHAT: &'static str = "a method such as `GET`";

    fn from_text(text: &str) -> Result<MethodName, Refusal> {
        let upper = text.to_ascii_uppercase();
        if upper != text {
            return Err(Refusal::value(format!("`{text}`: methods are compared as exact bytes"))
                .help(format!("did you mean `{upper}`?")));
        }
        if text == "CONNECT" {
            return Err(Refusal::value("CONNECT is never relayed"));
        }
        Method::from_bytes(text.as_bytes())
            .map(MethodName)
            .map_err(|_| Refusal::value(format!("`{text}` is no HTTP method")))
    }
}

impl Serialize for MethodName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0.as_str())
    }
}

schema!(MethodName, "Method", json_schema!({ "type": "string", "pattern": "^[^a-z ]+$|\\$\\{" }));

/// The name of a header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeaderKey(pub HeaderName);

impl HeaderKey {
    /// Reads a header's name; also for the keys of `headers:`.
    pub fn parse(text: &str) -> Result<HeaderName, Refusal> {
        HeaderName::from_bytes(text.as_bytes()).map_err(|_| Refusal::value(format!("`{text}` is no name of a header")))
    }
}

impl FromText for HeaderKey {
    const WHAT: &'static str = "the name of a header";

    fn from_text(text: &str) -> Result<HeaderKey, Refusal> {
        HeaderKey::parse(text).map(HeaderKey)
    }
}

impl Serialize for HeaderKey {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0.as_str())
    }
}

schema!(HeaderKey, "Header", json_schema!({ "type": "string", "minLength": 1 }));

/// The version of the format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Version(pub u32);

impl FromText for Version {
    const WHAT: &'static str = "the version 1";
    const NUMBER: bool = true;

    fn from_text(text: &str) -> Result<Version, Refusal> {
        match text {
            "1" => Ok(Version(1)),
            _ => Err(Refusal::new("unknown-version", format!("version `{text}` is not known, only 1 is"))),
        }
    }
}

schema!(Version, "Version", or_variable(json!({ "const": 1 })));

/// `true` or `false`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Toggle(pub bool);

impl Read for Toggle {
    fn read(node: Node<'_>, cx: &mut Cx<'_>) -> Option<Toggle> {
        const WHAT: &str = "`true` or `false`";
        let scalar = cx.scalar(node, WHAT)?;
        let meaning = match scalar.meaning {
            Meaning::Open => resolve(&scalar.text),
            Meaning::Is(meaning) => meaning,
        };
        match meaning {
            Resolved::Bool(value) => Some(Toggle(value)),
            _ => {
                cx.wrong_type(node, WHAT);
                None
            }
        }
    }
}

schema!(Toggle, "Toggle", or_variable(json!({ "type": "boolean" })));

/// What a layer of a flag says: `on`, `off` (`true` and `false` too), or nothing (`null`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Switch(pub Option<bool>);

impl Read for Switch {
    const NULLABLE: bool = true;

    fn read(node: Node<'_>, cx: &mut Cx<'_>) -> Option<Switch> {
        const WHAT: &str = "`on`, `off` or `null`";
        let scalar = cx.scalar(node, WHAT)?;
        let meaning = match scalar.meaning {
            Meaning::Open => resolve(&scalar.text),
            Meaning::Is(meaning) => meaning,
        };
        match (meaning, &*scalar.text) {
            (Resolved::Null, _) => Some(Switch(None)),
            (Resolved::Bool(value), _) => Some(Switch(Some(value))),
            (Resolved::Text, "on") => Some(Switch(Some(true))),
            (Resolved::Text, "off") => Some(Switch(Some(false))),
            _ => {
                cx.wrong_type(node, WHAT);
                None
            }
        }
    }
}

impl Serialize for Switch {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            None => serializer.serialize_none(),
            Some(true) => serializer.serialize_str("on"),
            Some(false) => serializer.serialize_str("off"),
        }
    }
}

schema!(Switch, "Switch", or_variable(json!({ "enum": ["on", "off", true, false, null] })));

/// A type of which routes.yaml names each value by a word.
pub trait Choice: Copy + PartialEq + 'static {
    /// What is chosen, with its article: `a stage`.
    const WHAT: &'static str;
    /// The words and what they mean.
    const WORDS: &'static [(&'static str, Self)];
}

/// One of a few words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Word<T>(pub T);

impl<T: Choice> Read for Word<T> {
    /// The message lists the words, or guesses which was meant.
    fn read(node: Node<'_>, cx: &mut Cx<'_>) -> Option<Word<T>> {
        let scalar = cx.scalar(node, T::WHAT)?;
        if let Some((_, value)) = T::WORDS.iter().find(|(word, _)| *word == scalar.text) {
            return Some(Word(*value));
        }
        let words = || T::WORDS.iter().map(|(word, _)| *word);
        let help = match nearest(&scalar.text, words()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("one of {}", words().collect::<Vec<_>>().join(", ")),
        };
        let message = format!("`{}` is not {}", scalar.text, T::WHAT);
        cx.report.add(Finding::error(node.place(), "bad-value", message).help(help));
        None
    }
}

impl<T: Choice> Serialize for Word<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let word = T::WORDS.iter().find(|(_, value)| *value == self.0).map(|(word, _)| *word);
        word.serialize(serializer)
    }
}

impl<T: Choice> JsonSchema for Word<T> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        T::WHAT.into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let words: Vec<&str> = T::WORDS.iter().map(|(word, _)| *word).collect();
        or_variable(json!({ "enum": words }))
    }
}

impl Choice for Stage {
    const WHAT: &'static str = "a stage";
    const WORDS: &'static [(&'static str, Stage)] = &[
        (Stage::Legacy.as_str(), Stage::Legacy),
        (Stage::Shadow.as_str(), Stage::Shadow),
        (Stage::Canary.as_str(), Stage::Canary),
        (Stage::Live.as_str(), Stage::Live),
        (Stage::Complete.as_str(), Stage::Complete),
    ];
}

impl Choice for Key {
    const WHAT: &'static str = "a key to count by";
    const WORDS: &'static [(&'static str, Key)] =
        &[(Key::Tenant.as_str(), Key::Tenant), (Key::User.as_str(), Key::User), (Key::Client.as_str(), Key::Client)];
}

impl Choice for Side {
    const WHAT: &'static str = "a side";
    const WORDS: &'static [(&'static str, Side)] =
        &[(Side::Legacy.as_str(), Side::Legacy), (Side::New.as_str(), Side::New)];
}
