//! Alternatives that can never win.

use std::collections::HashMap;

use http::Method;

use super::{Match, Route, RouteId, Rules, ValueMatch};

/// An alternative that can never win, because those in front of it take everything it takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unreachable {
    /// The route that can never win by this alternative.
    pub route: RouteId,
    /// Which alternative of its `match:`, from 0.
    pub alternative: u16,
    /// The route in front of it; the first, where several share its methods out. It may be the same route.
    pub by: RouteId,
}

impl Rules {
    /// The alternatives that can never win, in file order. Each one listed is certain; that an alternative is not listed
    /// does not prove that some request reaches it.
    #[must_use]
    pub fn unreachable(&self) -> Vec<Unreachable> {
        self.index.unreachable(&self.routes)
    }
}

/// Those among the alternatives of one host and path shape, given best first.
///
/// Only alternatives with the same conditions, or with conditions that ask for mere presence, are held against each other:
/// that takes linear time even where a hundred thousand routes differ in one header alone.
pub(super) fn in_run(routes: &[Route], run: impl Iterator<Item = (RouteId, u16)>) -> Vec<Unreachable> {
    let mut in_front: HashMap<Vec<String>, Vec<Front<'_>>> = HashMap::new();
    let mut found = Vec::new();
    for (route, alternative) in run {
        let entry = &routes[route.0 as usize].matches[usize::from(alternative)];
        let exact = conditions(entry, false);
        let present = conditions(entry, true);
        let fronts: Vec<Front<'_>> = [&exact, &present]
            .into_iter()
            .filter_map(|key| in_front.get(key))
            .flatten()
            .filter(|front| front.covers_conditions_and_path(entry))
            .copied()
            .collect();
        if let Some(by) = covering(&fronts, entry) {
            found.push(Unreachable { route, alternative, by });
        } else {
            // One that never wins hides nothing that those in front of it do not hide too.
            in_front.entry(exact).or_default().push(Front { route, entry });
        }
    }
    found
}

/// An alternative in front of another.
#[derive(Clone, Copy)]
struct Front<'r> {
    route: RouteId,
    entry: &'r Match,
}

impl Front<'_> {
    fn covers_conditions_and_path(&self, other: &Match) -> bool {
        // Without a path `*` is taken too, so `/{*rest}` in front does not take everything.
        (self.entry.path.is_none() || other.path.is_some())
            && self.entry.headers.iter().all(|mine| {
                other.headers.iter().any(|theirs| mine.name == theirs.name && mine.value.covers(&theirs.value))
            })
            && self.entry.query.iter().all(|mine| {
                other.query.iter().any(|theirs| mine.name == theirs.name && mine.value.covers(&theirs.value))
            })
    }

    fn takes(&self, method: &Method) -> bool {
        self.entry.methods.is_empty() || self.entry.methods.contains(method)
    }
}

/// The first of those that together take every method of this alternative.
fn covering(fronts: &[Front<'_>], entry: &Match) -> Option<RouteId> {
    if entry.methods.is_empty() {
        return fronts.iter().find(|front| front.entry.methods.is_empty()).map(|front| front.route);
    }
    let mut by = None;
    for method in &entry.methods {
        let front = fronts.iter().find(|front| front.takes(method))?;
        by = by.or(Some(front.route));
    }
    by
}

/// The conditions in a form to look up equal ones by; with `present`, as if each asked for mere presence.
fn conditions(entry: &Match, present: bool) -> Vec<String> {
    let value = |value: &ValueMatch| if present { ValueMatch::Present.to_string() } else { value.to_string() };
    let headers = entry.headers.iter().map(|one| format!("header {} {}", one.name, value(&one.value)));
    let query = entry.query.iter().map(|one| format!("query {:?} {}", one.name, value(&one.value)));
    let mut all: Vec<String> = headers.chain(query).collect();
    all.sort_unstable();
    all
}
