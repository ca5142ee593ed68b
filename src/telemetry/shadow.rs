//! What became of the copies of a route's requests, and of the comparisons of their answers.

use std::sync::Arc;

use super::WorkerId;
use super::cells::Count;
use super::meter::PerWorker;
use crate::diff::Verdict;
use crate::errors::Failure;

/// What became of a request's copy. Requests that are left out by `shadow.sample` are not counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Mirrored {
    /// The shadow answered.
    Sent,
    /// The shadow failed.
    Failed(Failed),
    /// There is no copy, or it was given up before it was sent.
    Dropped(Dropped),
}

/// How a shadow failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Failed {
    /// Its name has no address.
    Unresolved,
    /// It could not be connected to.
    Connect,
    /// It did not answer in time.
    Timeout,
    /// It broke the connection off.
    Reset,
    /// What it sent is not HTTP.
    BadAnswer,
    /// Its answer is larger than `max_body`.
    TooLarge,
}

/// Why there is no copy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Dropped {
    /// The method is not one that is copied.
    Method,
    /// A safe method that asks for an unsafe one: an override header or parameter, a GraphQL mutation.
    Override,
    /// The exchange has no end: an upgrade.
    Upgrade,
    /// The exchange has no end: a stream of events.
    Stream,
    /// The request's body is larger than `max_body`.
    RequestTooLarge,
    /// The answer's body is larger than `max_body`.
    AnswerTooLarge,
    /// The client went away before its answer was complete.
    ClientGone,
    /// The answer was complete before the request was.
    Unfinished,
    /// The side that answers failed, or broke its answer off.
    PrimaryFailed,
    /// New failed, and legacy answered in its place.
    Fallback,
    /// Too many copies wait.
    QueueFull,
    /// The copies that wait hold too many bytes.
    QueueBytes,
    /// Too many copies wait for this backend.
    BackendBusy,
    /// This backend has failed many times in a row, and is only tried now and then.
    BackendBroken,
    /// It waited longer than the shadow's timeout.
    Expired,
    /// The facade went down.
    Stopping,
}

impl Mirrored {
    /// Everything that can become of a copy, in the order of [`Mirrored::index`].
    pub const ALL: [Mirrored; 23] = [
        Mirrored::Sent,
        Mirrored::Failed(Failed::Unresolved),
        Mirrored::Failed(Failed::Connect),
        Mirrored::Failed(Failed::Timeout),
        Mirrored::Failed(Failed::Reset),
        Mirrored::Failed(Failed::BadAnswer),
        Mirrored::Failed(Failed::TooLarge),
        Mirrored::Dropped(Dropped::Method),
        Mirrored::Dropped(Dropped::Override),
        Mirrored::Dropped(Dropped::Upgrade),
        Mirrored::Dropped(Dropped::Stream),
        Mirrored::Dropped(Dropped::RequestTooLarge),
        Mirrored::Dropped(Dropped::AnswerTooLarge),
        Mirrored::Dropped(Dropped::ClientGone),
        Mirrored::Dropped(Dropped::Unfinished),
        Mirrored::Dropped(Dropped::PrimaryFailed),
        Mirrored::Dropped(Dropped::Fallback),
        Mirrored::Dropped(Dropped::QueueFull),
        Mirrored::Dropped(Dropped::QueueBytes),
        Mirrored::Dropped(Dropped::BackendBusy),
        Mirrored::Dropped(Dropped::BackendBroken),
        Mirrored::Dropped(Dropped::Expired),
        Mirrored::Dropped(Dropped::Stopping),
    ];

    const fn index(self) -> usize {
        match self {
            Mirrored::Sent => 0,
            Mirrored::Failed(how) => 1 + how as usize,
            Mirrored::Dropped(why) => 7 + why as usize,
        }
    }

