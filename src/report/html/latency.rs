//! How long the two sides took, as plots.
//!
//! Times are kept in buckets, each about a fifth wider than the one before; a value is drawn and told as the top of its bucket.

use crate::names::Side;
use crate::report::counted;
use crate::store::read::{Histogram, RouteTimes};

/// The width of a plot, in its own units.
const WIDTH: f64 = 640.0;
/// Where the axes end.
const LEFT: f64 = 44.0;
const RIGHT: f64 = 12.0;
/// The height of the part of a plot that is drawn into.
const HEIGHT: f64 = 180.0;
const TOP: f64 = 10.0;
/// A bucket's top over that of the one below: 2^(1/4).
const GROWTH: f64 = 1.189_207_115_002_721;
/// What is marked and told.
const QUANTILES: [(f64, &str); 3] = [(0.5, "50 %"), (0.9, "90 %"), (0.99, "99 %")];

/// The plots of a route.
pub(super) struct Latency {
    pub(super) route: String,
    pub(super) compared: String,
    /// What stands on the horizontal axis.
    pub(super) ticks: Vec<Tick>,
    /// The lines across.
    pub(super) levels: Vec<Tick>,
    /// The curves, by [`Side::index`], as points of a polyline.
    pub(super) curves: [String; 2],
    /// Where the quantiles are on the curves, by [`Side::index`].
    pub(super) marks: [Vec<(String, String)>; 2],
    /// A row for each quantile: its name, legacy, new.
    pub(super) quantiles: Vec<[String; 3]>,
    pub(super) ratio: Option<Ratio>,
}

/// New's time over legacy's for the same request.
pub(super) struct Ratio {
    pub(super) bars: Vec<Bar>,
    pub(super) ticks: Vec<Tick>,
    /// Where both took the same time.
    pub(super) same: String,
    pub(super) words: String,
}

/// A mark on an axis.
pub(super) struct Tick {
    pub(super) at: String,
    pub(super) label: String,
}

/// A bar of a histogram.
pub(super) struct Bar {
    pub(super) x: String,
    pub(super) y: String,
    pub(super) width: String,
    pub(super) height: String,
}

impl Latency {
    /// The plots of a route; `None` if nothing was timed.
    pub(super) fn of(times: &RouteTimes) -> Option<Latency> {
        let sides = [times.side(Side::Legacy), times.side(Side::New)];
        let axis = Axis::over(&sides)?;
        let marks = |histogram: &Histogram| {
            let mark = |(part, _): (f64, &str)| {
                let value = histogram.quantile(part)?;
                Some((units(axis.x(value as f64)), units(height(reached(histogram, value)))))
            };
            QUANTILES.into_iter().filter_map(mark).collect()
        };
        let quantile = |(part, name): (f64, &str)| {
            let told = |side: usize| sides[side].quantile(part).map_or_else(|| "–".to_owned(), duration);
            [name.to_owned(), told(0), told(1)]
        };
        Some(Latency {
            route: times.route.clone(),
            compared: counted(times.ratio.count().max(sides[0].count())),
            ticks: axis.ticks(|value| duration(value as u64)),
            levels: QUANTILES.map(|(part, name)| Tick { at: units(height(part)), label: name.to_owned() }).into(),
            curves: sides.map(|histogram| curve(histogram, &axis)),
            marks: sides.map(marks),
            quantiles: QUANTILES.map(quantile).into(),
            ratio: Ratio::of(&times.ratio),
        })
    }
}

impl Ratio {
    fn of(histogram: &Histogram) -> Option<Ratio> {
        let (median, ninth) = (histogram.quantile(0.5)?, histogram.quantile(0.9)?);
        // Where both took the same time is always on it.
        let same = Histogram { buckets: vec![(1000, 1)] };
        let axis = Axis::over(&[histogram, &same])?;
        let most = histogram.buckets.iter().map(|(_, count)| *count).max()?.max(1);
        let bar = |(upper, count): &(u64, u64)| {
            let (from, to) = (axis.x(*upper as f64 / GROWTH), axis.x(*upper as f64));
            let part = *count as f64 / most as f64;
            let width = (to - from - 0.5).max(0.5);
            Bar { x: units(from), y: units(height(part)), width: units(width), height: units(HEIGHT * part) }
        };
        let times = |thousandths: u64| short(thousandths as f64 / 1000.0);
        Some(Ratio {
            bars: histogram.buckets.iter().filter(|(_, count)| *count > 0).map(bar).collect(),
            ticks: axis.ticks(|value| format!("{}×", short(value / 1000.0))),
            same: units(axis.x(1000.0)),
            words: format!(
                "For the same request, new took at most {}× legacy’s time in half of {} pairs, and at most {}× in nine of ten.",
                times(median),
                counted(histogram.count()),
                times(ninth)
            ),
        })
    }
}

