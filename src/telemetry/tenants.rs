//! What became of the requests of each tenant, counted where they end and added up elsewhere.
//!
//! A worker counts into a table of its own, which it hands over whole now and then through a lock-free queue. The table that
//! everything is added up in holds the tenants of the configuration and the busiest others, so it does not grow with traffic.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use crossbeam_queue::ArrayQueue;

use crate::diff::Verdict;
use crate::names::Side;

/// How many tenants a worker tells apart between two hand-overs; what is beyond is counted without a name.
const APART: usize = 4096;
/// How many hand-overs may wait.
const WAITING: usize = 256;
/// How many tenants are remembered beside those of the configuration.
pub const OTHERS: usize = 1000;

/// What became of a tenant's requests.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TenantCount {
    /// Answered, by the side that was decided on, as [`Side::index`] counts.
    pub requests: [u64; 2],
    /// Those of them that the side failed: 5xx, or no answer.
    pub errors: [u64; 2],
    /// Comparisons, as [`Verdict::ALL`] counts.
    pub verdicts: [u64; Verdict::ALL.len()],
}

/// Counts on their way.
#[derive(Debug, Default)]
struct Batch {
    counts: HashMap<Box<str>, TenantCount, foldhash::fast::RandomState>,
    nameless: TenantCount,
}

/// Tables on their way from those who count.
#[derive(Debug)]
pub struct TenantQueue(ArrayQueue<Batch>);

impl Default for TenantQueue {
    fn default() -> TenantQueue {
        TenantQueue(ArrayQueue::new(WAITING))
    }
}

/// One thread's counts since it last handed them over.
#[derive(Debug)]
pub struct TenantTally {
    queue: Arc<TenantQueue>,
    batch: Batch,
}

impl TenantTally {
    /// Nothing is counted yet.
    #[must_use]
    pub fn new(queue: Arc<TenantQueue>) -> TenantTally {
        TenantTally { queue, batch: Batch::default() }
    }

    /// Counts an answered request.
    pub fn answered(&mut self, tenant: impl AsRef<str> + Into<Box<str>>, side: Side, error: bool) {
        self.count(tenant, |count| {
            count.requests[side.index()] += 1;
            count.errors[side.index()] += u64::from(error);
        });
    }

    /// Counts a comparison.
    pub fn compared(&mut self, tenant: &str, verdict: Verdict) {
        self.count(tenant, |count| count.verdicts[verdict as usize] += 1);
    }

    /// Hands the counts over; where too much waits already, they stay for the next time.
    pub fn hand_over(&mut self) {
        if self.batch.is_empty() {
            return;
        }
        // The next ones are likely to be as many.
        let next = HashMap::with_capacity_and_hasher(self.batch.counts.len(), Default::default());
        let next = Batch { counts: next, nameless: TenantCount::default() };
        if let Err(batch) = self.queue.0.push(std::mem::replace(&mut self.batch, next)) {
            self.batch = batch;
        }
    }

    fn count(&mut self, tenant: impl AsRef<str> + Into<Box<str>>, add: impl FnOnce(&mut TenantCount)) {
        let Batch { counts, nameless } = &mut self.batch;
        let is_full = counts.len() >= APART;
        match counts.get_mut(tenant.as_ref()) {
            Some(count) => add(count),
            None if is_full => add(nameless),
            None => add(counts.entry(tenant.into()).or_default()),
        }
    }
}

impl Batch {
    fn is_empty(&self) -> bool {
        self.counts.is_empty() && self.nameless == TenantCount::default()
    }
}

/// A tenant's row.
#[derive(Debug, Clone, Copy, Default)]
struct Row {
    count: TenantCount,
    /// What it is kept for: its requests, and those of the row whose place it took (the Space-Saving algorithm of Metwally,
    /// Agrawal and El Abbadi, 2005).
    weight: u64,
}

/// All tenants that are told apart.
#[derive(Debug, Default)]
pub struct TenantTable {
    configured: Arc<HashSet<Box<str>>>,
    known: HashMap<Box<str>, TenantCount>,
    others: HashMap<Box<str>, Row>,
    nameless: TenantCount,
}

impl TenantTable {
    /// Says which tenants are always told apart.
    pub fn configure(&mut self, configured: Arc<HashSet<Box<str>>>) {
        for tenant in configured.iter() {
            if let Some(row) = self.others.remove(tenant) {
                self.known.insert(tenant.clone(), row.count);
            }
        }
        self.known.retain(|tenant, _| configured.contains(tenant));
        self.configured = configured;
    }

    /// Adds up what waits.
    pub fn drain(&mut self, queue: &TenantQueue) {
        while let Some(batch) = queue.0.pop() {
            self.nameless.add(&batch.nameless);
            for (tenant, count) in batch.counts {
                self.add(tenant, &count);
            }
        }
    }

