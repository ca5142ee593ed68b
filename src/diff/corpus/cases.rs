//! How the corpus spells a pair.

use std::collections::BTreeMap;
use std::io::Write;

use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use serde::Deserialize;

use super::super::rules::{
    Allowed, BodyRule, Equivalence, Equivalent, Rename, Rules, StatusRule, Tolerance, Unordered,
};
use super::super::{Selector, decode};

/// One file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct File {
    /// The Content-Type of answers that name no headers.
    #[serde(rename = "type")]
    pub(super) content_type: String,
    /// The rules of cases that have none.
    pub(super) rules: Option<RulesFile>,
    pub(super) cases: Vec<Case>,
}

/// One pair.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Case {
    pub(super) name: String,
    pub(super) one: Spelled,
    pub(super) other: Spelled,
    pub(super) rules: Option<RulesFile>,
    pub(super) expect: Expect,
}

/// `match`, `unknown REASON`, or a list of `KIND PATH`.
#[derive(Deserialize)]
#[serde(untagged)]
pub(super) enum Expect {
    One(String),
    List(Vec<String>),
}

impl Expect {
    pub(super) fn list(&self) -> Vec<String> {
        let mut list = match self {
            Expect::One(verdict) if verdict == "match" => Vec::new(),
            Expect::One(verdict) => vec![verdict.clone()],
            Expect::List(list) => list.clone(),
        };
        list.sort();
        list
    }
}

/// An answer: a body alone, or all of it.
#[derive(Deserialize)]
#[serde(untagged)]
pub(super) enum Spelled {
    Body(String),
    Whole(Box<Whole>),
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Whole {
    status: Option<u16>,
    headers: Option<BTreeMap<String, Lines>>,
    body: String,
    body_base64: Option<String>,
    before: String,
    repeat: Option<Repeat>,
    after: String,
    /// Codings that are put on the body and named in Content-Encoding.
    coding: Option<String>,
    /// How many bytes of the coded body are left.
    cut: Option<usize>,
    /// What is put after the coded body.
    junk: String,
}

#[derive(Deserialize, Clone)]
#[serde(untagged)]
enum Lines {
    One(String),
    Many(Vec<String>),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Repeat {
    text: String,
    times: usize,
}

/// An answer ready to be compared.
pub(super) struct Made {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
}

impl Spelled {
    pub(super) fn make(&self, content_type: &str) -> Made {
        match self {
            Spelled::Body(body) => Whole { body: body.clone(), ..Whole::default() }.make(content_type),
            Spelled::Whole(whole) => whole.make(content_type),
        }
    }
}

impl Whole {
    fn make(&self, content_type: &str) -> Made {
        let default = || BTreeMap::from([("Content-Type".to_owned(), Lines::One(content_type.to_owned()))]);
        let mut headers = HeaderMap::new();
        for (name, lines) in self.headers.clone().unwrap_or_else(default) {
            let lines = match lines {
                Lines::One(line) => vec![line],
                Lines::Many(lines) => lines,
            };
            for line in lines {
                let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
                headers.append(name, HeaderValue::from_str(&line).unwrap());
            }
        }
        let mut body = self.plain();
        if let Some(codings) = &self.coding {
            headers.insert("content-encoding", HeaderValue::from_str(codings).unwrap());
            body = codings.split(", ").fold(body, |body, coding| decode::tests::encode(coding, &body));
        }
        body.truncate(self.cut.unwrap_or(usize::MAX));
        body.write_all(self.junk.as_bytes()).unwrap();
        Made { status: StatusCode::from_u16(self.status.unwrap_or(200)).unwrap(), headers, body }
    }

