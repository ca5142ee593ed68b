//! What is refused, counted and told.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// How often the log tells of refusals for one reason.
const EVERY: Duration = Duration::from_secs(1);

/// Why a request, or a connection, is turned away before anything is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusal {
    /// It shows no token, or nobody's.
    Token,
    /// Its token's role is too small.
    Role,
    /// It is meant for another host: DNS rebinding.
    Host,
    /// A page of another site sent it.
    Origin,
    /// A session sends it, and no page of that session made it.
    Forged,
    /// It failed too often.
    Rate,
    /// There is no such path.
    Path,
    /// The path takes other methods.
    Method,
    /// Its body is no JSON.
    Type,
    /// Its body is too large.
    Size,
    /// It was sent too slowly.
    Slow,
    /// There are enough connections, or listeners to events.
    Crowded,
}

impl Refusal {
    /// All of them, in the order they are counted.
    const ALL: [Refusal; 12] = [
        Refusal::Token,
        Refusal::Role,
        Refusal::Host,
        Refusal::Origin,
        Refusal::Forged,
        Refusal::Rate,
        Refusal::Path,
        Refusal::Method,
        Refusal::Type,
        Refusal::Size,
        Refusal::Slow,
        Refusal::Crowded,
    ];

    /// Its name, as metrics have it.
    const fn as_str(self) -> &'static str {
        match self {
            Refusal::Token => "token",
            Refusal::Role => "role",
            Refusal::Host => "host",
            Refusal::Origin => "origin",
            Refusal::Forged => "forged",
            Refusal::Rate => "rate",
            Refusal::Path => "path",
            Refusal::Method => "method",
            Refusal::Type => "type",
            Refusal::Size => "size",
            Refusal::Slow => "slow",
            Refusal::Crowded => "crowded",
        }
    }
}

/// How much was refused.
#[derive(Debug, Default)]
pub(super) struct Refusals {
    counts: [AtomicU64; Refusal::ALL.len()],
    /// When the log last told of each, and the count it had then.
    told: Mutex<[Option<(Instant, u64)>; Refusal::ALL.len()]>,
}

impl Refusals {
    /// Counts a refusal. If the log is to tell of it: how many there were since it last did.
    pub(super) fn count(&self, refusal: Refusal, now: Instant) -> Option<u64> {
        let place = refusal as usize;
        let count = self.counts[place].fetch_add(1, Ordering::Relaxed) + 1;
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let before = match told[place] {
            Some((at, _)) if now.saturating_duration_since(at) < EVERY => return None,
            Some((_, before)) => before,
            None => 0,
        };
        told[place] = Some((now, count));
        Some(count.saturating_sub(before))
    }

    /// The counts, by reason.
    pub(super) fn counts(&self) -> impl Iterator<Item = (&'static str, u64)> {
        Refusal::ALL.iter().zip(&self.counts).map(|(refusal, count)| (refusal.as_str(), count.load(Ordering::Relaxed)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_counted_and_the_log_is_told_once_a_second() {
        let (refusals, now) = (Refusals::default(), Instant::now());
        assert_eq!(refusals.count(Refusal::Token, now), Some(1));
        assert_eq!(refusals.count(Refusal::Token, now), None);
        assert_eq!(refusals.count(Refusal::Host, now), Some(1));
        assert_eq!(refusals.count(Refusal::Token, now + EVERY), Some(2));
        let counts: Vec<_> = refusals.counts().filter(|(_, count)| *count > 0).collect();
        assert_eq!(counts, [("token", 3), ("host", 1)]);
        assert!(Refusal::ALL.iter().enumerate().all(|(place, refusal)| *refusal as usize == place));
    }
}
