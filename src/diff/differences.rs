//! The differences of one pair of answers, as they are found.

use std::collections::HashMap;

use super::redact::REDACTED;
use super::{Difference, Kind};

/// The most differences that are told apart in one pair; what is above is counted in a last one at [`MORE`].
pub const MAX_DIFFERENCES: usize = 256;

/// The path of what is not told apart.
pub const MORE: &str = "(more)";

/// What is shown of a difference, redacted and cut.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Shown {
    /// Where exactly it is.
    pub place: String,
    /// What the first answer has there.
    pub one: Option<String>,
    /// What the other answer has there.
    pub other: Option<String>,
}

/// Differences, one for each path and kind, in the order of discovery.
#[derive(Debug, Default)]
pub struct Differences {
    list: Vec<Difference>,
    /// Where in the list the differences of a path are.
    by_path: HashMap<String, Vec<usize>>,
}

impl Differences {
    /// None yet.
    #[must_use]
    pub fn new() -> Differences {
        Differences::default()
    }

    /// Notes a difference. What is shown of it is asked for only the first time.
    pub fn add(&mut self, kind: Kind, path: &str, show: impl FnOnce() -> Shown) {
        let known =
            self.by_path.get(path).and_then(|places| places.iter().find(|place| self.list[**place].kind == kind));
        if let Some(difference) = known.and_then(|place| self.list.get_mut(*place)) {
            difference.count = difference.count.saturating_add(1);
            return;
        }
        if self.list.len() < MAX_DIFFERENCES {
            self.by_path.entry(path.to_owned()).or_default().push(self.list.len());
            let Shown { place, one, other } = show();
            self.list.push(Difference { kind, path: path.to_owned(), place, count: 1, one, other });
            return;
        }
        match self.list.last_mut().filter(|last| last.path == MORE) {
            Some(more) => more.count = more.count.saturating_add(1),
            None => {
                let Shown { place, one, other } = show();
                self.list.push(Difference { kind, path: MORE.to_owned(), place, count: 1, one, other });
            }
        }
    }

    /// Takes what is shown out of those from this one on, where `secret` says so.
    pub(super) fn hide(&mut self, from: usize, secret: impl Fn(&str) -> bool) {
        let rest = self.list.iter_mut().skip(from);
        for shown in rest.flat_map(|difference| [&mut difference.one, &mut difference.other]).flatten() {
            if secret(shown) {
                *shown = format!("\"{REDACTED}\"");
            }
        }
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// How many are told apart.
    #[must_use]
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// All of them.
    #[must_use]
    pub fn into_vec(self) -> Vec<Difference> {
        self.list
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn same_path_and_kind_are_one() {
        let mut found = Differences::new();
        found.add(Kind::Value, "$.a", || Shown { place: "first".to_owned(), ..Shown::default() });
        found.add(Kind::Type, "$.a", Shown::default);
        found.add(Kind::Value, "$.a", || unreachable!("it is shown already"));
        let found: Vec<_> = found.into_vec().into_iter().map(|one| (one.kind, one.place, one.count)).collect();
        assert_eq!(found, [(Kind::Value, "first".to_owned(), 2), (Kind::Type, String::new(), 1)]);
    }

    #[test]
    fn what_is_too_many_is_counted_in_a_last_one() {
        let mut found = Differences::new();
        for number in 0..MAX_DIFFERENCES + 10 {
            found.add(Kind::Value, &format!("$.f{number}"), Shown::default);
        }
        let found = found.into_vec();
        assert_eq!(found.len(), MAX_DIFFERENCES + 1);
        assert_eq!(found.last().map(|more| (more.path.as_str(), more.count)), Some((MORE, 10)));
    }
}
