//! How numbers are written.

/// What a number counts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Unit {
    /// Something a second.
    PerSecond,
    /// A share, 0 to 1, written as a percentage.
    Share,
    /// Milliseconds, written as seconds where that is shorter.
    Millis,
    /// Just a number.
    #[default]
    Count,
}

impl Unit {
    /// The number with its unit: `12.5 %`, `850 ms`, `1.2 s`, `1.2k /s`.
    #[must_use]
    pub fn text(self, value: f64) -> String {
        match self {
            Unit::PerSecond => format!("{} /s", short(value)),
            Unit::Share => format!("{} %", percent(value * 100.0)),
            Unit::Millis if value.abs() >= 1000.0 => format!("{} s", digits(value / 1000.0)),
            Unit::Millis => format!("{} ms", digits(value)),
            Unit::Count => short(value),
        }
    }

    /// The name that the script knows it by.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Unit::PerSecond => "/s",
            Unit::Share => "%",
            Unit::Millis => "ms",
            Unit::Count => "",
        }
    }

    /// The highest that is drawn.
    pub(super) const fn most(self) -> f64 {
        match self {
            Unit::Share => 1.0,
            Unit::PerSecond | Unit::Millis | Unit::Count => 1e15,
        }
    }

    /// What an axis goes up to at least, so that noise around nothing does not look like much.
    pub(super) const fn least_top(self) -> f64 {
        match self {
            Unit::Share => 0.01,
            Unit::PerSecond | Unit::Millis => 1.0,
            Unit::Count => 5.0,
        }
    }
}

/// A percentage near 100 keeps the digits that tell it from 100, one near 0 those that tell it from 0.
fn percent(value: f64) -> String {
    let distance = value.min(100.0 - value);
    if distance > 0.0 && distance < 1.0 && value > 50.0 {
        // Between 1 and 4, so the cast fits.
        let decimals = (1.0 - distance.log10().floor()).clamp(1.0, 4.0) as usize;
        return trimmed(format!("{value:.decimals$}"));
    }
    digits(value)
}

/// With a letter for thousands and millions.
fn short(value: f64) -> String {
    match value.abs() {
        ..10_000.0 => digits(value),
        ..10_000_000.0 => format!("{}k", digits(value / 1e3)),
        ..10_000_000_000.0 => format!("{}M", digits(value / 1e6)),
        _ => format!("{}G", digits(value / 1e9)),
    }
}

/// Three digits that count, and no needless zeros.
fn digits(value: f64) -> String {
    let size = if value == 0.0 { 0.0 } else { value.abs().log10().floor() };
    // Between 0 and 4, so the cast fits.
    let decimals = (2.0 - size).clamp(0.0, 4.0) as usize;
    trimmed(format!("{value:.decimals$}"))
}

fn trimmed(text: String) -> String {
    let text = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text };
    if text == "-0" { "0".to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short_and_say_enough() {
        for (unit, value, text) in [
            (Unit::PerSecond, 0.0, "0 /s"),
            (Unit::PerSecond, 12.345, "12.3 /s"),
            (Unit::PerSecond, 1234.5, "1234 /s"),
            (Unit::PerSecond, 123_456.0, "123k /s"),
            (Unit::Share, 0.125, "12.5 %"),
            (Unit::Share, 1.0, "100 %"),
            (Unit::Share, 0.99987, "99.987 %"),
            (Unit::Share, 0.0004, "0.04 %"),
            (Unit::Millis, 0.85, "0.85 ms"),
            (Unit::Millis, 850.0, "850 ms"),
            (Unit::Millis, 1234.0, "1.23 s"),
            (Unit::Count, 40_000.0, "40k"),
        ] {
            assert_eq!(unit.text(value), text);
        }
    }
}
