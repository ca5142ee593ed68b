//! The only writer of generations.
//!
//! A watcher, a signal and the admin API all send the same [`Command`]; the [`Controller`] loads, refuses or adopts.
//!
//! - [`build`]: a snapshot becomes a generation that keeps every backend and meter it can
//! - [`kept`]: the last accepted configuration, for the next start
//! - [`watch`]: notices that a file of the configuration has changed and rests
//! - [`resolve`]: names of endpoints become addresses

mod build;
mod controller;
mod kept;
mod resolve;
mod watch;

pub use controller::{Command, Controller, Outcome, StartError, StartOptions};
