//! The bodies of two answers.

use std::borrow::Cow;

use http::header::{CONTENT_ENCODING, CONTENT_TYPE};

use super::decode::decode;
use super::differences::{Differences, Shown};
use super::format::Format;
use super::json::{self, NotRead};
use super::media_type::MediaType;
use super::redact::{mask, secrets_of_page};
use super::rules::BodyRule;
use super::tree::Tree;
use super::{
    Answer, Budget, Compiled, Difference, Kind, Selector, Unknown, bytes, charset, form, html, ndjson, structure, text,
    xml,
};

/// Compares two bodies and notes what differs.
///
/// Equal bytes in equal codings are equal, whatever they are. Else the codings come off, and both are read as what
/// their Content-Types say. Bodies of different formats, or of which only one is what it says, differ in
/// [`Kind::Format`]; if neither is, they are compared as text, and as bytes if they are no text either.
///
/// # Errors
/// They cannot be decoded, or the budget is used up; what was found until then is noted.
pub(super) fn compare(
    one: &Answer<'_>,
    other: &Answer<'_>,
    rules: &Compiled,
    budget: &mut Budget<'_>,
    found: &mut Differences,
) -> Result<(), Unknown> {
    let ignored =
        rules.rules().ignore.iter().any(|selector| matches!(selector, Selector::Body(steps) if steps.is_empty()));
    if ignored || rules.rules().body == BodyRule::None {
        return Ok(());
    }
    let coding = |answer: &Answer<'_>| answer.headers.get_all(CONTENT_ENCODING).iter().cloned().collect::<Vec<_>>();
    if one.body == other.body && coding(one) == coding(other) {
        return Ok(());
    }
    let (one, other) = (Body::of(one, rules, budget)?, Body::of(other, rules, budget)?);
    if one.bytes == other.bytes {
        return Ok(());
    }
    let length = |body: &Body<'_>| format!("{} bytes", body.bytes.len());
    match (one.bytes.is_empty(), other.bytes.is_empty()) {
        (false, true) => note(found, Kind::Missing, Some(length(&one)), None),
        (true, false) => note(found, Kind::Extra, None, Some(length(&other))),
        _ if one.format != other.format => {
            note(found, Kind::Format, Some(one.format.as_str().to_owned()), Some(other.format.as_str().to_owned()));
        }
        _ => match one.format {
            Format::Bytes => as_bytes(&one, &other, rules.redacts_bodies(), budget, found)?,
            Format::Text => as_text(&one, &other, rules.redacts_bodies(), budget, found)?,
            _ => as_trees(&one, &other, rules, budget, found)?,
        },
    }
    Ok(())
}

/// The differences in the order of discovery, without secrets that show by their looks.
///
/// An element that is missing changes the order of those around it, too: that is told once.
pub(super) fn told(found: Differences) -> Vec<Difference> {
    let mut found = found.into_vec();
    let whole: Vec<String> = found
        .iter()
        .filter(|difference| matches!(difference.kind, Kind::Missing | Kind::Extra))
        .filter_map(|difference| difference.place.rsplit_once('.').map(|(parent, _)| parent.to_owned()))
        .collect();
    found.retain(|difference| {
        let parent = difference.place.strip_suffix(".#order");
        difference.count > 1 || parent.is_none_or(|parent| !whole.iter().any(|place| place == parent))
    });
    for shown in found.iter_mut().flat_map(|difference| [&mut difference.one, &mut difference.other]).flatten() {
        if let Cow::Owned(masked) = mask(shown) {
            *shown = super::excerpt::shown(&masked);
        }
    }
    found
}

/// One of the two.
struct Body<'a> {
    answer: Answer<'a>,
    bytes: Cow<'a, [u8]>,
    content_type: Option<MediaType>,
    format: Format,
}

