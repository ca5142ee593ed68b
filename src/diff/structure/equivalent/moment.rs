//! Moments in the spellings that answers use.

use std::time::UNIX_EPOCH;

const SECOND: i128 = 1_000_000_000;
/// From this many on, a count since 1970 is one of milliseconds: in seconds it would be the year 5138.
const MILLISECONDS_FROM: i128 = 100_000_000_000;

/// A moment in nanoseconds since 1970: RFC 3339, an HTTP date (RFC 9110 section 5.6.7), or a count of seconds or
/// milliseconds.
pub(super) fn read(text: &str) -> Option<i128> {
    count(text).or_else(|| rfc3339(text)).or_else(|| http_date(text))
}

fn http_date(text: &str) -> Option<i128> {
    let date = httpdate::parse_http_date(text).ok()?;
    match date.duration_since(UNIX_EPOCH) {
        Ok(since) => i128::try_from(since.as_nanos()).ok(),
        Err(before) => i128::try_from(before.duration().as_nanos()).ok().map(|nanos| -nanos),
    }
}

fn count(text: &str) -> Option<i128> {
    let (negative, digits) = text.strip_prefix('-').map_or((false, text), |digits| (true, digits));
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let digits_only = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || whole.len() > 15 || !digits_only(whole) {
        return None;
    }
    let whole: i128 = whole.parse().ok()?;
    let unit = if whole >= MILLISECONDS_FROM { SECOND / 1000 } else { SECOND };
    let nanos = whole * unit + nanos(fraction)? * unit / SECOND;
    Some(if negative { -nanos } else { nanos })
}

/// The digits after a point as billionths; digits beyond the ninth are cut off.
fn nanos(fraction: &str) -> Option<i128> {
    if !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    Some(
        fraction
            .bytes()
            .chain(std::iter::repeat(b'0'))
            .take(9)
            .fold(0, |sum, digit| sum * 10 + i128::from(digit - b'0')),
    )
}

/// RFC 3339, and what is often taken for it: a space in place of the T, an offset without colon.
fn rfc3339(text: &str) -> Option<i128> {
    let bytes = text.as_bytes();
    let mark = |at: usize, marks: &[u8]| bytes.get(at).is_some_and(|byte| marks.contains(byte));
    if !(mark(4, b"-") && mark(7, b"-") && mark(10, b"Tt ") && mark(13, b":") && mark(16, b":")) {
        return None;
    }
    let [year, month, day] = [number(text, 0, 4)?, number(text, 5, 7)?, number(text, 8, 10)?];
    let [hour, minute, second] = [number(text, 11, 13)?, number(text, 14, 16)?, number(text, 17, 19)?];
    // 60 is a leap second.
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) || hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let rest = text.get(19..)?;
    let (fraction, offset) = match rest.strip_prefix('.') {
        Some(rest) => rest.split_at(rest.find(|what: char| !what.is_ascii_digit())?),
        None => ("", rest),
    };
    let seconds = days(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second - offset_seconds(offset)?;
    Some(i128::from(seconds) * SECOND + nanos(fraction)?)
}

fn offset_seconds(text: &str) -> Option<i64> {
    if text.eq_ignore_ascii_case("z") {
        return Some(0);
    }
    let sign = match text.as_bytes().first()? {
        b'+' => 1,
        b'-' => -1,
        _ => return None,
    };
    let minutes_at = if text.as_bytes().get(3) == Some(&b':') { 4 } else { 3 };
    if text.len() != minutes_at + 2 {
        return None;
    }
    Some(sign * (number(text, 1, 3)? * 3600 + number(text, minutes_at, minutes_at + 2)? * 60))
}

fn number(text: &str, from: usize, to: usize) -> Option<i64> {
    let digits = text.get(from..to)?;
    digits.bytes().try_fold(0, |sum, digit| digit.is_ascii_digit().then(|| sum * 10 + i64::from(digit - b'0')))
}

/// Days since 1970 in the Gregorian calendar (Hinnant, "chrono-Compatible Low-Level Date Algorithms").
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_a_moment_are_one() {
        let moment = read("2024-02-29T12:30:45Z");
        assert_eq!(moment, Some(1_709_209_845 * SECOND));
        for same in [
            "2024-02-29t12:30:45.000z",
            "2024-02-29 13:30:45+01:00",
            "2024-02-29T07:00:45.0-0530",
            "1709209845",
            "1709209845000",
            "1709209845.0",
            "Thu, 29 Feb 2024 12:30:45 GMT",
        ] {
            assert_eq!(read(same), moment, "{same}");
        }
        assert_eq!(read("2024-02-29T12:30:45.25Z"), moment.map(|nanos| nanos + SECOND / 4));
        assert_eq!(read("1709209845250"), moment.map(|nanos| nanos + SECOND / 4));
        assert_eq!(read("1969-12-31T23:59:59Z"), Some(-SECOND));
    }

    #[test]
    fn what_is_no_moment_is_none() {
        for text in
            ["", "-", "today", "2024-13-01T00:00:00Z", "2024-01-01", "2024-01-01T00:00:00", "1e9", "é2024", "1.x"]
        {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
