//! Signatures as rows: filtered, counted by state, sorted, and a page of them.

use std::cmp::Ordering;
use std::collections::HashSet;

use super::asked::{Asked, Sort, State};
use crate::console::ago::Ago;
use crate::diff::{Judgement, Kind, SignatureId};
use crate::report::html::verdicts::interval;
use crate::report::show::meaning;
use crate::report::{counted, percent, printable};
use crate::store::read::SignatureRow;

/// Rows of a page.
pub(crate) const PAGE: usize = 100;
/// Tenants that are named in a row.
const TENANTS: usize = 2;
/// The most characters of a path in a row.
const LONGEST: usize = 160;

/// A page of signatures.
#[derive(Debug)]
pub(crate) struct List {
    /// How many there are in each state, whatever state is asked for, as [`State::ALL`] has them.
    pub(crate) counts: [usize; State::ALL.len()],
    /// Those of the page.
    pub(crate) rows: Vec<SignatureRow>,
    /// How many pass the filter.
    pub(crate) passing: usize,
    /// Which page it is, from 0: the last, where one beyond it was asked for.
    pub(crate) page: usize,
}

impl List {
    /// The page of these that is asked for. `of_tenant` are the signatures of the tenant that is asked for.
    pub(crate) fn of(
        rows: Vec<SignatureRow>,
        of_tenant: Option<&HashSet<SignatureId>>,
        asked: &Asked,
        now_ms: u64,
    ) -> List {
        let (wanted, text) = (asked.state(), asked.q.trim().to_lowercase());
        let mut counts = [0; State::ALL.len()];
        let mut passing = Vec::new();
        for row in rows {
            // The route was a matter of the question to the store.
            if of_tenant.is_some_and(|ids| !ids.contains(&row.id)) || !text.is_empty() && !has_text(&row, &text) {
                continue;
            }
            let state = State::of(&row, now_ms);
            for (count, of) in counts.iter_mut().zip(State::ALL) {
                *count += usize::from(of.takes(state));
            }
            if wanted.takes(state) {
                passing.push(row);
            }
        }
        sort(&mut passing, asked);
        let pages = passing.len().div_ceil(PAGE);
        let page = asked.page().min(pages.saturating_sub(1));
        let total = passing.len();
        let rows = passing.into_iter().skip(page * PAGE).take(PAGE).collect();
        List { counts, rows, passing: total, page }
    }

    /// How many pages there are.
    pub(crate) fn pages(&self) -> usize {
        self.passing.div_ceil(PAGE)
    }
}

fn has_text(row: &SignatureRow, text: &str) -> bool {
    let parts = [&*row.path, &*row.route, row.kind.as_str(), meaning(row.kind)];
    parts.iter().any(|part| part.to_lowercase().contains(text)) || row.id.to_string().starts_with(text)
}

fn sort(rows: &mut [SignatureRow], asked: &Asked) {
    let sort = asked.sort();
    rows.sort_by(|a, b| {
        let order = compare(a, b, sort);
        let order = if asked.is_turned() { order.reverse() } else { order };
        // By name in the end: pages must not overlap.
        order.then_with(|| a.id.cmp(&b.id))
    });
}

/// Numbers and moments largest first, names in their order.
fn compare(a: &SignatureRow, b: &SignatureRow, sort: Sort) -> Ordering {
    let share = |row: &SignatureRow| row.share().rate().unwrap_or(0.0);
    let shares = || share(b).total_cmp(&share(a));
    let held = |row: &SignatureRow| Judgement::ALL.iter().position(|other| *other == row.judgement());
    match sort {
        Sort::Impact => held(a).cmp(&held(b)).then_with(shares),
        Sort::Share => shares(),
        Sort::Count => b.evidence.raw.cmp(&a.evidence.raw),
        Sort::First => b.seen_ms.0.cmp(&a.seen_ms.0),
        Sort::Last => b.seen_ms.1.cmp(&a.seen_ms.1),
        Sort::Route => a.route.cmp(&b.route).then_with(|| a.path.cmp(&b.path)),
    }
}

/// A signature as a row shows it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Line {
    pub(crate) id: String,
    pub(crate) route: String,
    /// Where it shows; safe to look at.
    pub(crate) path: String,
    /// What differs, in words.
    pub(crate) meaning: &'static str,
    pub(crate) state: State,
    /// Of what is compared; `–` of nothing.
    pub(crate) share: String,
    /// `95 % interval 0.9–1.1 %`.
    pub(crate) interval: String,
    pub(crate) hits: String,
    pub(crate) of: String,
    /// The share of all, for a bar: 0 to 1.
    pub(crate) rate: f64,
    /// The first tenants of the kept comparisons: as they are, and safe to look at.
    pub(crate) tenants: Vec<(String, String)>,
    /// How many there are besides those.
    pub(crate) more_tenants: usize,
    pub(crate) first: Ago,
    pub(crate) last: Ago,
    /// When the acceptance ends, and why it was accepted.
    pub(crate) accepted: Option<(String, String)>,
    /// How often a system was seen to differ from itself there.
    pub(crate) noise: String,
}

