//! What the page of a comparison shows.

use std::collections::HashMap;

use super::body::Bodies;
use super::headers::Headers;
use super::terms::terms;
use super::text::{self, Piece};
use crate::console::ago::Ago;
use crate::console::differences::asked::{Since, State};
use crate::console::differences::list::{in_words, shown};
use crate::console::link::{link, route};
use crate::diff::redact::REDACTED;
use crate::diff::{Kind, SignatureId, Verdict};
use crate::names::Side;
use crate::report::counted;
use crate::report::replay::replay;
use crate::snapshot::{Comparison, Snapshot};
use crate::store::read::{Kept, ReadError, SignatureFilter, SignatureRow};
use crate::store::{Answered, Body, Differs, Reader};

/// The longest command that is shown, in bytes.
const COMMAND: usize = 16 * 1024;
/// The most lines of a request's body.
const LINES: usize = 80;
/// The most headers of a request.
const HEADERS: usize = 100;
/// Differences that stand open.
const OPEN: usize = 25;

/// A comparison with what stands around it in the store.
#[derive(Debug)]
pub(crate) struct Source {
    kept: Kept,
    /// What it is looked at for.
    key: String,
    /// Those before and after it that show the same.
    beside: [Option<u64>; 2],
    /// The signatures that it shows.
    signatures: HashMap<String, SignatureRow>,
}

/// A comparison.
#[derive(Debug)]
pub(crate) struct View {
    pub(crate) id: u64,
    pub(crate) at: Ago,
    pub(crate) route: String,
    pub(crate) route_href: String,
    pub(crate) tenant: String,
    pub(crate) request_id: String,
    pub(crate) request: String,
    pub(crate) verdict: &'static str,
    pub(crate) verdict_class: &'static str,
    /// Why it counts or does not.
    pub(crate) why: Vec<String>,
    /// The signature that it is looked at for: its id and its words.
    pub(crate) of: Option<(String, String)>,
    pub(crate) before: Option<String>,
    pub(crate) after: Option<String>,
    pub(crate) differences: Vec<Difference>,
    pub(crate) sides: [Answer; 2],
    /// New's time over legacy's, in words.
    pub(crate) ratio: String,
    pub(crate) headers: Headers,
    pub(crate) bodies: Bodies,
    pub(crate) terms: Vec<(&'static str, String)>,
    pub(crate) request_headers: Vec<(String, Vec<Piece>)>,
    pub(crate) request_body: Vec<Vec<Piece>>,
    /// What is not shown of the request's body, in words.
    pub(crate) request_note: String,
    /// In how many places a secret stood.
    pub(crate) redacted: usize,
    pub(crate) commands: Vec<Command>,
}

/// A difference of a comparison.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Difference {
    pub(crate) signature: String,
    /// Whether the comparison is looked at for this one.
    pub(crate) is_this: bool,
    pub(crate) words: String,
    /// As it stood over the last week; `None` where it did not show in that time.
    pub(crate) state: Option<State>,
    pub(crate) place: String,
    /// How many places there are besides.
    pub(crate) more: u32,
    pub(crate) values: [Option<Vec<Piece>>; 2],
}

/// One side's answer, in short.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) name: &'static str,
    /// Whether the client got it.
    pub(crate) is_answered: bool,
    pub(crate) status: u16,
    pub(crate) took: String,
    pub(crate) bytes: String,
    pub(crate) backend: String,
    pub(crate) hash: String,
}

/// A command that asks a side again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Command {
    pub(crate) side: &'static str,
    /// Empty where it is too long to show.
    pub(crate) text: String,
    pub(crate) notes: Vec<String>,
}

impl Source {
    /// The comparison with this number; `None` if it is not kept. Without `of` it is looked at for the first that it shows.
    ///
    /// # Errors
    /// The store cannot be read.
    pub(crate) fn read(reader: &Reader, id: u64, of: &str, now_ms: u64) -> Result<Option<Source>, ReadError> {
        let Some(kept) = reader.comparison(id)? else { return Ok(None) };
        let shown = reader.shown_by(id)?;
        let differences = &kept.detail.differences;
        let first =
            differences.iter().find(|differs| shown.contains(&differs.signature)).map(|differs| &differs.signature);
        let key = shown.iter().find(|key| *key == of).or(first).or(shown.first()).cloned().unwrap_or_default();
        let beside = if key.is_empty() { [None, None] } else { reader.beside(&key, id)? };
        let mut signatures = HashMap::new();
        if !differences.is_empty() {
            let filter =
                SignatureFilter { since_ms: Since::Week.ms(now_ms), route: Some(kept.route.clone()), id: None };
            let rows = reader.signatures(&filter)?.into_iter().map(|row| (row.id.to_string(), row));
            signatures.extend(rows.filter(|(id, _)| differences.iter().any(|differs| differs.signature == *id)));
        }
        Ok(Some(Source { kept, key, beside, signatures }))
    }
}