/// A logarithmic axis.
struct Axis {
    from: f64,
    to: f64,
}

impl Axis {
    /// Over all buckets that hold something; `None` if there are none.
    fn over(histograms: &[&Histogram]) -> Option<Axis> {
        let filled = histograms.iter().flat_map(|histogram| &histogram.buckets).filter(|(_, count)| *count > 0);
        let values = filled.map(|(upper, _)| (*upper).max(1) as f64);
        let (from, to) = values.fold((f64::INFINITY, 0.0_f64), |(from, to), value| (value.min(from), value.max(to)));
        // At least a factor of three, so that one bucket does not look like a range.
        (to > 0.0).then(|| Axis { from: (from / GROWTH).log10(), to: to.log10().max((from * 3.0).log10()) })
    }

    fn x(&self, value: f64) -> f64 {
        let part = (value.max(f64::MIN_POSITIVE).log10() - self.from) / (self.to - self.from);
        LEFT + part.clamp(0.0, 1.0) * (WIDTH - LEFT - RIGHT)
    }

    /// Round values, at most about ten.
    fn ticks(&self, told: impl Fn(f64) -> String) -> Vec<Tick> {
        let steps: &[f64] = if self.to - self.from > 2.5 { &[1.0] } else { &[1.0, 2.0, 5.0] };
        let powers = self.from.floor() as i32..=self.to.ceil() as i32;
        let values = powers.flat_map(|power| steps.iter().map(move |step| step * 10_f64.powi(power)));
        let within = values.filter(|value| (self.from..=self.to).contains(&value.log10()));
        within.map(|value| Tick { at: units(self.x(value)), label: told(value.round()) }).collect()
    }
}

/// Which part of all took at most so long, as points of a polyline.
fn curve(histogram: &Histogram, axis: &Axis) -> String {
    let mut points = String::new();
    let mut seen = 0;
    let all = histogram.count().max(1) as f64;
    for (place, (upper, count)) in histogram.buckets.iter().enumerate() {
        if place == 0 {
            points.push_str(&format!("{},{} ", units(axis.x(*upper as f64 / GROWTH)), units(height(0.0))));
        }
        seen += count;
        points.push_str(&format!("{},{} ", units(axis.x(*upper as f64)), units(height(seen as f64 / all))));
    }
    points
}

/// Which part of all does not exceed a bucket's top.
fn reached(histogram: &Histogram, upper: u64) -> f64 {
    let below: u64 = histogram.buckets.iter().filter(|(other, _)| *other <= upper).map(|(_, count)| count).sum();
    below as f64 / histogram.count().max(1) as f64
}

/// Where this part of all is drawn.
fn height(part: f64) -> f64 {
    TOP + HEIGHT * (1.0 - part)
}

fn units(value: f64) -> String {
    format!("{value:.1}")
}

/// Microseconds as people read them: `850 µs`, `1.2 ms`, `3.4 s`.
pub(super) fn duration(micros: u64) -> String {
    match micros {
        0..1000 => format!("{micros} µs"),
        1000..1_000_000 => format!("{} ms", short(micros as f64 / 1000.0)),
        _ => format!("{} s", short(micros as f64 / 1_000_000.0)),
    }
}

/// Two digits that count, and no more after the point than that takes.
fn short(value: f64) -> String {
    let text = match value {
        ..1.0 => format!("{value:.2}"),
        ..10.0 => format!("{value:.1}"),
        _ => format!("{value:.0}"),
    };
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn durations_are_short() {
        let texts = [7, 850, 1234, 10_400, 999_999, 3_400_000].map(duration);
        assert_eq!(texts, ["7 µs", "850 µs", "1.2 ms", "10 ms", "1000 ms", "3.4 s"]);
    }

    proptest! {
        #[test]
        fn nothing_is_drawn_outside(buckets in proptest::collection::vec((0_u64..u64::MAX / 2, 0_u64..1_000_000), 0..40)) {
            let mut buckets = buckets;
            buckets.sort_unstable();
            let histogram = Histogram { buckets };
            let times = RouteTimes {
                route: "r".to_owned(),
                sides: [histogram.clone(), Histogram::default()],
                ratio: histogram,
            };
            if let Some(latency) = Latency::of(&times) {
                for point in latency.curves[0].split_whitespace() {
                    let (x, y) = point.split_once(',').unwrap();
                    let (x, y): (f64, f64) = (x.parse().unwrap(), y.parse().unwrap());
                    prop_assert!((LEFT - 0.1..=WIDTH).contains(&x) && (TOP - 0.1..=TOP + HEIGHT + 0.1).contains(&y), "{point}");
                }
                prop_assert!(latency.ticks.len() < 60);
            }
        }
    }
}
