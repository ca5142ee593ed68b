//! A worker's turns: what is ready is read and worked on first, and sent together after that.
//!
//! A send wakes the process at the other end, and waking one that sleeps is dear: the kernel interrupts another core. Of several
//! sends in a row only the first finds it asleep. So tasks let one another go first before they send. Source: batching of sends,
//! as event loops like HAProxy's do it.

use std::future::poll_fn;
use std::task::Poll;

/// Lets all tasks that are ready go first: those of this thread that were woken before.
pub async fn after_others() {
    let mut waits = true;
    poll_fn(|cx| {
        if !std::mem::take(&mut waits) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::rc::Rc;

    use tokio::task::{LocalSet, spawn_local};

    use super::*;

    #[test]
    fn all_that_are_ready_work_before_any_of_them_sends() {
        let seen = Rc::new(RefCell::new(Vec::new()));
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        LocalSet::new().block_on(&runtime, async {
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
}
