//! The workers as they see each other: who has how many connections, and what they hand over.

use std::io;
use std::net::{SocketAddr, TcpStream};
use std::os::unix::net::UnixDatagram;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crossbeam_queue::ArrayQueue;
use crossbeam_utils::CachePadded;
use rustix::process::{Resource, getrlimit};

use super::limits::Place;
use crate::descriptors::{self, Held, Shares};

/// How many connections may be on their way to a worker.
const INBOX: usize = 256;
/// How many connections more than the mean a worker may have in any case; an eighth of the mean comes on top.
const SLACK: usize = 2;

/// All data workers.
#[derive(Debug)]
pub struct Crew {
    desks: Box<[CachePadded<Desk>]>,
    most: usize,
}

#[derive(Debug)]
struct Desk {
    /// Connections it has, and those that are on their way to it.
    load: AtomicUsize,
    inbox: ArrayQueue<Handed>,
    /// Wakes it without a lock that it might hold.
    bell: UnixDatagram,
}

/// What rings at a worker when something is in its inbox.
#[derive(Debug)]
pub struct Doorbell(pub(super) UnixDatagram);

/// A connection that another worker accepted.
#[derive(Debug)]
pub(super) struct Handed {
    pub(super) stream: TcpStream,
    /// Its client's.
    pub(super) address: SocketAddr,
    pub(super) listener: usize,
    pub(super) seat: Seat,
    pub(super) place: Place,
}

/// A connection as its worker's load counts it.
#[derive(Debug)]
pub(super) struct Seat {
    crew: Arc<Crew>,
    worker: usize,
    _held: Held,
}

impl Crew {
    /// This many workers, and a bell for each.
    ///
    /// # Errors
    /// There are no descriptors for the bells.
    pub fn new(workers: usize) -> io::Result<(Arc<Crew>, Vec<Doorbell>)> {
        let mut desks = Vec::new();
        let mut bells = Vec::new();
        for _ in 0..workers {
            let (bell, ear) = UnixDatagram::pair()?;
            bell.set_nonblocking(true)?;
            ear.set_nonblocking(true)?;
            desks.push(CachePadded::new(Desk { load: AtomicUsize::new(0), inbox: ArrayQueue::new(INBOX), bell }));
            bells.push(Doorbell(ear));
        }
        let shares = Shares::of(getrlimit(Resource::Nofile).current, workers);
        shares.apply();
        Ok((Arc::new(Crew { desks: desks.into(), most: shares.clients }), bells))
    }

    /// Whether clients have all the descriptors that they get.
    pub(super) fn is_full(&self) -> bool {
        self.loads().sum::<usize>() >= self.most
    }

    /// A seat for one more connection: at this worker, or where it is well over the mean, at the one with the fewest.
    pub(super) fn seat(self: &Arc<Crew>, own: usize) -> Seat {
        let load = self.desks[own].load.load(Ordering::Relaxed);
        let mean = self.loads().sum::<usize>() / self.desks.len();
        let least = self.loads().enumerate().min_by_key(|(_, load)| *load).map_or(own, |(worker, _)| worker);
        self.sit(if load > mean + mean / 8 + SLACK { least } else { own })
    }

    pub(super) fn sit(self: &Arc<Crew>, worker: usize) -> Seat {
        self.desks[worker].load.fetch_add(1, Ordering::Relaxed);
        Seat { crew: Arc::clone(self), worker, _held: descriptors::hold() }
    }

    /// Hands a connection to the worker it has a seat at; it comes back if that worker has too many waiting.
    pub(super) fn hand_over(&self, handed: Handed) -> Result<(), Handed> {
        let desk = &self.desks[handed.seat.worker];
        desk.inbox.push(handed)?;
        // A full socket has woken it already.
        let _ = desk.bell.send(&[0]);
        Ok(())
    }

    /// The next connection that was handed to this worker.
    pub(super) fn next(&self, worker: usize) -> Option<Handed> {
        self.desks[worker].inbox.pop()
    }

    /// Whether nothing waits for this worker.
    pub(super) fn has_nothing_for(&self, worker: usize) -> bool {
        self.desks[worker].inbox.is_empty()
    }

    fn loads(&self) -> impl Iterator<Item = usize> {
        self.desks.iter().map(|desk| desk.load.load(Ordering::Relaxed))
    }
}

impl Seat {
    /// The worker it is at.
    pub(super) fn worker(&self) -> usize {
        self.worker
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.crew.desks[self.worker].load.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_well_over_the_mean_gives_to_the_least_loaded() {
        let (crew, _bells) = Crew::new(3).unwrap();
        let seats: Vec<_> = (0..60).map(|_| crew.seat(0)).collect();
        let at = |worker| seats.iter().filter(|seat| seat.worker() == worker).count();
        assert!(at(0) <= 26 && at(1) >= 15 && at(2) >= 15, "{} {} {}", at(0), at(1), at(2));
        drop(seats);
        assert_eq!(crew.loads().sum::<usize>(), 0);
    }

    #[test]
    fn a_few_connections_stay_where_they_came() {
        let (crew, _bells) = Crew::new(2).unwrap();
        let seats: Vec<_> = (0..3).map(|_| crew.seat(1)).collect();
        assert!(seats.iter().all(|seat| seat.worker() == 1));
    }
}
