//! A sliding window of evidence.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

use super::Evidence;

/// A window slides in steps of this part of its length.
const SLOTS: u32 = 12;

/// The evidence of the last so-and-so long, as slots that come and go whole. A slot goes when its begin is too old, so that the
/// window holds a little less than its length and never more; only what the last look brought stays in any case, for a window
/// that is shorter than the time between two looks.
#[derive(Debug, Clone)]
pub struct Window {
    length: Duration,
    /// The oldest first.
    slots: VecDeque<Slot>,
    /// What all of them hold together.
    sum: Evidence,
}

#[derive(Debug, Clone)]
struct Slot {
    from: Instant,
    to: Instant,
    evidence: Evidence,
}

impl Window {
    /// An empty window of this length.
    #[must_use]
    pub fn new(length: Duration) -> Window {
        Window { length, slots: VecDeque::new(), sum: Evidence::default() }
    }

    /// Takes in what was seen between two looks, the later of which is now.
    pub fn push(&mut self, from: Instant, now: Instant, evidence: Evidence) {
        self.sum.add(&evidence);
        match self.slots.back_mut() {
            Some(slot) if now.saturating_duration_since(slot.from) <= self.length / SLOTS => {
                slot.to = now;
                slot.evidence.add(&evidence);
            }
            _ => self.slots.push_back(Slot { from, to: now, evidence }),
        }
    }

    /// Lets go what is too old now; says whether anything was.
    pub fn expire(&mut self, now: Instant) -> bool {
        let before = self.slots.len();
        while let Some(slot) = self.slots.front()
            && now.saturating_duration_since(slot.from) > self.length
            && slot.to < now
        {
            if let Some(slot) = self.slots.pop_front() {
                self.sum.take(&slot.evidence);
            }
        }
        self.slots.len() < before
    }

    /// Everything in it.
    #[must_use]
    pub fn sum(&self) -> &Evidence {
        &self.sum
    }

    /// Lets go everything.
    pub fn clear(&mut self) {
        (self.slots, self.sum) = (VecDeque::new(), Evidence::default());
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn compared(matches: u64) -> Evidence {
        Evidence { matches, ..Evidence::default() }
    }

    proptest! {
        /// One comparison is made each millisecond that a look covers, so the sum is how far back the window reaches.
        #[test]
        fn a_window_never_reaches_further_back_than_its_length(
            length in 1_000_u64..3_600_000,
            looks in prop::collection::vec(1_u64..20_000, 1..300),
        ) {
            let start = Instant::now();
            let mut window = Window::new(Duration::from_millis(length));
            let mut now = 0;
            for look in looks {
                let from = now;
                now += look;
                let at = |millis| start + Duration::from_millis(millis);
                window.push(at(from), at(now), compared(now - from));
                window.expire(at(now));
                let reach = window.sum().matches;
                prop_assert!(reach <= length.max(look), "reaches {reach} ms back at {now}");
                // Of its length, less than a slot and a look is missing.
                let least = now.min((length - length / 12).saturating_sub(20_000));
                prop_assert!(reach >= least, "reaches only {reach} ms back at {now}");
                prop_assert!(window.slots.len() <= 2 * SLOTS as usize + 2);
            }
            window.expire(start + Duration::from_millis(now + length + 1));
            prop_assert_eq!(window.sum(), &Evidence::default());
        }
    }
}
