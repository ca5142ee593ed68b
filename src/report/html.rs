//! What differs, as one HTML file that needs nothing else: to be read, mailed, printed.
//!
//! What strangers sent is in there, so the page can do nothing: no script, no link to anywhere else, a content security policy
//! that forbids both. The template escapes all that is put in, and what a reader's screen would obey rather than show
//! (control characters, what turns the direction of text) is written out all over the page.
//!
//! - [`verdicts`]: routes, and how their answers compare
//! - [`signatures`]: what differs
//! - [`body`]: two bodies side by side
//! - [`leftovers`]: what was not compared, and why
//! - [`latency`]: how long the two sides took

pub(crate) mod body;
mod latency;
pub(crate) mod leftovers;
pub(crate) mod signatures;
pub(crate) mod verdicts;

use std::io::Write;

use askama::Template;

use super::export::ExportError;
use super::{counted, moment, printable};
use crate::store::Reader;
use latency::Latency;
use leftovers::Leftover;
pub use leftovers::{Fate, copy_in_words};
use signatures::{Listing, Told};
use verdicts::RouteRow;

/// In milliseconds.
const HOUR: u64 = 3_600_000;
/// The most routes whose times are plotted.
const PLOTS: usize = 40;

/// What a report is about.
#[derive(Debug, Clone, Default)]
pub struct Scope {
    /// Only what was seen since then, in milliseconds since 1970; the whole hour is taken. 0: all that is kept.
    pub since_ms: u64,
    /// Only this route.
    pub route: Option<String>,
    /// When it is made, in milliseconds since 1970.
    pub now_ms: u64,
    /// Which store it is about, in words.
    pub store: String,
    /// How many comparisons the facade has lost since it started, before they were stored; `None` if it cannot be asked.
    pub lost: Option<u64>,
}

/// Writes a report.
///
/// # Errors
/// The store cannot be read, or the page cannot be written.
pub fn report(reader: &Reader, scope: &Scope, out: &mut impl Write) -> Result<(), ExportError> {
    let page = Page::of(reader, scope)?;
    let text = page.render().map_err(std::io::Error::other)?;
    for line in text.lines() {
        writeln!(out, "{}", printable(line))?;
    }
    Ok(())
}

#[derive(Template)]
#[template(path = "report.html")]
struct Page {
    version: &'static str,
    generated: String,
    period: String,
    store: String,
    route: Option<String>,
    nothing: bool,
    sentences: Vec<String>,
    routes: Vec<RouteRow>,
    real: Told,
    rare: Told,
    too_few: Told,
    accepted: Listing,
    noise: Listing,
    transient: Listing,
    unknown: Vec<Leftover>,
    left_out: Vec<Leftover>,
    failed: Vec<Leftover>,
    dropped: Vec<Leftover>,
    lost: String,
    latency: Vec<Latency>,
    /// How many routes have no plots because there are too many.
    untold: usize,
}

impl Page {
    fn of(reader: &Reader, scope: &Scope) -> Result<Page, ExportError> {
        // Some counts are by the minute and some by the hour: a page with both would contradict itself.
        let scope = &Scope { since_ms: scope.since_ms / HOUR * HOUR, ..scope.clone() };
        let is_wanted = |route: &str| scope.route.as_deref().is_none_or(|wanted| wanted == route);
        let mut summaries = reader.routes(scope.since_ms)?;
        let mut outcomes = reader.outcomes(scope.since_ms)?;
        let mut times = reader.times(scope.since_ms)?;
        summaries.retain(|summary| is_wanted(&summary.route));
        outcomes.retain(|outcome| is_wanted(&outcome.route));
        times.retain(|times| is_wanted(&times.route));
        let sorted = signatures::sorted(reader, scope)?;
        let routes = verdicts::rows(&summaries, &times);
        // The busiest come first, so that those are plotted.
        times.sort_by_key(|times| std::cmp::Reverse(times.ratio.count()));
        let sentences = verdicts::sentences(&summaries, &sorted);
        let [left_out, failed, dropped] = leftovers::of_copies(&outcomes);
        Ok(Page {
            version: env!("CARGO_PKG_VERSION"),
            generated: moment(scope.now_ms),
            period: period(scope),
            store: scope.store.clone(),
            route: scope.route.clone(),
            nothing: summaries.is_empty() && outcomes.is_empty() && sorted.is_empty(),
            sentences,
            routes,
            real: Told::of(reader, &sorted.real)?,
            rare: Told::of(reader, &sorted.rare)?,
            too_few: Told::of(reader, &sorted.too_few)?,
            accepted: Listing::of(&sorted.accepted),
            noise: Listing::of(&sorted.noise),
            transient: Listing::of(&sorted.transient),
            unknown: leftovers::of_comparisons(&summaries),
            left_out,
            failed,
            dropped,
            lost: lost(scope.lost),
            untold: times.len().saturating_sub(PLOTS),
            latency: times.iter().take(PLOTS).filter_map(Latency::of).collect(),
        })
    }
}

fn period(scope: &Scope) -> String {
    match scope.since_ms {
        0 => format!("all that is kept, until {}", moment(scope.now_ms)),
        since => format!("{} to {}", moment(since), moment(scope.now_ms)),
    }
}

fn lost(lost: Option<u64>) -> String {
    match lost {
        Some(0) => "The store has lost nothing since the facade started.".to_owned(),
        Some(lost) => format!(
            "The store was behind or could not be written: {} comparisons since the facade started are not in this report.",
            counted(lost)
        ),
        None => "The facade did not answer when this was written, so whether the store lost anything is not known \
            (metric banyan_store_lost_total)."
            .to_owned(),
    }
}

#[cfg(test)]
mod tests;
