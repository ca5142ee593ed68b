//! The rules of a comparison in words.

use super::way::equivalence;
use crate::diff::rules::{Allowed, BodyRule, Rules, StatusRule};
use crate::snapshot::Comparison;

/// The most places that a rule names here.
const PLACES: usize = 30;

/// What is compared, what is let pass and what is left out, a line each.
pub(super) fn terms(comparison: &Comparison) -> Vec<(&'static str, String)> {
    let rules = comparison.rules.rules();
    let status = match rules.status {
        StatusRule::Exact => "must be equal",
        StatusRule::Class => "must have the same first digit",
    };
    let headers: Vec<String> = rules.headers.iter().map(ToString::to_string).collect();
    let mut terms = vec![
        ("Rules", format!("{}, as they are now", comparison.name)),
        ("Status", status.to_owned()),
        ("Headers", if headers.is_empty() { "none is compared".to_owned() } else { headers.join(", ") }),
        ("Body", body(rules).to_owned()),
    ];
    let lists = [
        ("Ignored", listed(rules.ignore.iter().map(ToString::to_string))),
        (
            "In any order",
            listed(rules.unordered.iter().map(|rule| match &rule.key {
                Some(key) => format!("{} by {}", rule.path, key.join(".")),
                None => rule.path.to_string(),
            })),
        ),
        (
            "May be off",
            listed(rules.tolerance.iter().map(|rule| match rule.allowed {
                Allowed::Absolute(by) => format!("{} by {by}", rule.path),
                Allowed::Relative(by) => format!("{} by {} %", rule.path, by * 100.0),
            })),
        ),
        ("Equivalent", listed(rules.equivalent.iter().map(|rule| format!("{}: {}", rule.path, equivalence(rule.as_))))),
        ("Renamed", listed(rules.rename.iter().map(|rule| format!("{} is {} in new", rule.legacy, rule.new)))),
        ("Redacted", listed(rules.redact.iter().map(ToString::to_string))),
    ];
    terms.extend(lists.into_iter().filter_map(|(name, list)| Some((name, list?))));
    terms.push(("Asked again", confirming(comparison)));
    terms
}

fn body(rules: &Rules) -> &'static str {
    match rules.body {
        BodyRule::Auto => {
            "as its Content-Type says; content codings and charsets come off, members and attributes count in any order, numbers by \
             their value, white space between elements not at all"
        }
        BodyRule::Json => "as JSON: members in any order, numbers by their value",
        BodyRule::Text => "as lines of text",
        BodyRule::Bytes => "byte for byte, with content codings off",
        BodyRule::None => "is not compared",
    }
}

fn confirming(comparison: &Comparison) -> String {
    let confirm =
        if comparison.confirm { "both sides once before a mismatch counts" } else { "nobody before a mismatch counts" };
    let noise = f64::from(comparison.noise.thousandths()) / 1000.0;
    format!("{confirm}; the answering side twice for {noise} % of requests, to learn its noise")
}

fn listed(items: impl ExactSizeIterator<Item = String>) -> Option<String> {
    let count = items.len();
    let shown: Vec<String> = items.take(PLACES).collect();
    let more = if count > shown.len() { format!(" and {} more", count - shown.len()) } else { String::new() };
    (count > 0).then(|| shown.join(" · ") + &more)
}
