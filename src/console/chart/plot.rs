//! Lines over time.

use std::fmt::Write as _;

use super::svg::Text;
use super::{Svg, Unit, axis, table};

/// How high a plot's area is, in CSS pixels; its width is that of the page.
const HEIGHT: f64 = 132.0;
/// The width that paths are drawn in; they are stretched to that of the page.
const WIDTH: f64 = 1000.0;
/// What stands above the area: the tips of the marks.
const ABOVE: f64 = 10.0;
/// What stands below: the times.
const BELOW: f64 = 24.0;
/// The most marks of a plot: the newest stay.
const MARKS: usize = 60;
/// The most points of a line that are drawn; of more, the newest stay.
const POINTS: usize = 20_000;
/// The most characters of a mark's title.
const TITLE: usize = 200;

/// Lines over time.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Plot<'p> {
    /// What it shows.
    pub title: &'p str,
    /// Where it begins, in milliseconds since 1970.
    pub from_ms: u64,
    /// Where it ends.
    pub until_ms: u64,
    /// How far apart points are where none is missing; over one and a half of that, a line breaks off.
    pub step_ms: u64,
    /// What its numbers are.
    pub unit: Unit,
    /// The number that its axis reaches in any case; 0: as high as it takes.
    pub least_top: f64,
    /// Its lines.
    pub lines: Vec<Line<'p>>,
    /// What was changed meanwhile, in the order of time.
    pub marks: &'p [Mark],
    /// What is said instead where no line has a point.
    pub empty: &'p str,
}

/// A line of a plot.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Line<'p> {
    /// Its name in the legend and the table.
    pub name: &'p str,
    /// The class that gives it its colour: `legacy`, `new`, `share` ….
    pub class: &'static str,
    /// Whether what is below it is filled.
    pub area: bool,
    /// Its points, in the order of time.
    pub points: Vec<Point>,
}

/// A number at a moment.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Point {
    /// In milliseconds since 1970.
    pub at_ms: u64,
    /// The number; a gap where there is none.
    pub value: Option<f64>,
}

/// Something that was changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mark {
    /// When, in milliseconds since 1970.
    pub at_ms: u64,
    /// The class that gives it its colour: `mark-change`, `mark-pin`, `mark-trip`, `mark-ramp`.
    pub class: &'static str,
    /// What, by whom and why.
    pub title: String,
    /// Where to read on.
    pub href: Option<String>,
}

