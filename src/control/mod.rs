//! The only writer of generations.
//!
//! A watcher, a signal and the admin API all send the same [`Command`]; the [`Controller`] loads, refuses or adopts.
//!
//! - [`build`]: a snapshot becomes a generation that keeps every backend and meter it can
//! - [`controller`]: loads, refuses or adopts, and keeps what it adopted for the next start
//! - [`guard`]: rolls back what does not keep to its thresholds, and lets ramps climb
//! - [`state_dir`]: the state directory and its lock
//! - [`watch`]: notices that a file of the configuration has changed and rests
//! - [`resolve`]: names of endpoints become addresses

mod build;
mod controller;
pub mod guard;
mod resolve;
mod state_dir;
mod watch;

pub use controller::{Command, Controller, Outcome, StartError, StartOptions};
