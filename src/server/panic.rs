//! A panic ends the request it happened in, and nothing else.

use std::any::Any;
use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll};

/// A future panicked. What it said has been reported by the panic hook.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Panicked;

/// Runs a future; a panic in it becomes an error.
///
/// What the future shares with others must be sound after any of its statements: plain cells, and borrows that end while
/// the stack unwinds.
pub(super) fn caught<F: Future>(mut future: Pin<Box<F>>) -> impl Future<Output = Result<F::Output, Panicked>> {
    poll_fn(move |cx| poll_caught(future.as_mut(), cx))
}

/// Calls a function; a panic in it becomes an error.
pub(super) fn caught_call<T>(call: impl FnOnce() -> T) -> Result<T, Panicked> {
    catch_unwind(AssertUnwindSafe(call)).map_err(discard)
}

/// The same, one poll at a time.
pub(super) fn poll_caught<F: Future>(future: Pin<&mut F>, cx: &mut Context<'_>) -> Poll<Result<F::Output, Panicked>> {
    let polled = catch_unwind(AssertUnwindSafe(|| future.poll(cx)));
    polled.map_or_else(|panic| Poll::Ready(Err(discard(panic))), |polled| polled.map(Ok))
}

/// Lets go of a panic's payload, which may itself panic when it is dropped.
fn discard(payload: Box<dyn Any + Send>) -> Panicked {
    if let Err(second) = catch_unwind(AssertUnwindSafe(|| drop(payload))) {
        std::mem::forget(second);
    }
    Panicked
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_panic_becomes_an_error() {
        let answer = caught(Box::pin(async {
            tokio::task::yield_now().await;
            assert!(std::env::args().count() == usize::MAX, "on purpose");
        }));
        assert_eq!(answer.await, Err(Panicked));
        assert_eq!(caught(Box::pin(async { 7 })).await, Ok(7));
    }
}
