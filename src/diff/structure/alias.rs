//! Rules about a renamed field, spelled by its other name.

use crate::diff::rules::Rename;
use crate::diff::selector::{Selector, Step};

/// The other spellings of a selector: what it says of one name of a renamed field, said of the other.
///
/// With `covering`, a selector that names something around a field covers the field under its other name as well: what is
/// redacted stays so wherever it is moved.
pub(super) fn of(steps: &[Step], renames: &[Rename], covering: bool) -> Vec<Vec<Step>> {
    let mut found = Vec::new();
    for rename in renames {
        let (Selector::Body(legacy), Selector::Body(new)) = (&rename.legacy, &rename.new) else { continue };
        for (from, to) in [(new, legacy), (legacy, new)] {
            found.extend(rests(steps, from, covering).map(|rest| [to, rest].concat()));
        }
    }
    found
}

/// The other names of renamed fields that are secret by one of their names.
pub(super) fn of_secrets(renames: &[Rename], secret: fn(&str) -> bool) -> Vec<&[Step]> {
    let is_secret = |path: &[Step]| path.iter().any(|step| matches!(step, Step::Member(name) if secret(name)));
    let mut found = Vec::new();
    for rename in renames {
        let (Selector::Body(legacy), Selector::Body(new)) = (&rename.legacy, &rename.new) else { continue };
        found.extend(is_secret(new).then_some(legacy.as_slice()));
        found.extend(is_secret(legacy).then_some(new.as_slice()));
    }
    found
}

/// What is left of a selector once it has walked down a path; nothing, where it ends there.
fn rests<'s>(steps: &'s [Step], path: &[Step], covering: bool) -> impl Iterator<Item = &'s [Step]> {
    let mut at = vec![0];
    let mut covered = covering && steps.is_empty();
    for edge in path {
        let mut next = Vec::new();
        for place in at {
            let Some(step) = steps.get(place) else { continue };
            if matches!(step, Step::Descendant(_)) {
                next.push(place);
            }
            if meets(step, edge, covering) {
                next.push(place + 1);
            }
        }
        next.dedup();
        at = next;
        covered |= covering && at.contains(&steps.len());
    }
    let covered = covered.then_some(&steps[steps.len()..]);
    // A selector of any depth needs no second spelling for what it finds under both names.
    let left = at.into_iter().filter_map(move |place| steps.get(place..)).filter(|rest| !starts_anywhere(rest));
    left.chain(covered)
}

fn starts_anywhere(rest: &[Step]) -> bool {
    matches!(rest.first(), Some(Step::Descendant(_)))
}

/// Whether a step of a selector takes a step of a path; one element stands for all of them only when nothing may be left out.
fn meets(step: &Step, edge: &Step, covering: bool) -> bool {
    match (step, edge) {
        (Step::Member(name) | Step::Descendant(name), Step::Member(member)) => name == member,
        (Step::AnyMember, Step::Member(_)) => true,
        (Step::AnyElement, Step::AnyElement | Step::Element(_)) => true,
        (Step::Element(_), Step::AnyElement) => covering,
        (Step::Element(place), Step::Element(element)) => place == element,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn aliases(selector: &str, covering: bool) -> Vec<String> {
        let parse = |text| Selector::parse(text).unwrap();
        let renames = [Rename { legacy: parse("$.a[*].old"), new: parse("$.b[*].c.new") }];
        let Selector::Body(steps) = parse(selector) else { panic!("a body selector is expected") };
        let mut found: Vec<_> =
            of(&steps, &renames, covering).into_iter().map(|steps| Selector::Body(steps).to_string()).collect();
        found.sort();
        found.dedup();
        found
    }

    #[test]
    fn rule_of_one_name_is_a_rule_of_the_other() {
        assert_eq!(aliases("$.b[*].c.new", false), ["$.a[*].old"]);
        assert_eq!(aliases("$.a[*].old.deep", false), ["$.b[*].c.new.deep"]);
        assert_eq!(aliases("$..new", false), ["$.a[*].old"]);
        assert_eq!(aliases("$.elsewhere", false), Vec::<String>::new());
    }

    #[test]
    fn only_redaction_reaches_down() {
        assert_eq!(aliases("$.b", false), Vec::<String>::new());
        assert_eq!(aliases("$.b", true), ["$.a[*].old"]);
        assert_eq!(aliases("$..c", true), ["$.a[*].old"]);
    }
}
