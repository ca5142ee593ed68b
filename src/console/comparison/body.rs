//! Two bodies side by side, as what they are.

use std::borrow::Cow;
use std::collections::HashMap;
use std::time::{Duration, Instant};

use super::bytes::Bytes;
use super::lines;
use super::merged::{self, Reading};
use crate::diff::format::Format;
use crate::diff::media_type::MediaType;
use crate::diff::rules::{BodyRule, Rules};
use crate::diff::{Budget, Limits, Tree, form, html, json, ndjson, xml};
use crate::report::counted;
use crate::store::{Answered, Body, Differs};

/// How long bodies may be read for.
const PATIENCE: Duration = Duration::from_millis(500);
/// What may be read: more is shown as text.
const LIMITS: Limits = Limits { bytes: 8 * 1024 * 1024, ratio: 200, depth: 256, steps: 2_000_000 };

/// Two bodies.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Bodies {
    /// There is nothing to hold against each other.
    Note(String),
    /// As a tree, with what it was read as.
    Tree(&'static str, Vec<merged::Row>),
    /// Line by line.
    Lines(Vec<lines::Row>),
    /// No text.
    Bytes(Bytes),
}

impl Bodies {
    /// Holds the bodies of two answers against each other.
    pub(super) fn of(answers: [&Answered; 2], differences: &[Differs], rules: Option<&Rules>) -> Bodies {
        let [legacy, new] = answers;
        let (Some(one), Some(other)) = (&legacy.body, &new.body) else { return Bodies::Note(not_kept(answers)) };
        let (Body::Text(one), Body::Text(other)) = (one, other) else {
            return Bodies::Bytes(Bytes::of(one, other));
        };
        if one == other {
            return Bodies::Note(match one.len() {
                0 => "Both bodies are empty.".to_owned(),
                bytes => format!("The bodies are equal: {} bytes each.", counted(bytes as u64)),
            });
        }
        let rule = rules.map_or(BodyRule::Auto, |rules| rules.body);
        let formats = [(legacy, one), (new, other)].map(|(answer, text)| format(answer, text, rule));
        let until = Instant::now() + PATIENCE;
        let mut is_late = || Instant::now() > until;
        let mut budget = Budget::new(LIMITS, &mut is_late);
        let trees = [tree(one, formats[0], &mut budget), tree(other, formats[1], &mut budget)];
        match trees {
            [Some(one), Some(other)] if formats[0] == formats[1] => {
                let reading = Reading { differences: by_path(differences), rules };
                Bodies::Tree(formats[0].as_str(), merged::rows([&one, &other], &reading))
            }
            _ => Bodies::Lines(lines::rows(&pretty(one, formats[0]), &pretty(other, formats[1]))),
        }
    }
}

/// Why there is no body of at least one side.
fn not_kept(answers: [&Answered; 2]) -> String {
    let bytes = answers.map(|answer| answer.bytes);
    if bytes == [0, 0] {
        return "Neither answer has a body.".to_owned();
    }
    if answers.iter().all(|answer| answer.body.is_none()) && answers[0].hash == answers[1].hash {
        return "The bodies were not kept, but they are equal: their hashes are.".to_owned();
    }
    let side = |name: &str, answer: &Answered| match (&answer.body, answer.bytes) {
        (Some(_), bytes) => format!("{name}’s has {} bytes", counted(bytes)),
        (None, 0) => format!("{name} sent none"),
        (None, bytes) => format!("of {name}’s {} bytes only the hash was kept", counted(bytes)),
    };
    format!(
        "Not shown side by side: {}, {}. A body is kept whole or not at all: not where its comparison says `store: hashes`, where a secret in it \
         could not be taken out, or where it is too large.",
        side("legacy", answers[0]),
        side("new", answers[1])
    )
}

/// What a body is, as the comparison saw it.
fn format(answer: &Answered, text: &str, rule: BodyRule) -> Format {
    match rule {
        BodyRule::Json => Format::Json,
        BodyRule::Text => Format::Text,
        BodyRule::Bytes => Format::Bytes,
        BodyRule::Auto | BodyRule::None => {
            let header = answer.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("content-type"));
            let content_type = header.and_then(|(_, value)| MediaType::parse(value));
            Format::of(content_type.as_ref(), text.as_bytes())
        }
    }
}

fn tree<'t>(text: &'t str, format: Format, budget: &mut Budget<'_>) -> Option<Tree<'t>> {
    match format {
        Format::Json => json::read(text.as_bytes(), budget).ok(),
        Format::Ndjson => ndjson::read(text.as_bytes(), budget).ok(),
        Format::Form => form::read(text.as_bytes(), budget).ok(),
        Format::Xml => xml::read(text, budget).ok(),
        Format::Html => html::read(text, budget).ok(),
        Format::Text | Format::Bytes => None,
    }
}

/// JSON that is no tree to both sides: a member a line, as far as that helps.
fn pretty(text: &str, format: Format) -> Cow<'_, str> {
    let value: Option<serde_json::Value> = if format == Format::Json { serde_json::from_str(text).ok() } else { None };
    let pretty = value.and_then(|value| serde_json::to_string_pretty(&value).ok());
    pretty.map_or(Cow::Borrowed(text), Cow::Owned)
}

/// Of two with one path the first is meant.
fn by_path(differences: &[Differs]) -> HashMap<&str, usize> {
    differences.iter().enumerate().rev().map(|(place, differs)| (&*differs.path, place)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(kind: &str, body: Option<&str>) -> Answered {
        Answered {
            status: 200,
            headers: vec![("Content-Type".to_owned(), kind.to_owned())],
            body: body.map(|text| Body::Text(text.to_owned())),
            hash: String::new(),
            bytes: body.map_or(7, str::len) as u64,
            took_us: 0,
            backend: String::new(),
        }
    }

    fn bodies(kind: &str, one: &str, other: &str) -> Bodies {
        Bodies::of([&answer(kind, Some(one)), &answer(kind, Some(other))], &[], None)
    }

    #[test]
    fn a_body_is_shown_as_what_it_is() {
        assert!(matches!(bodies("application/json", "{}", "[]"), Bodies::Tree("json", _)));
        assert!(matches!(bodies("text/html", "<p>a", "<p>b"), Bodies::Tree("html", _)));
        assert!(matches!(bodies("application/xml", "<a/>", "<b/>"), Bodies::Tree("xml", _)));
        assert!(matches!(bodies("text/plain", "a", "b"), Bodies::Lines(_)));
        assert!(matches!(bodies("application/json", "{}", "{"), Bodies::Lines(_)));
        assert!(matches!(bodies("text/plain", "a", "a"), Bodies::Note(_)));
        let deep = "[".repeat(300);
        assert!(matches!(bodies("application/json", &deep, "[]"), Bodies::Lines(_)));
    }

    #[test]
    fn what_was_not_kept_is_said() {
        let note = |one, other| match Bodies::of([&answer("", one), &answer("", other)], &[], None) {
            Bodies::Note(note) => note,
            other => panic!("{other:?}"),
        };
        assert!(note(None, Some("x")).contains("of legacy’s 7 bytes only the hash was kept"));
        assert!(note(None, None).contains("they are equal"));
    }
}
