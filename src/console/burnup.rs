//! How much has migrated over time: of the traffic, of the routes, of the tenants.

use std::sync::Arc;

use askama::Template;
use axum::Router;
use axum::extract::{Extension, State};
use axum::response::Response;
use axum::routing::get;

use super::chart::{Line, Plot, Point, Svg, Unit, sparkline_to};
use super::frame::Frame;
use super::page::{html, written};
use super::trouble::Trouble;
use crate::admin::{Admin, Who, aside};
use crate::clock::now_ms;
use crate::control::overview::{Migrated, Progress};
use crate::ledger::Hour;
use crate::names::Stage;

/// Where it is shown in full.
pub(super) const HREF: &str = "/progress";

const HOUR_MS: u64 = 3_600_000;
/// How far back the small lines go, in hours: a month.
const OF_LATE: u64 = 31 * 24;
/// How many values a small line has.
const VALUES: usize = 60;

/// How much had migrated at moments in milliseconds since 1970, in the order of time; the last is now.
#[derive(Debug, Clone, Default)]
pub(super) struct Burnup(Vec<(u64, Progress)>);

#[derive(Template)]
#[template(path = "console/progress.html")]
struct Page {
    frame: Frame,
    plot: Svg,
    parts: Vec<Part>,
    stages: Vec<(&'static str, usize)>,
    unreadable: Option<String>,
}

/// What has migrated, and what that means.
struct Part {
    name: &'static str,
    share: String,
    of: String,
    meaning: &'static str,
}

/// What viewers may see.
pub(super) fn for_viewers() -> Router<Admin> {
    Router::new().route(HREF, get(progress_page))
}

async fn progress_page(State(admin): State<Admin>, Extension(who): Extension<Who>) -> Result<Response, Trouble> {
    let frame = Frame::of(&admin, &who, "/");
    let text = aside(move || {
        let (burnup, unreadable) = Burnup::since(&admin, 0);
        let live = Arc::clone(&admin.live.current());
        let of_stage = |stage: Stage| {
            (stage.as_str(), live.snapshot.rules.routes.iter().filter(|route| route.stage == stage).count())
        };
        let (plot, parts) = (burnup.plot(), burnup.parts());
        written(&Page { frame, plot, parts, stages: Stage::ALL.map(of_stage).to_vec(), unreadable })
    });
    Ok(html(text.await??))
}

impl Burnup {
    /// The last month. It reads the disk; where that cannot be read, it has the last two hours.
    pub(super) fn of_late(admin: &Admin) -> Burnup {
        Burnup::since(admin, (now_ms() / HOUR_MS).saturating_sub(OF_LATE)).0
    }

    /// Traffic, routes and tenants as small lines.
    pub(super) fn sparks(&self) -> [Svg; 3] {
        let parts: [fn(&Progress) -> Migrated; 3] =
            [|progress| progress.traffic, |progress| progress.routes, |progress| progress.tenants];
        parts.map(|part| sparkline_to(&thinned(self.0.iter().filter_map(|(_, progress)| part(progress).share())), 1.0))
    }

    /// Since this hour (since 1970), and why that is not all.
    fn since(admin: &Admin, hour: u64) -> (Burnup, Option<String>) {
        let (hours, unreadable) = match admin.helm.ledger().hours(hour) {
            Ok(hours) => (hours, None),
            Err(error) => (Vec::new(), Some(error.to_string())),
        };
        let mut late = admin.overview.progress_of_late();
        late.push((now_ms(), admin.overview.progress()));
        (Burnup::of(&hours, &late), unreadable)
    }

    /// Hours, and what came since then, both in the order of time.
    fn of(hours: &[Hour], late: &[(u64, Progress)]) -> Burnup {
        let begin = late.first().map_or(u64::MAX, |(at, _)| *at);
        let ended = hours.iter().map(|hour| ((hour.hour + 1) * HOUR_MS, progress(hour)));
        Burnup(ended.filter(|(end, _)| *end < begin).chain(late.iter().copied()).collect())
    }

