//! All routes together: how much has migrated, and what waits for somebody.

use super::findings::FoundAll;
use crate::console::burnup::Burnup;
use crate::console::chart::{Svg, Unit, share_bar};
use crate::console::link::link;
use crate::control::overview::{Migrated, Progress, Status};
use crate::names::Stage;

/// All routes together.
#[derive(Debug, Clone)]
pub(super) struct Totals {
    pub(super) migrated: [Part; 3],
    pub(super) stages: Vec<StageTotal>,
    pub(super) rate: String,
    /// How many differences are new, and how many there are.
    pub(super) found: (u64, u64),
    pub(super) found_is_broken: bool,
    pub(super) pins: usize,
    pub(super) breached: usize,
}

/// Which part of something has migrated.
#[derive(Debug, Clone)]
pub(super) struct Part {
    pub(super) id: &'static str,
    pub(super) name: &'static str,
    pub(super) share: String,
    pub(super) detail: String,
    pub(super) meaning: &'static str,
    pub(super) bar: Svg,
    /// How it grew over the last month.
    pub(super) line: Svg,
}

/// The routes of a stage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct StageTotal {
    pub(super) stage: &'static str,
    pub(super) count: usize,
    pub(super) href: String,
}

impl Totals {
    pub(super) fn of(status: &Status, progress: &Progress, burnup: &Burnup, found: &FoundAll) -> Totals {
        let [traffic_line, routes_line, tenants_line] = burnup.sparks();
        let over = span(progress.span_s);
        let traffic = format!("{} of {} requests {over}", count(progress.traffic.migrated), progress.traffic.of);
        let routes = format!("{} of {} routes", count(progress.routes.migrated), progress.routes.of);
        let tenants = format!("{} of {} wholly on new {over}", count(progress.tenants.migrated), progress.tenants.of);
        let of_stage = |stage: Stage| {
            let named = |name: &str, of: &str| !name.is_empty() && of == stage.as_str();
            StageTotal {
                stage: stage.as_str(),
                count: status.routes.iter().filter(|route| named(&route.name, &route.stage)).count(),
                href: link("/", &[("stage", stage.as_str())]),
            }
        };
        let breached = |guard: &crate::control::overview::GuardStatus| guard.state == "breached";
        Totals {
            migrated: [
                part(
                    "traffic",
                    "of traffic on new",
                    progress.traffic,
                    traffic,
                    traffic_line,
                    "Of the requests that either side answered, those that new answered",
                ),
                part(
                    "routes",
                    "of routes on new",
                    progress.routes,
                    routes,
                    routes_line,
                    "Live and complete routes count whole, those in canary by their percentage, pinned ones not at all",
                ),
                part(
                    "tenants",
                    "of tenants on new",
                    progress.tenants,
                    tenants,
                    tenants_line,
                    "Of the tenants with traffic, those whose every request went to new",
                ),
            ],
            stages: Stage::ALL.map(of_stage).to_vec(),
            rate: Unit::PerSecond.text(status.routes.iter().map(|route| route.rate).sum()),
            found: (found.all.new, found.all.open),
            found_is_broken: found.is_broken,
            pins: status.pins.len(),
            breached: status
                .routes
                .iter()
                .filter_map(|route| route.guard.as_ref())
                .filter(|guard| breached(guard))
                .count(),
        }
    }
}

fn part(
    id: &'static str,
    name: &'static str,
    migrated: Migrated,
    detail: String,
    line: Svg,
    meaning: &'static str,
) -> Part {
    let share = migrated.share();
    let text = share.map_or_else(|| "–".to_owned(), |share| Unit::Share.text(share));
    Part { id, name, share: text, detail, meaning, bar: share_bar(share), line }
}

/// Whole where it is whole.
fn count(number: f64) -> String {
    let text = format!("{number:.2}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn span(seconds: f64) -> String {
    match seconds {
        ..90.0 => format!("in {seconds:.0} s"),
        ..5400.0 => format!("in {:.0} min", seconds / 60.0),
        _ => format!("in {:.0} h", seconds / 3600.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::overview::RouteStatus;

    #[test]
    fn totals_say_of_what_they_are() {
        let route = |name: &str, stage: &str| RouteStatus {
            name: name.to_owned(),
            stage: stage.to_owned(),
            rate: 1.5,
            ..RouteStatus::default()
        };
        let routes = vec![route("a", "live"), route("b", "legacy"), route("", "legacy")];
        let progress = Progress {
            traffic: Migrated { migrated: 120.0, of: 480 },
            routes: Migrated { migrated: 1.25, of: 2 },
            span_s: 125.0,
            ..Progress::default()
        };
        let totals =
            Totals::of(&Status { routes, ..Status::default() }, &progress, &Burnup::default(), &FoundAll::default());
        let told: Vec<_> = totals.migrated.iter().map(|part| (&*part.share, &*part.detail)).collect();
        assert_eq!(
            told,
            [
                ("25 %", "120 of 480 requests in 2 min"),
                ("62.5 %", "1.25 of 2 routes"),
                ("–", "0 of 0 wholly on new in 2 min")
            ]
        );
        assert_eq!(totals.rate, "4.5 /s");
        let counts: Vec<_> = totals.stages.iter().map(|stage| stage.count).collect();
        assert_eq!(counts, [1, 0, 0, 1, 0]);
    }
}
