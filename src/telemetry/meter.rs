//! What is measured, and where each worker writes it.
//!
//! A meter outlives the generation it was made for: a route or backend of the same name goes on counting after a reload.
//! Cells are made by the worker that first needs them, so that a hundred thousand idle routes cost two words each.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use crossbeam_utils::CachePadded;
use http::StatusCode;

use super::cells::{Count, Histogram, HistogramSum};
use crate::errors::Failure;
use crate::names::Side;

/// A data worker's place in every meter: 0 for the first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WorkerId(pub usize);

/// Who answered, as metrics count it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Measured {
    /// A backend of this side.
    Side(Side),
    /// The facade itself.
    Facade,
}

impl Measured {
    /// Everyone who can answer.
    pub const ALL: [Measured; 3] = [Measured::Side(Side::Legacy), Measured::Side(Side::New), Measured::Facade];

    /// The label: `legacy`, `new` or `banyan`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Measured::Side(side) => side.as_str(),
            Measured::Facade => "banyan",
        }
    }

    const fn index(self) -> usize {
        match self {
            Measured::Side(side) => side.index(),
            Measured::Facade => 2,
        }
    }
}

/// The classes of status codes, as a label.
pub const CLASSES: [&str; 5] = ["1xx", "2xx", "3xx", "4xx", "5xx"];

/// One cell for each worker, made when that worker first writes.
#[derive(Debug)]
pub(super) struct PerWorker<T>(Box<[OnceLock<Box<T>>]>);

impl<T: Default> PerWorker<T> {
    pub(super) fn new(workers: usize) -> PerWorker<T> {
        PerWorker((0..workers).map(|_| OnceLock::new()).collect())
    }

    pub(super) fn cell(&self, worker: WorkerId) -> &T {
        self.0[worker.0].get_or_init(Box::default)
    }

    /// What each worker has written; `None` of one that never did.
    pub(super) fn by_worker(&self) -> impl Iterator<Item = Option<&T>> {
        self.0.iter().map(|cell| cell.get().map(|boxed| &**boxed))
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &T> {
        self.0.iter().filter_map(|cell| cell.get().map(|boxed| &**boxed))
    }
}

#[derive(Debug, Default)]
struct RouteCells {
    answers: [AnswerCells; 3],
    failed: [Count; 2],
    broken: [Count; 2],
    fallbacks: Count,
    streams_left: Count,
}

impl RouteCells {
    fn answered(&self) -> u64 {
        self.answers.iter().flat_map(|answers| &answers.classes).map(Count::get).sum()
    }
}

/// In this order and alignment, an answer within a millisecond touches a single cache line.
#[derive(Debug, Default)]
#[repr(C, align(64))]
struct AnswerCells {
    classes: [Count; CLASSES.len()],
    seconds: Histogram,
}

/// The counts of one route.
#[derive(Debug)]
pub struct RouteMeter {
    /// The route's name; empty for requests that no route takes.
    pub name: Arc<str>,
    cells: PerWorker<RouteCells>,
}

/// The answers of one side of a route, over all workers.
#[derive(Debug, Default)]
pub struct AnswerSum {
    /// How many, by class of status.
    pub classes: [u64; CLASSES.len()],
    /// How long they took, from request head to the last byte.
    pub seconds: HistogramSum,
}

impl RouteMeter {
    /// A meter for this route.
    #[must_use]
    pub fn new(name: Arc<str>, workers: usize) -> RouteMeter {
        RouteMeter { name, cells: PerWorker::new(workers) }
    }

    /// Counts one answered request.
    pub fn count(&self, worker: WorkerId, by: Measured, status: StatusCode, took: Duration) {
        let cells = &self.cells.cell(worker).answers[by.index()];
        let class = (usize::from(status.as_u16()) / 100).clamp(1, CLASSES.len()) - 1;
        cells.classes[class].add(1);
        cells.seconds.observe(took);
    }

    /// Counts that a side gave no answer.
    pub fn failed(&self, worker: WorkerId, side: Side) {
        self.cells.cell(worker).failed[side.index()].add(1);
    }

    /// Counts that a side broke its answer off.
    pub fn broken(&self, worker: WorkerId, side: Side) {
        self.cells.cell(worker).broken[side.index()].add(1);
    }

    /// Counts that legacy answered because new failed.
    pub fn fell_back(&self, worker: WorkerId) {
        self.cells.cell(worker).fallbacks.add(1);
    }

    /// How often legacy answered because new failed, over all workers.
    #[must_use]
    pub fn fallbacks(&self) -> u64 {
        self.cells.all().map(|cells| cells.fallbacks.get()).sum()
    }

    /// Counts a stream that goes on where its side has lost the route.
    pub fn stream_left(&self, worker: WorkerId) {
        self.cells.cell(worker).streams_left.add(1);
    }

