//! Whether a route may go on: what speaks for it and against it, in words, and how it is done.

use super::step::Step;
use crate::console::link::link;
use crate::console::number::{count, counted};
use crate::control::guard::{Evidence, GuardState, GuardView, Judgement, SideEvidence, judge};
use crate::control::overview::RouteStatus;
use crate::names::Side;
use crate::report::gate::Gate;
use crate::report::{percent, share};
use crate::routing::Percent;
use crate::snapshot::{GuardSettings, Threshold};
use crate::store::read::Tally;

/// What new may fail more than legacy, and how much slower its p99 may be, where the route has no guard that says so.
const LIMITS: [(Threshold, f64); 2] = [(Threshold::ErrorsOverLegacy, 0.005), (Threshold::LatencyP99Ratio, 1.5)];
/// With fewer answers of either side, rates say nothing, where no guard says so.
const FEW: u64 = 100;

/// What is known of a route.
#[derive(Debug)]
pub(super) struct Known<'k> {
    pub(super) status: &'k RouteStatus,
    /// Over how many seconds times are.
    pub(super) span_s: f64,
    /// Requests and errors of each side in the last hour.
    pub(super) hour: [(u64, u64); 2],
    pub(super) guard: Option<&'k GuardView>,
    pub(super) limits: &'k [(Threshold, f64)],
    pub(super) min_requests: u64,
    /// The verdicts that are kept, or why they cannot be read.
    pub(super) tally: Result<Tally, String>,
    pub(super) gate: Gate,
    /// Differences that are real and neither fixed nor accepted, and those that nobody can judge yet.
    pub(super) open: [usize; 2],
    /// Whose percentage it is: `user`, `tenant` or `client`.
    pub(super) by: Option<String>,
}

/// Whether a route may go on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Advice {
    /// In a word.
    pub(super) state: State,
    /// In a sentence.
    pub(super) answer: String,
    /// What speaks for it and against it.
    pub(super) findings: Vec<Finding>,
}

/// Something that speaks for it or against it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Finding {
    pub(super) state: State,
    pub(super) text: String,
    /// Where more is told.
    pub(super) href: Option<String>,
}

/// What something says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// It speaks for it.
    Good,
    /// It speaks against it.
    Bad,
    /// It is not known.
    Open,
    /// It is to be known.
    Told,
}

impl State {
    /// The class that gives it its colour.
    pub(super) fn class(self) -> &'static str {
        match self {
            State::Good => "good",
            State::Bad => "danger",
            State::Open => "warn",
            State::Told => "quiet",
        }
    }

    /// The sign before it, so that colour is not all.
    pub(super) fn sign(self) -> &'static str {
        match self {
            State::Good => "✓",
            State::Bad => "✕",
            State::Open => "?",
            State::Told => "·",
        }
    }

    /// The sign in a word.
    pub(super) fn word(self) -> &'static str {
        match self {
            State::Good => "for it",
            State::Bad => "against it",
            State::Open => "not known",
            State::Told => "to know",
        }
    }
}

impl Finding {
    fn new(state: State, text: impl Into<String>) -> Finding {
        Finding { state, text: text.into(), href: None }
    }

    fn at(self, href: String) -> Finding {
        Finding { href: Some(href), ..self }
    }
}

/// What is to be said of this step.
pub(super) fn advise(step: &Step, known: &Known<'_>) -> Advice {
    let mut findings = known.standing();
    match step {
        Step::Nowhere(why) => {
            return Advice { state: State::Told, answer: why.clone(), findings };
        }
        Step::Shadow => findings.push(Finding::new(
            State::Good,
            "Clients notice nothing: legacy answers as before, and copies go to new after that.",
        )),
        Step::Percent { from: None, .. } => {
            findings.extend(known.comparisons());
            findings.push(known.guarded());
        }
        Step::Percent { .. } | Step::Live | Step::Complete => {
            findings.extend(known.comparisons());
            findings.extend([known.errors(), known.latency(), known.guarded()]);
        }
    }
    findings.extend(step.moves(known.by.as_deref()).map(|text| Finding::new(State::Told, text)));
    let has = |state: State| findings.iter().filter(|finding| finding.state == state).count();
    let (state, answer) = match (has(State::Bad), has(State::Open)) {
        (0, 0) => (State::Good, "Yes: nothing speaks against it.".to_owned()),
        (0, open) => (State::Open, format!("Not known yet: {} cannot be said.", counted(open as u64, "thing"))),
        (1, _) => (State::Bad, "Not yet: one thing speaks against it.".to_owned()),
        (bad, _) => (State::Bad, format!("Not yet: {bad} things speak against it.")),
    };
    Advice { state, answer, findings }
}

