//! What stands within a row: sparklines and bars.

use std::fmt::Write as _;

use super::svg::Text;
use super::{Svg, Unit};

/// The most values of a sparkline: of more, the last ones are drawn.
const VALUES: usize = 200;
const WIDTH: f64 = 100.0;
const HEIGHT: f64 = 20.0;

/// A line without numbers, of values at even distances; 0 is at the bottom, what is not finite is a gap.
#[must_use]
pub fn sparkline(values: &[f64]) -> Svg {
    let finite = values.iter().copied().filter(|value| value.is_finite());
    sparkline_to(values, finite.fold(0.0, f64::max))
}

/// The same with this value at the top.
#[must_use]
pub fn sparkline_to(values: &[f64], highest: f64) -> Svg {
    let values = &values[values.len().saturating_sub(VALUES)..];
    let finite = |value: f64| value.is_finite() && value >= 0.0;
    let mut path = String::new();
    let mut pen = 'M';
    for (place, value) in values.iter().enumerate() {
        if !finite(*value) {
            pen = 'M';
            continue;
        }
        let x = WIDTH * place as f64 / (values.len().max(2) - 1) as f64;
        let part = if highest > 0.0 { (value / highest).min(1.0) } else { 0.0 };
        // A stroke's width stays free above and below. Writing to a string cannot fail.
        let _ = write!(path, "{pen}{x:.1} {:.1}", HEIGHT - 1.5 - part * (HEIGHT - 3.0));
        pen = 'L';
    }
    let mut out = Svg::default();
    out.push(format_args!(
        r#"<svg class="spark" viewBox="0 0 {WIDTH} {HEIGHT}" preserveAspectRatio="none" width="100" height="20" aria-hidden="true"><path d="{path}" fill="none" vector-effect="non-scaling-stroke"/></svg>"#
    ));
    out
}

/// Which share of something is on new, as a bar; empty where nothing is known.
#[must_use]
pub fn share_bar(new: Option<f64>) -> Svg {
    match new.filter(|share| share.is_finite()) {
        Some(share) => {
            let share = share.clamp(0.0, 1.0);
            let label = format!("{} on new", Unit::Share.text(share));
            bar(&[("new", share), ("legacy", 1.0 - share)], &label)
        }
        None => bar(&[], "no requests"),
    }
}

/// A bar of parts that follow one another, each with a class and its share of the whole, 0 to 1; what is over the whole is cut off.
#[must_use]
pub fn bar(parts: &[(&'static str, f64)], label: &str) -> Svg {
    let mut out = Svg::default();
    out.push(format_args!(
        r#"<svg class="bar" viewBox="0 0 {WIDTH} 8" preserveAspectRatio="none" width="100" height="8" role="img" aria-label="{}"><rect class="bar-ground" width="{WIDTH}" height="8"/>"#,
        Text(label)
    ));
    let mut from = 0.0;
    for (class, share) in parts {
        let share = if share.is_finite() { share.max(0.0) } else { 0.0 };
        let width = (share * WIDTH).min(WIDTH - from);
        if width > 0.0 {
            out.push(format_args!(r#"<rect class="{class}" x="{from:.2}" width="{width:.2}" height="8"/>"#));
            from += width;
        }
    }
    out.push(format_args!("</svg>"));
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_share_is_a_bar_with_a_name() {
        let drawn = share_bar(Some(0.25)).to_string();
        assert!(drawn.contains(r#"aria-label="25 % on new""#), "{drawn}");
        assert!(drawn.contains(r#"<rect class="new" x="0.00" width="25.00""#), "{drawn}");
        assert!(share_bar(None).to_string().contains("no requests"));
    }

    #[test]
    fn a_sparkline_breaks_off_where_there_is_nothing() {
        let drawn = sparkline(&[1.0, 2.0, f64::NAN, 3.0]).to_string();
        assert_eq!(drawn.matches('M').count(), 2, "{drawn}");
    }

    proptest! {
        #[test]
        fn small_ones_are_bounded_whatever_they_are_given(values in prop::collection::vec(any::<f64>(), 0..1000)) {
            let drawn = sparkline(&values);
            prop_assert!(drawn.len() < 5000 && !drawn.to_string().contains("NaN") && !drawn.to_string().contains("inf"));
            let parts: Vec<_> = values.iter().take(5).map(|value| ("new", *value)).collect();
            let drawn = bar(&parts, "x");
            prop_assert!(drawn.len() < 1000 && !drawn.to_string().contains("NaN"));
            let shared = share_bar(values.first().copied()).to_string();
            prop_assert!(!shared.contains("NaN") && !shared.contains("=\"-"));
        }
    }
}
