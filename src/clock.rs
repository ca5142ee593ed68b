//! The wall clock, for records and for people; what decides runs by monotonic time.

use std::sync::LazyLock;
use std::time::{Duration, Instant, SystemTime};

/// The last moment of year 9999, in milliseconds since 1970: beyond, RFC 3339 has no text.
const LAST_MS: u64 = 253_402_300_799_999;

/// Milliseconds of monotonic time since this was first asked for, from 1: what fits into an atomic and is read by all threads.
#[must_use]
pub fn uptime_ms() -> u64 {
    static BEGAN: LazyLock<Instant> = LazyLock::new(Instant::now);
    u64::try_from(BEGAN.elapsed().as_millis()).unwrap_or(u64::MAX).saturating_add(1)
}

/// Now, in milliseconds since 1970.
#[must_use]
pub fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// A moment in milliseconds since 1970 as RFC 3339 in UTC, to the second; one beyond year 9999 is its end.
#[must_use]
pub fn moment(ms: u64) -> String {
    humantime::format_rfc3339_seconds(at(ms)).to_string()
}

/// The same to the millisecond.
#[must_use]
pub fn exact_moment(ms: u64) -> String {
    humantime::format_rfc3339_millis(at(ms)).to_string()
}

fn at(ms: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_millis(ms.min(LAST_MS))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_utc_and_end_with_year_9999() {
        assert_eq!(moment(1_767_225_600_999), "2026-01-01T00:00:00Z");
        assert_eq!(exact_moment(1_767_225_600_999), "2026-01-01T00:00:00.999Z");
        assert_eq!(moment(u64::MAX), "9999-12-31T23:59:59Z");
        assert_eq!(exact_moment(u64::MAX), "9999-12-31T23:59:59.999Z");
    }
}
