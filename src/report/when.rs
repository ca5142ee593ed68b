//! Moments as people say them.

use std::time::Duration;

/// What is no moment.
pub const WHAT: &str = "write it as `24h`, `14d`, `2026-11-21` or `2026-11-21T10:00:00Z`";

/// The moment so long ago (`24h`), or this one (`2026-11-21`, at midnight UTC, or RFC 3339), in milliseconds since 1970.
#[must_use]
pub fn since(text: &str, now_ms: u64) -> Option<u64> {
    span(text).map(|span| now_ms.saturating_sub(span)).or_else(|| date(text))
}

/// The moment so far ahead (`30d`), or this one, in milliseconds since 1970.
#[must_use]
pub fn until(text: &str, now_ms: u64) -> Option<u64> {
    span(text).map(|span| now_ms.saturating_add(span)).or_else(|| date(text))
}

/// In milliseconds.
fn span(text: &str) -> Option<u64> {
    let span: Duration = humantime::parse_duration(text.trim()).ok()?;
    u64::try_from(span.as_millis()).ok()
}

fn date(text: &str) -> Option<u64> {
    let whole = if text.contains('T') { text.to_owned() } else { format!("{text}T00:00:00Z") };
    let moment = humantime::parse_rfc3339(&whole).ok()?;
    let since = moment.duration_since(std::time::SystemTime::UNIX_EPOCH).ok()?;
    u64::try_from(since.as_millis()).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NOW: u64 = 1_767_225_600_000;

    #[test]
    fn spans_and_dates() {
        assert_eq!(since("24h", NOW), Some(NOW - 86_400_000));
        assert_eq!(until("1d", NOW), Some(NOW + 86_400_000));
        assert_eq!(since("2026-01-01", 0), Some(NOW));
        assert_eq!(until("2026-01-01T00:00:01Z", 0), Some(NOW + 1000));
        assert_eq!(since("1000000d", NOW), Some(0));
        for bad in ["", "soon", "24", "2026-13-01", "2026-01-01T", "-1h", "1969-12-31"] {
            assert_eq!(since(bad, NOW), None, "{bad}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_answered(text in ".*") {
            let _ = (since(&text, NOW), until(&text, u64::MAX));
        }
    }
}
