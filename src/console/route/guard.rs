//! A guard's thresholds, and what is seen of each.

use crate::console::number::{count, span};
use crate::control::guard::{GuardState, GuardView, Measure, State};
use crate::control::overview::RampStatus;
use crate::report::percent;
use crate::snapshot::{GuardSettings, Threshold};

/// A guard, for the page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Guarded {
    /// How it stands.
    pub(super) state: &'static str,
    pub(super) class: &'static str,
    /// What it does, in words.
    pub(super) words: String,
    pub(super) rows: Vec<Row>,
}

/// A threshold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) name: &'static str,
    /// What it is about, in words.
    pub(super) words: &'static str,
    pub(super) limit: String,
    pub(super) seen: String,
    pub(super) interval: String,
    /// What it was made of.
    pub(super) of: String,
    pub(super) verdict: &'static str,
    pub(super) class: &'static str,
}

impl Guarded {
    /// The settings, with what was measured last.
    pub(super) fn of(settings: &GuardSettings, view: Option<&GuardView>) -> Guarded {
        let measures = view.map(|view| view.measures.as_slice()).unwrap_or_default();
        let row = |(threshold, limit): &(Threshold, f64)| {
            Row::of(*threshold, *limit, measures.iter().find(|measure| measure.threshold == *threshold))
        };
        let state = view.map_or(GuardState::Off, |view| view.state);
        let (name, class) = match state {
            GuardState::Off => ("not watching", "quiet"),
            GuardState::Pinned => ("pinned", "warn"),
            GuardState::TooFew => ("too few to say", "warn"),
            GuardState::Holds => ("holds", "good"),
            GuardState::Breached => ("breached", "danger"),
        };
        let window = span(settings.window.as_secs());
        let words = match view {
            Some(view) if view.trips => format!(
                "Looks back {window}. If a threshold is breached by {} answers or more, {} is pinned to legacy until somebody resumes it.",
                count(settings.min_requests),
                view.unit
            ),
            Some(_) => format!("Looks back {window} and only warns: in this stage nothing is rolled back."),
            None => format!("Looks back {window}. It begins to watch when new has a part in the stage."),
        };
        Guarded { state: name, class, words, rows: settings.limits.iter().map(row).collect() }
    }
}

impl Row {
    fn of(threshold: Threshold, limit: f64, measure: Option<&Measure>) -> Row {
        let is_ratio = threshold == Threshold::LatencyP99Ratio;
        let shown = |value: f64| if is_ratio { format!("{value:.2} ×") } else { signed(value) };
        let estimate = measure.and_then(|measure| measure.measured);
        let (verdict, class) = match measure.map(|measure| measure.state) {
            Some(State::Holds) => ("holds", "good"),
            Some(State::Breached) => ("breached", "danger"),
            Some(State::TooFew) => ("too few", "warn"),
            Some(State::NotEvaluated) => ("not evaluated", "quiet"),
            None => ("not measured", "quiet"),
        };
        Row {
            name: threshold.as_str(),
            words: words(threshold),
            limit: shown(limit),
            seen: estimate.map_or_else(|| "–".to_owned(), |estimate| shown(estimate.value)),
            interval: estimate
                .map_or_else(String::new, |estimate| format!("{} to {}", shown(estimate.low), shown(estimate.high))),
            of: measure.map_or_else(String::new, |measure| of(threshold, measure)),
            verdict,
            class,
        }
    }
}

fn words(threshold: Threshold) -> &'static str {
    match threshold {
        Threshold::ErrorRate => "errors of new",
        Threshold::ErrorsOverLegacy => "errors of new, less legacy’s",
        Threshold::ClientErrorsOverLegacy => "4xx of new, less legacy’s",
        Threshold::LatencyP99Ratio => "new’s p99 as a multiple of legacy’s",
        Threshold::MismatchRate => "comparisons that do not match",
    }
}

fn of(threshold: Threshold, measure: &Measure) -> String {
    match threshold {
        Threshold::MismatchRate => format!("{} compared", count(measure.compared)),
        Threshold::ErrorRate => format!("{} of new", count(measure.new.answers)),
        _ => format!("{} of new, {} of legacy", count(measure.new.answers), count(measure.legacy.answers)),
    }
}

/// A rate, or the difference of two, which may be below zero.
fn signed(value: f64) -> String {
    if value < 0.0 { format!("−{}", percent(-value)) } else { percent(value) }
}

/// A ramp, in words.
pub(super) fn ramp(ramp: &RampStatus) -> String {
    let steps: Vec<String> = ramp.steps.iter().map(|step| format!("{step} %")).collect();
    let mut text = format!("At {} %, step {} of {} ({}).", ramp.percent, ramp.step, ramp.steps.len(), steps.join(", "));
    text += match ramp.waits.as_str() {
        "finished" => " It has taken its last step.",
        "begin" => " It is about to begin.",
        "pin" => " It waits for the pin to be lifted.",
        "pause" => " It is paused: `banyan ramp continue` lets it go on.",
        "time" => " It waits for the step’s time to pass.",
        "answers" => " It waits for more answers.",
        _ => " It waits for its guard to hold.",
    };
    if let Some(left) = ramp.left_s {
        text += &format!(" This step lasts at least {} more.", span(left.max(0.0) as u64));
    }
    text += &format!(" New has given {} of {} answers since it began.", count(ramp.answers), count(ramp.min_requests));
    text
}
