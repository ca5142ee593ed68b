//! The rules about bodies, compiled once for each configuration.

use super::alias;
use crate::diff::Rules;
use crate::diff::rules::{Allowed, Equivalence, Rename};
use crate::diff::selector::{Selector, Step};

/// What a comparison of structures goes by: the body selectors of its [`Rules`] as one machine that walks down with the
/// comparison.
#[derive(Debug, Clone)]
pub struct Matcher {
    /// The steps of all selectors, one selector after another, each ended by what it means.
    pub(super) program: Vec<Op>,
    /// Where in the program each selector begins.
    pub(super) starts: Vec<u32>,
    pub(super) renames: Vec<Rename>,
    pub(super) secret: fn(&str) -> bool,
}

/// One step of a selector, or its end.
#[derive(Debug, Clone)]
pub(super) enum Op {
    Step(Step),
    /// A step of a selector for what is redacted: a list more or less on the way does not matter, because the shape may
    /// be what differs.
    Cover(Step),
    End(Effect),
}

/// What a selector means for the values it names.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Effect {
    Ignore,
    Redact,
    /// With the member that tells elements apart, or none.
    Unordered(Option<Vec<String>>),
    Tolerance(Allowed),
    Equivalent(Equivalence),
}

impl Matcher {
    /// Compiles the rules about bodies. `secret` says of a member's name whether its value is redacted by default.
    #[must_use]
    pub fn new(rules: &Rules, secret: fn(&str) -> bool) -> Matcher {
        let ignore = rules.ignore.iter().map(|path| (path, Effect::Ignore));
        let redact = rules.redact.iter().map(|path| (path, Effect::Redact));
        let unordered = rules.unordered.iter().map(|rule| (&rule.path, Effect::Unordered(rule.key.clone())));
        let tolerance = rules.tolerance.iter().map(|rule| (&rule.path, Effect::Tolerance(rule.allowed)));
        let equivalent = rules.equivalent.iter().map(|rule| (&rule.path, Effect::Equivalent(rule.as_)));
        let mut matcher = Matcher { program: Vec::new(), starts: Vec::new(), renames: rules.rename.clone(), secret };
        for (selector, effect) in ignore.chain(redact).chain(unordered).chain(tolerance).chain(equivalent) {
            let Selector::Body(steps) = selector else { continue };
            // A rule may use either name of a renamed field; the comparison sees the legacy one, a body as it came both.
            for steps in alias::of(steps, &rules.rename, effect == Effect::Redact) {
                matcher.push(&steps, effect.clone());
            }
            matcher.push(steps, effect);
        }
        for steps in alias::of_secrets(&rules.rename, secret) {
            matcher.push(steps, Effect::Redact);
        }
        matcher
    }

    fn push(&mut self, steps: &[Step], effect: Effect) {
        // A configuration with four thousand million steps does not fit in memory.
        self.starts.push(u32::try_from(self.program.len()).unwrap_or(u32::MAX));
        if effect == Effect::Redact {
            // Where all elements are meant, so is what stands in the place of the list.
            let lists = steps.iter().rev().take_while(|step| **step == Step::AnyElement).count();
            self.program.extend(steps[..steps.len() - lists].iter().cloned().map(Op::Cover));
        } else {
            self.program.extend(steps.iter().cloned().map(Op::Step));
        }
        self.program.push(Op::End(effect));
    }
}
