//! How much has migrated over time: of the traffic, of the routes, of the tenants.

use super::chart::{Line, Plot, Point, Svg, Unit};
use crate::admin::Admin;
use crate::clock::now_ms;
use crate::control::overview::{Migrated, Progress};
use crate::ledger::Hour;

const HOUR_MS: u64 = 3_600_000;

/// The plot, from the first hour that is kept to now. It reads the disk; where that cannot be read, it has the last two hours.
#[must_use]
pub(super) fn drawn(admin: &Admin) -> Svg {
    let hours = admin.helm.ledger().hours(0).unwrap_or_default();
    let mut late = admin.overview.progress_of_late();
    late.push((now_ms(), admin.overview.progress()));
    plot(&hours, &late)
}

/// Hours, and what came since then at moments in milliseconds since 1970; both in the order of time.
fn plot(hours: &[Hour], late: &[(u64, Progress)]) -> Svg {
    let (begin, now) = (late.first().map_or(0, |(at, _)| *at), late.last().map_or(0, |(at, _)| *at));
    let hours: Vec<(u64, Progress)> =
        hours.iter().map(|hour| ((hour.hour + 1) * HOUR_MS, progress(hour))).filter(|(end, _)| *end < begin).collect();
    let points: Vec<&(u64, Progress)> = hours.iter().chain(late).collect();
    let line = |name, class, part: fn(&Progress) -> Migrated| {
        let points = points.iter().map(|(at_ms, progress)| Point { at_ms: *at_ms, value: part(progress).share() });
        Line { name, class, area: false, points: points.collect() }
    };
    let first = points.first().map_or(now, |(at, _)| *at);
    Plot {
        title: "Migrated over time",
        from_ms: first.min(now.saturating_sub(HOUR_MS / 12)),
        until_ms: now,
        step_ms: HOUR_MS,
        unit: Unit::Share,
        lines: vec![
            line("traffic", "new", |progress| progress.traffic),
            line("routes", "match", |progress| progress.routes),
            line("tenants", "legacy", |progress| progress.tenants),
        ],
        marks: &[],
        empty: "Nothing yet: the lines begin with the first requests.",
    }
    .draw()
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
        let drawn = plot(&[hour(990), hour(991), hour(998), hour(999)], &[late(now - 60_000), late(now)]).to_string();
        assert!(drawn.contains("routes <b>25 %</b>") && drawn.contains("routes: 12.5 % to 25 %"), "{drawn}");
        // 991 is followed by 998: a gap. Nobody asked anything: no traffic.
        let routes = drawn.split("line match").nth(1).unwrap().split("/>").next().unwrap();
        assert_eq!(routes.matches('M').count(), 2, "{routes}");
        assert!(drawn.contains("traffic <b>–</b>"), "{drawn}");
    }

    #[test]
    fn an_hour_that_is_under_way_is_told_by_its_minutes() {
        let now = 1000 * HOUR_MS + 600_000;
        let under_way = Hour { hour: 1000, routes: 4, routes_thousandths: 4000, ..Hour::default() };
        let drawn = plot(&[under_way], &[late(now - 60_000), late(now)]).to_string();
        assert!(!drawn.contains("100 %</b>") && drawn.contains("25 %"), "{drawn}");
    }
}
