//! From a key and a value to the bytes that change.

use std::ops::Range;

use super::layout::{Spot, Style, behind_colon};
use super::value::key as write_key;
use super::{EditError, Sheet, Value, entry};
use crate::config::place::Place;
use crate::config::yaml::{Node, Resolved, Shape, resolve};

/// These bytes become this text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Change {
    range: Range<usize>,
    text: String,
    /// The node whose value is replaced, where it is an alias: the anchored one may be replaced in its place.
    instead_of: Option<usize>,
    /// The node whose value is replaced.
    of: Option<usize>,
}

/// The changes for one route.
pub(super) struct Planned {
    pub(super) changes: Vec<Change>,
    /// The first place on the way that others may share.
    pub(super) shared: Option<Place>,
}

/// What has to change so that this route has the value at the path.
pub(super) fn plan(sheet: &Sheet<'_>, route: Node<'_>, path: &[String], value: &Value) -> Result<Planned, EditError> {
    let mut shared = None;
    let (mut node, mut came_by) = (route, None);
    for (depth, name) in path.iter().enumerate() {
        note_shared(sheet, node, &mut shared);
        let is_last = depth + 1 == path.len();
        let changes = match (node.shape(), entry(node, name), came_by) {
            (Shape::Mapping(_), Some((key, next)), _) if !is_last => {
                (node, came_by) = (next, Some(key));
                continue;
            }
            (Shape::Mapping(_), Some((key, old)), _) => {
                note_shared(sheet, old, &mut shared);
                replace(sheet, key, old, &|style, within| value.write(within, Some(style)))?
            }
            (Shape::Mapping(_), None, _) => insert(sheet, node, &path[depth..], value)?,
            (Shape::Scalar { text, plain: true }, _, Some(key)) if resolve(text) == Resolved::Null => {
                replace(sheet, key, node, &|_, _| nested(&path[depth..], value))?
            }
            _ => {
                let message = format!("`{}` is no mapping here: set it whole", path[..depth].join("."));
                return Err(EditError::at(node.place(), message));
            }
        };
        return Ok(Planned { changes, shared });
    }
    Err(EditError::of_all("no key is given"))
}

fn note_shared(sheet: &Sheet<'_>, node: Node<'_>, shared: &mut Option<Place>) {
    let is_anchored = sheet.layout.spot(node.number()).is_some_and(|spot| spot.anchored);
    if shared.is_none() && (is_anchored || node.number() != node.meant().number()) {
        *shared = Some(node.place());
    }
}

/// `{ by: { name: value } }` for the rest of a path.
fn nested(path: &[String], value: &Value) -> String {
    let inner = value.write(true, None);
    path.iter().rev().fold(inner, |inner, name| format!("{{ {}: {inner} }}", write_key(name)))
}

/// Puts another value behind a key.
fn replace(
    sheet: &Sheet<'_>,
    key: Node<'_>,
    old: Node<'_>,
    write: &dyn Fn(Style, bool) -> String,
) -> Result<Vec<Change>, EditError> {
    let unclear = || EditError::at(old.place(), "this cannot be taken apart: edit it by hand");
    let (text, layout) = (sheet.text, &sheet.layout);
    let key_spot = layout.spot(key.number()).ok_or_else(unclear)?;
    let spot = layout.spot(old.number()).ok_or_else(unclear)?;
    if spot.tagged {
        return Err(EditError::at(old.place(), "this value has a tag: edit it by hand"));
    }
    let colon = behind_colon(text, key_spot.end).ok_or_else(unclear)?;
    let of = Some(old.number());
    let instead_of = (old.number() != old.meant().number()).then(|| old.meant().number());
    let change = |range: Range<usize>, text: String| Change { range, text, instead_of, of };
    let new = write(spot.style, key_spot.within);
    let lose = |from: usize, to: usize| {
        match layout.comment(text, from, to) {
        Some(at) => Err(EditError {
            place: Some(place_of(text, at)),
            message: "this comment would be lost with the value that it stands in: set its keys one by one, or edit it by hand".to_owned(),
        }),
        None => Ok(()),
    }
    };
    match spot.style {
        Style::Empty => Ok(vec![change(spot.end..spot.end, format!(" {new}"))]),
        Style::Plain | Style::Quoted(_) => Ok(vec![change(spot.start..spot.end, new)]),
        Style::Flow => {
            lose(spot.start, spot.end)?;
            Ok(vec![change(spot.start..spot.end, new)])
        }
        Style::Literal => {
            let mark = text.get(colon..spot.start).and_then(|head| head.rfind(['|', '>'])).ok_or_else(unclear)? + colon;
            let line = line_end(text, mark);
            if text[mark..line].contains('#') {
                lose(mark, line)?;
            }
            let end = spot.start + text[spot.start..spot.end].trim_end().len();
            Ok(vec![change(mark..end.max(mark + 1), new)])
        }
        Style::Block => {
            // The value moves up behind its key (and anchor); its lines go. What stands between the two stays.
            let first_line = line_start(text, spot.start);
            let end = line_end(text, spot.end);
            lose(first_line, end)?;
            if first_line <= colon {
                return Err(unclear());
            }
            let head = if spot.anchored { behind_anchor(text, colon) } else { colon };
            let from = first_line - line_break_before(text, first_line).len();
            Ok(vec![change(head..head, format!(" {new}")), change(from..end, String::new())])
        }
    }
}