impl Line {
    /// A row, with the tenants that kept comparisons name.
    pub(crate) fn of(row: &SignatureRow, tenants: &[String], now_ms: u64) -> Line {
        let share = row.share();
        let acceptance = row.acceptance.as_ref().filter(|acceptance| acceptance.holds(now_ms));
        Line {
            id: row.id.to_string(),
            route: row.route.clone(),
            path: shown(&row.path, LONGEST),
            meaning: meaning(row.kind),
            state: State::of(row, now_ms),
            share: share.rate().map_or_else(|| "–".to_owned(), percent),
            interval: format!("95 % interval {}", interval(share)),
            hits: counted(share.hits),
            of: counted(share.of),
            rate: share.rate().unwrap_or(0.0),
            tenants: tenants.iter().take(TENANTS).map(|tenant| (tenant.clone(), shown(tenant, 40))).collect(),
            more_tenants: tenants.len().saturating_sub(TENANTS),
            first: Ago::of(row.seen_ms.0, now_ms),
            last: Ago::of(row.seen_ms.1, now_ms),
            accepted: acceptance.map(|acceptance| {
                let until =
                    acceptance.until_ms.map_or_else(|| "for good".to_owned(), |until| Ago::of(until, now_ms).ago);
                (until, shown(&acceptance.reason, LONGEST))
            }),
            noise: self_differences(row),
        }
    }

    /// Whether comparisons that show nothing else count as a match, so that it hides whatever else may be wrong there.
    pub(crate) fn hides(&self) -> bool {
        matches!(self.state, State::Noise | State::Transient)
    }
}

/// Why it says nothing of the other system, in words.
fn self_differences(row: &SignatureRow) -> String {
    let (evidence, times) = (&row.evidence, counted(row.evidence.confirmations()));
    match row.noise().rate() {
        _ if row.judgement() == Judgement::Transient => {
            format!("asked again {times} times, it did not come again {} times", counted(evidence.gone))
        }
        Some(rate) if rate > 0.0 => {
            format!("a system differs from itself in {} of {} answers", percent(rate), counted(evidence.checked))
        }
        _ => format!("asked again {times} times, a system differed from itself {} times", counted(evidence.itself)),
    }
}

/// Text of strangers, safe to look at, and at most so many characters of it.
pub(crate) fn shown(text: &str, most: usize) -> String {
    crate::report::html::signatures::cut(&printable(text), most)
}

/// How often something showed, in so many spans from `since_ms` to now: `hours` are hours from 1970, each with how often.
pub(crate) fn spans(hours: &[(u64, u64)], since_ms: u64, now_ms: u64, spans: usize) -> Vec<f64> {
    let (first, last) = (since_ms / 3_600_000, now_ms / 3_600_000);
    let mut counts = vec![0.0; spans.max(1)];
    let wide = (last.saturating_sub(first) + 1).max(1);
    let places = counts.len();
    for (hour, count) in hours.iter().filter(|(hour, _)| (first..=last).contains(hour)) {
        // Below `places`: hour - first is below wide.
        let place = ((u128::from(hour - first) * places as u128) / u128::from(wide)) as usize;
        if let Some(sum) = counts.get_mut(place) {
            *sum += *count as f64;
        }
    }
    counts
}

