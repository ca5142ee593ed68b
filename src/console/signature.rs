//! One signature: what differs, whom it hits and when, what is held of it and why, and comparisons that show it.

use askama::Template;
use axum::Router;
use axum::extract::{Extension, Path, Query, State};
use axum::response::Response;
use axum::routing::get;
use serde::Deserialize;

use super::ago::Ago;
use super::chart::{Line, Plot, Point, Svg, Unit};
use super::differences::asked::{Since, State as Standing};
use super::differences::list::{in_words, shown};
use super::differences::unreadable;
use super::frame::Frame;
use super::link::{link, route};
use super::page::{html, written};
use super::trouble::Trouble;
use crate::admin::{Admin, Who, aside};
use crate::clock::now_ms;
use crate::diff::{Judgement, SignatureId};
use crate::names::Side;
use crate::report::html::signatures::evidence;
use crate::report::html::verdicts::interval;
use crate::report::{counted, percent};
use crate::store::read::{ShowingRow, SignatureFilter, SignatureRow};
use crate::store::{Act, Reader};

/// The most comparisons that are listed; no more are kept of a signature by default.
const SAMPLES: usize = 100;
/// In milliseconds.
const HOUR: u64 = 3_600_000;
/// How far back the plot goes at most, in hours.
const PLOTTED: u64 = 14 * 24;

#[derive(Template)]
#[template(path = "console/signature.html")]
struct Page {
    frame: Frame,
    id: String,
    /// What differs, in words.
    sentence: String,
    path: String,
    kind: &'static str,
    route: String,
    state: Standing,
    share: String,
    interval: String,
    hits: String,
    of: String,
    first: Ago,
    last: Ago,
    /// What is held of it and why, a sentence each.
    held: Vec<String>,
    accepted: Option<Accepted>,
    history: Vec<Decided>,
    plot: Svg,
    samples: Vec<Sample>,
    /// The newest comparison of each tenant.
    tenants: Vec<(String, u64)>,
    /// Where a question of the page leads back to.
    here: String,
    since: Since,
}

/// What the page is asked for.
#[derive(Debug, Deserialize)]
struct Asked {
    /// How far back it counts: [`Since::as_str`].
    #[serde(default)]
    since: String,
}

/// An acceptance that holds.
struct Accepted {
    by: String,
    at: Ago,
    until: Option<Ago>,
    reason: String,
}

/// Somebody accepted or reopened it.
struct Decided {
    what: &'static str,
    at: Ago,
    by: String,
    until: String,
    reason: String,
}

/// A comparison that shows it.
struct Sample {
    id: u64,
    at: Ago,
    tenant: String,
    request: String,
    statuses: [u16; 2],
    place: String,
    values: [Option<String>; 2],
}

/// What viewers may see.
pub(super) fn for_viewers() -> Router<Admin> {
    Router::new().route("/differences/{id}", get(signature))
}

async fn signature(
    State(admin): State<Admin>,
    Extension(who): Extension<Who>,
    Path(id): Path<String>,
    Query(asked): Query<Asked>,
) -> Result<Response, Trouble> {
    let id = SignatureId::parse(&id).ok_or_else(|| Trouble::unknown("difference"))?;
    let frame = Frame::of(&admin, &who, "/differences");
    let text = aside(move || {
        let reader = Reader::open(admin.store.state_dir()).map_err(|error| unreadable(&error))?;
        written(&Page::of(frame, id, Since::parse(&asked.since), &reader, now_ms())?)
    });
    Ok(html(text.await??))
}

