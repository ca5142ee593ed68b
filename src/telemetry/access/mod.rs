//! The access log: one JSON line for each request, which no worker ever waits for.
//!
//! A worker collects lines in a buffer of its own and hands it over whole, through a bounded queue without locks, to one
//! writer thread. When the writer cannot keep up (a full disk, a blocked pipe) buffers are dropped and their lines counted.
//!
//! - [`record`]: one request as the log tells it
//! - [`queue`]: from the workers to the writer
//! - [`writer`]: the thread that writes
//! - [`clock`]: dates without a system call for each

mod clock;
mod queue;
mod record;
mod writer;

pub use queue::{AccessQueue, LineBuffer};
pub use record::AccessRecord;
pub use writer::AccessWriter;

#[cfg(test)]
mod tests;
