//! What waits for the disk.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use super::memory::Memory;
use super::{Change, Entry, GENERATIONS, Hour, Made, WAITING};
use crate::directives::Act;

/// How many hours wait at most for a disk that does not take them: forty days of them.
const MOST_HOURS: usize = 1000;

/// What waits for the writer. Entries leave it only once they are on the disk.
#[derive(Debug)]
pub(super) struct Queue {
    waiting: Mutex<Waiting>,
    news: Condvar,
    ended: Condvar,
}

#[derive(Debug)]
struct Waiting {
    /// Everything that was said, whether or not it is on the disk.
    memory: Memory,
    entries: VecDeque<Queued>,
    /// The newest generations of those entries, and the number of the entry each came with.
    generations: VecDeque<(u64, Made)>,
    /// The newest hours of those entries, and the number of the entry each came with.
    hours: VecDeque<(u64, Hour)>,
    /// How many entries there were.
    newest: u64,
    /// Up to which entry the writer has taken them to write.
    taken: u64,
    /// Up to which entry the writer has tried to write them.
    tried: u64,
    /// Whether the file must be written as a whole, since not each change since is at hand.
    whole: bool,
    lost: u64,
    stopping: bool,
    ended: bool,
}

#[derive(Debug)]
struct Queued {
    number: u64,
    since: Instant,
    entry: Entry,
    /// Whoever waits for it, until they were told.
    reply: Option<oneshot::Sender<bool>>,
}

/// What is written in one transaction.
#[derive(Debug)]
pub(super) struct Batch {
    /// It has all entries up to this.
    pub(super) upto: u64,
    /// The records of the audit, oldest first.
    pub(super) acts: Vec<Act>,
    /// How many records are missing before them.
    pub(super) lost: u64,
    /// What to change of the directives.
    pub(super) directives: Directives,
    /// Generations for the history.
    pub(super) generations: Vec<Made>,
    /// Hours that were seen.
    pub(super) hours: Vec<Hour>,
    /// The seal and the highest number after all this.
    pub(super) seal: u128,
    pub(super) last_generation: u64,
}

/// How the directives in the file become those in force.
#[derive(Debug)]
pub(super) enum Directives {
    /// By these changes, in their order.
    Changed(Vec<Change>),
    /// All are written anew.
    Whole(Box<Memory>),
}

/// Why the writer woke.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    /// There are entries that were never tried.
    Entries,
    /// Nothing came for as long as it would wait.
    Nothing,
    /// It is to write what it can, and end.
    Stop,
}

impl Queue {
    /// A queue for a file that has these directives; `whole` if it has not.
    pub(super) fn new(memory: Memory, whole: bool) -> Queue {
        let waiting = Waiting {
            memory,
            entries: VecDeque::new(),
            generations: VecDeque::new(),
            hours: VecDeque::new(),
            newest: 0,
            taken: 0,
            tried: 0,
            whole,
            lost: 0,
            stopping: false,
            ended: false,
        };
        Queue { waiting: Mutex::new(waiting), news: Condvar::new(), ended: Condvar::new() }
    }

    /// Adds an entry.
    pub(super) fn push(&self, entry: Entry) -> oneshot::Receiver<bool> {
        let (reply, told) = oneshot::channel();
        let mut waiting = self.lock();
        if waiting.ended {
            // Whoever asks may have gone.
            let _ = reply.send(false);
            return told;
        }
        waiting.push(entry, reply);
        drop(waiting);
        self.news.notify_one();
        told
    }

    /// Waits for something to do, at most so long.
    pub(super) fn next(&self, patience: Duration) -> Next {
        let idle = |waiting: &mut Waiting| waiting.newest == waiting.tried && !waiting.stopping;
        let (waiting, _) =
            self.news.wait_timeout_while(self.lock(), patience, idle).unwrap_or_else(PoisonError::into_inner);
        match () {
            () if waiting.stopping => Next::Stop,
            () if waiting.newest != waiting.tried => Next::Entries,
            () => Next::Nothing,
        }
    }

    /// The number of the newest entry.
    pub(super) fn newest(&self) -> u64 {
        self.lock().newest
    }

    /// Everything that waits, to be written; `None` if the file is as it should be. It stays here until [`Queue::written`].
    pub(super) fn batch(&self) -> Option<Batch> {
        self.lock().batch()
    }

    /// All entries up to this one are on the disk; whoever waits for one is told.
    pub(super) fn written(&self, batch: &Batch) {
        let mut waiting = self.lock();
        waiting.tried = waiting.tried.max(batch.upto);
        waiting.forget(batch.upto, batch.lost);
    }

    /// All entries up to this one were on the disk before, though it had not seemed so.
    pub(super) fn was_written(&self, upto: u64, lost: u64) {
        self.lock().forget(upto, lost);
    }

    /// What was up to this entry could not be written; whoever waits for one is told. The file must be written as a whole.
    pub(super) fn failed(&self, upto: u64) {
        let mut waiting = self.lock();
        waiting.whole = true;
        waiting.taken = 0;
        waiting.tried = waiting.tried.max(upto);
        for queued in waiting.entries.iter_mut().take_while(|queued| queued.number <= upto) {
            queued.tell(false);
        }
    }

