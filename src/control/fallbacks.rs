//! Requests that legacy answered because new failed, on their way into the store: there each is a mismatch, because what new would
//! have answered is no answer at all. So they count against new wherever comparisons are judged, the gate first of all.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use crate::clock::now_ms;
use crate::diff::Verdict;
use crate::state::{Generation, Live};
use crate::store::batch::VerdictKey;
use crate::store::{Batch, Store};

/// Why such a mismatch is one, as the store has it.
const WHY: &str = "fallback";

/// What the store knows already.
#[derive(Debug)]
pub(super) struct Fallbacks {
    live: Arc<Live>,
    store: Store,
    /// By route, how many were told.
    told: Mutex<HashMap<Arc<str>, u64>>,
}

impl Fallbacks {
    pub(super) fn new(live: Arc<Live>, store: Store) -> Fallbacks {
        Fallbacks { live, store, told: Mutex::default() }
    }

    /// Hands over what was counted since the last call.
    pub(super) fn hand_over(&self) {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let batch = news(&self.live.current(), &mut told, now_ms() / 60_000);
        if !batch.is_empty() {
            // Where the store is behind, it counts what it loses.
            let _ = self.store.offer(batch);
        }
    }
}

fn news(generation: &Generation, told: &mut HashMap<Arc<str>, u64>, minute: u64) -> Batch {
    let mut batch = Batch::default();
    for (meter, settings) in generation.meters.iter().zip(&generation.snapshot.fallbacks) {
        let count = if settings.is_some() { meter.fallbacks() } else { 0 };
        if count == 0 {
            continue;
        }
        let before = told.insert(Arc::clone(&meter.name), count).unwrap_or(0);
        // A route that was gone for a while counts anew.
        let fresh = if count < before { count } else { count - before };
        if fresh > 0 {
            let (route, tenant) = (Arc::clone(&meter.name), "".into());
            batch.verdicts.insert(VerdictKey { minute, route, tenant, verdict: Verdict::Mismatch, why: WHY }, fresh);
        }
    }
    batch
}
