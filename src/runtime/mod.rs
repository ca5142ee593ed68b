//! Threads that each run tasks of their own: what a task holds is never another thread's, so it needs no lock.
//!
//! - [`turn`]: what is ready is worked on first, and sent together after that
//! - [`lane`]: what may wait goes on a few at a time, where there is much to do

pub mod lane;
pub mod turn;

use std::future::Future;
use std::io;
use std::sync::mpsc;
use std::thread::JoinHandle;

use tokio::runtime::{Builder, LocalOptions};

/// Starts a thread, and on it the future that `main` makes there and the tasks that this one spawns. They end with it.
///
/// # Errors
/// The thread or its runtime cannot be started.
pub fn spawn<F: Future<Output = ()>>(
    name: String,
    main: impl FnOnce() -> F + Send + 'static,
) -> io::Result<JoinHandle<()>> {
    let (tell, told) = mpsc::sync_channel(1);
    let thread = std::thread::Builder::new().name(name).spawn(move || {
        let mut builder = Builder::new_current_thread();
        let runtime = builder.enable_io().enable_time().on_thread_park(turn::ends).build_local(LocalOptions::default());
        let (runtime, outcome) = match runtime {
            Ok(runtime) => (Some(runtime), Ok(())),
            Err(error) => (None, Err(error)),
        };
        let _ = tell.send(outcome);
        if let Some(runtime) = runtime {
            runtime.block_on(async { main().await });
        }
    })?;
    told.recv().map_err(io::Error::other)??;
    Ok(thread)
}

#[cfg(test)]
mod tests {
    use std::rc::Rc;

    use tokio::task::spawn_local;

    use super::*;

    #[test]
    fn tasks_share_what_never_leaves_their_thread() {
        let (tell, told) = mpsc::channel();
        let main = move || {
            let shared = Rc::new(7);
            async move {
                let task = spawn_local({
                    let shared = Rc::clone(&shared);
                    async move { *shared + 1 }
                });
                let name = std::thread::current().name().map(str::to_owned);
                tell.send((*shared, task.await.unwrap(), name)).unwrap();
            }
        };
        spawn("one".to_owned(), main).unwrap().join().unwrap();
        assert_eq!(told.recv(), Ok((7, 8, Some("one".to_owned()))));
    }

    #[test]
    fn what_is_under_way_ends_with_the_first_future() {
        struct Tells(mpsc::Sender<()>);
        impl Drop for Tells {
            fn drop(&mut self) {
                let _ = self.0.send(());
            }
        }
        let (tell, told) = mpsc::channel();
        let main = move || async move {
            let tells = Tells(tell);
            spawn_local(async move {
                let _tells = tells;
                std::future::pending::<()>().await;
            });
        };
        spawn("two".to_owned(), main).unwrap().join().unwrap();
        assert_eq!(told.recv(), Ok(()));
    }
}
