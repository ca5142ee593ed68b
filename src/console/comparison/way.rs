//! Where in a body something stands, and which rule of the comparison is about it.

use crate::diff::rules::{Allowed, Equivalence, Rules};
use crate::diff::selector::{Selector, Step};
use crate::diff::structure::is_field_name;

/// The most steps of a way that are told; what is deeper has no rule and no signature of its own.
const DEEPEST: usize = 64;

/// The way from a body as a whole down to something in it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Way {
    steps: Vec<Step>,
    /// Whether steps are left out.
    is_cut: bool,
}

impl Way {
    /// One step further down.
    pub(crate) fn down(&self, step: Step) -> Way {
        if self.steps.len() >= DEEPEST {
            return Way { steps: self.steps.clone(), is_cut: true };
        }
        let mut steps = Vec::with_capacity(self.steps.len() + 1);
        steps.extend_from_slice(&self.steps);
        steps.push(step);
        Way { steps, is_cut: self.is_cut }
    }

    /// As signatures have it: the same for every answer of a route. `None` where it is too deep to be told.
    pub(crate) fn normalised(&self) -> Option<String> {
        if self.is_cut {
            return None;
        }
        let steps = self.steps.iter().map(|step| match step {
            Step::Element(_) => Step::AnyElement,
            Step::Member(name) if !is_field_name(name) => Step::AnyMember,
            other => other.clone(),
        });
        Some(Selector::Body(steps.collect()).to_string())
    }

    /// The rule that lets pass what differs here, in words.
    pub(crate) fn rule(&self, rules: &Rules) -> Option<String> {
        if self.is_cut {
            return None;
        }
        if let Some(selector) = rules.ignore.iter().find(|selector| covers(selector, &self.steps, true)) {
            return Some(format!("ignored: {selector}"));
        }
        let here = |selector: &Selector| covers(selector, &self.steps, false);
        if let Some(rule) = rules.tolerance.iter().find(|rule| here(&rule.path)) {
            let allowed = match rule.allowed {
                Allowed::Absolute(by) => format!("by {by}"),
                Allowed::Relative(by) => format!("by {} %", by * 100.0),
            };
            return Some(format!("may be off {allowed}: {}", rule.path));
        }
        if let Some(rule) = rules.equivalent.iter().find(|rule| here(&rule.path)) {
            return Some(format!("{}: {}", equivalence(rule.as_), rule.path));
        }
        let is_renamed = |selector: &Selector| covers(selector, &self.steps, true);
        let renamed = rules.rename.iter().find(|rule| is_renamed(&rule.legacy) || is_renamed(&rule.new));
        renamed.map(|rule| format!("renamed: {} is {} in new", rule.legacy, rule.new))
    }

    /// Whether these two steps down from here lead to what legacy and new call by different names.
    pub(crate) fn renames(&self, rules: &Rules, legacy: &Step, new: &Step) -> bool {
        let leads = |selector: &Selector, step: &Step| covers(selector, &self.down(step.clone()).steps, false);
        !self.is_cut && rules.rename.iter().any(|rule| leads(&rule.legacy, legacy) && leads(&rule.new, new))
    }

    /// The member that tells the elements of the array at this place apart, where their order does not matter: `Some(None)` if nothing
    /// does.
    pub(crate) fn unordered<'r>(&self, rules: &'r Rules) -> Option<Option<&'r [String]>> {
        let found = rules.unordered.iter().find(|rule| !self.is_cut && covers(&rule.path, &self.steps, false))?;
        Some(found.key.as_deref())
    }
}

/// What may be spelled differently, in words.
pub(crate) fn equivalence(equivalence: Equivalence) -> String {
    match equivalence {
        Equivalence::Uuid => "the same UUID".to_owned(),
        Equivalence::Timestamp { within } => {
            format!("the same moment within {}", humantime::format_duration(within))
        }
        Equivalence::Url => "the same URL".to_owned(),
    }
}

/// Whether a selector names this place, or, with `below`, something that it stands in.
fn covers(selector: &Selector, way: &[Step], below: bool) -> bool {
    let Selector::Body(steps) = selector else { return false };
    // The places in the selector that the way so far may have led to.
    let mut at = vec![false; steps.len() + 1];
    at[0] = true;
    for step in way {
        if below && at[steps.len()] {
            return true;
        }
        let mut next = vec![false; steps.len() + 1];
        for (place, wanted) in steps.iter().enumerate().filter(|(place, _)| at[*place]) {
            match (wanted, step) {
                (Step::Descendant(name), Step::Member(is)) if name == is => {
                    (next[place], next[place + 1]) = (true, true);
                }
                // It may come further down.
                (Step::Descendant(_), _) => next[place] = true,
                (Step::Member(name), Step::Member(is)) if name == is => next[place + 1] = true,
                (Step::Element(wanted), Step::Element(is)) if wanted == is => next[place + 1] = true,
                (Step::AnyMember, Step::Member(_)) | (Step::AnyElement, Step::Element(_)) => next[place + 1] = true,
                _ => {}
            }
        }
        at = next;
    }
    at[steps.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn way(text: &str) -> Way {
        let Ok(Selector::Body(steps)) = Selector::parse(text) else { panic!("{text}") };
        Way { steps, is_cut: false }
    }

    #[test]
    fn a_rule_is_found_by_where_it_is_about() {
        let rule = |ignore: &str, at: &str| {
            let rules = Rules { ignore: vec![Selector::parse(ignore).unwrap()], ..Rules::default() };
            way(at).rule(&rules).is_some()
        };
        assert!(rule("$.a", "$.a") && rule("$.a", "$.a.b[0]") && !rule("$.a.b", "$.a"));
        assert!(rule("$.a[*].b", "$.a[3].b") && !rule("$.a[2].b", "$.a[3].b"));
        assert!(rule("$..etag", "$.a[3].etag") && rule("$..etag", "$.etag.x") && !rule("$..etag", "$.a"));
        assert!(rule("$.*.x", "$.a.x") && !rule("header:date", "$"));
    }

    #[test]
    fn a_way_is_normalised_as_signatures_are() {
        assert_eq!(way("$.items[3].price").normalised().as_deref(), Some("$.items[*].price"));
        assert_eq!(way("$.map['ord-00017'].x").normalised().as_deref(), Some("$.map.*.x"));
        let deep = (0..DEEPEST + 1).fold(Way::default(), |way, _| way.down(Step::Element(0)));
        assert_eq!((deep.normalised(), deep.rule(&Rules::default())), (None, None));
    }
}