impl Plot<'_> {
    /// The plot with its caption, its legend, and a table of its numbers to unfold.
    #[must_use]
    pub fn draw(&self) -> Svg {
        let mut out = Svg::default();
        out.push(format_args!(r#"<figure class="chart"><figcaption><b>{}</b>"#, Text(self.title)));
        self.legend(&mut out);
        out.push(format_args!("</figcaption>"));
        if self.lines.iter().any(|line| self.points(line).any(|(_, value)| value.is_some())) {
            self.picture(&mut out);
            table::write(self, &mut out);
        } else {
            out.push(format_args!(r#"<p class="chart-empty">{}</p>"#, Text(self.empty)));
        }
        out.push(format_args!("</figure>"));
        out
    }

    /// The points of a line that lie within the plot; what is not finite, or below 0, is a gap.
    pub(super) fn points(&self, line: &Line<'_>) -> impl Iterator<Item = (u64, Option<f64>)> + use<> {
        let (from, until, most) = (self.from_ms, self.until_ms, self.unit.most());
        let within = line.points.iter().filter(move |point| (from..=until).contains(&point.at_ms));
        let mut points: Vec<_> = within
            .rev()
            .take(POINTS)
            .map(|point| {
                (point.at_ms, point.value.filter(|value| value.is_finite() && *value >= 0.0).map(|v| v.min(most)))
            })
            .collect();
        points.reverse();
        points.into_iter()
    }

    fn legend(&self, out: &mut Svg) {
        out.push(format_args!(r#"<span class="legend">"#));
        for line in &self.lines {
            let last = self.points(line).filter_map(|(_, value)| value).last();
            let last = last.map_or_else(|| "–".to_owned(), |value| self.unit.text(value));
            out.push(format_args!(r#"<span class="key {}">{} <b>{last}</b></span>"#, line.class, Text(line.name)));
        }
        out.push(format_args!("</span>"));
    }

    fn picture(&self, out: &mut Svg) {
        let values = self.lines.iter().flat_map(|line| self.points(line).filter_map(|(_, value)| value));
        let highest = values.fold(self.least_top, f64::max);
        let (top, numbers) = axis::upright(highest, self.unit);
        let height = ABOVE + HEIGHT + BELOW;
        out.push(format_args!(
            r#"<svg class="plot" role="img" aria-label="{}" width="100%" height="{height}" data-from="{}" data-until="{}" data-step="{}" data-top="{top}" data-unit="{}"><desc>{}</desc>"#,
            Text(self.title),
            self.from_ms,
            self.until_ms,
            self.step_ms,
            self.unit.name(),
            Text(&self.description()),
        ));
        // The numbers stand to the left of it: the style sheet leaves room there.
        out.push(format_args!(r#"<svg class="plot-area" y="{ABOVE}" width="100%" height="{HEIGHT}">"#));
        for number in numbers {
            let y = HEIGHT * (1.0 - number / top);
            out.push(format_args!(r#"<line class="grid" x1="0" x2="100%" y1="{y:.1}" y2="{y:.1}"/>"#));
            let text = self.unit.text(number);
            out.push(format_args!(r#"<text class="tick" x="-8" y="{:.1}" text-anchor="end">{text}</text>"#, y + 4.0));
        }
        for (at, text) in axis::times(self.from_ms, self.until_ms) {
            let x = self.across(at) * 100.0;
            let y = HEIGHT + 17.0;
            out.push(format_args!(r#"<text class="tick" x="{x:.2}%" y="{y}" text-anchor="middle">{text}</text>"#));
        }
        out.push(format_args!(
            r#"<svg viewBox="0 0 {WIDTH} {HEIGHT}" preserveAspectRatio="none" width="100%" height="{HEIGHT}">"#
        ));
        self.lines.iter().for_each(|line| self.path(line, top, out));
        out.push(format_args!("</svg>"));
        self.marks(out);
        out.push(format_args!("</svg></svg>"));
    }

    fn path(&self, line: &Line<'_>, top: f64, out: &mut Svg) {
        let (mut stroke, mut fill) = (String::new(), String::new());
        for run in self.runs(line) {
            let at = |(at_ms, value): &(u64, f64)| (self.across(*at_ms) * WIDTH, HEIGHT * (1.0 - value / top));
            for (place, point) in run.iter().enumerate() {
                let (x, y) = at(point);
                // Writing to a string cannot fail.
                let _ = write!(stroke, "{}{x:.1} {y:.1}", if place == 0 { 'M' } else { 'L' });
            }
            if let [point] = run.as_slice() {
                // A dot, as wide as the stroke: a point with neighbours on neither side would be invisible.
                let _ = write!(stroke, "L{:.1} {:.1}", at(point).0 + 0.1, at(point).1);
            }
            if let (true, [first, .., last]) = (line.area, run.as_slice()) {
                let _ = write!(fill, "M{:.1} {HEIGHT}", at(first).0);
                for (x, y) in run.iter().map(at) {
                    let _ = write!(fill, "L{x:.1} {y:.1}");
                }
                let _ = write!(fill, "L{:.1} {HEIGHT}Z", at(last).0);
            }
        }
        if !fill.is_empty() {
            out.push(format_args!(r#"<path class="area {}" d="{fill}"/>"#, line.class));
        }
        out.push(format_args!(
            r#"<path class="line {}" d="{stroke}" fill="none" vector-effect="non-scaling-stroke"/>"#,
            line.class
        ));
    }

    /// The points between two gaps, for each pair of gaps.
    fn runs(&self, line: &Line<'_>) -> Vec<Vec<(u64, f64)>> {
        let mut runs: Vec<Vec<(u64, f64)>> = Vec::new();
        let farthest = self.step_ms.saturating_add(self.step_ms / 2);
        let mut before = None;
        for (at_ms, value) in self.points(line) {
            let Some(value) = value else {
                before = None;
                continue;
            };
            let follows = before.is_some_and(|before| at_ms.saturating_sub(before) <= farthest);
            match runs.last_mut().filter(|_| follows) {
                Some(run) => run.push((at_ms, value)),
                None => runs.push(vec![(at_ms, value)]),
            }
            before = Some(at_ms);
        }
        runs
    }

    fn marks(&self, out: &mut Svg) {
        let within = |mark: &&Mark| (self.from_ms..=self.until_ms).contains(&mark.at_ms);
        let shown: Vec<&Mark> = self.marks.iter().filter(within).rev().take(MARKS).collect();
        for mark in shown.into_iter().rev() {
            let x = self.across(mark.at_ms) * 100.0;
            let title: String = mark.title.chars().take(TITLE).collect();
            if let Some(href) = &mark.href {
                out.push(format_args!(r#"<a href="{}" aria-label="{}">"#, Text(href), Text(&title)));
            }
            out.push(format_args!(
                r#"<svg class="mark {}" x="{x:.2}%" y="-{ABOVE}" width="1" height="1" overflow="visible"><title>{}</title><rect x="-5" width="10" height="{}" fill="none" pointer-events="all"/><line y1="6" y2="{}"/><path d="M-5 0H5L0 8Z"/></svg>"#,
                mark.class,
                Text(&title),
                HEIGHT + ABOVE,
                HEIGHT + ABOVE,
            ));
            if mark.href.is_some() {
                out.push(format_args!("</a>"));
            }
        }
    }

    /// What the plot says, for those who do not see it.
    fn description(&self) -> String {
        let mut text = String::new();
        for line in &self.lines {
            let values: Vec<f64> = self.points(line).filter_map(|(_, value)| value).collect();
            let Some(last) = values.last() else { continue };
            let (low, high) =
                values.iter().fold((f64::MAX, 0.0_f64), |(low, high), value| (low.min(*value), high.max(*value)));
            let [low, high, last] = [low, high, *last].map(|value| self.unit.text(value));
            let _ = write!(text, "{}: {low} to {high}, {last} at the end. ", line.name);
        }
        text.push_str("The table below has the numbers.");
        text
    }

    /// How far across the plot a moment is, 0 to 1.
    fn across(&self, at_ms: u64) -> f64 {
        let span = self.until_ms.saturating_sub(self.from_ms).max(1) as f64;
        (at_ms.saturating_sub(self.from_ms) as f64 / span).clamp(0.0, 1.0)
    }
}

#[cfg(test)]
mod tests;
