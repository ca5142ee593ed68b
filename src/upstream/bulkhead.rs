//! A bulkhead: how much of a backend is in use, over all workers, so that one that is slow cannot take everything with it.
//!
//! Only counters, each in a cache line of its own. What is counted is held by guards, so that it is given back however a
//! request ends.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crossbeam_utils::CachePadded;

use crate::descriptors::{self, Held};
use crate::errors::Failure;
use crate::snapshot::BackendLimits;

/// How much of one backend is in use.
#[derive(Debug)]
pub struct Bulkhead {
    limits: BackendLimits,
    requests: CachePadded<AtomicUsize>,
    connections: CachePadded<AtomicUsize>,
    waiting: CachePadded<AtomicUsize>,
}

/// For whom something of a backend is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// To answer a client.
    Answer,
    /// For a copy: it never gets more than half.
    Copy,
}

impl Purpose {
    fn share(self, limit: usize) -> usize {
        match self {
            Purpose::Answer => limit,
            Purpose::Copy => limit / 2,
        }
    }
}

/// A request in flight, until its answer's body has ended.
#[derive(Debug)]
pub struct Permit(Arc<Bulkhead>);

/// An open connection, and its descriptor.
#[derive(Debug)]
pub(super) struct Slot(Arc<Bulkhead>, Option<Held>);

/// A request that waits for a connection.
#[derive(Debug)]
pub(super) struct Waiting(Arc<Bulkhead>);

impl Bulkhead {
    /// With nothing in use.
    #[must_use]
    pub fn new(limits: BackendLimits) -> Bulkhead {
        let (requests, connections, waiting) = Default::default();
        Bulkhead { limits, requests, connections, waiting }
    }

    /// Lets a request in.
    ///
    /// # Errors
    /// [`Failure::Limit`] if as many as allowed are in flight.
    pub fn enter(self: &Arc<Self>, purpose: Purpose) -> Result<Permit, Failure> {
        let most = purpose.share(self.limits.requests);
        if take(&self.requests, most) { Ok(Permit(Arc::clone(self))) } else { Err(Failure::Limit) }
    }

    /// Requests in flight.
    #[must_use]
    pub fn requests(&self) -> usize {
        self.requests.load(Ordering::Relaxed)
    }

    /// Open connections, those that are just being made included.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }

    /// Requests that wait for a connection.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Relaxed)
    }

    /// Room for one more connection, if there is any.
    pub(super) fn connect(self: &Arc<Self>, purpose: Purpose) -> Option<Slot> {
        // At least one: half of one connection would be none.
        let most = purpose.share(self.limits.connections).max(1);
        if !take(&self.connections, most) {
            return None;
        }
        // Without a descriptor, the place that was taken is given back.
        let mut slot = Slot(Arc::clone(self), None);
        slot.1 = Some(descriptors::try_hold()?);
        Some(slot)
    }

    /// A place among those who wait for a connection, if there is any.
    pub(super) fn wait(self: &Arc<Self>, purpose: Purpose) -> Option<Waiting> {
        take(&self.waiting, purpose.share(self.limits.pending)).then(|| Waiting(Arc::clone(self)))
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.0.requests.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.0.connections.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Counts one more unless there are `most` already. Two that come at the same moment to the last place may both be turned
/// away, never both let in.
fn take(count: &AtomicUsize, most: usize) -> bool {
    let room = count.fetch_add(1, Ordering::Relaxed) < most;
    if !room {
        count.fetch_sub(1, Ordering::Relaxed);
    }
    room
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bulkhead(requests: usize, connections: usize, pending: usize) -> Arc<Bulkhead> {
        Arc::new(Bulkhead::new(BackendLimits { requests, connections, pending }))
    }

    #[test]
    fn what_is_over_the_limit_is_turned_away_until_something_is_given_back() {
        let bulkhead = bulkhead(2, 1, 1);
        let first = bulkhead.enter(Purpose::Answer).unwrap();
        let _second = bulkhead.enter(Purpose::Answer).unwrap();
        assert_eq!(bulkhead.enter(Purpose::Answer).unwrap_err(), Failure::Limit);
        drop(first);
        assert!(bulkhead.enter(Purpose::Answer).is_ok());
        let slot = bulkhead.connect(Purpose::Answer);
        assert!(slot.is_some() && bulkhead.connect(Purpose::Answer).is_none());
        let waiting = bulkhead.wait(Purpose::Answer);
        assert!(waiting.is_some() && bulkhead.wait(Purpose::Answer).is_none());
        drop((slot, waiting));
        assert_eq!((bulkhead.requests(), bulkhead.connections(), bulkhead.waiting()), (1, 0, 0));
    }

    #[test]
    fn copies_get_no_more_than_half() {
        let bulkhead = bulkhead(4, 1, 4);
        let held = [bulkhead.enter(Purpose::Copy), bulkhead.enter(Purpose::Copy)];
        assert!(held.iter().all(Result::is_ok));
        assert!(bulkhead.enter(Purpose::Copy).is_err());
        assert!(bulkhead.enter(Purpose::Answer).is_ok());
        assert!(bulkhead.connect(Purpose::Copy).is_some(), "one connection cannot be halved");
    }

    #[test]
    fn counts_hold_under_contention() {
        let bulkhead = bulkhead(3, 3, 3);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..10_000 {
                        let _permit = bulkhead.enter(Purpose::Answer);
                        let _slot = bulkhead.connect(Purpose::Copy);
                    }
                });
            }
        });
        assert_eq!((bulkhead.requests(), bulkhead.connections()), (0, 0));
    }
}
