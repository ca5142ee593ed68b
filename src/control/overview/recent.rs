//! What was counted of late: the difference between now and a moment half a minute to a minute ago.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::clock::now_ms;
use crate::names::Side;
use crate::state::Generation;
use crate::telemetry::cells::HistogramSum;
use crate::telemetry::{Measured, RouteMeter};

/// How often the counts are remembered; rates are over one to two of these.
const EVERY: Duration = Duration::from_secs(30);

/// What a route has counted.
#[derive(Debug, Clone, Default)]
pub(super) struct Counted {
    /// Requests that each side was asked, as [`Side::index`] counts.
    pub(super) requests: [u64; 2],
    /// Those that it answered, however.
    pub(super) answered: [u64; 2],
    /// Those that were answered 5xx, not at all, or not to the end.
    pub(super) errors: [u64; 2],
    /// How long the answers took.
    pub(super) times: [HistogramSum; 2],
    /// Everything, the facade's own answers too.
    pub(super) all: u64,
}

/// The counts as they were at a moment, of routes that have any.
#[derive(Debug)]
struct Then {
    at: Instant,
    counted: HashMap<Arc<str>, Counted>,
}

#[derive(Debug)]
pub(super) struct Recent {
    older: Then,
    newer: Then,
    /// How many requests each route had when it was last looked at, and when that last changed (milliseconds since 1970).
    hits: HashMap<Arc<str>, (u64, u64)>,
}

impl Recent {
    pub(super) fn new(now: Instant) -> Recent {
        let then = || Then { at: now, counted: HashMap::new() };
        Recent { older: then(), newer: then(), hits: HashMap::new() }
    }

    /// Looks at the counts of all routes.
    pub(super) fn look(&mut self, generation: &Generation, now: Instant) {
        let now_ms = now_ms();
        let meters = || generation.meters.iter().chain([&generation.unrouted]);
        for (meter, all) in meters().map(|meter| (meter, meter.answered())).filter(|(_, all)| *all > 0) {
            match self.hits.get_mut(&meter.name) {
                Some((before, _)) if *before == all => {}
                Some(hit) => *hit = (all, now_ms),
                None => drop(self.hits.insert(Arc::clone(&meter.name), (all, now_ms))),
            }
        }
        if now.saturating_duration_since(self.newer.at) >= EVERY {
            // The table of the older look takes the new one: with many routes it is megabytes that are not fetched anew.
            std::mem::swap(&mut self.older, &mut self.newer);
            self.newer.at = now;
            self.newer.counted.clear();
            let counted = meters().map(|meter| (meter, count(meter))).filter(|(_, counted)| counted.all > 0);
            self.newer.counted.extend(counted.map(|(meter, counted)| (Arc::clone(&meter.name), counted)));
            self.hits.retain(|name, _| self.newer.counted.contains_key(name));
        }
    }

    /// How long ago the counts are compared with.
    pub(super) fn span(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.older.at)
    }

    /// What a route has counted of late.
    pub(super) fn of(&self, meter: &RouteMeter) -> Counted {
        let mut counted = count(meter);
        if let Some(before) = self.older.counted.get(&meter.name) {
            counted.take(before);
        }
        counted
    }

    /// When a route was last seen with another count, in milliseconds since 1970.
    pub(super) fn last_hit(&self, route: &str) -> Option<u64> {
        self.hits.get(route).map(|(_, at)| *at)
    }
}

impl Counted {
    /// Takes away what was counted earlier.
    pub(super) fn take(&mut self, before: &Counted) {
        let less = |now: &mut u64, before: u64| *now = now.saturating_sub(before);
        less(&mut self.all, before.all);
        for side in Side::ALL.map(Side::index) {
            less(&mut self.requests[side], before.requests[side]);
            less(&mut self.answered[side], before.answered[side]);
            less(&mut self.errors[side], before.errors[side]);
            self.times[side] = self.times[side].since(&before.times[side]);
        }
    }

    /// Adds what was counted elsewhere.
    pub(super) fn add(&mut self, other: &Counted) {
        self.all += other.all;
        for side in Side::ALL.map(Side::index) {
            self.requests[side] += other.requests[side];
            self.answered[side] += other.answered[side];
            self.errors[side] += other.errors[side];
            self.times[side].merge(&other.times[side]);
        }
    }
}

/// What a route has counted since its first request.
pub(super) fn count(meter: &RouteMeter) -> Counted {
    let mut counted = Counted { all: meter.answered(), ..Counted::default() };
    for side in Side::ALL {
        let sum = meter.sum(Measured::Side(side)).unwrap_or_default();
        let (failed, broken) = meter.failures(side);
        let [.., server_errors] = sum.classes;
        counted.answered[side.index()] = sum.classes.iter().sum();
        counted.requests[side.index()] = counted.answered[side.index()] + failed;
        counted.errors[side.index()] = server_errors + failed + broken;
        counted.times[side.index()] = sum.seconds;
    }
    counted
}
