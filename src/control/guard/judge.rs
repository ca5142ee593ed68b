//! Evidence is held against the limits of a guard.

use std::fmt;

use serde::Serialize;

use super::{Evidence, SideEvidence};
use crate::diff::Share;
use crate::names::Side;
use crate::snapshot::{GuardSettings, Threshold};

/// What came of one threshold.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Measure {
    /// The threshold.
    pub threshold: Threshold,
    /// What came of it.
    pub state: State,
    /// The most that it may be; rates and their differences as fractions (0.01 is 1 %).
    pub limit: f64,
    /// What it is; `None` where one of the sides has not answered at all.
    pub measured: Option<Estimate>,
    /// What it was made of on new's side.
    pub new: Figure,
    /// What it was made of on legacy's side.
    pub legacy: Figure,
    /// How many comparisons said something.
    pub compared: u64,
}

/// A value and its 95 % interval.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Estimate {
    /// The value.
    pub value: f64,
    /// Where the interval begins.
    pub low: f64,
    /// Where it ends.
    pub high: f64,
}

/// What a threshold was made of on one side.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Figure {
    /// How many answers there were.
    pub answers: u64,
    /// The side's own rate, as a fraction, or its p99 in milliseconds; `None` of nothing.
    pub value: Option<f64>,
}

/// What came of a threshold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// It is kept to.
    Holds,
    /// It is not.
    Breached,
    /// New has answered too little, or too little was compared, to say.
    TooFew,
    /// There is not enough of legacy to compare with, or new does not answer in this stage.
    NotEvaluated,
}

/// What came of a guard.
#[derive(Debug, Clone, PartialEq)]
pub enum Judgement {
    /// Nothing can be said yet.
    TooFew,
    /// At least one threshold could be evaluated, and none is breached.
    Holds,
    /// These thresholds are breached.
    Fails(Vec<Measure>),
}

/// Holds evidence against each limit of a guard. `answers`: whether new answers at all; else only comparisons count.
#[must_use]
pub fn judge(settings: &GuardSettings, evidence: &Evidence, answers: bool) -> Vec<Measure> {
    settings.limits.iter().map(|&(threshold, limit)| measure(threshold, limit, settings, evidence, answers)).collect()
}

impl Judgement {
    /// What comes of all thresholds together.
    #[must_use]
    pub fn of(measures: &[Measure]) -> Judgement {
        let in_state = |state: State| measures.iter().filter(move |measure| measure.state == state);
        let breached: Vec<Measure> = in_state(State::Breached).cloned().collect();
        match in_state(State::Holds).next() {
            _ if !breached.is_empty() => Judgement::Fails(breached),
            Some(_) => Judgement::Holds,
            None => Judgement::TooFew,
        }
    }

    /// Whether something is breached.
    #[must_use]
    pub fn is_failure(&self) -> bool {
        matches!(self, Judgement::Fails(_))
    }
}

fn measure(threshold: Threshold, limit: f64, settings: &GuardSettings, evidence: &Evidence, answers: bool) -> Measure {
    let (new, legacy) = (evidence.side(Side::New), evidence.side(Side::Legacy));
    let (figures, measured) = match threshold {
        Threshold::ErrorRate => {
            let (share, other) = (errors(new), errors(legacy));
            ([share.rate(), other.rate()], rate(share))
        }
        Threshold::ErrorsOverLegacy => {
            let (share, other) = (errors(new), errors(legacy));
            ([share.rate(), other.rate()], difference(share, other))
        }
        Threshold::ClientErrorsOverLegacy => {
            let (share, other) = (client_errors(new), client_errors(legacy));
            ([share.rate(), other.rate()], difference(share, other))
        }
        Threshold::LatencyP99Ratio => {
            let (time, other) = (p99(new), p99(legacy));
            ([time, other].map(|time| time.map(|time| time.value / 1000.0)), ratio(time, other))
        }
        Threshold::MismatchRate => ([None, None], rate(Share::new(evidence.mismatches, evidence.judged()))),
    };
    let enough = |count: u64| count >= settings.min_requests;
    let state = match (threshold, measured) {
        (Threshold::MismatchRate, _) if !enough(evidence.judged()) => State::TooFew,
        (Threshold::MismatchRate, _) => State::Holds,
        _ if !answers => State::NotEvaluated,
        _ if !enough(new.requests) => State::TooFew,
        (Threshold::ErrorRate, _) => State::Holds,
        _ if !enough(legacy.requests) => State::NotEvaluated,
        _ => State::Holds,
    };
    let state = match (state, measured) {
        (State::Holds, None) => State::TooFew,
        (State::Holds, Some(measured)) if measured.value > limit => State::Breached,
        (state, _) => state,
    };
    let [new, legacy] =
        [(new, figures[0]), (legacy, figures[1])].map(|(side, value)| Figure { answers: side.requests, value });
    Measure { threshold, state, limit, measured, new, legacy, compared: evidence.judged() }
}

