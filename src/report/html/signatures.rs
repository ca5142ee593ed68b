//! What differs.

use super::Scope;
use super::body::{Bodies, Part, parts};
use super::verdicts::interval;
use crate::diff::Judgement;
use crate::report::counted;
use crate::report::show::meaning;
use crate::report::{moment, percent, printable};
use crate::store::read::{Kept, ReadError, SignatureFilter, SignatureRow};
use crate::store::{Acceptance, Reader};

/// The most signatures of a judgement that are told in full.
const IN_FULL: usize = 25;
/// The most that stand in a list behind those.
const IN_SHORT: usize = 100;
/// The most differences of a sample that are listed.
const DIFFERENCES: usize = 12;
/// The first samples stand open.
const OPEN: usize = 3;
/// The most characters of a request line.
const LINE: usize = 300;

/// Signatures by what is held of them, the most frequent first.
pub(super) struct Sorted {
    pub(super) real: Vec<SignatureRow>,
    pub(super) rare: Vec<SignatureRow>,
    pub(super) too_few: Vec<SignatureRow>,
    pub(super) transient: Vec<SignatureRow>,
    pub(super) noise: Vec<SignatureRow>,
    /// Whatever else is held of them.
    pub(super) accepted: Vec<SignatureRow>,
}

/// Signatures in full.
pub(super) struct Told {
    pub(super) count: usize,
    pub(super) cards: Vec<Card>,
    pub(super) rest: Listing,
}

/// Signatures in short.
pub(super) struct Listing {
    pub(super) count: usize,
    pub(super) rows: Vec<Listed>,
    /// How many there are beside these.
    pub(super) more: usize,
}

/// A signature in short.
pub(super) struct Listed {
    pub(super) id: String,
    pub(super) route: String,
    pub(super) path: String,
    pub(super) kind: &'static str,
    pub(super) share: String,
    pub(super) seen: String,
    /// Why it stands where it stands.
    pub(super) evidence: String,
    pub(super) accepted: String,
}

/// A signature in full.
pub(super) struct Card {
    pub(super) listed: Listed,
    pub(super) sample: Option<Sample>,
    pub(super) is_open: bool,
}

/// A comparison that shows it.
pub(super) struct Sample {
    pub(super) request: String,
    pub(super) told: String,
    pub(super) statuses: [u16; 2],
    pub(super) places: Vec<Place>,
    /// How many places there are beside these.
    pub(super) more: usize,
    pub(super) bodies: Bodies,
}

/// One difference of a sample.
pub(super) struct Place {
    /// Whether it is the one that the sample is shown for.
    pub(super) is_this: bool,
    pub(super) place: String,
    pub(super) values: [Vec<Part>; 2],
}

impl Sorted {
    pub(super) fn is_empty(&self) -> bool {
        let lists = [&self.real, &self.rare, &self.too_few, &self.transient, &self.noise, &self.accepted];
        lists.iter().all(|list| list.is_empty())
    }
}

/// The signatures that a report is about.
pub(super) fn sorted(reader: &Reader, scope: &Scope) -> Result<Sorted, ReadError> {
    let filter = SignatureFilter { since_ms: scope.since_ms, route: scope.route.clone(), id: None };
    let mut rows = reader.signatures(&filter)?;
    let impact = |row: &SignatureRow| row.share().rate().unwrap_or(0.0);
    rows.sort_by(|a, b| impact(b).total_cmp(&impact(a)));
    let mut sorted = Sorted {
        real: Vec::new(),
        rare: Vec::new(),
        too_few: Vec::new(),
        transient: Vec::new(),
        noise: Vec::new(),
        accepted: Vec::new(),
    };
    for row in rows {
        let list = match row.judgement() {
            _ if row.is_accepted(scope.now_ms) => &mut sorted.accepted,
            Judgement::Real => &mut sorted.real,
            Judgement::Rare => &mut sorted.rare,
            Judgement::TooFew => &mut sorted.too_few,
            Judgement::Transient => &mut sorted.transient,
            Judgement::Noise => &mut sorted.noise,
        };
        list.push(row);
    }
    Ok(sorted)
}

impl Told {
    /// The first of these in full, the others in short.
    pub(super) fn of(reader: &Reader, rows: &[SignatureRow]) -> Result<Told, ReadError> {
        let (first, rest) = rows.split_at(rows.len().min(IN_FULL));
        let mut cards = Vec::with_capacity(first.len());
        for (number, row) in first.iter().enumerate() {
            let newest = reader.samples(row.id)?.into_iter().next();
            let sample = newest.map(|kept| Sample::of(&kept, row));
            cards.push(Card { listed: Listed::of(row), sample, is_open: number < OPEN });
        }
        Ok(Told { count: rows.len(), cards, rest: Listing::of(rest) })
    }
}

