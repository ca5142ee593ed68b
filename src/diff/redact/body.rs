//! Bodies as they may be kept.

use std::borrow::Cow;
use std::ops::Range;

use super::mask::{self, mask_text};
use super::{REDACTED, is_secret_name, markup, mask as by_looks};
use crate::diff::format::Format;
use crate::diff::json::{self, NotRead};
use crate::diff::media_type::MediaType;
use crate::diff::structure::redact_spans;
use crate::diff::tree::{Node, Tree, Value};
use crate::diff::{Budget, Compiled, charset, form, html, ndjson};

/// A body, its content codings off, as it may be kept; `None` if it may not.
///
/// In JSON, lines of JSON and forms the values that `redact` selects and those with secret names are replaced, and texts
/// lose what looks like a secret; the rest stays byte for byte. Of XML the values of secret elements and attributes are replaced, and a page of HTML with
/// secret attributes is not kept; neither is kept if a selector may name something in it. Text loses what looks like a
/// secret. What does not parse as what it says is not kept, nor are text and bytes while there are selectors for
/// bodies, nor forms with files (`multipart/…`). Text in another charset is kept as UTF-8.
#[must_use]
pub fn body(content_type: Option<&str>, decoded: &[u8], rules: &Compiled, budget: &mut Budget<'_>) -> Option<Vec<u8>> {
    if decoded.is_empty() {
        return Some(Vec::new());
    }
    let content_type = content_type.and_then(MediaType::parse);
    let format = match Format::of(content_type.as_ref(), decoded) {
        // What is JSON under another name has names that tell secrets apart.
        Format::Text | Format::Bytes if Format::sniffed(decoded) == Format::Json => {
            return structured(Format::Json, decoded, rules, budget)
                .or_else(|| plain(content_type.as_ref(), decoded, rules));
        }
        format => format,
    };
    match format {
        Format::Json | Format::Ndjson | Format::Form => structured(format, decoded, rules, budget),
        Format::Text | Format::Bytes => plain(content_type.as_ref(), decoded, rules),
        Format::Xml | Format::Html if rules.redacts_bodies() => None,
        Format::Xml => {
            let text = charset::text(decoded, content_type.as_ref(), true)?;
            let spans = markup::secrets(&text, budget)?;
            Some(mask_text(&mask::replaced(&text, &spans)).into_owned().into_bytes())
        }
        Format::Html => {
            let text = charset::text(decoded, content_type.as_ref(), true)?;
            let tree = html::read(&text, budget).ok()?;
            secrets_of_page(&tree).is_empty().then(|| mask_text(&text).into_owned().into_bytes())
        }
    }
}

fn plain(content_type: Option<&MediaType>, decoded: &[u8], rules: &Compiled) -> Option<Vec<u8>> {
    // The parts of a form with files have their names in lines of their own.
    if rules.redacts_bodies() || content_type.is_some_and(|known| known.essence.starts_with("multipart/")) {
        return None;
    }
    match charset::text(decoded, content_type, false) {
        Some(text) => Some(mask_text(&text).into_owned().into_bytes()),
        None => Some(decoded.to_vec()),
    }
}

fn structured(format: Format, decoded: &[u8], rules: &Compiled, budget: &mut Budget<'_>) -> Option<Vec<u8>> {
    let read: Result<Tree<'_>, NotRead> = match format {
        Format::Form => form::read(decoded, budget),
        Format::Ndjson => ndjson::read(decoded, budget),
        _ => json::read(decoded, budget),
    };
    let tree = read.ok()?;
    // The place of a form's value begins with its equals sign.
    let redacted = if format == Format::Form { format!("={REDACTED}") } else { format!("\"{REDACTED}\"") };
    let spans = redact_spans(&tree, rules.matcher())?;
    let mut changes: Vec<(Range<usize>, String)> = spans.into_iter().map(|span| (span, redacted.clone())).collect();
    changes.extend(told_within(&tree, format == Format::Form, &redacted));
    changes.sort_by_key(|(span, _)| span.start);
    let text = String::from_utf8(splice(decoded, &changes)).ok()?;
    Some(by_looks(&text).into_owned().into_bytes())
}

/// What takes the place of texts that tell a secret within them: once their escapes are resolved, or after its name.
fn told_within(tree: &Tree<'_>, whole: bool, redacted: &str) -> Vec<(Range<usize>, String)> {
    let change = |node: Node<'_>| {
        let Value::Text(text) = node.value() else { return None };
        let escaped = node.source().is_some_and(|source| source.iter().any(|byte| b"\\%+".contains(byte)));
        let shows = matches!(by_looks(text), Cow::Owned(_));
        let told = match mask_text(text) {
            _ if escaped && shows => redacted.to_owned(),
            Cow::Owned(masked) if !shows || masked != by_looks(text) => match whole {
                true => redacted.to_owned(),
                false => serde_json::Value::from(masked).to_string(),
            },
            _ => return None,
        };
        Some((node.span()?, told))
    };
    values(tree).filter_map(change).collect()
}

/// All values of a tree, in no order.
fn values<'t>(tree: &'t Tree<'t>) -> impl Iterator<Item = Node<'t>> {
    let mut left = vec![tree.root()];
    std::iter::from_fn(move || {
        let next = left.pop()?;
        left.extend(next.elements());
        left.extend(next.members().map(|member| member.value));
        Some(next)
    })
}

/// Replaces spans that are sorted; one within another counts as part of it.
fn splice(source: &[u8], changes: &[(Range<usize>, String)]) -> Vec<u8> {
    let mut out = Vec::with_capacity(source.len());
    let mut from = 0;
    for (span, told) in changes {
        if span.start < from {
            continue;
        }
        out.extend_from_slice(&source[from..span.start]);
        out.extend_from_slice(told.as_bytes());
        from = span.end;
    }
    out.extend_from_slice(&source[from..]);
    out
}

/// The values of a page that stand under a secret name: in an element or attribute of such a name, or in a field or a meta
/// tag that is called so.
pub(in crate::diff) fn secrets_of_page<'t>(tree: &'t Tree<'t>) -> Vec<&'t str> {
    let mut secrets = Vec::new();
    for element in values(tree).filter(|node| node.value() == Value::Object) {
        let text = |name: &str| match element.member(name).map(|node| node.value()) {
            Some(Value::Text(text)) => text,
            _ => "",
        };
        if ["@name", "@id", "@property"].iter().any(|name| is_secret_name(text(name))) {
            secrets.extend(["@value", "@content", "#text"].map(text));
        }
        for member in element.members().filter(|member| member.name.starts_with('@') && is_secret_name(member.name)) {
            secrets.extend(match member.value.value() {
                Value::Text(text) => Some(text),
                _ => None,
            });
        }
    }
    secrets.retain(|secret| !secret.is_empty());
    secrets
}

#[cfg(test)]
mod tests;
