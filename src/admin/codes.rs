//! Codes that let somebody in once, without a token that could be copied from a screen.

use std::collections::VecDeque;
use std::io;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use tokio::time::Instant;

use super::tokens::{Token, hash};

/// How long a code may be used.
const LASTS: Duration = Duration::from_secs(15 * 60);
/// How many there are at a time. Beyond, the oldest is worth nothing.
const MOST: usize = 16;

/// Codes that are not used yet: their hashes, and when they end; the oldest first.
#[derive(Debug, Default)]
pub(super) struct Codes(Mutex<VecDeque<([u8; 32], Instant)>>);

impl Codes {
    /// A new one: 256 random bits.
    ///
    /// # Errors
    /// The system gives no randomness.
    pub(super) fn make(&self, now: Instant) -> io::Result<Token> {
        let code = Token::fresh()?;
        let mut codes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if codes.len() >= MOST {
            codes.pop_front();
        }
        codes.push_back((hash(code.text()), now + LASTS));
        Ok(code)
    }

    /// Whether this is one; it is none afterwards.
    pub(super) fn redeem(&self, code: &str, now: Instant) -> bool {
        let shown = hash(code);
        let mut codes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        codes.retain(|(_, ends)| *ends > now);
        let found = codes.iter().position(|(hash, _)| verify_slices_are_equal(hash, &shown).is_ok());
        found.is_some_and(|place| codes.remove(place).is_some())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_good_once_and_for_a_quarter_of_an_hour() {
        let (codes, now) = (Codes::default(), Instant::now());
        let (one, two) = (codes.make(now).unwrap(), codes.make(now).unwrap());
        assert!(!codes.redeem("", now) && !codes.redeem(&one.text()[1..], now));
        assert!(codes.redeem(one.text(), now + LASTS - Duration::from_secs(1)));
        assert!(!codes.redeem(one.text(), now));
        assert!(!codes.redeem(two.text(), now + LASTS));
    }

    #[test]
    fn the_oldest_gives_way() {
        let (codes, now) = (Codes::default(), Instant::now());
        let made: Vec<_> = (0..=MOST).map(|_| codes.make(now).unwrap()).collect();
        assert!(!codes.redeem(made[0].text(), now) && codes.redeem(made[1].text(), now));
    }
}
