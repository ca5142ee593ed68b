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
    let plot = |title, unit, empty, lines| Plot {
        title,
        from_ms: now_ms.saturating_sub(period.millis()),
        until_ms: now_ms,
        step_ms: series.step_ms,
        unit,
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
