//! The life of one copy: ask, compare, ask again where that is worth it, record.

use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant as Clock, SystemTime};

use http::StatusCode;
use tokio::time::Instant;

use super::allowance::Purpose;
use super::ask::{Ask, Heard};
use super::judge::{Confirmation, Held, explained_by, shows};
use super::undecided::Undecided;
use super::worker::Thread;
use super::{Exchange, sample};
use crate::diff::{
    self, Answer, Budget, Difference, Evidence, Judgement, Limits, Outcome, SignatureId, Unknown, Verdict,
};
use crate::names::Side;
use crate::routing::bucket_of;
use crate::snapshot::{Comparison, ShadowPlan};
use crate::state::Sighting;
use crate::store::{Compared, Sample};
use crate::telemetry::Mirrored;
use crate::upstream::Backend;

/// A difference that nothing is known of, and that could not be asked about.
pub(super) const UNCONFIRMED: (Verdict, &str) = (Verdict::Unknown, "unconfirmed");
/// How long one comparison may take. It blocks the other copies of its thread.
const PATIENCE: Duration = Duration::from_millis(100);

/// Sends a copy, compares the answers and records what came of it.
pub(super) async fn run(thread: &Rc<Thread>, exchange: &Exchange, backend: &Arc<Backend>) {
    let Some(plan) = exchange.plan() else { return };
    let ask = Ask { exchange, plan, side: exchange.shadow, backend, pools: &thread.pools };
    let heard = ask.send().await;
    let outcome = heard.as_ref().map_or_else(|failed| Mirrored::Failed(*failed), |_| Mirrored::Sent);
    exchange.count(thread.worker, outcome);
    thread.lanes.borrow_mut().answered(&backend.settings.name, heard.is_ok());
    let Some(comparison) = &plan.comparison else { return };
    let round = Round { thread, exchange, plan, comparison, shadow: backend, at_ms: wall_ms(exchange) };
    match heard {
        Ok(heard) => round.compare(heard).await,
        Err(_) => round.record(Verdict::Unknown, outcome.as_str(), None),
    }
}

struct Round<'a> {
    thread: &'a Rc<Thread>,
    exchange: &'a Exchange,
    plan: &'a ShadowPlan,
    comparison: &'a Comparison,
    shadow: &'a Arc<Backend>,
    at_ms: u64,
}

/// One difference, and what is held of it.
struct Judged<'d> {
    difference: &'d Difference,
    id: SignatureId,
    held: Held,
    confirmed: Option<Confirmation>,
    accepted: bool,
}

/// What one difference means for the verdict; the heaviest decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Weight {
    Accepted,
    Transient,
    Noise,
    Unconfirmed,
    Counts,
}