    /// The file has not, or no more, what it should have.
    pub(super) fn rewrite(&self) {
        self.lock().whole = true;
    }

    /// Whether the file is not what it should be, whatever waits.
    pub(super) fn is_whole_due(&self) -> bool {
        self.lock().whole
    }

    /// How many entries wait.
    pub(super) fn len(&self) -> usize {
        self.lock().entries.len()
    }

    /// Since when the oldest entry waits.
    pub(super) fn oldest(&self) -> Option<Instant> {
        self.lock().entries.front().map(|queued| queued.since)
    }

    /// The records that are not on the disk, newest first.
    pub(super) fn acts(&self) -> Vec<Act> {
        self.lock().entries.iter().rev().filter_map(|queued| queued.entry.act.clone()).collect()
    }

    /// The generations that are not on the disk, oldest first.
    pub(super) fn generations(&self) -> Vec<Made> {
        self.lock().generations.iter().map(|(_, made)| made.clone()).collect()
    }

    /// The hours that are not on the disk.
    pub(super) fn hours(&self) -> Vec<Hour> {
        self.lock().hours.iter().map(|(_, hour)| *hour).collect()
    }

    /// Asks the writer to end.
    pub(super) fn stop(&self) {
        self.lock().stopping = true;
        self.news.notify_one();
    }

    /// The writer has ended: what still waits is not written any more.
    pub(super) fn end(&self) {
        let mut waiting = self.lock();
        waiting.ended = true;
        waiting.entries.iter_mut().for_each(|queued| queued.tell(false));
        drop(waiting);
        self.ended.notify_all();
    }

    /// Waits until the writer has ended; whether it did in time and everything is written.
    pub(super) fn wait(&self, patience: Duration) -> bool {
        let (waiting, _) = self
            .ended
            .wait_timeout_while(self.lock(), patience, |waiting| !waiting.ended)
            .unwrap_or_else(PoisonError::into_inner);
        waiting.ended && waiting.entries.is_empty() && !waiting.whole
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        // Nothing in here panics halfway through a change.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Waiting {
    fn push(&mut self, mut entry: Entry, reply: oneshot::Sender<bool>) {
        self.newest += 1;
        let number = self.newest;
        for change in &entry.changes {
            self.memory.apply(change);
            match change {
                Change::Generation(made) => self.generations.push_back((number, made.clone())),
                Change::Hour(hour) => {
                    // What a process says later of an hour stands for what it said before.
                    self.hours.retain(|(_, other)| (other.hour, other.run) != (hour.hour, hour.run));
                    self.hours.push_back((number, *hour));
                }
                _ => {}
            }
        }
        // Of these there are bounds of their own: configurations may be large, and hours are not in force.
        entry.changes.retain(|change| !matches!(change, Change::Generation(_) | Change::Hour(_)));
        while self.generations.len() > GENERATIONS as usize {
            self.generations.pop_front();
        }
        while self.hours.len() > MOST_HOURS {
            self.hours.pop_front();
        }
        self.entries.push_back(Queued { number, since: Instant::now(), entry, reply: Some(reply) });
        // What the writer is at just now is not lost yet.
        let taken = self.entries.partition_point(|queued| queued.number <= self.taken);
        while self.entries.len() - taken > WAITING {
            let Some(mut dropped) = self.entries.remove(taken) else { break };
            dropped.tell(false);
            self.lost += u64::from(dropped.entry.act.is_some());
            self.whole = true;
        }
    }

    fn batch(&mut self) -> Option<Batch> {
        if self.entries.is_empty() && !self.whole {
            return None;
        }
        self.taken = self.newest;
        let directives = if std::mem::take(&mut self.whole) {
            Directives::Whole(Box::new(self.memory.clone()))
        } else {
            Directives::Changed(self.entries.iter().flat_map(|queued| queued.entry.changes.iter().cloned()).collect())
        };
        Some(Batch {
            upto: self.newest,
            acts: self.entries.iter().filter_map(|queued| queued.entry.act.clone()).collect(),
            lost: self.lost,
            directives,
            generations: self.generations.iter().map(|(_, made)| made.clone()).collect(),
            hours: self.hours.iter().map(|(_, hour)| *hour).collect(),
            seal: self.memory.seal(),
            last_generation: self.memory.last_generation(),
        })
    }

    fn forget(&mut self, upto: u64, lost: u64) {
        self.taken = 0;
        self.lost = self.lost.saturating_sub(lost);
        while let Some(mut queued) = self.entries.pop_front_if(|queued| queued.number <= upto) {
            queued.tell(true);
        }
        while self.generations.pop_front_if(|(number, _)| *number <= upto).is_some() {}
        while self.hours.pop_front_if(|(number, _)| *number <= upto).is_some() {}
    }
}

impl Queued {
    fn tell(&mut self, durable: bool) {
        if let Some(reply) = self.reply.take() {
            // Whoever asked may have gone.
            let _ = reply.send(durable);
        }
    }
}
