//! Whether a route is good enough to go on.

use super::share;
use crate::diff::Share;
use crate::routing::Percent;
use crate::store::Reader;
use crate::store::read::{ReadError, Tally};

/// What must hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gate {
    /// Of the comparisons that could be judged, at least so many match or differ by noise only.
    pub min_match: Percent,
    /// At least so many comparisons could be judged.
    pub min_n: u64,
    /// Of all comparisons, at most so many could not be judged.
    pub max_unknown: Percent,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Passage {
    /// Of the comparisons that could be judged, how many match or differ by noise only.
    pub matching: Share,
    /// Of all comparisons, how many could not be judged.
    pub unknown: Share,
    /// What is missing; empty if it passes.
    pub missing: Vec<String>,
}

impl Gate {
    /// Holds these routes against it, all together.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn ask(&self, reader: &Reader, routes: &[String], since_ms: u64) -> Result<Passage, ReadError> {
        let mut tally = Tally::default();
        for summary in reader.routes(since_ms)?.iter().filter(|summary| routes.contains(&summary.route)) {
            tally.merge(&summary.tally);
        }
        Ok(self.judge(&tally))
    }

    /// Holds counts against it.
    #[must_use]
    pub fn judge(&self, tally: &Tally) -> Passage {
        let (matching, unknown) = (tally.matching(), tally.unknown());
        let mut missing = Vec::new();
        if matching.of < self.min_n {
            missing.push(format!("{} more comparisons: {} of {}", self.min_n - matching.of, matching.of, self.min_n));
        }
        if parts(matching.hits) < parts_of(self.min_match, matching.of) {
            missing.push(format!("the match share is below {}", text(self.min_match)));
        }
        if parts(unknown.hits) > parts_of(self.max_unknown, unknown.of) {
            missing.push(format!("the share of unknown comparisons is over {}", text(self.max_unknown)));
        }
        Passage { matching, unknown, missing }
    }
}

impl Passage {
    /// Whether it passes.
    #[must_use]
    pub fn passes(&self) -> bool {
        self.missing.is_empty()
    }

    /// What came of it, a line for each thing.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        let mut lines = vec![format!("match    {}", share(self.matching)), format!("unknown  {}", share(self.unknown))];
        lines.extend(self.missing.iter().map(|missing| format!("missing: {missing}")));
        lines.push(if self.passes() { "passed" } else { "not passed" }.to_owned());
        lines
    }
}

/// Exactly, in thousandths of a percent: no rounding decides.
fn parts(hits: u64) -> u128 {
    u128::from(hits) * 100_000
}

fn parts_of(percent: Percent, of: u64) -> u128 {
    u128::from(percent.thousandths()) * u128::from(of)
}

fn text(percent: Percent) -> String {
    format!("{} %", f64::from(percent.thousandths()) / 1000.0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::diff::Verdict;

    fn gate(min_match: u32, min_n: u64, max_unknown: u32) -> Gate {
        let percent = |thousandths| Percent::from_thousandths(thousandths).unwrap();
        Gate { min_match: percent(min_match), min_n, max_unknown: percent(max_unknown) }
    }

    fn tally(counts: [u64; 4]) -> Tally {
        let mut tally = Tally::default();
        Verdict::ALL.into_iter().zip(counts).for_each(|(verdict, count)| tally.add(verdict, count));
        tally
    }

    #[test]
    fn each_bound_is_exact() {
        let gate = gate(99_900, 1000, 1000);
        assert!(gate.judge(&tally([990, 1, 9, 10])).passes());
        assert_eq!(gate.judge(&tally([989, 2, 9, 10])).missing, ["the match share is below 99.9 %"]);
        assert_eq!(gate.judge(&tally([990, 0, 9, 10])).missing, ["1 more comparisons: 999 of 1000"]);
        assert_eq!(gate.judge(&tally([990, 1, 9, 11])).missing, ["the share of unknown comparisons is over 1 %"]);
    }

    #[test]
    fn nothing_passes_only_a_gate_that_asks_for_nothing() {
        assert!(!gate(0, 1, 0).judge(&Tally::default()).passes());
        assert!(gate(100_000, 0, 0).judge(&Tally::default()).passes());
    }

    proptest! {
        #[test]
        fn another_mismatch_never_helps_the_share(counts in proptest::array::uniform4(0_u64..1000), min in 0_u32..=100_000) {
            let gate = gate(min, 0, 100_000);
            let mut more = counts;
            more[1] += 1;
            prop_assert!(gate.judge(&tally(counts)).passes() || !gate.judge(&tally(more)).passes());
        }
    }
}