impl Round<'_> {
    fn route(&self) -> &Arc<str> {
        &self.exchange.rules().name
    }

    async fn compare(&self, shadow: Heard) {
        let primary = self.primary();
        let pair = Pair::of(&primary, &shadow);
        if primary.is_unmodified() != shadow.is_unmodified() {
            // The validator that the client sent is one that only one of the two systems made.
            self.record(Verdict::Unknown, "not_modified", Some(pair.took()));
            return;
        }
        let outcome = self.differ(pair.legacy, pair.new);
        self.thread.shared.judge.compared(self.route());
        let took = Some(pair.took());
        let sighted = Evidence { raw: 1, ..Evidence::default() };
        let mut judged: Vec<Judged<'_>> = outcome.differences.iter().map(|one| self.judge(one, &sighted)).collect();
        let asked_again = self.ask_again(&primary, &mut judged).await;
        if judged.is_empty() {
            match outcome.unknown {
                Some(unknown) => self.record(Verdict::Unknown, unknown.as_str(), took),
                None => self.record(Verdict::Match, "", took),
            }
            return;
        }
        let can_confirm = self.can_ask_again() && self.comparison.confirm && !asked_again;
        let weight = judged.iter().map(|one| one.weight(can_confirm)).max();
        let (verdict, why) = verdict(weight, outcome.unknown);
        let mut sample = self.sample(verdict, &pair, &judged);
        let waits = (verdict, why) == UNCONFIRMED
            && self.thread.undecided.borrow_mut().add(|| Undecided {
                since: Instant::now(),
                compared: self.compared(verdict, why, took),
                meter: self.exchange.meter().cloned(),
                ids: judged.iter().filter(|one| !one.accepted).map(|one| one.id).collect(),
                // What is kept and what is counted must agree on the verdict.
                sample: sample.take(),
            });
        if !waits {
            self.record(verdict, why, took);
        }
        for one in &judged {
            let mut learned = sighted;
            if let Some(confirmed) = one.confirmed {
                learned.add(&confirmed.evidence());
            }
            self.thread.batch.borrow_mut().found(self.at_ms, self.route(), one.difference, learned);
        }
        self.thread.batch.borrow_mut().samples.extend(sample);
    }

    /// What the client was answered.
    fn primary(&self) -> Heard {
        let answer = &self.exchange.answer;
        let backend = self.exchange.backend(self.exchange.decision.side);
        Heard {
            side: self.exchange.decision.side,
            status: answer.status,
            headers: answer.headers(),
            body: answer.body.clone(),
            took: answer.took,
            backend: backend.map_or_else(|| "".into(), |backend| Arc::clone(&backend.settings.name)),
            endpoint: Arc::clone(&self.exchange.endpoint),
        }
    }

    fn differ(&self, one: &Heard, other: &Heard) -> Outcome {
        let end = Clock::now() + PATIENCE;
        let mut out_of_time = || Clock::now() > end;
        let mut budget = Budget::new(Limits::default(), &mut out_of_time);
        diff::compare(&one.answer(), &other.answer(), &self.comparison.rules, &mut budget)
    }

    /// A system's answer beside its own second one, in the place that it has beside the other system.
    fn differ_from_itself(&self, first: &Heard, again: &Heard) -> Outcome {
        match first.side {
            Side::Legacy => self.differ(first, again),
            Side::New => self.differ(again, first),
        }
    }

    fn judge<'d>(&self, difference: &'d Difference, sighted: &Evidence) -> Judged<'d> {
        let route = self.route();
        let id = difference.signature(route);
        let held = self.thread.shared.judge.learn(route, id, sighted);
        if held.fresh {
            let (path, kind) = (difference.path.to_string(), difference.kind);
            self.thread.shared.live.sighted(Sighting { route: Arc::clone(route), id, path, kind });
        }
        let accepted = self.thread.shared.store.is_accepted(id, self.at_ms);
        Judged { difference, id, held, confirmed: None, accepted }
    }

    fn can_ask_again(&self) -> bool {
        self.exchange.method.is_safe()
    }

    /// Asks again where that is allowed and teaches something. Returns whether both sides were asked and answered.
    async fn ask_again(&self, primary: &Heard, judged: &mut [Judged<'_>]) -> bool {
        let Some(backend) = self.exchange.backend(primary.side) else { return false };
        let (own, other) = (&backend.settings.name, &self.shadow.settings.name);
        let busy = |name: &Arc<str>| self.thread.lanes.borrow().is_busy(name);
        if !self.can_ask_again() || busy(own) {
            return false;
        }
        let judge = &self.thread.shared.judge;
        let sampled = self.comparison.noise.contains(bucket_of(&self.plan.noise_salt, &*self.exchange.request_id));
        let wanted = judged.iter().filter(|one| !one.accepted).filter_map(|one| one.held.wants).min();
        if let Some(purpose) = wanted.filter(|_| self.comparison.confirm && !busy(other))
            && judge.may_ask(self.route(), &[own, other], purpose)
        {
            let (again, shadow) =
                tokio::join!(self.ask(primary.side, backend), self.ask(self.exchange.shadow, self.shadow));
            let Some(again) = again else { return false };
            let itself = self.differ_from_itself(primary, &again);
            if sampled {
                self.checked(&itself);
            }
            let Some(shadow) = shadow else { return false };
            let pair = Pair::of(&again, &shadow);
            let second = self.differ(pair.legacy, pair.new);
            if itself.unknown.is_some() || second.unknown.is_some() {
                return false;
            }
            for one in judged {
                let confirmed = confirmation(one.difference, &itself, &second);
                one.confirmed = Some(confirmed);
                one.held = judge.learn(self.route(), one.id, &confirmed.evidence());
            }
            return true;
        }
        if sampled
            && judge.may_ask(self.route(), &[own], Purpose::Noise)
            && let Some(again) = self.ask(primary.side, backend).await
        {
            self.checked(&self.differ_from_itself(primary, &again));
        }
        false
    }

    async fn ask(&self, side: Side, backend: &Arc<Backend>) -> Option<Heard> {
        let ask = Ask { exchange: self.exchange, plan: self.plan, side, backend, pools: &self.thread.pools };
        ask.send().await.ok()
    }

    /// A self-check without regard to what was found.
    fn checked(&self, itself: &Outcome) {
        if itself.unknown.is_some() {
            return;
        }
        self.thread.shared.judge.checked(self.route(), &itself.differences);
        let mut batch = self.thread.batch.borrow_mut();
        *batch.checks.entry((self.at_ms / 60_000, Arc::clone(self.route()))).or_default() += 1;
        for difference in &itself.differences {
            for kind in explained_by(difference.kind) {
                let one = Difference { kind: *kind, ..difference.clone() };
                batch.found(self.at_ms, self.route(), &one, Evidence { noise: 1, ..Evidence::default() });
            }
        }
    }

    fn record(&self, verdict: Verdict, why: &'static str, took: Option<[Duration; 2]>) {
        let compared = self.compared(verdict, why, took);
        self.thread.record(self.exchange.meter(), &compared);
    }

    fn compared(&self, verdict: Verdict, why: &'static str, took: Option<[Duration; 2]>) -> Compared {
        let tenant = self.exchange.tenant.as_deref().map(Arc::from);
        Compared { at_ms: self.at_ms, route: Arc::clone(self.route()), tenant, verdict, why, took }
    }

    /// The comparison in full, if it is worth keeping.
    fn sample(&self, verdict: Verdict, pair: &Pair<'_>, judged: &[Judged<'_>]) -> Option<Sample> {
        let ids: Vec<SignatureId> = judged.iter().map(|one| one.id).collect();
        let room = self.thread.batch.borrow().takes_samples() && self.thread.undecided.borrow().takes_samples();
        if !room || !self.thread.shared.judge.wants_sample(self.route(), &ids, Instant::now()) {
            return None;
        }
        let differences = judged.iter().map(|one| (one.id, one.difference.clone())).collect();
        Some(sample::of(self.exchange, self.comparison, self.at_ms, verdict, [pair.legacy, pair.new], differences))
    }
}

