//! Lanes for what may wait: where a thread has much to do, it goes on a few at a time, so that others do not wait for all of it.
//!
//! Tasks that are ready are polled first come, first served. Thousands of clients that each send a few bytes of a body in the same
//! instant would all go before a request that comes in after them, and so would thousands that connect in the same instant. So
//! whoever has been at it for long goes by one lane, and whoever is not known yet by another: in a turn as many as [`AT_ONCE`] of a
//! lane go on at once, the others wait and are let go on as many at a time, and in between the thread looks for events and works on
//! what came. Where a thread has little to do, nobody waits. Source: run queues that put bulk work and handshakes last, as HAProxy's
//! classes of tasklets do it.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use tokio::task::{spawn_local, yield_now};

use super::turn;

/// How many of a lane go on before others have had their turn: their work is what a new request waits for, a fraction of a millisecond.
const AT_ONCE: u32 = 4;

thread_local! {
    static QUEUES: [Queue; 2] = const { [Queue::new(), Queue::new()] };
}

/// Who goes by a lane.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lane {
    /// Clients that have not been answered yet.
    Newcomers,
    /// What has been under way for long.
    Lasting,
}

/// A thread's queue of one lane.
struct Queue {
    /// The turn in which `left` may go on without waiting.
    turn: Cell<u64>,
    left: Cell<u32>,
    waiting: RefCell<VecDeque<(Rc<Cell<Stand>>, Waker)>>,
}

/// How a task stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stand {
    /// It is in no queue.
    Outside,
    Waits,
    MayGo,
}

/// A task's place in the lanes of its thread.
#[derive(Debug, Default)]
pub struct Place(Option<Rc<Cell<Stand>>>);

impl Place {
    /// Ready when the task may go on by this lane, once; who waits already keeps its place. To be called in a task of one of the
    /// [runtime's threads](super::spawn).
    pub fn poll_turn(&mut self, lane: Lane, cx: &Context<'_>) -> Poll<()> {
        let stand = self.0.as_ref().map_or(Stand::Outside, |stand| stand.replace(Stand::Outside));
        match stand {
            Stand::MayGo => Poll::Ready(()),
            Stand::Outside if lane.queue(Queue::has_room) => Poll::Ready(()),
            Stand::Outside | Stand::Waits => {
                let place = self.0.get_or_insert_with(|| Rc::new(Cell::new(Stand::Outside)));
                place.set(Stand::Waits);
                if stand == Stand::Outside {
                    lane.queue(|queue| queue.push(Rc::clone(place), cx.waker().clone(), lane));
                }
                Poll::Pending
            }
        }
    }
}

impl Lane {
    fn queue<T>(self, f: impl FnOnce(&Queue) -> T) -> T {
        QUEUES.with(|queues| f(&queues[self as usize]))
    }
}

impl Queue {
    const fn new() -> Queue {
        Queue { turn: Cell::new(u64::MAX), left: Cell::new(0), waiting: RefCell::new(VecDeque::new()) }
    }

    /// Whether one more may go on at once, and counts it.
    fn has_room(&self) -> bool {
        if self.turn.replace(turn::number()) != turn::number() {
            self.left.set(AT_ONCE);
        }
        let has_room = self.left.get() > 0 && self.waiting.borrow().is_empty();
        if has_room {
            self.left.set(self.left.get() - 1);
        }
        has_room
    }

    /// Puts a task at the end of this queue, which is that of `lane`.
    fn push(&self, place: Rc<Cell<Stand>>, waker: Waker, lane: Lane) {
        let mut waiting = self.waiting.borrow_mut();
        if waiting.is_empty() {
            drop(spawn_local(let_go(lane)));
        }
        waiting.push_back((place, waker));
    }

    /// Lets some go on that wait. Whether more are waiting.
    fn let_some_go(&self) -> bool {
        let mut left = AT_ONCE;
        while left > 0 {
            let Some((place, waker)) = self.waiting.borrow_mut().pop_front() else { break };
            // Whoever is gone meanwhile has nothing to do.
            if Rc::strong_count(&place) > 1 {
                place.set(Stand::MayGo);
                waker.wake();
                left -= 1;
            }
        }
        !self.waiting.borrow().is_empty()
    }
}

