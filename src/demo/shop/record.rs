//! What a shop was asked: counters, and the last few request heads.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use http::{HeaderMap, Method, StatusCode, Uri};

/// How many request heads are kept.
const KEPT: usize = 64;

/// The head of a request as it reached the shop, and what became of it.
#[derive(Debug, Clone)]
pub struct Seen {
    /// The method.
    pub method: Method,
    /// The target as it was sent.
    pub target: Uri,
    /// The headers.
    pub headers: HeaderMap,
    /// The answer.
    pub status: StatusCode,
}

/// What a shop was asked so far.
#[derive(Debug, Default)]
pub struct Record {
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    total: u64,
    pages: BTreeMap<&'static str, u64>,
    recent: VecDeque<Seen>,
}

impl Record {
    /// The number of requests it answered.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.lock().total
    }

    /// The number of requests by page, such as `/orders/{id}`; `other` is what it does not know.
    #[must_use]
    pub fn pages(&self) -> BTreeMap<&'static str, u64> {
        self.lock().pages.clone()
    }

    /// The last requests, oldest first; a bounded number.
    #[must_use]
    pub fn recent(&self) -> Vec<Seen> {
        self.lock().recent.iter().cloned().collect()
    }

    /// The last request.
    #[must_use]
    pub fn last(&self) -> Option<Seen> {
        self.lock().recent.back().cloned()
    }

    pub(super) fn add(&self, page: &'static str, seen: Seen) {
        let mut inner = self.lock();
        inner.total += 1;
        *inner.pages.entry(page).or_default() += 1;
        if inner.recent.len() == KEPT {
            inner.recent.pop_front();
        }
        inner.recent.push_back(seen);
    }

    /// Counters stay true whatever another thread died of.
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
