//! The copies under way and waiting, backend by backend: one that hangs must not hold up the others.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use super::Exchange;

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
}

/// What becomes of a copy that arrives.
pub(super) enum Admitted {
    /// It may go; [`Lanes::done`] must be said when it is back.
    Go(Box<Exchange>),
    /// It waits for its turn.
    Waits,
    /// Too many wait already.
    Full(Box<Exchange>),
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

    /// A copy is back. The next one for the same backend takes its place, if one waits.
    pub(super) fn done(&mut self, backend: &str) -> Option<Box<Exchange>> {
        let lane = self.lanes.get_mut(backend)?;
        if let Some(next) = lane.waiting.pop_front() {
            lane.bytes -= next.bytes();
            return Some(next);
        }
        lane.under_way -= 1;
        if lane.under_way == 0 {
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
        self.lanes.is_empty()
    }

    /// Gives up all that waits; `each` is told of it.
    pub(super) fn clear(&mut self, mut each: impl FnMut(&Exchange)) {
        for lane in self.lanes.values_mut() {
            lane.bytes = 0;
            lane.waiting.drain(..).for_each(|exchange| each(&exchange));
        }
    }
}