/// Adds a key behind the last one of a mapping.
fn insert(sheet: &Sheet<'_>, mapping: Node<'_>, path: &[String], value: &Value) -> Result<Vec<Change>, EditError> {
    let unclear = || EditError::at(mapping.place(), "no key can be added here: edit it by hand");
    let text = sheet.text;
    let spot = sheet.layout.spot(mapping.meant().number()).ok_or_else(unclear)?;
    let Shape::Mapping(pairs) = mapping.shape() else { return Err(unclear()) };
    let (name, rest) = path.split_first().ok_or_else(unclear)?;
    let written = if rest.is_empty() { value.write(spot.style == Style::Flow, None) } else { nested(rest, value) };
    let added = format!("{}: {written}", write_key(name));
    let change = |at: usize, text: String| Ok(vec![Change { range: at..at, text, instead_of: None, of: None }]);
    let Some((_, last)) = pairs.last() else {
        return Ok(vec![Change {
            range: spot.start + 1..spot.end - 1,
            text: format!(" {added} "),
            instead_of: None,
            of: None,
        }]);
    };
    let last = sheet.layout.spot(last.number()).ok_or_else(unclear)?;
    if spot.style == Style::Flow {
        return change(last.end, format!(", {added}"));
    }
    let indent = text[line_start(text, spot.start)..spot.start].chars().count();
    let indent = " ".repeat(indent);
    let line_break = line_break(text);
    match end_of_lines(text, &last) {
        at if at == 0 || text[..at].ends_with(['\n', '\r']) => change(at, format!("{indent}{added}{line_break}")),
        at => change(at, format!("{line_break}{indent}{added}")),
    }
}

/// Where a line can be added behind a value: at the end of its line, before the line break; or, behind a block of text,
/// where the next line starts.
fn end_of_lines(text: &str, last: &Spot) -> usize {
    let at_start = last.end == 0 || text[..last.end].ends_with(['\n', '\r']);
    if at_start { last.end } else { line_end(text, last.end) }
}

/// Behind the anchor that stands behind a colon.
fn behind_anchor(text: &str, colon: usize) -> usize {
    let blank = text[colon..].len() - text[colon..].trim_start().len();
    let anchor = &text[colon + blank..];
    colon + blank + anchor.find(char::is_whitespace).unwrap_or(anchor.len())
}

fn line_start(text: &str, at: usize) -> usize {
    text[..at].rfind(['\n', '\r']).map_or(0, |end| end + 1)
}

fn line_end(text: &str, at: usize) -> usize {
    text[at..].find(['\n', '\r']).map_or(text.len(), |length| at + length)
}

fn line_break_before(text: &str, at: usize) -> &str {
    ["\r\n", "\n", "\r"].into_iter().find(|end| text[..at].ends_with(end)).unwrap_or("")
}

/// How this file ends its lines.
fn line_break(text: &str) -> &str {
    match line_break_before(text, text.find('\n').map_or(0, |at| at + 1)) {
        "" => "\n",
        found => found,
    }
}

/// Line and column of a byte.
fn place_of(text: &str, at: usize) -> (u32, u32) {
    let before = &text[..at];
    let lines = before.replace("\r\n", "\n").matches(['\n', '\r']).count() + 1;
    let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    (count(lines), count(before[line_start(text, at)..].chars().count() + 1))
}

/// Each place is changed once: routes that share a value by an alias ask for the same change, and where an anchored value
/// is replaced, its aliases follow by themselves.
pub(super) fn settle(mut changes: Vec<Change>) -> Vec<Change> {
    let replaced: Vec<usize> = changes.iter().filter_map(|change| change.of).collect();
    changes.retain(|change| change.instead_of.is_none_or(|anchored| !replaced.contains(&anchored)));
    changes.sort_by_key(|change| (change.range.start, change.range.end));
    changes.dedup();
    changes
}

/// The text with these changes, which are in order and do not overlap.
pub(super) fn apply(text: &str, changes: Vec<Change>) -> String {
    let mut out = String::with_capacity(text.len() + 64);
    let mut at = 0;
    for change in changes {
        out.push_str(text.get(at..change.range.start).unwrap_or(""));
        out.push_str(&change.text);
        at = change.range.end.max(at);
    }
    out.push_str(text.get(at..).unwrap_or(""));
    out
}