    /// Counts that such a stream has ended.
    pub fn stream_gone(&self, worker: WorkerId) {
        self.cells.cell(worker).streams_left.sub(1);
    }

    /// The streams that go on where their side has lost the route.
    #[must_use]
    pub fn streams_left(&self) -> u64 {
        self.cells.all().map(|cells| cells.streams_left.get()).fold(0, u64::wrapping_add)
    }

    /// Answered requests, by worker.
    pub fn answered_by_worker(&self) -> impl Iterator<Item = u64> {
        self.cells.by_worker().map(|cells| cells.map_or(0, RouteCells::answered))
    }

    /// Answered requests over all workers, whoever answered them.
    #[must_use]
    pub fn answered(&self) -> u64 {
        self.answered_by_worker().sum()
    }

    /// How often a side gave no answer, and how often it broke one off, over all workers.
    #[must_use]
    pub fn failures(&self, side: Side) -> (u64, u64) {
        let of = |cells: &RouteCells| (cells.failed[side.index()].get(), cells.broken[side.index()].get());
        self.cells.all().map(of).fold((0, 0), |sum, (failed, broken)| (sum.0 + failed, sum.1 + broken))
    }

    /// The sum over all workers; `None` if there never was an answer.
    #[must_use]
    pub fn sum(&self, by: Measured) -> Option<AnswerSum> {
        let mut sum = AnswerSum::default();
        for cells in self.cells.all() {
            let cells = &cells.answers[by.index()];
            for (total, class) in sum.classes.iter_mut().zip(&cells.classes) {
                *total += class.get();
            }
            sum.seconds.add(&cells.seconds);
        }
        (sum.classes.iter().sum::<u64>() > 0).then_some(sum)
    }
}

#[derive(Debug, Default)]
struct BackendCells {
    seconds: Histogram,
    errors: [Count; Failure::UPSTREAM.len()],
    retries: Count,
}

/// The counts of one backend.
#[derive(Debug)]
pub struct BackendMeter {
    /// The backend's name.
    pub name: Arc<str>,
    cells: PerWorker<BackendCells>,
}

impl BackendMeter {
    /// A meter for this backend.
    #[must_use]
    pub fn new(name: Arc<str>, workers: usize) -> BackendMeter {
        BackendMeter { name, cells: PerWorker::new(workers) }
    }

    /// Counts the time from a request's head to its answer's, connecting included.
    pub fn answered(&self, worker: WorkerId, took: Duration) {
        self.cells.cell(worker).seconds.observe(took);
    }

    /// Counts a failure that is the backend's doing; others are passed over.
    pub fn failed(&self, worker: WorkerId, failure: Failure) {
        if let Some(place) = failure.upstream_index() {
            self.cells.cell(worker).errors[place].add(1);
        }
    }

    /// Counts a request that is sent again.
    pub fn retried(&self, worker: WorkerId) {
        self.cells.cell(worker).retries.add(1);
    }

    /// How often requests were sent again, over all workers.
    #[must_use]
    pub fn retries(&self) -> u64 {
        self.cells.all().map(|cells| cells.retries.get()).sum()
    }

    /// The times over all workers.
    #[must_use]
    pub fn seconds(&self) -> HistogramSum {
        let mut sum = HistogramSum::default();
        self.cells.all().for_each(|cells| sum.add(&cells.seconds));
        sum
    }

    /// The failures over all workers, in the order of [`Failure::UPSTREAM`].
    #[must_use]
    pub fn errors(&self) -> [u64; Failure::UPSTREAM.len()] {
        let mut sum = [0; Failure::UPSTREAM.len()];
        for cells in self.cells.all() {
            for (total, count) in sum.iter_mut().zip(&cells.errors) {
                *total += count.get();
            }
        }
        sum
    }
}

/// Why a connection was closed as soon as it was accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TurnedAway {
    /// The listener has as many as it may.
    Connections,
    /// The client's address has as many as it may.
    PerClient,
}

impl TurnedAway {
    /// All of them.
    pub const ALL: [TurnedAway; 2] = [TurnedAway::Connections, TurnedAway::PerClient];

    /// The label.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            TurnedAway::Connections => "connections",
            TurnedAway::PerClient => "per_client",
        }
    }
}

#[derive(Debug, Default)]
struct WorkerCells {
    connections: Count,
    turned_away: [Count; TurnedAway::ALL.len()],
    panics: Count,
    accept_errors: Count,
    rejected: [Count; Failure::REJECTIONS.len()],
}

