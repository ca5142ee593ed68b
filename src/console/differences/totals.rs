//! What stands on top: how many were compared, and to which verdicts they came.

use crate::diff::{Share, Verdict};
use crate::report::html::leftovers::unknown_in_words;
use crate::report::html::verdicts::{interval, noise_in_words};
use crate::report::{counted, percent};
use crate::store::read::{RouteSummary, Tally};

/// What comparisons came to.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Totals {
    /// Comparisons, those that could not be judged among them.
    pub(crate) compared: String,
    /// Whether there are any.
    pub(crate) is_none: bool,
    /// Which share of those that say something matches; `–` of nothing.
    pub(crate) match_share: String,
    /// `99.1–99.4 % of 1,234`.
    pub(crate) interval: String,
    pub(crate) mismatches: String,
    /// Those that count as a match since they differ by noise only.
    pub(crate) noise: String,
    /// Why each of those does: in words, and how many.
    pub(crate) noise_why: Vec<(String, String)>,
    /// Those that could not be judged.
    pub(crate) unknown: String,
    /// Which share of all that is.
    pub(crate) unknown_share: String,
    /// The shares of matches, noise, mismatches and unknown of all, as a bar has them: they add up to 1.
    pub(crate) parts: [f64; 4],
}

/// Comparisons of a route that could not be judged, for one reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NotComparable {
    pub(crate) route: String,
    pub(crate) count: String,
    /// Why, in words.
    pub(crate) why: String,
    /// As metrics and exports have it.
    pub(crate) code: String,
    /// What kept comparisons of it stand under.
    pub(crate) key: String,
}

impl Totals {
    /// Of the routes that are asked for.
    pub(crate) fn of(summaries: &[RouteSummary]) -> Totals {
        let mut tally = Tally::default();
        summaries.iter().for_each(|summary| tally.merge(&summary.tally));
        let (matching, unknown) = (tally.matching(), tally.unknown());
        let part = |verdict: Verdict| Share::new(tally.of(verdict), unknown.of).rate().unwrap_or(0.0);
        Totals {
            compared: counted(unknown.of),
            is_none: unknown.of == 0,
            match_share: matching.rate().map_or_else(|| "–".to_owned(), percent),
            interval: if matching.of == 0 {
                String::new()
            } else {
                format!("{} of {}", interval(matching), counted(matching.of))
            },
            mismatches: counted(tally.of(Verdict::Mismatch)),
            noise: counted(tally.of(Verdict::Noise)),
            noise_why: why(summaries),
            unknown: counted(unknown.hits),
            unknown_share: unknown.rate().map_or_else(|| "–".to_owned(), percent),
            parts: [Verdict::Match, Verdict::Noise, Verdict::Mismatch, Verdict::Unknown].map(part),
        }
    }
}

/// Why comparisons count as noise, the most frequent reason first.
fn why(summaries: &[RouteSummary]) -> Vec<(String, String)> {
    let mut reasons: Vec<(&str, u64)> = Vec::new();
    let noise = summaries.iter().flat_map(|summary| &summary.why).filter(|(verdict, ..)| *verdict == Verdict::Noise);
    for (_, why, count) in noise {
        match reasons.iter_mut().find(|(other, _)| other == why) {
            Some((_, sum)) => *sum += count,
            None => reasons.push((why, *count)),
        }
    }
    reasons.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    reasons.into_iter().map(|(why, count)| (noise_in_words(why).to_owned(), counted(count))).collect()
}

/// What could not be judged, by route and reason, the most frequent first.
pub(crate) fn not_comparable(summaries: &[RouteSummary]) -> Vec<NotComparable> {
    let of_route = |summary: &RouteSummary| {
        let unknown = summary.why.iter().filter(|(verdict, ..)| *verdict == Verdict::Unknown);
        let row = |(_, why, count): &(Verdict, String, u64)| {
            let told = NotComparable {
                route: summary.route.clone(),
                count: counted(*count),
                why: unknown_in_words(why).to_owned(),
                code: why.clone(),
                key: format!("{} ({})", summary.route, Verdict::Unknown.as_str()),
            };
            (*count, told)
        };
        unknown.map(row).collect::<Vec<_>>()
    };
    let mut rows: Vec<(u64, NotComparable)> = summaries.iter().flat_map(of_route).collect();
    rows.sort_by_key(|(count, _)| std::cmp::Reverse(*count));
    rows.into_iter().map(|(_, row)| row).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_judged_is_no_match() {
        let mut tally = Tally::default();
        for (verdict, count) in
            [(Verdict::Match, 90), (Verdict::Noise, 5), (Verdict::Mismatch, 5), (Verdict::Unknown, 100)]
        {
            tally.add(verdict, count);
        }
        let why = vec![(Verdict::Noise, "accepted".to_owned(), 5), (Verdict::Unknown, "too_large".to_owned(), 100)];
        let summaries = [RouteSummary { route: "a".to_owned(), tally, why }];
        let totals = Totals::of(&summaries);
        assert_eq!((&*totals.compared, &*totals.match_share, &*totals.unknown_share), ("200", "95.0 %", "50.0 %"));
        assert!((totals.parts.iter().sum::<f64>() - 1.0).abs() < 1e-9);
        assert_eq!(totals.noise_why[0].1, "5");
        let rows = not_comparable(&summaries);
        assert_eq!((rows.len(), &*rows[0].key, &*rows[0].count), (1, "a (unknown)", "100"));
        assert!(Totals::of(&[]).is_none && Totals::of(&[]).interval.is_empty());
    }
}
