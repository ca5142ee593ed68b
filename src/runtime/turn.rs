//! A worker's turns: what is ready is read and worked on first, and sent together after that.
//!
//! A send wakes the process at the other end, and waking one that sleeps is dear: the kernel interrupts another core. Of several
//! sends in a row only the first finds it asleep. So tasks let one another go first before they send. Source: batching of sends,
//! as event loops like HAProxy's do it.

use std::cell::Cell;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

thread_local! {
    static TURN: Turn = const { Turn { number: Cell::new(0), sends: Cell::new(0), before: Cell::new(u32::MAX) } };
}

/// How many sends a thread has come to since it last waited for events, and how many they were between the two waits before that.
/// Threads that do not say when they wait are taken for busy ones.
struct Turn {
    number: Cell<u64>,
    sends: Cell<u32>,
    before: Cell<u32>,
}

impl Turn {
    /// Counts a send, and says whether others are likely to be ready: where there are none, to be polled once more costs more than it
    /// can save.
    fn count_send(&self) -> bool {
        self.sends.set(self.sends.get().saturating_add(1));
        self.sends.get() > 1 || self.before.get() > 1
    }
}

/// Says that this thread has nothing to do until the next event. For the runtime of whoever calls [`after_others`].
pub fn ends() {
    TURN.with(|turn| {
        turn.number.set(turn.number.get() + 1);
        turn.before.set(turn.sends.take());
    });
}

/// How many turns of this thread have ended.
pub(super) fn number() -> u64 {
    TURN.with(|turn| turn.number.get())
}

/// Lets all tasks that are ready go first: those of this thread that were woken before. Where turns are of one send each, there are
/// none, and nobody is waited for.
pub fn after_others() -> AfterOthers {
    AfterOthers { waits: TURN.with(Turn::count_send) }
}

/// What [`after_others`] returns.
#[derive(Debug)]
#[must_use = "futures do nothing unless they are polled"]
pub struct AfterOthers {
    waits: bool,
}

impl Future for AfterOthers {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if !std::mem::take(&mut self.waits) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::pin::pin;
    use std::rc::Rc;
    use std::task::Waker;

    use tokio::runtime::{Builder, LocalOptions};
    use tokio::task::spawn_local;

    use super::*;

    #[test]
    fn all_that_are_ready_work_before_any_of_them_sends() {
        let seen = Rc::new(RefCell::new(Vec::new()));
        let runtime = Builder::new_current_thread().build_local(LocalOptions::default()).unwrap();
        runtime.block_on(async {
            let tasks = [(); 3].map(|()| {
                let seen = Rc::clone(&seen);
                spawn_local(async move {
                    seen.borrow_mut().push("works");
                    after_others().await;
                    seen.borrow_mut().push("sends");
                })
            });
            for task in tasks {
                task.await.unwrap();
            }
        });
        assert_eq!(seen.take(), ["works", "works", "works", "sends", "sends", "sends"]);
    }

    /// How many of `sends` that are ready at once wait for others.
    fn waiting(sends: usize) -> usize {
        let mut nobody = Context::from_waker(Waker::noop());
        (0..sends).filter(|_| pin!(after_others()).poll(&mut nobody).is_pending()).count()
    }

    #[test]
    fn who_is_alone_waits_for_nobody() {
        ends();
        let turns = [1, 1, 1, 3, 3, 1, 1];
        let waited = turns.map(|sends| {
            let waited = waiting(sends);
            ends();
            waited
        });
        assert_eq!(waited, [0, 0, 0, 2, 3, 1, 0]);
    }
}