    fn plain(&self) -> Vec<u8> {
        if let Some(text) = &self.body_base64 {
            return base64(text);
        }
        let repeated = self.repeat.as_ref().map(|repeat| repeat.text.repeat(repeat.times)).unwrap_or_default();
        [self.body.as_str(), &self.before, &repeated, &self.after].concat().into_bytes()
    }
}

/// RFC 4648 §4.
fn base64(text: &str) -> Vec<u8> {
    const DIGITS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let (mut bytes, mut bits, mut held) = (Vec::new(), 0_u32, 0);
    for digit in text.bytes().filter(|byte| *byte != b'=') {
        let value = DIGITS.iter().position(|known| *known == digit).unwrap();
        bits = bits << 6 | u32::try_from(value).unwrap();
        held += 6;
        if held >= 8 {
            held -= 8;
            bytes.push((bits >> held & 0xff) as u8);
        }
    }
    bytes
}

/// Rules, with the keys of `comparisons:`.
#[derive(Deserialize, Default, Clone)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RulesFile {
    status: Option<String>,
    headers: Option<Vec<String>>,
    body: Option<String>,
    ignore: Vec<String>,
    unordered: Vec<UnorderedFile>,
    tolerance: Vec<ToleranceFile>,
    equivalent: Vec<EquivalentFile>,
    rename: Vec<RenameFile>,
    redact: Vec<String>,
}

#[derive(Deserialize, Clone)]
#[serde(deny_unknown_fields)]
struct UnorderedFile {
    path: String,
    key: Option<String>,
}

#[derive(Deserialize, Clone)]
#[serde(deny_unknown_fields)]
struct ToleranceFile {
    path: String,
    absolute: Option<f64>,
    relative: Option<f64>,
}

#[derive(Deserialize, Clone)]
#[serde(deny_unknown_fields)]
struct EquivalentFile {
    path: String,
    #[serde(rename = "as")]
    as_: String,
    within: Option<String>,
}

#[derive(Deserialize, Clone)]
#[serde(deny_unknown_fields)]
struct RenameFile {
    legacy: String,
    new: String,
}

impl RulesFile {
    pub(super) fn read(&self) -> Rules {
        let selector = |text: &String| Selector::parse(text).unwrap();
        let default = Rules::default();
        let names = |names: &Vec<String>| names.iter().map(|name| name.parse().unwrap()).collect();
        let unordered = |rule: &UnorderedFile| Unordered {
            path: selector(&rule.path),
            key: rule.key.as_ref().map(|key| key.split('.').map(str::to_owned).collect()),
        };
        let tolerance = |rule: &ToleranceFile| Tolerance {
            path: selector(&rule.path),
            allowed: rule.absolute.map_or_else(|| Allowed::Relative(rule.relative.unwrap()), Allowed::Absolute),
        };
        let rename = |rule: &RenameFile| Rename { legacy: selector(&rule.legacy), new: selector(&rule.new) };
        Rules {
            status: if self.status.as_deref() == Some("class") { StatusRule::Class } else { StatusRule::Exact },
            headers: self.headers.as_ref().map_or(default.headers, names),
            body: match self.body.as_deref() {
                Some("json") => BodyRule::Json,
                Some("text") => BodyRule::Text,
                Some("bytes") => BodyRule::Bytes,
                Some("none") => BodyRule::None,
                _ => BodyRule::Auto,
            },
            ignore: self.ignore.iter().map(selector).collect(),
            unordered: self.unordered.iter().map(unordered).collect(),
            tolerance: self.tolerance.iter().map(tolerance).collect(),
            equivalent: self.equivalent.iter().map(EquivalentFile::read).collect(),
            rename: self.rename.iter().map(rename).collect(),
            redact: self.redact.iter().map(selector).collect(),
        }
    }
}

impl EquivalentFile {
    fn read(&self) -> Equivalent {
        let within = self.within.as_deref().map(|text| humantime::parse_duration(text).unwrap()).unwrap_or_default();
        let as_ = match self.as_.as_str() {
            "uuid" => Equivalence::Uuid,
            "timestamp" => Equivalence::Timestamp { within },
            "url" => Equivalence::Url,
            other => panic!("{other}"),
        };
        Equivalent { path: Selector::parse(&self.path).unwrap(), as_ }
    }
}
