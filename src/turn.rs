//! A worker's turns: what is ready is read and worked on first, and sent together after that.
//!
//! A send wakes the process at the other end, and waking one that sleeps is dear: the kernel interrupts another core. Of several
//! sends in a row only the first finds it asleep. So where a worker has much to do, its tasks let one another go first before
//! they send. Source: batching of sends as event loops like HAProxy's do it.

use std::cell::Cell;
use std::future::poll_fn;
use std::task::Poll;

/// Below so many sends in a turn there is nothing to gain.
const FEW: u32 = 3;

thread_local! {
    /// Sends of the turn under way, and of the one before it.
    static SENDS: Cell<(u32, u32)> = const { Cell::new((0, 0)) };
}

/// Lets all tasks that are ready go first, if the last turn of this thread was a full one. Threads that do not tell of their turns
/// by [`ended`] have none.
pub async fn after_others() {
    let (sends, last) = SENDS.get();
    SENDS.set((sends.saturating_add(1), last));
    let mut waits = last >= FEW;
    poll_fn(|cx| {
        if !std::mem::take(&mut waits) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

/// A thread has nothing left to do and is going to wait.
pub fn ended() {
    SENDS.set((0, SENDS.get().0));
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::rc::Rc;

    use tokio::task::{LocalSet, spawn_local};

    use super::*;

    /// The order in which three tasks work and send.
    fn order() -> Vec<&'static str> {
        let seen = Rc::new(RefCell::new(Vec::new()));
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let run = async {
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
        };
        LocalSet::new().block_on(&runtime, run);
        seen.take()
    }

    #[test]
    fn a_full_turn_sends_when_all_have_worked_and_a_small_one_at_once() {
        ended();
        ended();
        let one_by_one = ["works", "sends"].repeat(3);
        assert_eq!(order(), one_by_one);
        ended();
        assert_eq!(order(), ["works", "works", "works", "sends", "sends", "sends"]);
        ended();
        ended();
        assert_eq!(order(), one_by_one);
    }
}