    /// The label: `sent`, `failed_…` or `dropped_…`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Mirrored::Sent => "sent",
            Mirrored::Failed(Failed::Unresolved) => "failed_unresolved",
            Mirrored::Failed(Failed::Connect) => "failed_connect",
            Mirrored::Failed(Failed::Timeout) => "failed_timeout",
            Mirrored::Failed(Failed::Reset) => "failed_reset",
            Mirrored::Failed(Failed::BadAnswer) => "failed_bad_answer",
            Mirrored::Failed(Failed::TooLarge) => "failed_too_large",
            Mirrored::Dropped(Dropped::Method) => "dropped_method",
            Mirrored::Dropped(Dropped::Override) => "dropped_override",
            Mirrored::Dropped(Dropped::Upgrade) => "dropped_upgrade",
            Mirrored::Dropped(Dropped::Stream) => "dropped_stream",
            Mirrored::Dropped(Dropped::RequestTooLarge) => "dropped_request_too_large",
            Mirrored::Dropped(Dropped::AnswerTooLarge) => "dropped_answer_too_large",
            Mirrored::Dropped(Dropped::ClientGone) => "dropped_client_gone",
            Mirrored::Dropped(Dropped::Unfinished) => "dropped_unfinished",
            Mirrored::Dropped(Dropped::PrimaryFailed) => "dropped_primary_failed",
            Mirrored::Dropped(Dropped::Fallback) => "dropped_fallback",
            Mirrored::Dropped(Dropped::QueueFull) => "dropped_queue_full",
            Mirrored::Dropped(Dropped::QueueBytes) => "dropped_queue_bytes",
            Mirrored::Dropped(Dropped::BackendBusy) => "dropped_backend_busy",
            Mirrored::Dropped(Dropped::BackendBroken) => "dropped_backend_broken",
            Mirrored::Dropped(Dropped::Expired) => "dropped_expired",
            Mirrored::Dropped(Dropped::Stopping) => "dropped_stopping",
        }
    }
}

impl From<Failure> for Failed {
    fn from(failure: Failure) -> Failed {
        match failure {
            Failure::Unresolved => Failed::Unresolved,
            Failure::Connect | Failure::ConnectTimeout | Failure::Tls | Failure::Limit => Failed::Connect,
            Failure::BadAnswer => Failed::BadAnswer,
            Failure::FirstByteTimeout | Failure::Timeout => Failed::Timeout,
            _ => Failed::Reset,
        }
    }
}

#[derive(Debug, Default)]
struct ShadowCells {
    mirrored: [Count; Mirrored::ALL.len()],
    verdicts: [Count; Verdict::ALL.len()],
}

/// The counts of one route. Shadow threads have worker ids behind those of the data workers.
#[derive(Debug)]
pub struct ShadowMeter {
    /// The route's name.
    pub name: Arc<str>,
    cells: PerWorker<ShadowCells>,
}

impl ShadowMeter {
    /// A meter for this route.
    #[must_use]
    pub fn new(name: Arc<str>, workers: usize) -> ShadowMeter {
        ShadowMeter { name, cells: PerWorker::new(workers) }
    }

    /// Counts what became of a copy.
    pub fn mirrored(&self, worker: WorkerId, what: Mirrored) {
        self.cells.cell(worker).mirrored[what.index()].add(1);
    }

    /// Counts a comparison.
    pub fn compared(&self, worker: WorkerId, verdict: Verdict) {
        self.cells.cell(worker).verdicts[verdict as usize].add(1);
    }

    /// What became of the copies, over all workers, in the order of [`Mirrored::ALL`].
    #[must_use]
    pub fn outcomes(&self) -> [u64; Mirrored::ALL.len()] {
        let mut sum = [0; Mirrored::ALL.len()];
        for cells in self.cells.all() {
            sum.iter_mut().zip(&cells.mirrored).for_each(|(total, count)| *total += count.get());
        }
        sum
    }

    /// The comparisons, over all workers, in the order of [`Verdict::ALL`].
    #[must_use]
    pub fn verdicts(&self) -> [u64; Verdict::ALL.len()] {
        let mut sum = [0; Verdict::ALL.len()];
        for cells in self.cells.all() {
            sum.iter_mut().zip(&cells.verdicts).for_each(|(total, count)| *total += count.get());
        }
        sum
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_outcome_has_its_place_and_its_name() {
        let names: std::collections::BTreeSet<&str> = Mirrored::ALL.iter().map(|outcome| outcome.as_str()).collect();
        assert_eq!(names.len(), Mirrored::ALL.len());
        for (place, outcome) in Mirrored::ALL.into_iter().enumerate() {
            assert_eq!(outcome.index(), place, "{outcome:?}");
        }
    }

    #[test]
    fn what_threads_count_adds_up() {
        let meter = ShadowMeter::new("orders".into(), 2);
        meter.mirrored(WorkerId(0), Mirrored::Dropped(Dropped::Stopping));
        meter.mirrored(WorkerId(1), Mirrored::Dropped(Dropped::Stopping));
        meter.compared(WorkerId(1), Verdict::Unknown);
        assert_eq!(meter.outcomes().last(), Some(&2));
        assert_eq!(meter.verdicts(), [0, 0, 0, 1]);
    }
}
