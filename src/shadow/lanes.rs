//! The copies under way and waiting, backend by backend: one that hangs must not hold up the others.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use tokio::time::{Duration, Instant};

use super::Exchange;

/// After so many failures in a row a shadow counts as broken.
const BROKEN_AFTER: u32 = 16;
/// How often a broken shadow is tried.
const TRY_EVERY: Duration = Duration::from_millis(100);

/// What the lanes may hold.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds {
    /// Copies under way to one backend.
    pub(super) in_flight: usize,
    /// Copies that wait for one backend.
    pub(super) waiting: usize,
    /// Bytes of the copies that wait for one backend.
    pub(super) bytes: usize,
}

/// One shadow thread's lanes, by the backend's name.
#[derive(Debug)]
pub(super) struct Lanes {
    bounds: Bounds,
    lanes: HashMap<Arc<str>, Lane>,
}

#[derive(Debug, Default)]
struct Lane {
    under_way: usize,
    waiting: VecDeque<Box<Exchange>>,
    bytes: usize,
    /// Failures in a row.
    failures: u32,
    /// When a broken shadow is tried again.
    try_at: Option<Instant>,
}

/// What becomes of a copy that arrives.
pub(super) enum Admitted {
    /// It may go; [`Lanes::done`] must be said when it is back.
    Go(Box<Exchange>),
    /// It waits for its turn.
    Waits,
    /// Too many wait already.
    Full(Box<Exchange>),
    /// The shadow is broken: asking it would only cost.
    Broken(Box<Exchange>),
}

impl Lanes {
    pub(super) fn new(bounds: Bounds) -> Lanes {
        Lanes { bounds, lanes: HashMap::new() }
    }

    /// A copy for this backend arrives.
    pub(super) fn admit(&mut self, backend: &Arc<str>, exchange: Box<Exchange>) -> Admitted {
        let lane = match self.lanes.get_mut(backend) {
            Some(lane) => lane,
            None => self.lanes.entry(Arc::clone(backend)).or_default(),
        };
        if lane.failures >= BROKEN_AFTER {
            let now = Instant::now();
            if lane.try_at.is_some_and(|at| now < at) {
                return Admitted::Broken(exchange);
            }
            lane.try_at = Some(now + TRY_EVERY);
        }
        if lane.under_way < self.bounds.in_flight {
            lane.under_way += 1;
            return Admitted::Go(exchange);
        }
        let bytes = exchange.bytes();
        if lane.waiting.len() >= self.bounds.waiting || lane.bytes + bytes > self.bounds.bytes {
            return Admitted::Full(exchange);
        }
        lane.bytes += bytes;
        lane.waiting.push_back(exchange);
        Admitted::Waits
    }

    /// Notes whether a shadow answered.
    pub(super) fn answered(&mut self, backend: &str, well: bool) {
        if let Some(lane) = self.lanes.get_mut(backend) {
            lane.failures = if well { 0 } else { lane.failures.saturating_add(1) };
        }
    }

    /// Takes out what waits for a shadow that is broken.
    pub(super) fn give_up(&mut self, backend: &str, mut each: impl FnMut(&Exchange)) {
        if let Some(lane) = self.lanes.get_mut(backend).filter(|lane| lane.failures >= BROKEN_AFTER) {
            lane.clear(&mut each);
        }
    }

    /// A copy is back. The next one for the same backend takes its place, if one waits.
    pub(super) fn done(&mut self, backend: &str) -> Option<Box<Exchange>> {
        let lane = self.lanes.get_mut(backend)?;
        if let Some(next) = lane.waiting.pop_front() {
            lane.bytes -= next.bytes();
            return Some(next);
        }
        lane.under_way -= 1;
        // What is known of a broken shadow is kept.
        if lane.under_way == 0 && lane.failures == 0 {
            self.lanes.remove(backend);
        }
        None
    }

    /// Whether over half of the copies that may be under way to this backend are.
    pub(super) fn is_busy(&self, backend: &str) -> bool {
        self.lanes.get(backend).is_some_and(|lane| lane.under_way * 2 > self.bounds.in_flight)
    }

    /// Whether nothing is under way.
    pub(super) fn is_empty(&self) -> bool {
        self.lanes.values().all(|lane| lane.under_way == 0)
    }

    /// Gives up all that waits; `each` is told of it.
    pub(super) fn clear(&mut self, mut each: impl FnMut(&Exchange)) {
        self.lanes.values_mut().for_each(|lane| lane.clear(&mut each));
    }
}

impl Lane {
    fn clear(&mut self, each: &mut impl FnMut(&Exchange)) {
        self.bytes = 0;
        self.waiting.drain(..).for_each(|exchange| each(&exchange));
    }
}
