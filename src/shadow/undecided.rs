//! Comparisons that wait a moment for their verdict: the difference they showed was being asked about for another one.

use std::collections::VecDeque;
use std::sync::Arc;

use tokio::time::{Duration, Instant};

use super::judge::Judge;
use super::round::{Weight, verdict};
use crate::diff::SignatureId;
use crate::store::batch::MAX_SAMPLES;
use crate::store::{Compared, Sample};
use crate::telemetry::ShadowMeter;

/// How long they wait. A crash loses what waits.
const PATIENCE: Duration = Duration::from_millis(700);
/// How many wait at most.
const MOST: usize = 4_000;

/// A comparison without a verdict.
#[derive(Debug)]
pub(super) struct Undecided {
    pub(super) since: Instant,
    pub(super) compared: Compared,
    pub(super) meter: Option<Arc<ShadowMeter>>,
    /// What it showed and nobody accepted.
    pub(super) ids: Vec<SignatureId>,
    /// The comparison in full, if it is to be kept.
    pub(super) sample: Option<Sample>,
}

/// Those of one thread, the oldest first.
#[derive(Debug, Default)]
pub(super) struct Waiting(VecDeque<Undecided>);

impl Waiting {
    /// Lets one wait, if there is room. Whether there was.
    pub(super) fn add(&mut self, one: impl FnOnce() -> Undecided) -> bool {
        let room = self.0.len() < MOST;
        if room {
            self.0.push_back(one());
        }
        room
    }

    /// Whether none waits.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether there is room for another comparison in full.
    pub(super) fn takes_samples(&self) -> bool {
        self.0.iter().filter(|one| one.sample.is_some()).nth(MAX_SAMPLES - 1).is_none()
    }

    /// The next one that has waited long enough, or, if `all`, the next one; with its verdict.
    pub(super) fn next(&mut self, judge: &Judge, all: bool) -> Option<Undecided> {
        self.0.front().filter(|one| all || one.since.elapsed() >= PATIENCE)?;
        let mut one = self.0.pop_front()?;
        let weigh = |id: &SignatureId| Weight::of(None, judge.held(&one.compared.route, *id), true);
        let heaviest = one.ids.iter().map(weigh).max();
        (one.compared.verdict, one.compared.why) = verdict(heaviest, None);
        if let Some(sample) = &mut one.sample {
            sample.verdict = one.compared.verdict;
        }
        Some(one)
    }
}

#[cfg(test)]
mod tests {
    use super::super::judge::Confirmation;
    use super::super::round::UNCONFIRMED;
    use super::*;
    use crate::diff::{Evidence, Verdict};

    #[test]
    fn what_was_learned_meanwhile_decides() {
        let (judge, route): (_, Arc<str>) = (Judge::default(), "r".into());
        let [real, noise, unknown] = [1, 2, 3].map(SignatureId);
        for id in [real, noise, unknown] {
            judge.compared(&route);
            judge.learn(&route, id, &Evidence { raw: 1, ..Evidence::default() });
        }
        let mut waiting = Waiting::default();
        for ids in [vec![real, noise], vec![noise], vec![noise, unknown]] {
            let compared = Compared {
                at_ms: 0,
                route: Arc::clone(&route),
                tenant: None,
                verdict: UNCONFIRMED.0,
                why: UNCONFIRMED.1,
                took: None,
            };
            assert!(waiting.add(|| Undecided { since: Instant::now(), compared, meter: None, ids, sample: None }));
        }
        assert!(waiting.next(&judge, false).is_none(), "it is too early");
        judge.learn(&route, real, &Confirmation::Again.evidence());
        judge.learn(&route, noise, &Confirmation::Itself.evidence());
        let verdicts: Vec<_> = std::iter::from_fn(|| waiting.next(&judge, true))
            .map(|one| (one.compared.verdict, one.compared.why))
            .collect();
        assert_eq!(verdicts, [(Verdict::Mismatch, ""), (Verdict::Noise, "noise"), UNCONFIRMED]);
    }
}