impl Judged<'_> {
    fn weight(&self, can_confirm: bool) -> Weight {
        if self.accepted { Weight::Accepted } else { Weight::of(self.confirmed, self.held.judgement, can_confirm) }
    }
}

impl Weight {
    /// Of a difference that nobody accepted. `can_confirm`: it could have been asked about, and was not.
    pub(super) fn of(confirmed: Option<Confirmation>, judgement: Judgement, can_confirm: bool) -> Weight {
        match (confirmed, judgement) {
            (Some(Confirmation::Itself), _) | (_, Judgement::Noise) => Weight::Noise,
            (Some(Confirmation::Gone), _) | (_, Judgement::Transient) => Weight::Transient,
            (Some(Confirmation::Again), _) | (None, Judgement::Real | Judgement::Rare) => Weight::Counts,
            (None, Judgement::TooFew) => {
                if can_confirm {
                    Weight::Unconfirmed
                } else {
                    Weight::Counts
                }
            }
        }
    }
}

impl Heard {
    fn is_unmodified(&self) -> bool {
        self.status == StatusCode::NOT_MODIFIED
    }

    fn answer(&self) -> Answer<'_> {
        Answer { side: self.side, status: self.status, headers: &self.headers, body: &self.body }
    }
}

/// Two answers, told apart by side.
struct Pair<'a> {
    legacy: &'a Heard,
    new: &'a Heard,
}

impl<'a> Pair<'a> {
    fn of(one: &'a Heard, other: &'a Heard) -> Pair<'a> {
        match one.side {
            Side::Legacy => Pair { legacy: one, new: other },
            Side::New => Pair { legacy: other, new: one },
        }
    }

    fn took(&self) -> [Duration; 2] {
        [self.legacy.took, self.new.took]
    }
}

/// The verdict of a comparison whose heaviest difference is this one.
pub(super) fn verdict(heaviest: Option<Weight>, unknown: Option<Unknown>) -> (Verdict, &'static str) {
    match (heaviest, unknown) {
        (Some(Weight::Counts), _) => (Verdict::Mismatch, ""),
        (_, Some(unknown)) => (Verdict::Unknown, unknown.as_str()),
        (Some(Weight::Unconfirmed), _) => UNCONFIRMED,
        (Some(Weight::Noise), _) => (Verdict::Noise, "noise"),
        (Some(Weight::Transient), _) => (Verdict::Noise, "transient"),
        (Some(Weight::Accepted) | None, _) => (Verdict::Noise, "accepted"),
    }
}

/// What asking both sides again says of one difference.
fn confirmation(one: &Difference, itself: &Outcome, second: &Outcome) -> Confirmation {
    if shows(&itself.differences, one) {
        Confirmation::Itself
    } else if shows(&second.differences, one) {
        Confirmation::Again
    } else {
        Confirmation::Gone
    }
}

/// When the request came, in milliseconds since 1970.
fn wall_ms(exchange: &Exchange) -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.saturating_sub(exchange.began.elapsed()).as_millis()).unwrap_or(u64::MAX)
}
