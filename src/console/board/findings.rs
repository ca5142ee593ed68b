//! How many differences wait for somebody, by route.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::clock::now_ms;
use crate::diff::Judgement;
use crate::store::Reader;
use crate::store::read::{ReadError, SignatureFilter};

/// For how long they are taken for what they were: there may be tens of thousands to count.
const FRESH: Duration = Duration::from_secs(10);
/// What was first seen within so many milliseconds is new.
const NEW_MS: u64 = 24 * 60 * 60 * 1000;

/// How many differences wait for somebody, remembered for a moment.
#[derive(Debug, Default)]
pub(super) struct Findings(Mutex<Option<(Instant, Arc<FoundAll>)>>);

/// The differences of all routes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct FoundAll {
    by_route: HashMap<String, Found>,
    /// Of all routes together.
    pub(super) all: Found,
    /// Whether they could not be counted.
    pub(super) is_broken: bool,
}

/// The differences of a route that are neither noise nor accepted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Found {
    /// Those that were first seen within a day.
    pub(super) new: u64,
    /// All of them.
    pub(super) open: u64,
}

impl Findings {
    /// Those in the store of this state directory; it may be read, so not on the control runtime's thread.
    pub(super) fn of(&self, state_dir: &Path) -> Arc<FoundAll> {
        // Whoever comes while they are counted waits for that, rather than counting them a second time.
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, found)) = last.as_ref().filter(|(at, _)| at.elapsed() < FRESH) {
            return Arc::clone(found);
        }
        let found = match counted(state_dir, now_ms()) {
            Ok(found) => found,
            Err(ReadError::Missing(_)) => FoundAll::default(),
            Err(_) => FoundAll { is_broken: true, ..FoundAll::default() },
        };
        let found = Arc::new(found);
        *last = Some((Instant::now(), Arc::clone(&found)));
        found
    }
}

impl FoundAll {
    /// Those of a route.
    pub(super) fn of(&self, route: &str) -> Found {
        self.by_route.get(route).copied().unwrap_or_default()
    }
}

fn counted(state_dir: &Path, now_ms: u64) -> Result<FoundAll, ReadError> {
    let mut found = FoundAll::default();
    for row in Reader::open(state_dir)?.signatures(&SignatureFilter::default())? {
        if matches!(row.judgement(), Judgement::Noise | Judgement::Transient) || row.is_accepted(now_ms) {
            continue;
        }
        let new = u64::from(now_ms.saturating_sub(row.seen_ms.0) < NEW_MS);
        let of_route = found.by_route.entry(row.route).or_default();
        for count in [of_route, &mut found.all] {
            count.open += 1;
            count.new += new;
        }
    }
    Ok(found)
}
