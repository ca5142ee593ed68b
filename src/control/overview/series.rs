//! Series in memory: what each route has counted, over the last hour and the last day.
//!
//! Slots without a request take no room, and all points together are bounded, whatever the configuration: where there are too
//! many, the quietest routes are given up and begin anew. The facade as a whole is never given up.

use std::collections::HashMap;
use std::sync::Arc;

use super::point::{Counts, Point};
use super::ring::Ring;

/// How long a slot of the last hour is, in milliseconds.
const FINE_MS: u64 = 15_000;
/// How long a slot of the last day is.
const COARSE_MS: u64 = 300_000;
/// How many slots there are of each.
const SLOTS: [u64; 2] = [240, 288];
/// The most points of all routes together: about 14 MB.
pub(super) const MOST: usize = 250_000;
/// What is left of a route's weight after a fine slot: half of it is forgotten in ten minutes.
const FADES: f64 = 0.983;

/// How far back a series goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Period {
    /// The last hour, in slots of 15 seconds.
    Hour,
    /// The last day, in slots of 5 minutes.
    Day,
}

/// What a route has counted over a period.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Series {
    /// How long a slot is, in milliseconds.
    pub step_ms: u64,
    /// Since when it is remembered, in milliseconds since 1970.
    pub since_ms: u64,
    /// What came in each slot since then, with the end of the slot in milliseconds since 1970; oldest first, none missing.
    pub points: Vec<(u64, Point)>,
}

/// The series of all routes that have had requests.
#[derive(Debug)]
pub(super) struct Table {
    tracks: HashMap<Arc<str>, Track>,
    /// The facade as a whole.
    whole: Track,
    total: Counts,
    /// The slots that are under way, by period; `None` before the first look.
    slots: Option<[u64; 2]>,
    /// The most points of all tracks.
    most: usize,
}

#[derive(Debug)]
struct Track {
    /// The counts when the slots under way began, and when that was, in milliseconds of a clock that is never set.
    bases: [(Counts, u64); 2],
    rings: [Ring<Point>; 2],
    /// The slots that are remembered begin with these.
    since: [u64; 2],
    /// How busy it was of late.
    weight: f64,
    /// The fine slot that was under way when it was noted last.
    noted: u64,
}

/// When a look is.
#[derive(Debug, Clone, Copy, Default)]
struct Moment {
    /// The slots that begin with it, or are under way, by period.
    slots: [u64; 2],
    /// Whether a coarse slot has ended with it.
    ended: bool,
    steady_ms: u64,
}

impl Moment {
    /// A fine slot earlier.
    fn before(self) -> Moment {
        let [fine, coarse] = self.slots;
        let slots = [fine.saturating_sub(1), coarse.saturating_sub(u64::from(self.ended))];
        Moment { slots, steady_ms: self.steady_ms.saturating_sub(FINE_MS), ..self }
    }
}

impl Period {
    /// How long it is, in milliseconds.
    #[must_use]
    pub const fn millis(self) -> u64 {
        self.step_ms() * SLOTS[self as usize]
    }

    const ALL: [Period; 2] = [Period::Hour, Period::Day];

    const fn step_ms(self) -> u64 {
        match self {
            Period::Hour => FINE_MS,
            Period::Day => COARSE_MS,
        }
    }
}

impl Table {
    /// Nothing yet; all routes together get room for so many points.
    pub(super) fn new(most: usize) -> Table {
        Table {
            tracks: HashMap::new(),
            whole: Track::new(Counts::default(), Moment::default()),
            total: Counts::default(),
            slots: None,
            most,
        }
    }

    /// Whether a slot is over at this moment, in milliseconds since 1970, so that counts are wanted.
    pub(super) fn is_due(&self, now_ms: u64) -> bool {
        self.slots.is_none_or(|[fine, _]| fine != now_ms / FINE_MS)
    }

