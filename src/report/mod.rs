//! What people see of differences and decisions: plain functions over a [`Reader`](crate::store::Reader) or a generation, for the
//! command line, the admin API and the demo alike.
//!
//! - [`top`]: signatures by impact
//! - [`show`]: one signature in full
//! - [`curl`]: a kept request, to be asked again · [`replay`]: where
//! - [`gate`]: whether a route is good enough to go on
//! - [`export`]: rows for other tools
//! - [`html`]: all of it as one page, to be read and mailed
//! - [`sheet`]: rows for people, as JSON and as CSV
//! - [`mod@printable`]: text of strangers on a terminal
//! - [`view`]: a signature and a comparison as JSON
//! - [`mod@explain`]: how a request would be decided
//! - [`route`]: a route in words
//! - [`when`]: moments as people say them

pub mod curl;
pub mod explain;
pub mod export;
pub mod gate;
pub mod html;
pub mod printable;
pub mod replay;
pub mod route;
pub mod sheet;
pub mod show;
pub mod top;
pub mod view;
pub mod when;

pub use crate::clock::moment;
pub use printable::printable;
pub use sheet::{Cell, Sheet};

use crate::diff::Share;

/// A rate as a percentage with as many digits as it takes to tell it from 0 and 1: `12.3 %`, `99.998 %`.
#[must_use]
pub fn percent(rate: f64) -> String {
    format!("{} %", rounded(rate, digits(rate)))
}

/// A share with its n and its 95 % interval: `12.3 % of 1234 (10.6 to 14.3)`.
#[must_use]
pub fn share(share: Share) -> String {
    let Some(rate) = share.rate() else { return "none of 0".to_owned() };
    let (low, high) = share.interval();
    let digits = digits(rate).max(digits(low)).max(digits(high));
    let [rate, low, high] = [rate, low, high].map(|rate| rounded(rate, digits));
    format!("{rate} % of {} ({low} to {high})", share.of)
}

/// A number with its thousands set apart.
#[must_use]
pub fn counted(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// How many decimals tell a percentage from 0 and 100.
fn digits(rate: f64) -> usize {
    let distance = rate.min(1.0 - rate) * 100.0;
    // At most 7: the cast fits.
    if distance > 0.0 { (1.0 - distance.log10()).ceil().clamp(1.0, 7.0) as usize } else { 0 }
}

fn rounded(rate: f64, digits: usize) -> String {
    let digits = if rate > 0.0 && rate < 1.0 { digits } else { 0 };
    format!("{:.digits$}", rate * 100.0)
}

#[cfg(test)]
mod tests;
