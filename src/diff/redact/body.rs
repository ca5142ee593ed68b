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
/// In JSON, lines of JSON and forms the values that `redact` selects and those with secret names are replaced, the rest
/// stays byte for byte. Of XML the values of secret elements and attributes are replaced, and a page of HTML with
/// secret attributes is not kept; neither is kept if a selector may name something in it. Text loses what looks like a
/// secret. What does not parse as what it says is not kept, nor are text and bytes while there are selectors for
/// bodies. Text in another charset is kept as UTF-8.
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
            Some(by_looks(&mask::replaced(&text, &spans)).into_owned().into_bytes())
        }
        Format::Html => {
            let text = charset::text(decoded, content_type.as_ref(), true)?;
            let tree = html::read(&text, budget).ok()?;
            (!tells_secrets(&tree)).then(|| by_looks(&text).into_owned().into_bytes())
        }
    }
}

fn plain(content_type: Option<&MediaType>, decoded: &[u8], rules: &Compiled) -> Option<Vec<u8>> {
    if rules.redacts_bodies() {
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
    let mut spans = redact_spans(&tree, rules.matcher())?;
    spans.extend(hidden(&tree));
    spans.sort_by_key(|span| span.start);
    // The place of a form's value begins with its equals sign.
    let replacement = if format == Format::Form { format!("={REDACTED}") } else { format!("\"{REDACTED}\"") };
    let text = std::str::from_utf8(&splice(decoded, &spans, replacement.as_bytes()))
        .ok()
        .map(|text| by_looks(text).into_owned())?;
    Some(text.into_bytes())
}

/// Where texts stand that show a secret only once their escapes are resolved.
fn hidden(tree: &Tree<'_>) -> Vec<Range<usize>> {
    let escaped =
        |node: &Node<'_>| node.source().is_some_and(|source| source.iter().any(|byte| b"\\%+".contains(byte)));
    values(tree)
        .filter(|node| matches!(node.value(), Value::Text(text) if escaped(node) && matches!(by_looks(text), Cow::Owned(_))))
        .filter_map(|node| node.span())
        .collect()
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
fn splice(source: &[u8], spans: &[Range<usize>], replacement: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(source.len());
    let mut from = 0;
    for span in spans {
        if span.start < from {
            continue;
        }
        out.extend_from_slice(&source[from..span.start]);
        out.extend_from_slice(replacement);
        from = span.end;
    }
    out.extend_from_slice(&source[from..]);
    out
}

/// Whether a page has a value under a secret name: an element or attribute of such a name, or a field or a meta tag
/// that is called so.
fn tells_secrets(tree: &Tree<'_>) -> bool {
    values(tree).filter(|node| node.value() == Value::Object).any(|element| {
        let text = |name: &str| match element.member(name).map(|node| node.value()) {
            Some(Value::Text(text)) => text,
            _ => "",
        };
        let named = ["@name", "@id", "@property"].iter().any(|name| is_secret_name(text(name)));
        named && ["@value", "@content", "#text"].iter().any(|name| !text(name).is_empty())
            || element.members().any(|member| {
                let told = !matches!(member.value.value(), Value::Text("") | Value::Null);
                told && member.name.starts_with('@') && is_secret_name(member.name)
            })
    })
}

#[cfg(test)]
mod tests;