impl Known<'_> {
    /// What beats every percentage.
    fn standing(&self) -> Vec<Finding> {
        let pinned = |scope: &String| {
            let text = match scope.as_str() {
                "all" => "The kill switch is on: everything stays on legacy until it is resumed.".to_owned(),
                scope if scope.contains("tenant:") => format!("Pinned to legacy: {scope}. That tenant stays there."),
                scope => format!("Pinned to legacy: {scope}. It stays there until it is resumed."),
            };
            let state = if scope.contains("tenant:") { State::Told } else { State::Bad };
            Finding::new(state, text).at(link("/resume", &[("scope", scope)]))
        };
        self.status.pins.iter().map(pinned).collect()
    }

    fn comparisons(&self) -> Vec<Finding> {
        let tally = match &self.tally {
            Ok(tally) => tally,
            Err(why) => return vec![Finding::new(State::Open, format!("Comparisons cannot be read: {why}."))],
        };
        let differences = link("/differences", &[("route", &self.status.name)]);
        let [real, unsettled] = self.open;
        let mut findings = vec![self.matching(tally).at(differences.clone())];
        findings.extend(self.unknown(tally));
        findings.push(
            match real {
                0 => Finding::new(State::Good, "No real difference is open: what was found is accepted, or noise."),
                _ => Finding::new(State::Bad, format!("{} neither fixed nor accepted.", are(real, "real difference"))),
            }
            .at(differences.clone()),
        );
        findings.extend((unsettled > 0).then(|| {
            let text = format!("{} too rare so far to say whether they are real.", are(unsettled, "difference"));
            Finding::new(State::Told, text).at(differences)
        }));
        findings
    }

    fn matching(&self, tally: &Tally) -> Finding {
        let gate = self.gate;
        let least = format!("the gate asks for {} of {} or more", text(gate.min_match), count(gate.min_n));
        let matching = tally.matching();
        if matching.of == 0 {
            return Finding::new(State::Open, format!("Nothing was compared yet; {least}."));
        }
        let seen = format!("Answers match: {}", share(matching));
        let is_high = Gate { min_n: 0, max_unknown: Percent::ALL, ..gate }.judge(tally).passes();
        match (is_high, matching.of >= gate.min_n) {
            (false, _) => Finding::new(State::Bad, format!("{seen}; {least}.")),
            (true, true) => Finding::new(State::Good, format!("{seen}; {least}.")),
            (true, false) => {
                let more = count(gate.min_n - matching.of);
                Finding::new(State::Open, format!("{seen}; {least}, so {more} more are wanted."))
            }
        }
    }

    fn unknown(&self, tally: &Tally) -> Option<Finding> {
        let unknown = tally.unknown();
        let passes = Gate { min_n: 0, min_match: Percent::ZERO, ..self.gate }.judge(tally).passes();
        (!passes).then(|| {
            let most = text(self.gate.max_unknown);
            Finding::new(State::Bad, format!("Not comparable: {}; the gate allows {most}.", share(unknown)))
        })
    }

    /// By the same rules as a guard's, over the last hour.
    fn errors(&self) -> Finding {
        let [(legacy, legacy_errors), (new, new_errors)] = self.hour;
        let side = |requests, errors| SideEvidence { requests, errors, ..SideEvidence::default() };
        let evidence = Evidence { sides: [side(legacy, legacy_errors), side(new, new_errors)], ..Evidence::default() };
        let limit = self.limit(Threshold::ErrorsOverLegacy);
        let settings = GuardSettings {
            window: std::time::Duration::from_secs(3600),
            min_requests: self.min_requests.max(1),
            limits: vec![(Threshold::ErrorsOverLegacy, limit)],
        };
        let seen = |requests: u64, errors: u64| match requests {
            0 => "none of 0".to_owned(),
            _ => format!("{} of {}", percent(errors as f64 / requests as f64), count(requests)),
        };
        let both =
            format!("In the last hour new failed {}, legacy {}", seen(new, new_errors), seen(legacy, legacy_errors));
        match Judgement::of(&judge(&settings, &evidence, true)) {
            Judgement::Holds => {
                Finding::new(State::Good, format!("{both}; up to {} more than legacy is taken.", percent(limit)))
            }
            Judgement::Fails(_) => {
                Finding::new(State::Bad, format!("{both}; that is over {} more than legacy.", percent(limit)))
            }
            Judgement::TooFew => Finding::new(
                State::Open,
                format!("{both}; it takes {} of each side.", counted(settings.min_requests, "request")),
            ),
        }
    }

    fn latency(&self) -> Finding {
        let (legacy, new) = (&self.status.legacy, &self.status.new);
        let limit = self.limit(Threshold::LatencyP99Ratio);
        let span = self.span_s.round();
        let (Some(of_legacy), Some(of_new)) = (legacy.p99_ms, new.p99_ms) else {
            return Finding::new(
                State::Open,
                format!("In the last {span:.0} s one of the sides has answered nothing: latency cannot be compared."),
            );
        };
        let ratio = of_new / of_legacy.max(1e-3);
        let both = format!(
            "New's p99 is {ratio:.2} times legacy's ({of_new:.0} ms and {of_legacy:.0} ms in the last {span:.0} s); up to {limit} times is taken"
        );
        let least = legacy.requests.min(new.requests);
        match (least >= self.min_requests.min(FEW), ratio <= limit) {
            (false, _) => Finding::new(State::Open, format!("{both}, but {} say little.", counted(least, "answer"))),
            (true, true) => Finding::new(State::Good, format!("{both}.")),
            (true, false) => Finding::new(State::Bad, format!("{both}.")),
        }
    }

    fn guarded(&self) -> Finding {
        let Some(guard) = self.guard else {
            return Finding::new(
                State::Told,
                "No guard: nothing but you rolls it back. A `guard:` with thresholds would.",
            );
        };
        match guard.state {
            GuardState::Breached => Finding::new(State::Bad, "Its guard is breached."),
            GuardState::Holds => Finding::new(State::Good, "Its guard holds, and rolls it back if it no longer does."),
            GuardState::TooFew => Finding::new(
                State::Told,
                format!("Its guard has too few answers to say anything yet; it takes {}.", count(guard.min_requests)),
            ),
            GuardState::Off => Finding::new(State::Told, "It has a guard, which watches as soon as new answers."),
            GuardState::Pinned => Finding::new(State::Told, "Its guard begins anew when the pin is lifted."),
        }
        .at("#guard".to_owned())
    }

    fn limit(&self, threshold: Threshold) -> f64 {
        let find =
            |limits: &[(Threshold, f64)]| limits.iter().find(|(one, _)| *one == threshold).map(|(_, limit)| *limit);
        find(self.limits).or_else(|| find(&LIMITS)).unwrap_or(f64::MAX)
    }
}

/// With so few answers nothing is said, where no guard says otherwise.
pub(super) fn min_requests(guard: Option<&GuardSettings>) -> u64 {
    guard.map_or(FEW, |guard| guard.min_requests)
}

/// Requests and errors of both sides, as a series has them.
pub(super) fn sums(series: &crate::control::overview::Series) -> [(u64, u64); 2] {
    Side::ALL.map(|side| {
        series.points.iter().fold((0, 0), |(requests, errors), (_, point)| {
            let (more, failed) = point.counts(side);
            (requests + more, errors + failed)
        })
    })
}

fn are(number: usize, what: &str) -> String {
    let verb = if number == 1 { "is" } else { "are" };
    format!("{} {verb}", counted(number as u64, what))
}

fn text(percent: Percent) -> String {
    format!("{} %", f64::from(percent.thousandths()) / 1000.0)
}

#[cfg(test)]
mod tests;
