//! What is known of each difference signature: the evidence of all shadow threads together.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::time::{Duration, Instant};

use super::allowance::{Allowance, Purpose};
use crate::diff::{Difference, Evidence, Judgement, Kind, SignatureId};
use crate::store;

/// The most signatures that are known of one route; what is above stays unjudged.
const MAX_SIGNATURES: usize = 2_000;
/// From this many confirmations on, older ones count half: systems change.
const MAX_CONFIRMATIONS: u64 = 20;
/// So many samples of a signature are kept as they come, later ones [`SAMPLE_EVERY`].
const FIRST_SAMPLES: u32 = 10;
/// How often a signature is sampled that has its first samples.
const SAMPLE_EVERY: Duration = Duration::from_secs(60);

/// What is known of each difference signature, and how often systems may be asked twice to learn more. Shared by the
/// shadow threads; nobody else takes its lock.
#[derive(Debug, Default)]
pub struct Judge {
    routes: Mutex<HashMap<Arc<str>, Route>>,
    allowance: Mutex<Allowance>,
}

#[derive(Debug, Default)]
struct Route {
    compared: u64,
    checked: u64,
    signatures: HashMap<SignatureId, Known>,
}

#[derive(Debug, Default)]
struct Known {
    /// Without `compared` and `checked`, which are the route's.
    evidence: Evidence,
    samples: u32,
    sampled: Option<Instant>,
}

/// What came of asking both sides again about one difference.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Confirmation {
    /// It showed again.
    Again,
    /// The answering side differs from itself there.
    Itself,
    /// It did not show again.
    Gone,
}

impl Confirmation {
    /// As evidence.
    pub(super) fn evidence(self) -> Evidence {
        let one = Evidence::default();
        match self {
            Confirmation::Again => Evidence { again: 1, ..one },
            Confirmation::Itself => Evidence { itself: 1, ..one },
            Confirmation::Gone => Evidence { gone: 1, ..one },
        }
    }
}

/// What is held of a signature at present.
#[derive(Debug, Clone, Copy)]
pub(super) struct Held {
    pub(super) judgement: Judgement,
    /// What asking both sides again would be for, if it would teach anything.
    pub(super) wants: Option<Purpose>,
    /// Whether it was not known before.
    pub(super) fresh: bool,
}

/// Kinds that a field which comes and goes shows by turns.
const COMES_AND_GOES: [Kind; 3] = [Kind::Missing, Kind::Extra, Kind::Null];

/// The kinds of difference between two systems that a difference of a system from itself explains.
pub(super) fn explained_by(kind: Kind) -> &'static [Kind] {
    match COMES_AND_GOES.contains(&kind) {
        true => &COMES_AND_GOES,
        false => {
            let place = Kind::ALL.iter().position(|other| *other == kind).unwrap_or_default();
            &Kind::ALL[place..=place]
        }
    }
}

/// Whether these differences hold one at the same place and of a kind that explains this one.
pub(super) fn shows(differences: &[Difference], one: &Difference) -> bool {
    differences.iter().any(|other| other.path == one.path && explained_by(other.kind).contains(&one.kind))
}

impl Judge {
    /// Begins with what was known before.
    pub fn remember(&self, known: Vec<store::Known>) {
        let mut routes = self.routes();
        for one in known {
            let route = routes.entry(one.route).or_default();
            // Each signature tells the numbers of its route anew.
            route.compared = route.compared.max(one.evidence.compared);
            route.checked = route.checked.max(one.evidence.checked);
            if route.signatures.len() < MAX_SIGNATURES {
                let known = Known { evidence: one.evidence, samples: FIRST_SAMPLES, sampled: None };
                route.signatures.insert(one.id, known);
            }
        }
    }

    fn routes(&self) -> MutexGuard<'_, HashMap<Arc<str>, Route>> {
        // Counters stay true whatever another thread died of.
        self.routes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn allowance(&self) -> MutexGuard<'_, Allowance> {
        self.allowance.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts a comparison of a route.
    pub(super) fn compared(&self, route: &Arc<str>) {
        let mut routes = self.routes();
        match routes.get_mut(route) {
            Some(known) => known.compared += 1,
            None => routes.entry(Arc::clone(route)).or_default().compared = 1,
        }
        drop(routes);
        self.allowance().compared(route);
    }

    /// Whether these backends may be asked once more.
    pub(super) fn may_ask(&self, route: &Arc<str>, backends: &[&Arc<str>], purpose: Purpose) -> bool {
        self.allowance().take(route, backends, purpose, Instant::now())
    }

    /// Counts a self-check of a route that showed these differences.
    pub(super) fn checked(&self, route: &Arc<str>, differences: &[Difference]) {
        let mut routes = self.routes();
        let known = routes.entry(Arc::clone(route)).or_default();
        known.checked += 1;
        for difference in differences {
            for kind in explained_by(difference.kind) {
                known.learn(
                    SignatureId::new(route, &difference.path, *kind),
                    &Evidence { noise: 1, ..Evidence::default() },
                );
            }
        }
    }

