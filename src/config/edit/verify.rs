//! Whether a text that was edited says what was meant, and nothing else.

use super::{child, entry};
use crate::config::yaml::{Node, Resolved, Shape, resolve};

/// Whether two nodes say the same, aliases followed. Depth is bounded by the parser.
pub(super) fn is_same(one: Node<'_>, other: Node<'_>) -> bool {
    match (one.shape(), other.shape()) {
        (Shape::Scalar { text, plain }, Shape::Scalar { text: other, plain: other_plain }) => {
            let (one, two) = (meaning(text, plain), meaning(other, other_plain));
            one == two && (text == other || one == Resolved::Null)
        }
        (Shape::Sequence(one), Shape::Sequence(other)) => {
            one.size_hint() == other.size_hint() && one.zip(other).all(|(one, other)| is_same(one, other))
        }
        (Shape::Mapping(one), Shape::Mapping(other)) => {
            one.size_hint() == other.size_hint()
                && one.zip(other).all(|(one, other)| is_same(one.0, other.0) && is_same(one.1, other.1))
        }
        _ => false,
    }
}

fn meaning(text: &str, plain: bool) -> Resolved {
    if plain { resolve(text) } else { Resolved::Text }
}

/// Whether `after` is `before` with the key set in these routes.
pub(super) fn is_set(before: Node<'_>, after: Node<'_>, items: &[usize], path: &[String], value: Node<'_>) -> bool {
    let (Shape::Mapping(one), Shape::Mapping(other)) = (before.shape(), after.shape()) else { return false };
    one.size_hint() == other.size_hint()
        && one.zip(other).all(|((key, before), (other, after))| {
            let is_routes = matches!(key.shape(), Shape::Scalar { text: "routes", .. });
            is_same(key, other)
                && if is_routes { are_set(before, after, items, path, value) } else { is_same(before, after) }
        })
}

fn are_set(before: Node<'_>, after: Node<'_>, items: &[usize], path: &[String], value: Node<'_>) -> bool {
    let (Shape::Sequence(one), Shape::Sequence(other)) = (before.shape(), after.shape()) else { return false };
    one.size_hint() == other.size_hint()
        && one.zip(other).enumerate().all(|(item, (before, after))| {
            if items.contains(&item) { has(Some(before), after, path, value) } else { is_same(before, after) }
        })
}

/// Whether `after` is `before` with this path set; a path that was not there has come behind everything else.
fn has(before: Option<Node<'_>>, after: Node<'_>, path: &[String], value: Node<'_>) -> bool {
    let Some((name, rest)) = path.split_first() else { return is_same(after, value) };
    let Shape::Mapping(pairs) = after.shape() else { return false };
    let old = before.filter(|before| matches!(before.shape(), Shape::Mapping(_)));
    let old_length = old.map_or(0, |old| if let Shape::Mapping(pairs) = old.shape() { pairs.count() } else { 0 });
    let had_it = old.is_some_and(|old| child(old, name).is_some());
    pairs.size_hint().0 == old_length + usize::from(!had_it)
        && pairs.enumerate().all(|(place, (key, now))| {
            let Shape::Scalar { text, .. } = key.shape() else { return false };
            let was = old.and_then(|old| entry_at(old, place));
            match was {
                Some((was_key, was)) if text == name => is_same(was_key, key) && has(Some(was), now, rest, value),
                Some((was_key, was)) => is_same(was_key, key) && is_same(was, now),
                None => text == name && entry(after, name).is_some() && has(None, now, rest, value),
            }
        })
}

fn entry_at<'t>(mapping: Node<'t>, place: usize) -> Option<(Node<'t>, Node<'t>)> {
    let Shape::Mapping(mut pairs) = mapping.shape() else { return None };
    pairs.nth(place)
}
