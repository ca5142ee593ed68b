//! Dates without a system call for each.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Turns moments into dates without asking the system for each: it is set a few times a second.
#[derive(Debug)]
pub(super) struct Clock {
    then: (Instant, SystemTime),
    second: u64,
    /// `2026-11-21T06:31:50` of that second.
    date: String,
}

impl Clock {
    pub(super) fn new() -> Clock {
        Clock { then: (Instant::now(), SystemTime::now()), second: u64::MAX, date: String::new() }
    }

    /// Follows the system's clock, which may have been set.
    pub(super) fn set(&mut self) {
        self.then = (Instant::now(), SystemTime::now());
    }

    pub(super) fn write(&mut self, moment: Instant, out: &mut Vec<u8>) {
        let (then, date) = self.then;
        let date = match moment.checked_duration_since(then) {
            Some(after) => date.checked_add(after),
            None => date.checked_sub(then - moment),
        };
        let since = date.and_then(|date| date.duration_since(UNIX_EPOCH).ok()).unwrap_or_default();
        if since.as_secs() != self.second {
            self.second = since.as_secs();
            let whole = UNIX_EPOCH + Duration::from_secs(self.second);
            self.date = humantime::format_rfc3339_seconds(whole).to_string();
            self.date.pop();
        }
        out.extend_from_slice(self.date.as_bytes());
        let mut micros = *b".000000Z";
        let mut rest = since.subsec_micros();
        for digit in micros[1..7].iter_mut().rev() {
            // Below 10: the cast fits.
            *digit += (rest % 10) as u8;
            rest /= 10;
        }
        out.extend_from_slice(&micros);
    }
}