impl View {
    /// The page of this comparison, by the rules of this configuration.
    pub(crate) fn of(source: &Source, snapshot: &Snapshot, now_ms: u64) -> View {
        let (kept, detail) = (&source.kept, &source.kept.detail);
        let answers = [&detail.legacy, &detail.new];
        let rules = rules(snapshot, &kept.route);
        let differences: Vec<Difference> =
            detail.differences.iter().map(|differs| Difference::of(differs, source, now_ms)).collect();
        let beside = source.beside.map(|id| id.map(|id| link(&format!("/comparisons/{id}"), &[("of", &source.key)])));
        let [before, after] = beside;
        let of = SignatureId::parse(&source.key).map(|id| {
            let row = detail.differences.iter().find(|differs| differs.signature == source.key);
            (id.to_string(), row.map_or_else(|| id.to_string(), words))
        });
        let (request_body, request_note) = request_body(detail.body.as_ref());
        View {
            id: kept.id,
            at: Ago::of(kept.at_ms, now_ms),
            route_href: route(&kept.route),
            route: kept.route.clone(),
            tenant: kept.tenant.clone(),
            request_id: kept.request_id.clone(),
            request: shown(&format!("{} {}", kept.method, kept.target), 400),
            verdict: kept.verdict.as_str(),
            verdict_class: class(kept.verdict),
            why: why(kept.verdict, &differences),
            of,
            before,
            after,
            sides: Side::ALL.map(|side| Answer::of(side, detail.answer(side), kept.answered)),
            ratio: ratio(detail.legacy.took_us, detail.new.took_us),
            headers: Headers::of(answers, &detail.differences),
            bodies: Bodies::of(answers, &detail.differences, rules.map(|comparison| comparison.rules.rules())),
            terms: rules.map(terms).unwrap_or_default(),
            request_headers: request_headers(&detail.headers),
            request_body,
            request_note,
            redacted: redacted(kept),
            commands: Side::ALL.into_iter().filter_map(|side| Command::of(kept, side, snapshot)).collect(),
            differences,
        }
    }

    /// The differences that stand open.
    pub(crate) fn first(&self) -> &[Difference] {
        &self.differences[..self.differences.len().min(OPEN)]
    }

    /// Those that are folded away.
    pub(crate) fn rest(&self) -> &[Difference] {
        &self.differences[self.differences.len().min(OPEN)..]
    }

    /// How a difference of the list is told apart: by its colour, and whether it is the one that is looked for.
    pub(crate) fn look(&self, place: &usize) -> (&'static str, bool) {
        self.differences.get(*place).map_or(("warn", false), |difference| (difference.class(), difference.is_this))
    }
}

/// The rules of a route as they are now.
fn rules<'s>(snapshot: &'s Snapshot, name: &str) -> Option<&'s Comparison> {
    let place = snapshot.rules.routes.iter().position(|route| *route.name == *name)?;
    let id = crate::routing::RouteId(u32::try_from(place).ok()?);
    snapshot.shadow(id)?.comparison.as_deref()
}

fn class(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Match => "new",
        Verdict::Mismatch => "warn",
        Verdict::Noise => "noise",
        Verdict::Unknown => "",
    }
}

/// Why it counts or does not.
fn why(verdict: Verdict, differences: &[Difference]) -> Vec<String> {
    let count = differences.len();
    let open =
        differences.iter().filter(|difference| difference.state.is_none_or(|state| State::Open.takes(state))).count();
    let how_many = |count: usize| if count == 1 { "1 difference".to_owned() } else { format!("{count} differences") };
    match verdict {
        Verdict::Match => vec!["It counts as a match: nothing differs by the rules below.".to_owned()],
        Verdict::Mismatch => {
            let mut says = vec![format!(
                "It counts as a mismatch: it has {} that {} neither noise nor accepted when it was compared.",
                how_many(count),
                if count == 1 { "was" } else { "were not all" },
            )];
            if count > 1 {
                says = vec![format!(
                    "It counts as a mismatch: of its {} not all were noise or accepted when it was compared.",
                    how_many(count)
                )];
            }
            if open == 0 {
                says.push("By now all of them are accepted, noise or transient: one like it would count as a match.".to_owned());
            }
            says
        }
        Verdict::Noise => {
            let mut says = vec![format!(
                "It counts as a match: its {} {} noise, did not come again, or {} accepted when it was compared.",
                how_many(count),
                if count == 1 { "was" } else { "were" },
                if count == 1 { "was" } else { "were" },
            )];
            if open > 0 {
                says.push(format!("By now {open} of them would count: see their states."));
            }
            says
        }
        Verdict::Unknown => vec![
            "It counts neither as a match nor as a mismatch: the answers could not be judged, or it was not confirmed whether what \
             differs comes again."
                .to_owned(),
        ],
    }
}