impl Listing {
    /// The first of these in short.
    pub(super) fn of(rows: &[SignatureRow]) -> Listing {
        let shown: Vec<Listed> = rows.iter().take(IN_SHORT).map(Listed::of).collect();
        Listing { count: rows.len(), more: rows.len() - shown.len(), rows: shown }
    }
}

impl Listed {
    fn of(row: &SignatureRow) -> Listed {
        let share = row.share();
        let rate = share.rate().map_or_else(|| "none".to_owned(), percent);
        Listed {
            id: row.id.to_string(),
            route: row.route.clone(),
            path: printable(&row.path).into_owned(),
            kind: meaning(row.kind),
            share: format!("{rate} of {} ({})", counted(share.of), interval(share)),
            seen: format!("first {}, last {}", moment(row.seen_ms.0), moment(row.seen_ms.1)),
            evidence: evidence(row),
            accepted: row.acceptance.as_ref().map(accepted).unwrap_or_default(),
        }
    }
}

/// What is known of a signature, in words.
pub(crate) fn evidence(row: &SignatureRow) -> String {
    let evidence = &row.evidence;
    let asked = evidence.confirmations();
    let again = match asked {
        0 => "Nobody was asked again about it yet.".to_owned(),
        asked => {
            let once = |count: u64| if count == 1 { "once".to_owned() } else { format!("{} times", counted(count)) };
            let mut parts = Vec::new();
            if evidence.itself > 0 {
                parts.push(format!("{} the answering system differed from itself there", once(evidence.itself)));
            }
            if evidence.gone > 0 {
                parts.push(format!("{} it did not show again", once(evidence.gone)));
            }
            let rest = if parts.is_empty() { String::new() } else { format!("; {}", parts.join(", ")) };
            let asked = if asked == 1 { "the one time".to_owned() } else { format!("{} times", counted(asked)) };
            format!("Both systems were asked again: confirmed {} of {asked}{rest}.", counted(evidence.again))
        }
    };
    let noise = match row.noise().rate() {
        None => "No system of this route was asked twice to learn its noise yet.".to_owned(),
        Some(rate) => format!(
            "Noise: {} of {} answers differ there from a second answer of the same system.",
            percent(rate),
            counted(evidence.checked)
        ),
    };
    format!("{again} {noise}")
}

fn accepted(acceptance: &Acceptance) -> String {
    let until = acceptance.until_ms.map_or_else(|| "for good".to_owned(), |until| format!("until {}", moment(until)));
    let (by, reason) = (printable(&acceptance.by), printable(&acceptance.reason));
    format!("by {by} on {}, {until}: {reason}", moment(acceptance.at_ms))
}

impl Sample {
    fn of(kept: &Kept, row: &SignatureRow) -> Sample {
        let detail = &kept.detail;
        let id = row.id.to_string();
        let mut differences: Vec<_> = detail.differences.iter().collect();
        // The one it is shown for comes first.
        differences.sort_by_key(|differs| differs.signature != id);
        let place = |differs: &&crate::store::Differs| {
            let more = match differs.places {
                0 | 1 => String::new(),
                places => format!(" and {} more like it", counted(u64::from(places) - 1)),
            };
            let value = |value: &Option<String>| match value {
                Some(value) => parts(&printable(value)),
                None => parts("(nothing)"),
            };
            Place {
                is_this: differs.signature == id,
                place: format!("{}{more}", printable(&differs.place)),
                values: [value(&differs.legacy), value(&differs.new)],
            }
        };
        let places: Vec<Place> = differences.iter().take(DIFFERENCES).map(place).collect();
        let tenant = if kept.tenant.is_empty() { String::new() } else { format!(", tenant {}", kept.tenant) };
        let request = format!("{} {}", kept.method, kept.target);
        Sample {
            request: printable(&cut(&request, LINE)).into_owned(),
            told: format!(
                "{}{tenant}, answered by {}, request id {}, comparison {}",
                moment(kept.at_ms),
                kept.answered,
                printable(&kept.request_id),
                kept.id
            ),
            statuses: [detail.legacy.status, detail.new.status],
            more: differences.len() - places.len(),
            places,
            bodies: Bodies::of(detail.legacy.body.as_ref(), detail.new.body.as_ref()),
        }
    }
}

/// At most so many characters, with `…` where something was cut off.
pub(crate) fn cut(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}