    /// Takes in the counts of all routes that have any. `steady_ms`: the same moment on a clock that is never set.
    pub(super) fn note(&mut self, now_ms: u64, steady_ms: u64, counts: impl Iterator<Item = (Arc<str>, Counts)>) {
        let slots = Period::ALL.map(|period| now_ms / period.step_ms());
        let before = self.slots.replace(slots);
        let first = before.is_none();
        let now = Moment { slots, ended: before.is_some_and(|before| before[1] != slots[1]), steady_ms };
        if first {
            self.whole = Track::new(Counts::default(), now);
        }
        let mut whole = Counts::default();
        for (name, counts) in counts {
            if let Some(track) = self.tracks.get_mut(&name) {
                whole.add(&counts.since(&track.bases[0].0));
                track.note(counts, now);
                continue;
            }
            let track = if first {
                // What was counted before the first look of all was counted before the start.
                Track::new(counts, now)
            } else {
                whole.add(&counts);
                let mut track = Track::new(Counts::default(), now.before());
                track.note(counts, now);
                track
            };
            self.tracks.insert(name, track);
        }
        // Those that there are no counts of any more.
        self.tracks.retain(|_, track| track.noted == slots[0]);
        self.total.add(&whole);
        if !first {
            self.whole.note(self.total.clone(), now);
        }
        self.give_up(now);
    }

    /// What all routes have counted since the start: up to the last look, and what these counts have beyond that.
    pub(super) fn total_with(&self, counts: impl Iterator<Item = (Arc<str>, Counts)>) -> Counts {
        let mut total = self.total.clone();
        for (name, counts) in counts {
            match self.tracks.get(&name) {
                Some(track) => total.add(&counts.since(&track.bases[0].0)),
                None => total.add(&counts),
            }
        }
        total
    }

    /// The series of a route, or of the facade as a whole; `None` of a route without a request.
    pub(super) fn of(&self, route: Option<&str>, period: Period) -> Option<Series> {
        let track = match route {
            Some(route) => self.tracks.get(route)?,
            None => &self.whole,
        };
        let step_ms = period.step_ms();
        let place = period as usize;
        // The last one that has ended.
        let last = self.slots?[place].checked_sub(1)?;
        let first = track.since[place].max((last + 1).saturating_sub(SLOTS[place]));
        let known: HashMap<u64, &Point> = track.rings[place].iter().collect();
        let end = |slot: u64| (slot + 1) * step_ms;
        let points = (first..=last).map(|slot| (end(slot), known.get(&slot).copied().copied().unwrap_or_default()));
        Some(Series { step_ms, since_ms: track.since[place] * step_ms, points: points.collect() })
    }

    fn give_up(&mut self, now: Moment) {
        let mut held: usize = self.tracks.values().map(Track::len).sum();
        if held <= self.most {
            return;
        }
        let mut tracks: Vec<&mut Track> = self.tracks.values_mut().filter(|track| track.len() > 0).collect();
        tracks.sort_by(|one, other| one.weight.total_cmp(&other.weight));
        for track in tracks {
            if held <= self.most {
                return;
            }
            held -= track.len();
            track.forget(now);
        }
    }
}

impl Track {
    fn new(counts: Counts, now: Moment) -> Track {
        Track {
            bases: [(counts.clone(), now.steady_ms), (counts, now.steady_ms)],
            rings: SLOTS.map(Ring::new),
            since: now.slots,
            weight: 0.0,
            noted: now.slots[0],
        }
    }

    fn note(&mut self, counts: Counts, now: Moment) {
        self.noted = now.slots[0];
        // A look is at the end of a fine slot in any case.
        let periods = [(Period::Hour, true), (Period::Day, now.ended)];
        for (period, _) in periods.into_iter().filter(|(_, ended)| *ended) {
            let place = period as usize;
            let (before, then_ms) = std::mem::replace(&mut self.bases[place], (counts.clone(), now.steady_ms));
            let point = Point::between(&before, &counts, now.steady_ms.saturating_sub(then_ms) as f64 / 1e3);
            let ended = now.slots[place].saturating_sub(1);
            self.since[place] = self.since[place].min(ended);
            if period == Period::Hour {
                self.weight = self.weight * FADES + point.requests() as f64;
            }
            if point.is_empty() {
                self.rings[place].expire(ended);
            } else {
                self.rings[place].push(ended, point);
            }
        }
    }

    fn len(&self) -> usize {
        self.rings.iter().map(Ring::len).sum()
    }

    fn forget(&mut self, now: Moment) {
        self.rings.iter_mut().for_each(Ring::clear);
        self.since = now.slots;
    }
}

#[cfg(test)]
mod tests;
