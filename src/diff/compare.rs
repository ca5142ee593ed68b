//! Two answers held against each other: the whole comparison.

use super::differences::Differences;
use super::redact::is_secret_name;
use super::{Answer, Budget, Matcher, Outcome, Rules, body, head};

/// Rules ready for use: made once for each configuration.
#[derive(Debug, Clone)]
pub struct Compiled {
    rules: Rules,
    matcher: Matcher,
}

/// They are equal when they were made from equal rules.
impl PartialEq for Compiled {
    fn eq(&self, other: &Compiled) -> bool {
        self.rules == other.rules
    }
}

impl Compiled {
    /// Compiles rules.
    #[must_use]
    pub fn new(rules: Rules) -> Compiled {
        let matcher = Matcher::new(&rules, is_secret_name);
        Compiled { rules, matcher }
    }

    /// The rules it was made from.
    #[must_use]
    pub fn rules(&self) -> &Rules {
        &self.rules
    }

    /// The rules about structured bodies, compiled.
    #[must_use]
    pub fn matcher(&self) -> &Matcher {
        &self.matcher
    }

    /// Whether something within bodies is to be redacted.
    #[must_use]
    pub fn redacts_bodies(&self) -> bool {
        self.rules.redact.iter().any(super::Selector::is_body)
    }
}

/// Compares two answers, status and headers first. What is found is redacted already. When the body cannot be compared
/// within the budget, what was found until then is kept beside the reason.
#[must_use]
pub fn compare(one: &Answer<'_>, other: &Answer<'_>, rules: &Compiled, budget: &mut Budget<'_>) -> Outcome {
    let mut differences = head::compare(one, other, rules.rules());
    let mut found = Differences::new();
    let unknown = body::compare(one, other, rules, budget, &mut found).err();
    differences.extend(body::told(found));
    Outcome { differences, unknown }
}

#[cfg(test)]
mod tests;