/// What differs, in words.
fn words(differs: &Differs) -> String {
    Kind::parse(&differs.kind).map_or_else(|| shown(&differs.path, 160), |kind| in_words(&differs.path, kind))
}

fn ratio(legacy_us: u64, new_us: u64) -> String {
    if legacy_us == 0 || new_us == 0 {
        return String::new();
    }
    let times = new_us as f64 / legacy_us as f64;
    match times {
        _ if (0.95..1.05).contains(&times) => "new took about as long".to_owned(),
        _ if times > 1.0 => format!("new took {times:.1} times as long"),
        _ => format!("new took {:.0} % of legacy’s time", times * 100.0),
    }
}

fn request_headers(headers: &[(String, String)]) -> Vec<(String, Vec<Piece>)> {
    headers.iter().take(HEADERS).map(|(name, value)| (shown(name, 80), text::pieces(value))).collect()
}

fn request_body(body: Option<&Body>) -> (Vec<Vec<Piece>>, String) {
    match body {
        None => (Vec::new(), String::new()),
        Some(Body::Base64(_)) => {
            let bytes = body.map(|body| body.bytes().len()).unwrap_or_default();
            (Vec::new(), format!("{} bytes that are no text", counted(bytes as u64)))
        }
        Some(Body::Text(text)) => {
            let lines: Vec<_> = text.lines().take(LINES).map(text::pieces).collect();
            let more = text.lines().count().saturating_sub(LINES);
            (lines, if more > 0 { format!("{} more lines are not shown", counted(more as u64)) } else { String::new() })
        }
    }
}

fn redacted(kept: &Kept) -> usize {
    let in_text = |text: &str| text.matches(REDACTED).count();
    let in_headers = |headers: &[(String, String)]| headers.iter().map(|(_, value)| in_text(value)).sum::<usize>();
    let in_body = |body: &Option<Body>| match body {
        Some(Body::Text(text)) => in_text(text),
        _ => 0,
    };
    let in_answer = |answer: &Answered| in_headers(&answer.headers) + in_body(&answer.body);
    let detail = &kept.detail;
    let request = in_text(&kept.target) + in_text(&kept.tenant) + in_headers(&detail.headers) + in_body(&detail.body);
    request + in_answer(&detail.legacy) + in_answer(&detail.new)
}

impl Difference {
    fn of(differs: &Differs, source: &Source, now_ms: u64) -> Difference {
        let values = match [&differs.legacy, &differs.new] {
            [Some(one), Some(other)] => text::pair(one, other).map(Some),
            sides => sides.map(|value| value.as_ref().map(|value| text::pieces(value))),
        };
        Difference {
            is_this: differs.signature == source.key,
            words: words(differs),
            state: source.signatures.get(&differs.signature).map(|row| State::of(row, now_ms)),
            place: shown(&differs.place, 200),
            more: differs.places.saturating_sub(1),
            values,
            signature: differs.signature.clone(),
        }
    }

    /// The colour that it is told apart by: what counts, what is noise, what is accepted.
    pub(crate) fn class(&self) -> &'static str {
        match self.state {
            Some(State::Noise | State::Transient) => "noise",
            Some(State::Accepted) => "good",
            _ => "warn",
        }
    }
}

impl Answer {
    fn of(side: Side, answer: &Answered, answered: Side) -> Answer {
        Answer {
            name: side.as_str(),
            is_answered: side == answered,
            status: answer.status,
            took: format!("{:.1} ms", answer.took_us as f64 / 1000.0),
            bytes: counted(answer.bytes),
            backend: shown(&answer.backend, 120),
            hash: shown(&answer.hash, 40),
        }
    }
}

impl Command {
    fn of(kept: &Kept, side: Side, snapshot: &Snapshot) -> Option<Command> {
        let curl = replay(kept, side, snapshot)?;
        let is_short = curl.command.len() <= COMMAND;
        Some(Command {
            side: side.as_str(),
            text: if is_short { curl.command } else { String::new() },
            notes: curl.notes.iter().map(|note| shown(note, 200)).collect(),
        })
    }
}

#[cfg(test)]
mod tests;