impl Page {
    fn of(frame: Frame, id: SignatureId, since: Since, reader: &Reader, now_ms: u64) -> Result<Page, Trouble> {
        let read = |error| unreadable(&error);
        let seen = |since: Since| {
            let filter = SignatureFilter { since_ms: since.ms(now_ms), route: None, id: Some(id) };
            reader.signatures(&filter).map(|mut rows| rows.pop().map(|row| (row, since)))
        };
        // One that was not seen of late is told as far back as it goes.
        let found = match seen(since).map_err(read)? {
            None => seen(Since::All).map_err(read)?,
            found => found,
        };
        let (row, since) = found.ok_or_else(|| Trouble::unknown("difference"))?;
        let history = reader.history(id).map_err(read)?;
        let samples = reader.showing(&id.to_string(), SAMPLES).map_err(read)?;
        let since_ms = since.ms(now_ms).max(now_ms.saturating_sub(PLOTTED * HOUR));
        let hours = reader.hours(&[id], since_ms).map_err(read)?.remove(&id).unwrap_or_default();
        Ok(Page {
            sentence: capitalised(&in_words(&row.path, row.kind)),
            path: shown(&row.path, 400),
            kind: row.kind.as_str(),
            state: Standing::of(&row, now_ms),
            share: row.share().rate().map_or_else(|| "–".to_owned(), percent),
            interval: interval(row.share()),
            hits: counted(row.share().hits),
            of: counted(row.share().of),
            first: Ago::of(row.seen_ms.0, now_ms),
            last: Ago::of(row.seen_ms.1, now_ms),
            held: held(&row, now_ms),
            accepted: accepted(&row, now_ms),
            history: history.iter().rev().map(|act| Decided::of(act, now_ms)).collect(),
            plot: plotted(&row, &hours, since_ms, now_ms),
            tenants: newest_by_tenant(&samples),
            samples: samples.into_iter().map(|sample| Sample::of(sample, now_ms)).collect(),
            here: link(&format!("/differences/{id}"), &[("since", since.asked())]),
            since,
            id: id.to_string(),
            route: row.route,
            frame,
        })
    }

    fn comparison(&self, id: &u64) -> String {
        link(&format!("/comparisons/{id}"), &[("of", &self.id)])
    }

    /// The same over another time.
    fn over(&self, since: &Since) -> String {
        link(&format!("/differences/{}", self.id), &[("since", since.asked())])
    }

    fn of_route(&self) -> String {
        link("/differences", &[("route", &self.route)])
    }

    fn of_tenant(tenant: &str) -> String {
        link("/differences", &[("tenant", tenant), ("state", "all")])
    }

    fn route(&self) -> String {
        route(&self.route)
    }
}

/// What is held of it, and why.
fn held(row: &SignatureRow, now_ms: u64) -> Vec<String> {
    let counts = match row.judgement() {
        _ if row.is_accepted(now_ms) => {
            "Somebody has decided to live with it: a comparison that differs only here counts as a match while that holds."
        }
        Judgement::Real => "It is real: the systems differ here, and a comparison that shows it counts as a mismatch.",
        Judgement::Rare => {
            "It came again, but shows in under 0.03 % of comparisons. A comparison that shows it counts as a mismatch."
        }
        Judgement::TooFew => {
            "Nobody knows yet whether it comes again. It is confirmed as requests come; until then it is not settled."
        }
        Judgement::Transient => {
            "It did not come again when both systems were asked anew. A comparison that differs only here counts as a match."
        }
        Judgement::Noise => {
            "A system differs from itself here when it is asked twice, so nothing can be said of the other one. A comparison that \
             differs only here counts as a match; what a real difference at this place would be, it hides."
        }
    };
    vec![counts.to_owned(), evidence(row)]
}

fn accepted(row: &SignatureRow, now_ms: u64) -> Option<Accepted> {
    let acceptance = row.acceptance.as_ref().filter(|acceptance| acceptance.holds(now_ms))?;
    Some(Accepted {
        by: acceptance.by.clone(),
        at: Ago::of(acceptance.at_ms, now_ms),
        until: acceptance.until_ms.map(|until| Ago::of(until, now_ms)),
        reason: acceptance.reason.clone(),
    })
}