/// What differs, in a sentence without its end: `legacy answers 200 where new answers 404`.
pub(crate) fn in_words(path: &str, kind: Kind) -> String {
    let at = shown(path, LONGEST);
    if let Some((legacy, new)) = path.strip_prefix("status:").and_then(|both| both.split_once('/')) {
        return format!("legacy answers {} where new answers {}", shown(legacy, 8), shown(new, 8));
    }
    let what = match path.split_once(':') {
        Some(("header", name)) => format!("the header {}", shown(name, LONGEST)),
        Some(("cookie", name)) => format!("the cookie {}", shown(name, LONGEST)),
        _ if path == "$" => "the body as a whole".to_owned(),
        _ => at,
    };
    match kind {
        Kind::Status => format!("{what}: the statuses differ"),
        Kind::Missing => format!("legacy has {what} and new has not"),
        Kind::Extra => format!("new has {what} and legacy has not"),
        Kind::Null => format!("{what} is null on one side and missing on the other"),
        Kind::Type => format!("{what} is of another type in new"),
        Kind::Value => format!("{what} has another value in new"),
        Kind::Order => format!("{what} has the same elements in another order in new"),
        Kind::Duplicate => format!("{what} has a key more than once"),
        Kind::Format => format!("{what} is of another format in new"),
        Kind::Text => format!("{what} has other lines in new"),
        Kind::Bytes => format!("{what} has other bytes in new"),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::diff::Evidence;
    use crate::store::Acceptance;

    const NOW: u64 = 1_767_225_600_000;

    fn row(route: &str, path: &str, raw: u64, again: u64, itself: u64) -> SignatureRow {
        SignatureRow {
            id: SignatureId::new(route, path, Kind::Value),
            route: route.to_owned(),
            path: path.to_owned(),
            kind: Kind::Value,
            evidence: Evidence { compared: 1000, raw, again, itself, ..Evidence::default() },
            seen_ms: (NOW - raw * 1000, NOW - raw),
            acceptance: None,
            samples: 1,
        }
    }

    fn asked(state: &str, q: &str) -> Asked {
        Asked { state: state.to_owned(), q: q.to_owned(), ..Asked::default() }
    }

    fn paths(list: &List) -> Vec<&str> {
        list.rows.iter().map(|row| &*row.path).collect()
    }

    #[test]
    fn what_matters_most_comes_first_and_noise_is_apart() {
        let accepted = SignatureRow {
            acceptance: Some(Acceptance { at_ms: 0, by: String::new(), reason: String::new(), until_ms: None }),
            ..row("a", "$.accepted", 999, 5, 0)
        };
        let rows =
            vec![row("a", "$.few", 900, 0, 0), row("a", "$.noise", 800, 0, 5), accepted, row("b", "$.real", 5, 5, 0)];
        let list = List::of(rows.clone(), None, &asked("", ""), NOW);
        assert_eq!((paths(&list), list.passing), (vec!["$.real", "$.few"], 2));
        let count = |state: State| list.counts[State::ALL.iter().position(|other| *other == state).unwrap()];
        assert_eq!([State::Open, State::Noise, State::Accepted, State::All].map(count), [2, 1, 1, 4]);
        assert_eq!(paths(&List::of(rows.clone(), None, &asked("noise", ""), NOW)), ["$.noise"]);
        assert_eq!(paths(&List::of(rows.clone(), None, &asked("all", "REAL"), NOW)), ["$.real"]);
        let one = HashSet::from([rows[0].id]);
        assert_eq!(paths(&List::of(rows, Some(&one), &asked("all", ""), NOW)), ["$.few"]);
    }

    #[test]
    fn a_page_beyond_the_last_is_the_last() {
        let rows: Vec<_> = (0..PAGE + 1).map(|n| row("a", &format!("$.a{n}"), 1, 5, 0)).collect();
        let far = Asked { page: "99".to_owned(), state: "all".to_owned(), ..Asked::default() };
        let list = List::of(rows, None, &far, NOW);
        assert_eq!((list.rows.len(), list.page, list.pages()), (1, 1, 2));
    }

    #[test]
    fn what_differs_is_said_in_words() {
        assert_eq!(in_words("status:200/404", Kind::Status), "legacy answers 200 where new answers 404");
        assert_eq!(in_words("header:location", Kind::Missing), "legacy has the header location and new has not");
        assert_eq!(in_words("$.items[*].price", Kind::Value), "$.items[*].price has another value in new");
    }

    proptest! {
        #[test]
        fn pages_have_every_row_once(numbers in proptest::collection::vec(0_u64..20, 0..200), turned in any::<bool>()) {
            let rows: Vec<_> =
                numbers.iter().enumerate().map(|(n, raw)| row("a", &format!("$.a{n}"), *raw, 5, 0)).collect();
            let mut seen = HashSet::new();
            for sort in ["impact", "share", "count", "first", "last", "route"] {
                seen.clear();
                for page in 1..=rows.len().div_ceil(PAGE) {
                    let dir = if turned { "asc" } else { "" }.to_owned();
                    let asked = Asked { page: page.to_string(), sort: sort.to_owned(), dir, ..asked("all", "") };
                    seen.extend(List::of(rows.clone(), None, &asked, NOW).rows.iter().map(|row| row.id));
                }
                prop_assert_eq!(seen.len(), rows.len());
            }
        }

        #[test]
        fn every_sighting_within_the_time_is_counted(
            hours in proptest::collection::vec((0_u64..400, 0_u64..1000), 0..50), since in 0_u64..300, places in 1_usize..60,
        ) {
            let now = 399;
            let total: u64 = hours.iter().filter(|(hour, _)| *hour >= since).map(|(_, count)| count).sum();
            let spans = spans(&hours, since * 3_600_000, now * 3_600_000, places);
            prop_assert_eq!((spans.len(), spans.iter().sum::<f64>() as u64), (places, total));
        }

        #[test]
        fn nothing_that_a_screen_obeys_is_shown(path in any::<String>()) {
            let line = Line::of(&row("a", &path, 1, 1, 0), std::slice::from_ref(&path), NOW);
            for text in [line.path, line.tenants[0].1.clone(), in_words(&path, Kind::Value)] {
                prop_assert_eq!(printable(&text), text.as_str());
            }
        }
    }
}
