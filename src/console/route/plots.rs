//! What a route has done over the last hour or day, as plots.

use crate::console::chart::{Line, Mark, Plot, Point as Dot, Svg, Unit};
use crate::control::overview::{Period, Point, Series};
use crate::names::Side;

/// Said where nothing was measured.
const NOTHING: &str = "Nothing yet: a plot begins with the first requests, and a restart begins it anew.";

/// The plots of a route; all have the same marks.
pub(in crate::console) fn plots(series: Option<&Series>, period: Period, marks: &[Mark], now_ms: u64) -> Vec<Svg> {
    let empty = Series::default();
    let series = series.unwrap_or(&empty);
    let from_ms = begin(series, period, now_ms);
    let plot = |title, unit, empty, lines| Plot {
        title,
        from_ms,
        until_ms: now_ms,
        step_ms: series.step_ms,
        unit,
        least_top: 0.0,
        lines,
        marks,
        empty,
    };
    let both = |area, of: &dyn Fn(&Point, Side) -> Option<f64>| {
        vec![
            line(series, "legacy", "legacy", area, |point| of(point, Side::Legacy)),
            line(series, "new", "new", area, |point| of(point, Side::New)),
        ]
    };
    let times = vec![
        line(series, "legacy p50", "legacy half", false, |point| point.p50_ms(Side::Legacy)),
        line(series, "new p50", "new half", false, |point| point.p50_ms(Side::New)),
        line(series, "legacy p99", "legacy", false, |point| point.p99_ms(Side::Legacy)),
        line(series, "new p99", "new", false, |point| point.p99_ms(Side::New)),
    ];
    let shares = vec![
        line(series, "on new", "new", true, Point::new_share),
        line(series, "match", "match", false, Point::match_share),
    ];
    let drawn = [
        plot("Requests", Unit::PerSecond, NOTHING, both(true, &|point, side| Some(point.rate(side)))),
        plot("On new, and matching", Unit::Share, "Nothing was asked or compared in this time.", shares),
        plot("Errors", Unit::Share, "No request in this time.", both(false, &|point, side| point.errors(side))),
        plot("Latency", Unit::Millis, "Nothing was answered in this time.", times),
    ];
    drawn.iter().map(Plot::draw).collect()
}

/// Where the plots begin: a period ago, or later where less is remembered, so that little is not lost in a wide empty plot.
fn begin(series: &Series, period: Period, now_ms: u64) -> u64 {
    let least = period.millis() / 12;
    let remembered = if series.points.is_empty() { now_ms } else { series.since_ms };
    now_ms.saturating_sub(period.millis()).max(remembered.min(now_ms.saturating_sub(least)))
}

fn line(
    series: &Series,
    name: &'static str,
    class: &'static str,
    area: bool,
    value: impl Fn(&Point) -> Option<f64>,
) -> Line<'static> {
    let points = series.points.iter().map(|(at_ms, point)| Dot { at_ms: *at_ms, value: value(point) });
    Line { name, class, area, points: points.collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plots_begin_where_something_is_remembered_and_are_never_narrow() {
        let hour = Period::Hour.millis();
        let known = |since_ms| Series { since_ms, points: vec![(0, Point::default())], ..Series::default() };
        assert_eq!(begin(&known(0), Period::Hour, 2 * hour), hour);
        assert_eq!(begin(&known(2 * hour - hour / 2), Period::Hour, 2 * hour), 2 * hour - hour / 2);
        assert_eq!(begin(&known(2 * hour - 1), Period::Hour, 2 * hour), 2 * hour - hour / 12);
        assert_eq!(begin(&Series::default(), Period::Hour, 2 * hour), 2 * hour - hour / 12);
    }

    #[test]
    fn a_route_without_requests_says_so_in_each_plot() {
        let drawn = plots(None, Period::Day, &[], 1_000_000_000);
        assert_eq!(drawn.len(), 4);
        assert!(drawn.iter().all(|plot| plot.to_string().contains("chart-empty")));
    }
}
