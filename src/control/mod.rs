//! The only writer of generations.
//!
//! A watcher, a signal and the admin API all send the same [`Command`]; the [`Controller`] loads, refuses or adopts. What must not
//! wait for a load, rollbacks and all other directives, takes effect at the [`Helm`].
//!
//! - [`helm`]: directives take effect, first in memory and then on the disk
//! - [`history`]: the generations of before
//! - [`overview`]: how routes, guards, ramps and tenants stand
//! - [`event`]: what happens, told to who listens
//! - [`begin`]: the first generation, with the directives that outlived the process before
//! - [`choose`]: the configuration to begin with
//! - [`build`]: a snapshot becomes a generation that keeps every backend and meter it can
//! - [`command`]: what the controller is told, and what came of it
//! - [`controller`]: loads, refuses or adopts, and keeps what it adopted for the next start
//! - [`guard`]: rolls back what does not keep to its thresholds, and lets ramps climb
//! - [`state_dir`]: the state directory and its lock
//! - [`watch`]: notices that a file of the configuration has changed and rests
//! - [`plan`]: what another configuration would change
//! - [`health`]: endpoints are asked how they are
//! - [`fallbacks`]: what legacy answered in new's place counts against new
//! - [`resolve`]: names of endpoints become addresses

mod begin;
mod build;
mod choose;
mod command;
mod controller;
pub mod event;
mod fallbacks;
pub mod guard;
mod health;
pub mod helm;
pub mod history;
pub mod overview;
pub mod plan;
mod resolve;
mod state_dir;
mod watch;

pub use command::{Command, Outcome, Reloaded};
pub use controller::{Controller, StartError, StartOptions};
pub use event::{Event, Events};
pub use helm::{Caller, Done, Helm, Order, RampOrder, Refused, ResumeOrder};
pub use history::{MadeFrom, Past};
pub use overview::Overview;
