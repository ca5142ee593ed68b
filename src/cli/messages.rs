//! Messages of a running facade, on stderr, without ever waiting for whoever reads them.
//!
//! A pipe that nobody empties (a hung log collector, a terminal that was stopped) holds up whoever writes to it. Here that is a
//! thread that has nothing else to do; what it cannot take any more is lost, rather than holding up a rollback.

use std::io;
use std::sync::{Mutex, PoisonError};

use tracing_appender::non_blocking::{NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::EnvFilter;

/// How many messages may wait.
const WAITING: usize = 4096;

/// Writes the last messages when it is dropped.
static WRITER: Mutex<Option<WorkerGuard>> = Mutex::new(None);

/// Has messages written to stderr; `BANYAN_LOG` says which, else `unsaid`.
pub(super) fn start(unsaid: &str) {
    let filter = EnvFilter::try_from_env("BANYAN_LOG").unwrap_or_else(|_| EnvFilter::new(unsaid));
    let ansi = io::IsTerminal::is_terminal(&io::stderr());
    let builder = NonBlockingBuilder::default().buffered_lines_limit(WAITING).thread_name("messages");
    let (writer, guard) = builder.finish(io::stderr());
    // Somebody else's subscriber, as in a test, is as good.
    if tracing_subscriber::fmt().with_env_filter(filter).with_ansi(ansi).with_writer(writer).try_init().is_ok() {
        *WRITER.lock().unwrap_or_else(PoisonError::into_inner) = Some(guard);
    }
}

/// Writes what was said so far, unless nobody reads it; nothing is written afterwards.
pub(super) fn flush() {
    drop(WRITER.lock().unwrap_or_else(PoisonError::into_inner).take());
}