fn errors(side: &SideEvidence) -> Share {
    Share::new(side.errors, side.requests)
}

fn client_errors(side: &SideEvidence) -> Share {
    Share::new(side.client_errors, side.requests)
}

fn rate(share: Share) -> Option<Estimate> {
    let (low, high) = share.interval();
    Some(Estimate { value: share.rate()?, low, high })
}

/// The difference of two rates (Newcombe, "Interval estimation for the difference between independent proportions", Statistics
/// in Medicine 1998, method 10).
fn difference(new: Share, legacy: Share) -> Option<Estimate> {
    Some(apart(rate(new)?, rate(legacy)?))
}

/// The p99 in microseconds, with the interval of its rank (as of a binomial, by its normal approximation) and of its bucket.
fn p99(side: &SideEvidence) -> Option<Estimate> {
    const Q: f64 = 0.99;
    const Z: f64 = 1.96;
    let off = Z * (Q * (1.0 - Q) / side.times.count().max(1) as f64).sqrt();
    let (low, high) = (side.times.bucket(Q - off)?.0, side.times.bucket(Q + off)?.1);
    Some(Estimate { value: side.times.quantile(Q)?, low, high })
}

/// The ratio of two times: their difference on the scale of logarithms.
fn ratio(new: Option<Estimate>, legacy: Option<Estimate>) -> Option<Estimate> {
    let logarithms = |time: Estimate| {
        // No time is zero, but a quantile within the first bucket can be as short as one likes.
        let log = |micros: f64| micros.max(1.0).ln();
        Estimate { value: log(time.value), low: log(time.low), high: log(time.high) }
    };
    let Estimate { value, low, high } = apart(logarithms(new?), logarithms(legacy?));
    Some(Estimate { value: value.exp(), low: low.exp(), high: high.exp() })
}

/// How far apart two values are, with the interval that follows from theirs (the square-and-add rule of Newcombe's method 10;
/// Zou and Donner, "Construction of confidence limits about effect measures", Statistics in Medicine 2008).
fn apart(a: Estimate, b: Estimate) -> Estimate {
    let value = a.value - b.value;
    let low = value - (a.value - a.low).hypot(b.high - b.value);
    let high = value + (a.high - a.value).hypot(b.value - b.low);
    Estimate { value, low, high }
}

/// `error_rate 5.12 %, limit 1 % (95 %: 3.92 % to 6.67 %; 996 answers of new)`
impl fmt::Display for Measure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_ratio = self.threshold == Threshold::LatencyP99Ratio;
        let shown = |value: f64| if is_ratio { number(value) } else { format!("{} %", number(value * 100.0)) };
        let (limit, Figure { answers: new, value: new_value }) = (shown(self.limit), self.new);
        let Figure { answers: legacy, value: legacy_value } = self.legacy;
        match self.measured {
            Some(Estimate { value, low, high }) => {
                let (value, low, high) = (shown(value), shown(low), shown(high));
                write!(f, "{} {value}, limit {limit} (95 %: {low} to {high}; ", self.threshold)?;
            }
            None => write!(f, "{} not measured, limit {limit} (", self.threshold)?,
        }
        let own = |value: Option<f64>| match value {
            None => "nothing".to_owned(),
            Some(millis) if is_ratio => format!("p99 {} ms", number(millis)),
            Some(rate) => format!("{} %", number(rate * 100.0)),
        };
        match self.threshold {
            Threshold::ErrorRate => write!(f, "{new} answers of new)"),
            Threshold::MismatchRate => write!(f, "{} comparisons)", self.compared),
            _ => write!(f, "{} of {new} answers of new, {} of {legacy} of legacy)", own(new_value), own(legacy_value)),
        }
    }
}

/// Three digits that count, and no needless zeros.
fn number(value: f64) -> String {
    let digits = if value == 0.0 { 0.0 } else { value.abs().log10().floor() };
    // Between 0 and 5, so it fits.
    let decimals = (2.0 - digits).clamp(0.0, 5.0) as usize;
    let text = format!("{value:.decimals$}");
    let text = if decimals > 0 { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
    if text == "-0" { "0".to_owned() } else { text.to_owned() }
}

#[cfg(test)]
mod tests;
