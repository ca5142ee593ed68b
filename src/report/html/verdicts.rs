//! Routes, and how their answers compare.

use super::latency::duration;
use super::leftovers::unknown_in_words;
use super::signatures::Sorted;
use crate::diff::{Share, Verdict};
use crate::names::Side;
use crate::report::counted;
use crate::report::percent;
use crate::store::read::{RouteSummary, RouteTimes};

/// From this many comparisons on, a share says something.
const ENOUGH: u64 = 30;

/// The most routes that get a sentence.
const SENTENCES: usize = 30;

/// The row of a route.
pub(super) struct RouteRow {
    pub(super) route: String,
    pub(super) compared: String,
    pub(super) matching: String,
    pub(super) noise: String,
    pub(super) mismatch: String,
    pub(super) unknown: String,
    pub(super) share: String,
    pub(super) interval: String,
    /// Whether there are too few for the share to say much.
    pub(super) too_few: bool,
    /// Why some are unknown, and why some differ by noise only.
    pub(super) why: String,
    /// Median and 99th percentile of each side, by [`Side::index`].
    pub(super) times: [String; 2],
}

/// A row for each route.
pub(super) fn rows(summaries: &[RouteSummary], times: &[RouteTimes]) -> Vec<RouteRow> {
    let row = |summary: &RouteSummary| {
        let tally = &summary.tally;
        let matching = tally.matching();
        let took = times.iter().find(|times| times.route == summary.route);
        let of_side = |side: Side| {
            let quantiles = took.and_then(|took| {
                let histogram = took.side(side);
                Some((histogram.quantile(0.5)?, histogram.quantile(0.99)?))
            });
            quantiles.map_or_else(|| "–".to_owned(), |(p50, p99)| format!("{} / {}", duration(p50), duration(p99)))
        };
        RouteRow {
            route: summary.route.clone(),
            compared: counted(matching.of + tally.of(Verdict::Unknown)),
            matching: counted(tally.of(Verdict::Match)),
            noise: counted(tally.of(Verdict::Noise)),
            mismatch: counted(tally.of(Verdict::Mismatch)),
            unknown: counted(tally.of(Verdict::Unknown)),
            share: matching.rate().map_or_else(|| "–".to_owned(), percent),
            interval: if matching.of == 0 { String::new() } else { interval(matching) },
            too_few: matching.of < ENOUGH,
            why: why(summary),
            times: [of_side(Side::Legacy), of_side(Side::New)],
        }
    };
    summaries.iter().map(row).collect()
}

/// What there is to know of each route, a sentence each; those that differ most come first, and the last say least.
pub(super) fn sentences(summaries: &[RouteSummary], sorted: &Sorted) -> Vec<String> {
    let mut by_mismatch: Vec<&RouteSummary> = summaries.iter().collect();
    let differing = |summary: &RouteSummary| 1.0 - summary.tally.matching().rate().unwrap_or(1.0);
    by_mismatch.sort_by(|a, b| differing(b).total_cmp(&differing(a)));
    let mut sentences: Vec<String> =
        by_mismatch.iter().take(SENTENCES).map(|summary| sentence(summary, sorted)).collect();
    let more = by_mismatch.len() - sentences.len();
    if more > 0 {
        sentences.push(format!("And {} more routes, which match better: see below.", counted(more as u64)));
    }
    sentences
}

fn sentence(summary: &RouteSummary, sorted: &Sorted) -> String {
    let matching = summary.tally.matching();
    let route = &summary.route;
    let Some(rate) = matching.rate() else {
        return format!(
            "{route}: of {} comparisons none could be judged; see “What was not compared”.",
            counted(summary.tally.of(Verdict::Unknown))
        );
    };
    let few = if matching.of < ENOUGH { ", too few to rely on" } else { "" };
    let matches = format!(
        "{route}: {} of {} comparable answers match ({}, 95 % interval {}{few})",
        counted(matching.hits),
        counted(matching.of),
        percent(rate),
        interval(matching)
    );
    let real = sorted.real.iter().filter(|row| row.route == *route).count();
    let unsettled = sorted.rare.iter().chain(&sorted.too_few).filter(|row| row.route == *route).count();
    let look = match (real, unsettled) {
        (0, 0) => "no difference needs a look".to_owned(),
        (0, unsettled) => format!("none of {} differences is certain and frequent", counted(unsettled as u64)),
        (1, _) => "1 difference needs a look".to_owned(),
        (real, _) => format!("{} differences need a look", counted(real as u64)),
    };
    let further = match (real, unsettled) {
        (0, _) | (_, 0) => String::new(),
        (_, unsettled) => format!(", {} more are rare or not settled yet", counted(unsettled as u64)),
    };
    format!("{matches}; {look}{further}.")
}

/// The ends of the 95 % interval: `99.85–99.93 %`.
pub(crate) fn interval(share: Share) -> String {
    let (low, high) = share.interval();
    format!("{}–{}", percent(low).trim_end_matches(" %"), percent(high))
}

fn why(summary: &RouteSummary) -> String {
    let parts = summary.why.iter().map(|(verdict, why, count)| match verdict {
        Verdict::Unknown => format!("{} unknown: {}", counted(*count), unknown_in_words(why)),
        _ => format!("{} {}", counted(*count), noise_in_words(why)),
    });
    parts.collect::<Vec<_>>().join(" · ")
}

/// Why a comparison counts as noise.
pub(crate) fn noise_in_words(why: &str) -> &str {
    match why {
        "noise" => "differ only where a system differs from itself",
        "transient" => "differed once and no more when asked again",
        "accepted" => "differ only as somebody has accepted",
        "fallback" => "answered by legacy because new failed",
        other => other,
    }
}