/// How often it showed, by the hour, from when it was first seen.
fn plotted(row: &SignatureRow, hours: &[(u64, u64)], since_ms: u64, now_ms: u64) -> Svg {
    // At least half a day, so that a young one is not one point.
    let from = since_ms.max(row.seen_ms.0.min(now_ms.saturating_sub(12 * HOUR))) / HOUR;
    let until = now_ms / HOUR;
    let count = |hour: u64| hours.iter().find(|(other, _)| *other == hour).map_or(0, |(_, count)| *count);
    let points = (from..=until).map(|hour| Point { at_ms: hour * HOUR, value: Some(count(hour) as f64) }).collect();
    let class = if matches!(row.judgement(), Judgement::Noise | Judgement::Transient) { "noise" } else { "new" };
    let lines = vec![Line { name: "comparisons that showed it", class, area: true, points }];
    let (from_ms, until_ms) = (from * HOUR, (until + 1) * HOUR);
    let title = "Comparisons that showed it, by the hour";
    Plot {
        title,
        from_ms,
        until_ms,
        step_ms: HOUR,
        unit: Unit::Count,
        lines,
        marks: &[],
        empty: "Not seen of late",
        ..Plot::default()
    }
    .draw()
}

/// The newest comparison of each tenant, the newest first.
fn newest_by_tenant(samples: &[ShowingRow]) -> Vec<(String, u64)> {
    let mut found: Vec<(String, u64)> = Vec::new();
    for sample in samples.iter().filter(|sample| !sample.tenant.is_empty()) {
        if found.iter().all(|(tenant, _)| *tenant != sample.tenant) {
            found.push((sample.tenant.clone(), sample.comparison));
        }
    }
    found
}

fn capitalised(sentence: &str) -> String {
    let mut characters = sentence.chars();
    match characters.next() {
        // A path is spelled as it is.
        Some(first) if first.is_ascii_lowercase() => first.to_ascii_uppercase().to_string() + characters.as_str(),
        _ => sentence.to_owned(),
    }
}

impl Decided {
    fn of(act: &Act, now_ms: u64) -> Decided {
        Decided {
            what: if act.accepted { "accepted" } else { "reopened" },
            at: Ago::of(act.at_ms, now_ms),
            by: act.by.clone(),
            until: match act.until_ms {
                _ if !act.accepted => String::new(),
                None => "for good".to_owned(),
                Some(until) => format!("until {}", Ago::of(until, now_ms).at),
            },
            reason: act.reason.clone(),
        }
    }
}

impl Sample {
    fn of(row: ShowingRow, now_ms: u64) -> Sample {
        let value = |value: Option<String>| value.map(|value| shown(&value, 120));
        Sample {
            id: row.comparison,
            at: Ago::of(row.at_ms, now_ms),
            tenant: row.tenant,
            request: shown(&format!("{} {}", row.method, row.target), 160),
            statuses: row.statuses,
            place: shown(&row.place, 160),
            values: [value(row.legacy), value(row.new)],
        }
    }

    /// What each side has, by its name.
    fn values(&self) -> impl Iterator<Item = (&'static str, &Option<String>)> {
        Side::ALL.map(Side::as_str).into_iter().zip(&self.values)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diff::Verdict;

    fn sample(comparison: u64, tenant: &str) -> ShowingRow {
        ShowingRow {
            comparison,
            at_ms: 0,
            tenant: tenant.to_owned(),
            verdict: Verdict::Mismatch,
            method: "GET".to_owned(),
            target: "/".to_owned(),
            statuses: [200, 404],
            place: String::new(),
            places: 1,
            legacy: None,
            new: None,
        }
    }

    #[test]
    fn each_tenant_has_its_newest_comparison() {
        let samples = [sample(9, "b"), sample(8, ""), sample(7, "a"), sample(6, "b")];
        assert_eq!(newest_by_tenant(&samples), [("b".to_owned(), 9), ("a".to_owned(), 7)]);
    }

    #[test]
    fn a_sentence_begins_with_a_capital_and_a_path_as_it_is() {
        assert_eq!(capitalised("legacy answers"), "Legacy answers");
        assert_eq!(capitalised("$.a has"), "$.a has");
        assert_eq!(capitalised(""), "");
    }
}
