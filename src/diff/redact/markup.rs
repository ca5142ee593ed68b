//! Secrets in XML.

use std::ops::Range;

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

use super::is_secret_name;
use crate::diff::Budget;

/// Where the values of attributes and the contents of elements stand whose names are secret: sorted, none within
/// another. `None` if it is not XML, or over the budget.
pub(super) fn secrets(text: &str, budget: &mut Budget<'_>) -> Option<Vec<Range<usize>>> {
    let mut reader = Reader::from_str(text);
    let mut spans: Vec<Range<usize>> = Vec::new();
    let mut depth = 0_usize;
    let mut elements = 0_u64;
    // Where the contents of a secret element began, and how deep it stands.
    let mut secret: Option<(usize, usize)> = None;
    loop {
        let before = usize::try_from(reader.buffer_position()).ok()?;
        let event = reader.read_event().ok()?;
        let after = usize::try_from(reader.buffer_position()).ok()?;
        budget.spend(1 + ((after - before) / 64) as u64).ok()?;
        elements += u64::from(matches!(event, Event::Start(_) | Event::Empty(_)));
        match event {
            Event::Start(tag) => {
                depth += 1;
                if secret.is_none() {
                    spans.extend(attributes(text, before, &tag)?);
                    secret = is_secret_name(tag.name().as_ref()).then_some((after, depth));
                }
            }
            Event::Empty(tag) if secret.is_none() => spans.extend(attributes(text, before, &tag)?),
            Event::End(_) => {
                if let Some((from, _)) = secret.filter(|(_, at)| *at == depth) {
                    secret = None;
                    spans.push(from..before);
                }
                depth = depth.checked_sub(1)?;
            }
            Event::Eof => break,
            _ => {}
        }
    }
    spans.retain(|span| !span.is_empty());
    (depth == 0 && elements > 0).then_some(spans)
}

/// Where in a tag that begins there the values of secret attributes stand.
fn attributes(text: &str, tag_at: usize, tag: &BytesStart<'_>) -> Option<Vec<Range<usize>>> {
    // What the reader gives begins after the `<`.
    let raw = tag.attributes_raw();
    let from = tag_at + 1 + tag.name().as_ref().len();
    if text.get(from..from + raw.len()) != Some(raw) {
        return None;
    }
    let mut spans = Vec::new();
    let mut at = 0;
    for attribute in tag.attributes().with_checks(false) {
        let attribute = attribute.ok()?;
        // Attributes come in order, so each is found after the one before it.
        let name = at + raw.get(at..)?.find(attribute.key.as_ref())?;
        let value = name + attribute.key.as_ref().len();
        let quote = value + raw.get(value..)?.find(['"', '\''])? + 1;
        let end = quote + attribute.value.len();
        if raw.get(quote..end) != Some(&*attribute.value) {
            return None;
        }
        if is_secret_name(attribute.key.as_ref()) {
            spans.push(from + quote..from + end);
        }
        at = end + 1;
    }
    Some(spans)
}
