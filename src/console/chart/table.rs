//! The numbers of a plot, for those who do not see it.

use std::collections::BTreeMap;

use super::svg::Text;
use super::{Plot, Svg};
use crate::clock::moment;

/// The most rows: of more moments, only some are told.
const ROWS: usize = 40;

/// Adds the numbers, to be unfolded.
pub(super) fn write(plot: &Plot<'_>, out: &mut Svg) {
    let mut rows: BTreeMap<u64, Vec<Option<f64>>> = BTreeMap::new();
    for (place, line) in plot.lines.iter().enumerate() {
        for (at, value) in plot.points(line) {
            rows.entry(at).or_insert_with(|| vec![None; plot.lines.len()])[place] = value;
        }
    }
    let every = rows.len().div_ceil(ROWS).max(1);
    out.push(format_args!(
        r#"<details class="numbers"><summary>Numbers</summary><table><thead><tr><th>time (UTC)</th>"#
    ));
    plot.lines.iter().for_each(|line| out.push(format_args!("<th>{}</th>", Text(line.name))));
    out.push(format_args!("</tr></thead><tbody>"));
    // The newest first, and always told.
    for (at, values) in rows.iter().rev().step_by(every) {
        out.push(format_args!("<tr><td>{}</td>", time(*at)));
        for value in values {
            let text = value.map_or_else(|| "–".to_owned(), |value| plot.unit.text(value));
            out.push(format_args!("<td>{text}</td>"));
        }
        out.push(format_args!("</tr>"));
    }
    out.push(format_args!("</tbody></table></details>"));
}

/// `2026-11-21 14:05:30`.
fn time(at_ms: u64) -> String {
    moment(at_ms).trim_end_matches('Z').replacen('T', " ", 1)
}
