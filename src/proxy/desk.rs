//! What one worker has at hand for all its requests.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use super::leash::Leashes;
use crate::telemetry::{AccessQueue, LineBuffer, Sampler, TenantQueue, TenantTally, WorkerId};
use crate::upstream::Pools;

/// What one worker has at hand for all its requests.
#[derive(Debug)]
pub(super) struct Desk {
    /// The worker's place in every meter.
    pub(super) worker: WorkerId,
    /// Its connections to backends.
    pub(super) pools: Rc<Pools>,
    /// Its lines of the access log.
    pub(super) log: RefCell<LineBuffer>,
    /// Its counts of tenants.
    pub(super) tenants: RefCell<TenantTally>,
    /// Picks the requests that plans are made with.
    pub(super) sampler: RefCell<Sampler>,
    /// Its streams that may outlive their rule.
    pub(super) leashes: Leashes,
}

impl Desk {
    /// The desk of one of so many workers.
    pub(super) fn new(worker: WorkerId, workers: usize, access: Arc<AccessQueue>, tenants: Arc<TenantQueue>) -> Desk {
        let (log, tenants) = (RefCell::new(LineBuffer::new(access)), RefCell::new(TenantTally::new(tenants)));
        let pools = Rc::new(Pools::new(workers));
        Desk { worker, pools, log, tenants, sampler: RefCell::default(), leashes: Leashes::default() }
    }
}