    /// Adds to what is known of a signature, and says what is held of it now.
    pub(super) fn learn(&self, route: &Arc<str>, id: SignatureId, learned: &Evidence) -> Held {
        self.routes().entry(Arc::clone(route)).or_default().learn(id, learned)
    }

    /// What is held of a signature at present.
    pub(super) fn held(&self, route: &Arc<str>, id: SignatureId) -> Judgement {
        self.learn(route, id, &Evidence::default()).judgement
    }

    /// Whether a comparison with these signatures is worth keeping in full; if so, that is noted.
    pub(super) fn wants_sample(&self, route: &Arc<str>, ids: &[SignatureId], now: Instant) -> bool {
        let mut routes = self.routes();
        let Some(known) = routes.get_mut(route) else { return false };
        let wants = |known: &Known| {
            known.samples < FIRST_SAMPLES || known.sampled.is_none_or(|last| now.duration_since(last) >= SAMPLE_EVERY)
        };
        let wanted = ids.iter().any(|id| known.signatures.get(id).is_some_and(wants));
        if wanted {
            for id in ids {
                if let Some(known) = known.signatures.get_mut(id) {
                    known.samples = known.samples.saturating_add(1);
                    known.sampled = Some(now);
                }
            }
        }
        wanted
    }
}

impl Route {
    fn learn(&mut self, id: SignatureId, learned: &Evidence) -> Held {
        let full = self.signatures.len() >= MAX_SIGNATURES;
        if full && !self.signatures.contains_key(&id) {
            return Held { judgement: Judgement::TooFew, wants: None, fresh: false };
        }
        let fresh = !self.signatures.contains_key(&id);
        let evidence = &mut self.signatures.entry(id).or_default().evidence;
        evidence.add(learned);
        if evidence.confirmations() > MAX_CONFIRMATIONS {
            evidence.again = evidence.again.div_ceil(2);
            evidence.itself /= 2;
            evidence.gone /= 2;
        }
        let whole = Evidence { compared: self.compared, checked: self.checked, ..*evidence };
        let wants = match whole.is_settled() {
            false => Some(Purpose::Confirmation),
            true => whole.is_due_again().then_some(Purpose::Recheck),
        };
        Held { judgement: whole.judge(), wants, fresh }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn difference(kind: Kind, path: &str) -> Difference {
        Difference { kind, path: path.to_owned(), place: path.to_owned(), count: 1, one: None, other: None }
    }

    #[test]
    fn a_field_that_comes_and_goes_explains_that_it_is_missing() {
        let found = [difference(Kind::Extra, "$.a")];
        assert!(shows(&found, &difference(Kind::Missing, "$.a")));
        assert!(!shows(&found, &difference(Kind::Missing, "$.b")));
        assert!(!shows(&found, &difference(Kind::Value, "$.a")));
        // A random value does not explain another type.
        assert!(!shows(&[difference(Kind::Value, "$.a")], &difference(Kind::Type, "$.a")));
    }

    #[test]
    fn evidence_adds_up_over_threads() {
        let judge = Arc::new(Judge::default());
        let route: Arc<str> = "orders".into();
        let id = SignatureId::new(&route, "$.a", Kind::Value);
        let threads: Vec<_> = (0..4)
            .map(|_| {
                let (judge, route) = (Arc::clone(&judge), Arc::clone(&route));
                std::thread::spawn(move || {
                    for _ in 0..100 {
                        judge.compared(&route);
                        judge.learn(&route, id, &Evidence { raw: 1, ..Evidence::default() });
                    }
                })
            })
            .collect();
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        let held = judge.learn(&route, id, &Confirmation::Again.evidence());
        assert_eq!(held.judgement, Judgement::Real);
        assert_eq!(judge.routes()[&route].signatures[&id].evidence.raw, 400);
    }

    #[test]
    fn signatures_without_end_are_not_all_remembered() {
        let judge = Judge::default();
        let route: Arc<str> = "orders".into();
        for number in 0..MAX_SIGNATURES as u64 + 10 {
            judge.learn(&route, SignatureId(number), &Evidence { raw: 1, ..Evidence::default() });
        }
        assert_eq!(judge.routes()[&route].signatures.len(), MAX_SIGNATURES);
    }

    #[test]
    fn first_samples_are_kept_as_they_come_and_later_ones_now_and_then() {
        let judge = Judge::default();
        let route: Arc<str> = "orders".into();
        let id = SignatureId(7);
        judge.learn(&route, id, &Evidence { raw: 1, ..Evidence::default() });
        let now = Instant::now();
        let kept = (0..100).filter(|_| judge.wants_sample(&route, &[id], now)).count();
        assert_eq!(kept, FIRST_SAMPLES as usize);
        assert!(judge.wants_sample(&route, &[id], now + SAMPLE_EVERY));
    }
}
