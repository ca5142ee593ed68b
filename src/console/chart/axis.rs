//! Round numbers and round times.

use super::Unit;
use crate::clock::moment;

/// The most steps of an upright axis.
const STEPS: f64 = 4.0;
/// The most labels below a plot.
const LABELS: u64 = 7;
/// Distances between labels, in milliseconds: from seconds to years.
const DISTANCES: [u64; 21] = [
    15_000,
    30_000,
    60_000,
    120_000,
    300_000,
    600_000,
    900_000,
    1_800_000,
    3_600_000,
    7_200_000,
    10_800_000,
    14_400_000,
    21_600_000,
    43_200_000,
    86_400_000,
    172_800_000,
    604_800_000,
    1_209_600_000,
    2_592_000_000,
    7_776_000_000,
    31_536_000_000,
];
const DAY: u64 = 86_400_000;

/// Where an upright axis ends, and the numbers that are written beside it, from 0 on.
pub(super) fn upright(highest: f64, unit: Unit) -> (f64, Vec<f64>) {
    let highest = if highest.is_finite() { highest.clamp(0.0, unit.most()) } else { 0.0 };
    let wanted = highest.max(unit.least_top());
    let step = step(wanted / STEPS);
    let count = (wanted / step - 1e-9).ceil().clamp(1.0, STEPS + 1.0);
    let top = (step * count).min(unit.most());
    // At most 5: the cast fits.
    let labels = (0..=count as u32).map(|number| f64::from(number) * step).filter(|value| *value <= top * 1.000_001);
    (top, labels.collect())
}

/// The next of 1, 2, 2.5, 5 and 10 times a power of ten.
fn step(least: f64) -> f64 {
    let size = 10_f64.powf(least.log10().floor());
    [1.0, 2.0, 2.5, 5.0]
        .into_iter()
        .map(|factor| factor * size)
        .find(|step| *step >= least * 0.999_999)
        .unwrap_or(size * 10.0)
}

/// The times that are written below a plot, in milliseconds since 1970, and how.
pub(super) fn times(from_ms: u64, until_ms: u64) -> Vec<(u64, String)> {
    let span = until_ms.saturating_sub(from_ms);
    if span == 0 {
        return Vec::new();
    }
    let longest = DISTANCES[DISTANCES.len() - 1];
    let distance =
        DISTANCES.into_iter().find(|distance| span / distance < LABELS).unwrap_or(longest.max(span / LABELS));
    let first = from_ms.div_ceil(distance).saturating_mul(distance);
    let times = std::iter::successors(Some(first), |at| at.checked_add(distance)).take_while(|at| *at <= until_ms);
    times.take(LABELS as usize + 1).map(|at| (at, label(at, distance))).collect()
}

/// `14:05`, `14:05:30`, `21 Nov`, `Nov 2026`.
fn label(at_ms: u64, distance: u64) -> String {
    // 2026-11-21T14:05:30Z
    let text = moment(at_ms);
    let part = |from: usize, to: usize| text.get(from..to).unwrap_or_default();
    let month = part(5, 7).parse().ok().and_then(|number: usize| MONTHS.get(number.checked_sub(1)?)).unwrap_or(&"");
    match distance {
        0..60_000 => part(11, 19).to_owned(),
        60_000..DAY if at_ms.is_multiple_of(DAY) => format!("{} {month}", part(8, 10)),
        60_000..DAY => part(11, 16).to_owned(),
        DAY..2_592_000_000 => format!("{} {month}", part(8, 10)),
        _ => format!("{month} {}", part(0, 4)),
    }
}

const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn numbers_are_round() {
        assert_eq!(upright(0.0, Unit::Share), (0.01, vec![0.0, 0.0025, 0.005, 0.0075, 0.01]));
        assert_eq!(upright(37.0, Unit::PerSecond), (40.0, vec![0.0, 10.0, 20.0, 30.0, 40.0]));
        assert_eq!(upright(0.97, Unit::Share).0, 1.0);
        assert_eq!(upright(1.0, Unit::Share).1, [0.0, 0.25, 0.5, 0.75, 1.0]);
    }

    #[test]
    fn times_are_round() {
        // 2026-11-21T14:00:00Z
        let from = 1_795_269_600_000;
        let texts = |span: u64| times(from, from + span).into_iter().map(|(_, text)| text).collect::<Vec<_>>();
        assert_eq!(texts(3_600_000), ["14:00", "14:10", "14:20", "14:30", "14:40", "14:50", "15:00"]);
        assert_eq!(texts(86_400_000), ["16:00", "20:00", "22 Nov", "04:00", "08:00", "12:00"]);
        assert!(texts(30 * 86_400_000).iter().all(|text| text.contains(' ')));
    }

    proptest! {
        #[test]
        fn an_axis_holds_what_it_is_for(highest in 0.0_f64..1e12) {
            let (top, labels) = upright(highest, Unit::PerSecond);
            prop_assert!(top >= highest && (2..=6).contains(&labels.len()), "{top} {labels:?}");
        }

        #[test]
        fn no_axis_is_crowded_or_outside(from in 0_u64..4_000_000_000_000, span in 0_u64..4_000_000_000_000) {
            let times = times(from, from + span);
            prop_assert!(times.len() <= 8);
            prop_assert!(times.iter().all(|(at, _)| (from..=from + span).contains(at)));
        }

        #[test]
        fn nothing_breaks_an_axis(highest in any::<f64>()) {
            let (top, labels) = upright(highest, Unit::Millis);
            prop_assert!(top.is_finite() && top > 0.0 && labels.len() <= 6);
        }
    }
}