/// Lets those go on that wait in this lane, until none is left. Between a yield and what comes after it the runtime looks for events.
async fn let_go(lane: Lane) {
    loop {
        yield_now().await;
        if !lane.queue(Queue::let_some_go) {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use tokio::runtime::{Builder, LocalOptions};
    use tokio::task::JoinHandle;

    use super::*;

    const MANY: u32 = 3 * AT_ONCE + 1;

    /// Runs `main` on a thread like a worker's.
    fn run(main: impl Future<Output = ()>) {
        let mut builder = Builder::new_current_thread();
        let runtime = builder.on_thread_park(turn::ends).build_local(LocalOptions::default()).unwrap();
        runtime.block_on(main);
    }

    /// Tasks that each note their number when they have gone by the lane.
    fn lasting(seen: &Rc<RefCell<Vec<u32>>>) -> Vec<JoinHandle<()>> {
        let one = |number| {
            let seen = Rc::clone(seen);
            spawn_local(async move {
                let mut place = Place::default();
                poll_fn(|cx| place.poll_turn(Lane::Lasting, cx)).await;
                seen.borrow_mut().push(number);
            })
        };
        (0..MANY).map(one).collect()
    }

    #[test]
    fn what_is_new_waits_for_a_few_of_those_that_last_and_each_of_them_goes_on_in_its_turn() {
        run(async {
            let seen = Rc::default();
            let tasks = lasting(&seen);
            // How many had gone on each time that something else was ready.
            let mut gone = vec![0];
            while *gone.last().unwrap() < MANY as usize {
                yield_now().await;
                gone.push(seen.borrow().len());
            }
            assert!(gone.windows(2).all(|two| two[1] - two[0] <= AT_ONCE as usize), "{gone:?}");
            assert_eq!(*seen.borrow(), Vec::from_iter(0..MANY));
            for task in tasks {
                task.await.unwrap();
            }
        });
    }

    #[test]
    fn where_there_is_little_to_do_nobody_waits() {
        run(async {
            let mut place = Place::default();
            let nobody = Context::from_waker(Waker::noop());
            for _ in 0..3 {
                turn::ends();
                let gone = (0..MANY).take_while(|_| place.poll_turn(Lane::Lasting, &nobody).is_ready()).count();
                assert_eq!(gone, AT_ONCE as usize);
                // Until it is let go, to be polled again changes nothing.
                assert!(place.poll_turn(Lane::Lasting, &nobody).is_pending());
                while place.poll_turn(Lane::Lasting, &nobody).is_pending() {
                    yield_now().await;
                }
            }
        });
    }

    #[test]
    fn those_of_one_lane_do_not_wait_for_those_of_the_other() {
        run(async {
            let nobody = Context::from_waker(Waker::noop());
            let mut lasting: Vec<_> = (0..MANY).map(|_| Place::default()).collect();
            let waiting =
                lasting.iter_mut().map(|place| place.poll_turn(Lane::Lasting, &nobody)).filter(Poll::is_pending);
            assert!(waiting.count() > 1);
            let mut newcomer = Place::default();
            assert!(newcomer.poll_turn(Lane::Newcomers, &nobody).is_ready());
            // Who waits keeps its place, whatever it has become meanwhile.
            let last = lasting.last_mut().unwrap();
            assert!(last.poll_turn(Lane::Newcomers, &nobody).is_pending());
        });
    }

    #[test]
    fn who_is_gone_takes_nobodys_turn() {
        run(async {
            let nobody = Context::from_waker(Waker::noop());
            let mut places: Vec<_> = (0..MANY).map(|_| Place::default()).collect();
            let waiting =
                places.iter_mut().map(|place| place.poll_turn(Lane::Lasting, &nobody)).filter(Poll::is_pending).count();
            assert!(waiting > 2 * AT_ONCE as usize);
            let mut last = places.pop().unwrap();
            drop(places);
            let mut rounds = 0;
            while last.poll_turn(Lane::Lasting, &nobody).is_pending() {
                yield_now().await;
                rounds += 1;
            }
            assert!(rounds <= 2, "{rounds}");
        });
    }
}
