//! How much had migrated, hour by hour.

use std::collections::BTreeMap;

/// How much had migrated in an hour, as one process saw it.
///
/// What each number means is said where it is counted, at `control::overview::Progress`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Hour {
    /// Which hour, in hours since 1970.
    pub hour: u64,
    /// Which process, by when it began to look, in milliseconds since 1970; what it says later of the same hour replaces what
    /// it said before.
    pub run: u64,
    /// Requests that a side answered.
    pub answered: u64,
    /// Those that new answered.
    pub by_new: u64,
    /// Routes.
    pub routes: u64,
    /// How many of them have migrated, in thousandths.
    pub routes_thousandths: u64,
    /// Tenants that had a request answered.
    pub tenants: u64,
    /// Those all of whose requests went to new.
    pub tenants_on_new: u64,
}

impl Hour {
    /// One for each hour, in their order: what several processes saw of an hour is put together. Traffic adds up; routes are as
    /// the last one had them; of tenants, the one that saw the most speaks.
    #[must_use]
    pub fn merged(hours: impl IntoIterator<Item = Hour>) -> Vec<Hour> {
        let mut runs: BTreeMap<(u64, u64), Hour> = BTreeMap::new();
        for hour in hours {
            runs.insert((hour.hour, hour.run), hour);
        }
        let mut merged: Vec<Hour> = Vec::new();
        for next in runs.into_values() {
            match merged.last_mut().filter(|last| last.hour == next.hour) {
                Some(last) => *last = last.with(next),
                None => merged.push(next),
            }
        }
        merged
    }

    fn with(self, later: Hour) -> Hour {
        let tenants = if later.tenants >= self.tenants { later } else { self };
        Hour {
            answered: self.answered.saturating_add(later.answered),
            by_new: self.by_new.saturating_add(later.by_new),
            tenants: tenants.tenants,
            tenants_on_new: tenants.tenants_on_new,
            ..later
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_two_processes_saw_of_an_hour_is_one_hour() {
        let one = Hour {
            hour: 7,
            run: 1,
            answered: 10,
            by_new: 2,
            routes: 3,
            routes_thousandths: 500,
            tenants: 5,
            tenants_on_new: 1,
        };
        let two = Hour { run: 2, routes_thousandths: 900, tenants: 2, ..one };
        let next = Hour { hour: 8, ..two };
        let expected = Hour { run: 2, answered: 20, by_new: 4, routes_thousandths: 900, ..one };
        assert_eq!(Hour::merged([next, two, one, two]), [expected, next]);
    }
}
