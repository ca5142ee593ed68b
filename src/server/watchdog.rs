//! Timeouts of clients, without a timer for each request.
//!
//! A connection only notes what it is doing; a few times a second the worker walks over its connections and ends those that have
//! been at the same thing for too long. A request costs no timer, and a timeout is at most one walk late.

use std::cell::RefCell;
use std::rc::Rc;

use tokio::task::yield_now;
use tokio::time::Instant;

use super::pulse::Pulse;

/// How many connections a walk looks at before others have their turn, and how many of them it ends at most: thousands of slow
/// clients that came together are not ended together, or those that are not slow would wait for it.
const LOOKS: usize = 256;
const ENDS: usize = 4;

/// A worker's connections.
#[derive(Debug, Default)]
pub(super) struct Watchdog {
    pulses: RefCell<Vec<Rc<Pulse>>>,
}

impl Watchdog {
    pub(super) fn add(&self, pulse: Rc<Pulse>) {
        self.pulses.borrow_mut().push(pulse);
    }

    /// Walks over all connections; forgets those that nobody else knows any more. Others go first again and again.
    pub(super) async fn walk(&self) {
        let mut place = 0;
        while self.walk_on(&mut place) {
            yield_now().await;
        }
    }

    /// Walks over some connections from this place on. Whether there are more.
    fn walk_on(&self, place: &mut usize) -> bool {
        let (now, mut ends) = (Instant::now(), 0);
        let mut pulses = self.pulses.borrow_mut();
        for _ in 0..LOOKS {
            match pulses.get(*place) {
                Some(pulse) if Rc::strong_count(pulse) > 1 => {
                    ends += usize::from(pulse.check(now));
                    *place += 1;
                    if ends == ENDS {
                        break;
                    }
                }
                // The last one takes its place.
                Some(_) => drop(pulses.swap_remove(*place)),
                None => return false,
            }
        }
        true
    }

    /// Does something to every connection.
    pub(super) fn each(&self, action: impl Fn(&Pulse)) {
        self.pulses.borrow().iter().for_each(|pulse| action(pulse));
    }

    /// Whether no connection is left.
    pub(super) fn is_empty(&self) -> bool {
        self.pulses.borrow().iter().all(|pulse| Rc::strong_count(pulse) == 1)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::server::pulse::End;
    use crate::snapshot::ClientTimeouts;

    fn timeouts(each: Duration) -> ClientTimeouts {
        ClientTimeouts { header: each, idle: each, body: each, handshake: each, tunnel: each }
    }

    #[test]
    fn many_slow_clients_are_ended_a_few_at_a_time() {
        let dog = Watchdog::default();
        let pulses: Vec<_> = (0..=2 * ENDS).map(|_| Rc::new(Pulse::new(timeouts(Duration::ZERO), 240))).collect();
        pulses.iter().for_each(|pulse| dog.add(Rc::clone(pulse)));
        let (mut place, mut ended) = (0, Vec::new());
        while dog.walk_on(&mut place) {
            ended.push(pulses.iter().filter(|pulse| pulse.end().is_some()).count());
        }
        assert_eq!(ended, [ENDS, 2 * ENDS]);
        assert_eq!(pulses.last().unwrap().end(), Some(End::Close));
    }

    #[test]
    fn a_walk_lets_others_go_first_and_forgets_who_is_gone() {
        let (dog, mut pulses) = (Watchdog::default(), Vec::new());
        for number in 0..3 * LOOKS {
            let pulse = Rc::new(Pulse::new(timeouts(Duration::from_secs(10)), 240));
            dog.add(Rc::clone(&pulse));
            // Every third one is gone, and the last ones.
            if number % 3 > 0 && number < 2 * LOOKS {
                pulses.push(pulse);
            }
        }
        let (mut place, mut pauses) = (0, 0);
        while dog.walk_on(&mut place) {
            pauses += 1;
        }
        assert!((3..=4).contains(&pauses), "{pauses}");
        assert_eq!(dog.pulses.borrow().len(), pulses.len());
        assert!(pulses.iter().all(|pulse| pulse.walks() == 1));
        drop(pulses);
        assert!(dog.is_empty());
    }
}