impl<'a> Body<'a> {
    fn of(answer: &Answer<'a>, rules: &Compiled, budget: &mut Budget<'_>) -> Result<Body<'a>, Unknown> {
        let bytes = decode(answer.headers, answer.body, budget)?;
        let content_type = answer.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let content_type = content_type.and_then(MediaType::parse);
        let format = match rules.rules().body {
            BodyRule::Json => Format::Json,
            BodyRule::Text => Format::Text,
            BodyRule::Bytes => Format::Bytes,
            BodyRule::Auto | BodyRule::None => Format::of(content_type.as_ref(), &bytes),
        };
        Ok(Body { answer: *answer, bytes, content_type, format })
    }

    fn text(&self) -> Option<Cow<'_, str>> {
        let markup = matches!(self.format, Format::Xml | Format::Html);
        charset::text(&self.bytes, self.content_type.as_ref(), markup)
    }

    /// The body as a tree; `None` if it is not what it says.
    fn tree(&self, budget: &mut Budget<'_>) -> Result<Option<Tree<'_>>, Unknown> {
        let read = match self.format {
            Format::Json => json::read(&self.bytes, budget),
            Format::Ndjson => ndjson::read(&self.bytes, budget),
            Format::Form => form::read(&self.bytes, budget),
            Format::Xml | Format::Html => {
                let Some(text) = self.text() else { return Ok(None) };
                if self.format == Format::Xml { xml::read(&text, budget) } else { html::read(&text, budget) }
            }
            Format::Text | Format::Bytes => return Ok(None),
        };
        match read {
            Ok(tree) => Ok(Some(tree)),
            Err(NotRead::Malformed { .. }) => Ok(None),
            Err(NotRead::Unknown(unknown)) => Err(unknown),
        }
    }
}

fn as_trees(
    one: &Body<'_>,
    other: &Body<'_>,
    rules: &Compiled,
    budget: &mut Budget<'_>,
    found: &mut Differences,
) -> Result<(), Unknown> {
    match (one.tree(budget)?, other.tree(budget)?) {
        (Some(first), Some(second)) => {
            let (before, sides) = (found.len(), [one.answer.side, other.answer.side]);
            let compared = structure::compare(&first, sides[0], &second, sides[1], rules.matcher(), budget, found);
            if one.format == Format::Html {
                hide_secrets_of_pages([&first, &second], rules, before, found);
            }
            compared
        }
        // Secrets are known by their names where those can be read, which is not so here.
        (None, None) => as_text(one, other, true, budget, found),
        (first, second) => {
            let (first, second) = (first.is_some(), second.is_some());
            let told = |read: bool| Some(format!("{}{}", if read { "" } else { "not " }, one.format.as_str()));
            note(found, Kind::Format, told(first), told(second));
            Ok(())
        }
    }
}

/// Takes out of what is shown what a page has under a secret name; all of it, where a selector may name something in it
/// that a page has elsewhere.
fn hide_secrets_of_pages(pages: [&Tree<'_>; 2], rules: &Compiled, before: usize, found: &mut Differences) {
    let secrets: Vec<String> = pages
        .into_iter()
        .flat_map(secrets_of_page)
        .map(|secret| serde_json::Value::from(secret).to_string().trim_matches('"').to_owned())
        .collect();
    let all = rules.redacts_bodies();
    found.hide(before, |shown| {
        let cut = !secrets.is_empty() && shown.ends_with('…');
        all || cut || secrets.iter().any(|secret| shown.contains(secret.as_str()))
    });
}

fn as_text(
    one: &Body<'_>,
    other: &Body<'_>,
    hide: bool,
    budget: &mut Budget<'_>,
    found: &mut Differences,
) -> Result<(), Unknown> {
    match (one.text(), other.text()) {
        (Some(one), Some(other)) => {
            keep(found, text::compare(&one, &other, hide, budget)?);
            Ok(())
        }
        (None, None) => as_bytes(one, other, hide, budget, found),
        (one, _) => {
            let told = |text: bool| Some(if text { "text" } else { "not text" }.to_owned());
            note(found, Kind::Format, told(one.is_some()), told(one.is_none()));
            Ok(())
        }
    }
}

fn as_bytes(
    one: &Body<'_>,
    other: &Body<'_>,
    hide: bool,
    budget: &mut Budget<'_>,
    found: &mut Differences,
) -> Result<(), Unknown> {
    keep(found, bytes::compare(&one.bytes, &other.bytes, hide, budget)?);
    Ok(())
}

fn note(found: &mut Differences, kind: Kind, one: Option<String>, other: Option<String>) {
    found.add(kind, "$", || Shown { place: "$".to_owned(), one, other });
}

fn keep(found: &mut Differences, difference: Option<Difference>) {
    if let Some(Difference { kind, path, place, count, one, other }) = difference {
        found.add(kind, &path, || Shown { place, one, other });
        for _ in 1..count {
            found.add(kind, &path, Shown::default);
        }
    }
}
