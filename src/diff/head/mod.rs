//! Status and headers of two answers.

mod cookies;
mod values;

use http::header::{HeaderName, SET_COOKIE};

use super::excerpt::shown;
use super::redact::header_value;
use super::rules::StatusRule;
use super::{Answer, Difference, Kind, Rules, Selector};
use values::Sameness;

/// What differs between the statuses and the headers that the rules name. Every difference has its own path and kind.
#[must_use]
pub fn compare(one: &Answer<'_>, other: &Answer<'_>, rules: &Rules) -> Vec<Difference> {
    let mut found = Vec::new();
    let (one_status, other_status) = (one.status.as_u16(), other.status.as_u16());
    let (same, path) = match rules.status {
        StatusRule::Exact => (one_status == other_status, format!("status:{one_status}/{other_status}")),
        StatusRule::Class => {
            let (one, other) = (one_status / 100, other_status / 100);
            (one == other, format!("status:{one}xx/{other}xx"))
        }
    };
    if !same {
        // What was found and is now missing is another matter than what was missing and is now found.
        found.push(difference(Kind::Status, path, Some(one_status.to_string()), Some(other_status.to_string())));
    }
    let mut looked_at: Vec<&HeaderName> = Vec::new();
    for name in &rules.headers {
        if looked_at.contains(&name) || ignored(name, rules) {
            continue;
        }
        looked_at.push(name);
        if *name == SET_COOKIE {
            found.append(&mut cookies::compare(one.headers, other.headers, rules));
        } else {
            found.extend(header(name, one, other, rules));
        }
    }
    found
}

fn ignored(name: &HeaderName, rules: &Rules) -> bool {
    rules.ignore.iter().any(|selector| matches!(selector, Selector::Header(known) if known == name.as_str()))
}

fn header(name: &HeaderName, one: &Answer<'_>, other: &Answer<'_>, rules: &Rules) -> Option<Difference> {
    let lines = |answer: &Answer<'_>| answer.headers.get_all(name).iter().cloned().collect::<Vec<_>>();
    let (one, other) = (lines(one), lines(other));
    let kind = match (one.is_empty(), other.is_empty()) {
        (true, true) => return None,
        (false, true) => Kind::Missing,
        (true, false) => Kind::Extra,
        (false, false) => match values::compare(name, &one, &other) {
            Sameness::Same => return None,
            Sameness::Reordered => Kind::Order,
            Sameness::Different => Kind::Value,
        },
    };
    let show = |lines: &[http::HeaderValue]| {
        let lines: Vec<String> = lines.iter().map(|line| header_value(name, line, rules)).collect();
        (!lines.is_empty()).then(|| shown(&lines.join(", ")))
    };
    Some(difference(kind, format!("header:{name}"), show(&one), show(&other)))
}

fn difference(kind: Kind, path: String, one: Option<String>, other: Option<String>) -> Difference {
    Difference { kind, place: path.clone(), path, count: 1, one, other }
}

#[cfg(test)]
mod tests;
