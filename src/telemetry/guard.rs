//! The evidence that guards judge by: how each side of a route has answered.

use std::sync::Arc;
use std::time::Duration;

use super::WorkerId;
use super::cells::Count;
use super::meter::PerWorker;
use super::octaves::{self, BUCKETS};
use crate::names::Side;

/// How a side has answered a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answered {
    /// Without an error; also where the client did not wait for the answer.
    Well,
    /// With a 4xx.
    ClientError,
    /// With a 5xx, with an answer that broke off, or not at all.
    Error,
}

/// The evidence of one route.
#[derive(Debug)]
pub struct GuardMeter {
    /// The route's name.
    pub name: Arc<str>,
    cells: PerWorker<GuardCells>,
}

/// What a meter has counted, over all workers, since it was made. Workers count on while it is read: its numbers may be off
/// against each other by the requests of that moment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GuardReading {
    /// By [`Side::index`].
    pub sides: [SideReading; 2],
}

/// What was counted of one side.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SideReading {
    /// The requests it was asked to answer.
    pub requests: u64,
    /// Those it answered with a 5xx, broke off, or did not answer.
    pub errors: u64,
    /// Those it answered with a 4xx.
    pub client_errors: u64,
    /// The time to the answer's head, or until there was known to be none, by bucket of [`octaves`].
    pub times: [u64; BUCKETS],
}

#[derive(Debug, Default)]
struct GuardCells {
    sides: [SideCells; 2],
}

#[derive(Debug)]
struct SideCells {
    requests: Count,
    errors: Count,
    client_errors: Count,
    times: [Count; BUCKETS],
}

impl GuardMeter {
    /// A meter for this route.
    #[must_use]
    pub fn new(name: Arc<str>, workers: usize) -> GuardMeter {
        GuardMeter { name, cells: PerWorker::new(workers) }
    }

    /// Counts one request that a side was asked to answer. `took` is the time to the answer's head, or until the side failed or
    /// the client gave up.
    pub fn count(&self, worker: WorkerId, side: Side, how: Answered, took: Duration) {
        let cells = &self.cells.cell(worker).sides[side.index()];
        match how {
            Answered::Well => {}
            Answered::ClientError => cells.client_errors.add(1),
            Answered::Error => cells.errors.add(1),
        }
        cells.times[octaves::bucket_of(took)].add(1);
        // Last: whoever sees it looks at the rest.
        cells.requests.add(1);
    }

    /// The requests of both sides: as long as this is the same, so is the whole reading.
    #[must_use]
    pub fn requests(&self) -> u64 {
        self.cells.all().flat_map(|cells| &cells.sides).map(|side| side.requests.get()).sum()
    }

    /// Everything that was counted.
    #[must_use]
    pub fn read(&self) -> GuardReading {
        let mut sum = GuardReading::default();
        for cells in self.cells.all() {
            for (total, cells) in sum.sides.iter_mut().zip(&cells.sides) {
                total.requests += cells.requests.get();
                total.errors += cells.errors.get();
                total.client_errors += cells.client_errors.get();
                total.times.iter_mut().zip(&cells.times).for_each(|(total, count)| *total += count.get());
            }
        }
        sum
    }
}

impl Default for SideCells {
    fn default() -> SideCells {
        SideCells {
            requests: Count::default(),
            errors: Count::default(),
            client_errors: Count::default(),
            times: std::array::from_fn(|_| Count::default()),
        }
    }
}

impl Default for SideReading {
    fn default() -> SideReading {
        SideReading { requests: 0, errors: 0, client_errors: 0, times: [0; BUCKETS] }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_side_and_each_outcome_is_counted_on_its_own() {
        let meter = GuardMeter::new("orders".into(), 2);
        assert_eq!((meter.requests(), meter.read()), (0, GuardReading::default()));
        let took = Duration::from_millis(1);
        meter.count(WorkerId(0), Side::New, Answered::Well, took);
        meter.count(WorkerId(1), Side::New, Answered::Error, took);
        meter.count(WorkerId(1), Side::New, Answered::ClientError, Duration::from_secs(1));
        meter.count(WorkerId(1), Side::Legacy, Answered::Well, took);
        let [legacy, new] = meter.read().sides;
        assert_eq!((legacy.requests, legacy.errors, legacy.client_errors), (1, 0, 0));
        assert_eq!((new.requests, new.errors, new.client_errors), (3, 1, 1));
        assert_eq!(new.times[octaves::bucket_of(took)], 2);
        assert_eq!(new.times.iter().sum::<u64>(), 3);
        assert_eq!(meter.requests(), 4);
    }
}