    fn plot(&self) -> Svg {
        let line = |name, class, part: fn(&Progress) -> Migrated| {
            let points = self.0.iter().map(|(at_ms, progress)| Point { at_ms: *at_ms, value: part(progress).share() });
            Line { name, class, area: false, points: points.collect() }
        };
        let now = self.0.last().map_or(0, |(at, _)| *at);
        let first = self.0.first().map_or(now, |(at, _)| *at);
        Plot {
            title: "Migrated",
            from_ms: first.min(now.saturating_sub(HOUR_MS / 12)),
            until_ms: now,
            step_ms: HOUR_MS,
            unit: Unit::Share,
            least_top: 1.0,
            lines: vec![
                line("traffic", "new", |progress| progress.traffic),
                line("routes", "match", |progress| progress.routes),
                line("tenants", "third", |progress| progress.tenants),
            ],
            marks: &[],
            empty: "Nothing yet: the lines begin with the first requests.",
        }
        .draw()
    }

    fn parts(&self) -> Vec<Part> {
        let now = self.0.last().map(|(_, progress)| *progress).unwrap_or_default();
        let part = |name, migrated: Migrated, meaning| Part {
            name,
            share: migrated.share().map_or_else(|| "–".to_owned(), |share| Unit::Share.text(share)),
            of: format!("{} of {}", Unit::Count.text(migrated.migrated), Unit::Count.text(migrated.of as f64)),
            meaning,
        };
        vec![
            part(
                "traffic",
                now.traffic,
                "Of the requests that a side answered in that hour, those that new answered. What no route takes is legacy’s.",
            ),
            part(
                "routes",
                now.routes,
                "Live and complete routes count whole; one in canary by its percentage, or by that its ramp has reached, and not at all \
                 where it has none or one of a cohort only. A route that is pinned to legacy counts nothing, whatever its stage.",
            ),
            part(
                "tenants",
                now.tenants,
                "Of the tenants that had a request answered in that hour, those whose every request went to new.",
            ),
        ]
    }
}

/// Some of them, each the last of its part.
fn thinned(values: impl Iterator<Item = f64>) -> Vec<f64> {
    let values: Vec<f64> = values.collect();
    let every = values.len().div_ceil(VALUES).max(1);
    let mut some: Vec<f64> = values.iter().rev().step_by(every).copied().collect();
    some.reverse();
    some
}

/// The same as it was then.
fn progress(hour: &Hour) -> Progress {
    let migrated = |migrated: f64, of: u64| Migrated { migrated, of };
    Progress {
        traffic: migrated(hour.by_new as f64, hour.answered),
        routes: migrated(hour.routes_thousandths as f64 / 1e3, hour.routes),
        tenants: migrated(hour.tenants_on_new as f64, hour.tenants),
        span_s: 3600.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn late(at_ms: u64) -> (u64, Progress) {
        (at_ms, Progress { routes: Migrated { migrated: 1.0, of: 4 }, ..Progress::default() })
    }

    #[test]
    fn hours_of_before_and_minutes_of_late_are_one_line() {
        let hour = |hour| Hour { hour, routes: 4, routes_thousandths: 500, ..Hour::default() };
        let now = 1000 * HOUR_MS;
        let late = [late(now - 60_000), late(now)];
        let drawn = Burnup::of(&[hour(990), hour(991), hour(997), hour(998)], &late).plot().to_string();
        assert!(drawn.contains("routes <b>25 %</b>") && drawn.contains("routes: 12.5 % to 25 %"), "{drawn}");
        // 991 is followed by 997: a gap. Nobody asked anything: no traffic.
        let routes = drawn.split("line match").nth(1).unwrap().split("/>").next().unwrap();
        assert_eq!(routes.matches('M').count(), 2, "{routes}");
        assert!(drawn.contains("traffic <b>–</b>"), "{drawn}");
    }

    #[test]
    fn an_hour_that_is_under_way_is_told_by_its_minutes() {
        let now = 1000 * HOUR_MS + 600_000;
        let under_way = Hour { hour: 1000, routes: 4, routes_thousandths: 4000, ..Hour::default() };
        let drawn = Burnup::of(&[under_way], &[late(now - 60_000), late(now)]).plot().to_string();
        assert!(!drawn.contains("100 %</b>") && drawn.contains("25 %"), "{drawn}");
    }

    #[test]
    fn a_small_line_ends_with_what_is_now() {
        let some = thinned((0..1000).map(f64::from));
        assert!(some.len() <= VALUES && some.last() == Some(&999.0), "{some:?}");
        assert_eq!(thinned(std::iter::empty()), Vec::<f64>::new());
    }
}
