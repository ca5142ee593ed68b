//! Numbers as people read them.

pub(super) use crate::report::counted as count;

/// With what it counts: `1 route`, `12 routes`.
#[must_use]
pub(super) fn counted(number: u64, one: &str) -> String {
    if number == 1 { format!("1 {one}") } else { format!("{} {one}s", count(number)) }
}

/// A size in bytes: `12 B`, `3.4 MB`.
#[must_use]
pub(super) fn bytes(size: u64) -> String {
    const UNITS: [&str; 5] = ["B", "kB", "MB", "GB", "TB"];
    let mut value = size as f64;
    let mut unit = 0;
    while value >= 1000.0 && unit + 1 < UNITS.len() {
        value /= 1000.0;
        unit += 1;
    }
    if value >= 100.0 || unit == 0 {
        format!("{value:.0} {}", UNITS[unit])
    } else {
        format!("{value:.1} {}", UNITS[unit])
    }
}

/// A time in its two largest parts: `3 d 4 h`, `2 min 5 s`, `12 s`.
#[must_use]
pub(super) fn span(seconds: u64) -> String {
    let parts = [(86_400, "d"), (3600, "h"), (60, "min"), (1, "s")];
    let Some(place) = parts.iter().position(|(length, _)| seconds >= *length) else { return "0 s".to_owned() };
    let (length, name) = parts[place];
    let first = format!("{} {name}", seconds / length);
    match parts.get(place + 1).map(|(next, name)| (seconds % length / next, name)) {
        Some((rest, name)) if rest > 0 => format!("{first} {rest} {name}"),
        _ => first,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_can_be_read_at_a_glance() {
        assert_eq!([0, 999, 1000, 1_234_567].map(count), ["0", "999", "1,000", "1,234,567"]);
        assert_eq!([1, 2].map(|number| counted(number, "route")), ["1 route", "2 routes"]);
        assert_eq!([999, 1000, 123_456, 5_000_000_000].map(bytes), ["999 B", "1.0 kB", "123 kB", "5.0 GB"]);
        assert_eq!([0, 59, 60, 3725, 86_400 * 3 + 4000].map(span), ["0 s", "59 s", "1 min", "1 h 2 min", "3 d 1 h"]);
    }
}
