//! Signatures by impact: what differs, how often, whom it hits, and what is held of it.
//!
//! - [`asked`]: what stands in the address · [`list`]: rows, filtered and sorted · [`totals`]: what stands on top
//! - [`decided`]: accepted and reopened

pub(crate) mod asked;
mod decided;
pub(crate) mod list;
mod totals;

use askama::Template;
use axum::Router;
use axum::extract::{Extension, Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::get;

use super::chart::{Svg, bar, sparkline};
use super::frame::Frame;
use super::link::{link, route};
use super::page::{html, written};
use super::trouble::Trouble;
use crate::admin::{Admin, Who, aside};
use crate::clock::now_ms;
use crate::report::counted;
use crate::store::Reader;
use crate::store::read::{ReadError, SignatureFilter};
use asked::{Asked, Since, Sort, State as Standing};
pub(super) use decided::for_owners;
use list::{Line, List, spans};
use totals::{NotComparable, Totals, not_comparable};

/// In milliseconds.
const HOUR: u64 = 3_600_000;
/// So many spans has a sparkline at most.
const SPANS: usize = 28;
/// The most routes that the filter proposes.
const PROPOSED: usize = 200;
/// The most rows of what could not be compared.
const LEFTOVERS: usize = 200;

#[derive(Template)]
#[template(path = "console/differences.html")]
struct Page {
    frame: Frame,
    asked: Asked,
    /// Why there is nothing to show, where the store has nothing.
    missing: bool,
    tabs: Vec<Tab>,
    times: Vec<Tab>,
    columns: Vec<Column>,
    totals: Totals,
    totals_bar: Svg,
    state: Standing,
    lines: Vec<(Line, Svg)>,
    passing: usize,
    pages: usize,
    page: usize,
    before: Option<String>,
    after: Option<String>,
    leftovers: Vec<(NotComparable, Option<u64>)>,
    routes: Vec<String>,
}

/// A link to another view of the same.
struct Tab {
    href: String,
    label: &'static str,
    name: &'static str,
    count: Option<String>,
    is_here: bool,
}

/// The head of a column.
struct Column {
    label: &'static str,
    title: &'static str,
    is_number: bool,
    href: Option<String>,
    /// As `aria-sort` has it; empty where it is not sorted by.
    sorted: &'static str,
}

/// What viewers may see.
pub(super) fn for_viewers() -> Router<Admin> {
    Router::new().route("/differences", get(differences))
}

async fn differences(
    State(admin): State<Admin>,
    Extension(who): Extension<Who>,
    Query(asked): Query<Asked>,
) -> Result<Response, Trouble> {
    let frame = Frame::of(&admin, &who, "/differences");
    let text = aside(move || {
        let page = match Reader::open(admin.store.state_dir()) {
            Ok(reader) => Page::of(frame, asked, &reader, now_ms())?,
            Err(ReadError::Missing(_)) => Page::without(frame, asked),
            Err(error) => return Err(unreadable(&error)),
        };
        written(&page)
    });
    Ok(html(text.await??))
}

/// The store cannot be read.
pub(super) fn unreadable(error: &ReadError) -> Trouble {
    Trouble::new(StatusCode::SERVICE_UNAVAILABLE, error.to_string())
}

impl Page {
    fn of(frame: Frame, asked: Asked, reader: &Reader, now_ms: u64) -> Result<Page, Trouble> {
        let read = |error| unreadable(&error);
        let since_ms = asked.since().ms(now_ms);
        let wanted = Some(asked.route.trim().to_owned()).filter(|route| !route.is_empty());
        let filter = SignatureFilter { since_ms, route: wanted.clone(), id: None };
        let rows = reader.signatures(&filter).map_err(read)?;
        let tenant = asked.tenant.trim();
        let of_tenant = if tenant.is_empty() { None } else { Some(reader.signatures_of_tenant(tenant).map_err(read)?) };
        let list = List::of(rows, of_tenant.as_ref(), &asked, now_ms);
        let ids: Vec<_> = list.rows.iter().map(|row| row.id).collect();
        let hours = reader.hours(&ids, since_ms).map_err(read)?;
        let oldest = hours.values().filter_map(|hours| hours.first()).map(|(hour, _)| hour * HOUR).min();
        // At least half a day, so that what is young is seen to begin.
        let from = since_ms.max(oldest.unwrap_or(0).min(now_ms.saturating_sub(12 * HOUR)));
        let count = usize::try_from(now_ms.saturating_sub(from) / HOUR + 1).unwrap_or(SPANS).min(SPANS);
        let mut lines = Vec::with_capacity(list.rows.len());
        for row in &list.rows {
            let tenants = reader.tenants_showing(&row.id.to_string()).map_err(read)?;
            let spark = spans(hours.get(&row.id).map_or(&[], Vec::as_slice), from, now_ms, count);
            let drawn = sparkline(&spark);
            lines.push((Line::of(row, &tenants, now_ms), drawn));
        }
        let summaries = match &wanted {
            Some(route) => reader.route(route, since_ms).map_err(read)?.into_iter().collect(),
            None => reader.routes(since_ms).map_err(read)?,
        };
        let routes = summaries.iter().take(PROPOSED).map(|summary| summary.route.clone()).collect();
        let totals = Totals::of(&summaries);
        let mut leftovers = Vec::new();
        let unknown = not_comparable(&summaries);
        let count = unknown.len();
        if asked.state() == Standing::NotComparable {
            for row in unknown.into_iter().take(LEFTOVERS) {
                let sample = reader.showing(&row.key, 1).map_err(read)?.first().map(|sample| sample.comparison);
                leftovers.push((row, sample));
            }
        }
        let [good, noise, mismatch, quiet] = totals.parts;
        let parts = [("new", good), ("noise", noise), ("warn", mismatch), ("unknown", quiet)];
        let label = format!("{} match of those that can be compared", totals.match_share);
        let (page, pages) = (list.page, list.pages());
        Ok(Page {
            tabs: tabs(&asked, &list.counts, count),
            times: times(&asked),
            columns: columns(&asked),
            totals_bar: bar(&parts, &label),
            missing: totals.is_none && list.counts.iter().all(|count| *count == 0) && !asked.is_narrow(),
            totals,
            state: asked.state(),
            lines,
            passing: list.passing,
            pages,
            page,
            before: (page > 0).then(|| asked.on_page(page - 1)),
            after: (page + 1 < pages).then(|| asked.on_page(page + 1)),
            leftovers,
            routes,
            frame,
            asked,
        })
    }

    fn without(frame: Frame, asked: Asked) -> Page {
        Page {
            tabs: Vec::new(),
            times: Vec::new(),
            columns: Vec::new(),
            totals: Totals::of(&[]),
            totals_bar: Svg::default(),
            missing: true,
            state: asked.state(),
            lines: Vec::new(),
            passing: 0,
            pages: 0,
            page: 0,
            before: None,
            after: None,
            leftovers: Vec::new(),
            routes: Vec::new(),
            frame,
            asked,
        }
    }

    /// The address of a comparison, as one of those that show this.
    fn comparison(id: &u64, of: &str) -> String {
        link(&format!("/comparisons/{id}"), &[("of", of)])
    }

    fn route(name: &str) -> String {
        route(name)
    }

    fn of_tenant(asked: &Asked, tenant: &str) -> String {
        asked.of_tenant(tenant)
    }
}

fn tabs(asked: &Asked, counts: &[usize; Standing::ALL.len()], not_comparable: usize) -> Vec<Tab> {
    let tab = |(state, count): (Standing, &usize)| Tab {
        href: asked.in_state(state),
        label: state.in_words(),
        name: state.as_str(),
        count: Some(counted(if state == Standing::NotComparable { not_comparable } else { *count } as u64)),
        is_here: asked.state() == state,
    };
    Standing::ALL.into_iter().zip(counts).map(tab).collect()
}

fn times(asked: &Asked) -> Vec<Tab> {
    let tab = |since: Since| Tab {
        href: asked.over(since),
        label: since.short(),
        name: since.as_str(),
        count: None,
        is_here: asked.since() == since,
    };
    Since::ALL.map(tab).into()
}

fn columns(asked: &Asked) -> Vec<Column> {
    let column = |label, title, sort: Option<Sort>, is_number| Column {
        label,
        title,
        is_number,
        href: sort.map(|sort| asked.sorted_by(sort)),
        sorted: match sort {
            Some(sort) if sort == asked.sort() => match (sort == Sort::Route) == asked.is_turned() {
                true => "descending",
                false if sort == Sort::Route => "ascending",
                false if asked.is_turned() => "ascending",
                false => "descending",
            },
            _ => "",
        },
    };
    vec![
        column("State", "What is held of it: sorted by this, what matters most comes first", Some(Sort::Impact), false),
        column("What differs", "The normalised path and the kind", None, false),
        column("Route", "", Some(Sort::Route), false),
        column("Share", "Of the comparisons of its route that say something", Some(Sort::Share), true),
        column("Count", "Comparisons that showed it", Some(Sort::Count), true),
        column("When", "How often it showed over the time that is asked for", None, false),
        column("Tenants", "Tenants of the comparisons that are kept; others may be hit, too", None, false),
        column("First seen", "", Some(Sort::First), false),
        column("Last seen", "", Some(Sort::Last), false),
    ]
}