/// The counts of the facade as a whole.
#[derive(Debug)]
pub struct FacadeMeter {
    workers: Box<[CachePadded<WorkerCells>]>,
    /// Reloads that were taken.
    pub reloads_accepted: AtomicU64,
    /// Reloads that were refused.
    pub reloads_rejected: AtomicU64,
    /// Whether the accepted configuration could not be kept in the state directory.
    pub state_unwritable: AtomicBool,
}

impl FacadeMeter {
    /// A meter for this many workers.
    #[must_use]
    pub fn new(workers: usize) -> FacadeMeter {
        FacadeMeter {
            workers: (0..workers).map(|_| CachePadded::default()).collect(),
            reloads_accepted: AtomicU64::new(0),
            reloads_rejected: AtomicU64::new(0),
            state_unwritable: AtomicBool::new(false),
        }
    }

    /// How many workers there are.
    #[must_use]
    pub fn workers(&self) -> usize {
        self.workers.len()
    }

    /// Counts a connection that was accepted.
    pub fn connected(&self, worker: WorkerId) {
        self.workers[worker.0].connections.add(1);
    }

    /// Counts a connection that ended.
    pub fn disconnected(&self, worker: WorkerId) {
        self.workers[worker.0].connections.sub(1);
    }

    /// Counts an accept that failed.
    pub fn accept_failed(&self, worker: WorkerId) {
        self.workers[worker.0].accept_errors.add(1);
    }

    /// Counts a request that was refused; failures that are not the client's doing are passed over.
    pub fn rejected(&self, worker: WorkerId, failure: Failure) {
        if let Some(place) = failure.rejection_index() {
            self.workers[worker.0].rejected[place].add(1);
        }
    }

    /// Counts a connection that was closed as soon as it was accepted.
    pub fn turned_away(&self, worker: WorkerId, why: TurnedAway) {
        self.workers[worker.0].turned_away[why as usize].add(1);
    }

    /// Counts a panic that ended a request.
    pub fn panicked(&self, worker: WorkerId) {
        self.workers[worker.0].panics.add(1);
    }

    /// Connections that were closed as soon as they were accepted.
    #[must_use]
    pub fn all_turned_away(&self, why: TurnedAway) -> u64 {
        self.workers.iter().map(|cells| cells.turned_away[why as usize].get()).sum()
    }

    /// Panics that ended a request.
    #[must_use]
    pub fn panics(&self) -> u64 {
        self.workers.iter().map(|cells| cells.panics.get()).sum()
    }

    /// Open client connections.
    #[must_use]
    pub fn connections(&self) -> u64 {
        self.workers.iter().map(|cells| cells.connections.get()).sum()
    }

    /// Open client connections, by worker.
    pub fn connections_by_worker(&self) -> impl Iterator<Item = u64> {
        self.workers.iter().map(|cells| cells.connections.get())
    }

    /// Accepts that failed.
    #[must_use]
    pub fn accept_errors(&self) -> u64 {
        self.workers.iter().map(|cells| cells.accept_errors.get()).sum()
    }

    /// Refused requests, in the order of [`Failure::REJECTIONS`].
    #[must_use]
    pub fn rejections(&self) -> [u64; Failure::REJECTIONS.len()] {
        let mut sum = [0; Failure::REJECTIONS.len()];
        for cells in &self.workers {
            for (total, count) in sum.iter_mut().zip(&cells.rejected) {
                *total += count.get();
            }
        }
        sum
    }

    /// Counts a reload.
    pub fn reloaded(&self, accepted: bool) {
        let counter = if accepted { &self.reloads_accepted } else { &self.reloads_rejected };
        counter.fetch_add(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_workers_count_adds_up() {
        let meter = RouteMeter::new("orders".into(), 2);
        assert!(meter.sum(Measured::Facade).is_none());
        meter.count(WorkerId(0), Measured::Side(Side::New), StatusCode::OK, Duration::from_millis(1));
        meter.count(WorkerId(1), Measured::Side(Side::New), StatusCode::BAD_GATEWAY, Duration::from_millis(2));
        let sum = meter.sum(Measured::Side(Side::New)).unwrap();
        assert_eq!(sum.classes, [0, 1, 0, 0, 1]);
        assert_eq!((sum.seconds.count(), sum.seconds.sum_micros), (2, 3_000));
        assert!(meter.sum(Measured::Side(Side::Legacy)).is_none());
        meter.count(WorkerId(1), Measured::Facade, StatusCode::NOT_FOUND, Duration::from_millis(1));
        assert_eq!((meter.answered_by_worker().collect(), meter.answered()), (vec![1, 2], 3));
    }

    #[test]
    fn rejections_count_only_what_is_the_clients_doing() {
        let meter = FacadeMeter::new(1);
        meter.rejected(WorkerId(0), Failure::Host(""));
        meter.rejected(WorkerId(0), Failure::Connect);
        assert_eq!(meter.rejections().iter().sum::<u64>(), 1);
    }
}