    /// The tenants of the configuration, whether they were seen or not, and the busiest others: each with its counts and
    /// whether it is configured. In no order.
    pub fn rows(&self) -> impl Iterator<Item = (&str, TenantCount, bool)> {
        let known = self.configured.iter().map(|tenant| {
            let count = self.known.get(tenant).copied().unwrap_or_default();
            (&**tenant, count, true)
        });
        known.chain(self.others.iter().map(|(tenant, row)| (&**tenant, row.count, false)))
    }

    /// Whether this tenant is told apart.
    #[must_use]
    pub fn knows(&self, tenant: &str) -> bool {
        self.configured.contains(tenant) || self.others.contains_key(tenant)
    }

    /// What was counted of tenants that are not told apart.
    #[must_use]
    pub fn nameless(&self) -> TenantCount {
        self.nameless
    }

    fn add(&mut self, tenant: Box<str>, count: &TenantCount) {
        if self.configured.contains(&tenant) {
            self.known.entry(tenant).or_default().add(count);
            return;
        }
        let requests = count.requests.iter().sum::<u64>().max(1);
        if let Some(row) = self.others.get_mut(&tenant) {
            row.count.add(count);
            row.weight += requests;
            return;
        }
        let mut weight = requests;
        if self.others.len() >= OTHERS {
            let least = self.others.iter().min_by_key(|(_, row)| row.weight).map(|(tenant, _)| tenant.clone());
            if let Some(row) = least.and_then(|tenant| self.others.remove(&tenant)) {
                weight += row.weight;
                self.nameless.add(&row.count);
            }
        }
        self.others.insert(tenant, Row { count: *count, weight });
    }
}

impl TenantCount {
    fn add(&mut self, other: &TenantCount) {
        let add = |to: &mut [u64], from: &[u64]| to.iter_mut().zip(from).for_each(|(to, from)| *to += from);
        add(&mut self.requests, &other.requests);
        add(&mut self.errors, &other.errors);
        add(&mut self.verdicts, &other.verdicts);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn requests(table: &TenantTable, tenant: &str) -> Option<u64> {
        table.rows().find(|(name, ..)| *name == tenant).map(|(_, count, _)| count.requests.iter().sum())
    }

    #[test]
    fn what_threads_count_adds_up() {
        let queue = Arc::new(TenantQueue::default());
        let mut table = TenantTable::default();
        table.configure(Arc::new(HashSet::from(["acme".into(), "idle".into()])));
        for _ in 0..2 {
            let mut tally = TenantTally::new(Arc::clone(&queue));
            tally.answered("acme", Side::New, true);
            tally.answered("else", Side::Legacy, false);
            tally.compared("acme", Verdict::Mismatch);
            tally.hand_over();
        }
        table.drain(&queue);
        let acme = table.rows().find(|(name, ..)| *name == "acme").unwrap();
        assert_eq!((acme.1.requests, acme.1.errors, acme.2), ([0, 2], [0, 2], true));
        assert_eq!(acme.1.verdicts[Verdict::Mismatch as usize], 2);
        assert_eq!(
            (requests(&table, "idle"), requests(&table, "else"), requests(&table, "x")),
            (Some(0), Some(2), None)
        );
    }

    #[test]
    fn a_million_tenants_take_no_more_room_than_a_thousand_and_the_busy_ones_stay() {
        let queue = Arc::new(TenantQueue::default());
        let mut table = TenantTable::default();
        let mut tally = TenantTally::new(Arc::clone(&queue));
        for number in 0..200_000 {
            tally.answered(format!("t-{number}"), Side::Legacy, false);
            tally.answered("busy", Side::New, false);
            if number % 1000 == 0 {
                tally.hand_over();
                table.drain(&queue);
            }
        }
        tally.hand_over();
        table.drain(&queue);
        assert_eq!(table.rows().count(), OTHERS);
        assert_eq!(requests(&table, "busy"), Some(200_000));
        let all: u64 = table.rows().map(|(_, count, _)| count.requests.iter().sum::<u64>()).sum();
        assert_eq!(all + table.nameless().requests.iter().sum::<u64>(), 400_000);
    }

    #[test]
    fn a_tally_that_cannot_be_handed_over_keeps_its_counts_within_bounds() {
        let queue = Arc::new(TenantQueue::default());
        let mut tally = TenantTally::new(Arc::clone(&queue));
        for number in 0..WAITING + 10 {
            tally.answered(number.to_string(), Side::New, false);
            tally.hand_over();
        }
        (0..APART * 2).for_each(|number| tally.answered(format!("x{number}"), Side::New, false));
        assert_eq!(tally.batch.counts.len(), APART);
        let mut table = TenantTable::default();
        table.drain(&queue);
        tally.hand_over();
        table.drain(&queue);
        let all: u64 = table.rows().map(|(_, count, _)| count.requests[1]).sum();
        assert_eq!(all + table.nameless().requests[1], (WAITING + 10 + APART * 2) as u64);
    }
}
