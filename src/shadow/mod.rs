//! Shadow traffic: a finished exchange is sent to the other side too, and the two answers are compared.
//!
//! Data workers only ever offer ([`Queue::offer`]): a copy is taken or dropped at once, and nothing that happens here
//! reaches them. Shadow threads have runtimes, connections and timeouts of their own, and take what is offered by looking
//! now and then, so that not even waking them costs a worker anything.
//!
//! - [`safety`]: which requests may be copied at all
//! - [`exchange`]: what a copy consists of
//! - [`queue`]: where copies wait, bounded in number and bytes
//! - [`lanes`]: the copies under way and waiting, backend by backend
//! - [`ask`]: a copy is sent, and its answer read
//! - [`round`]: the life of one copy: ask, compare, ask again, record
//! - [`judge`]: what is known of each difference signature
//! - [`undecided`]: comparisons that wait a moment for their verdict
//! - [`allowance`]: how often a system may be asked twice
//! - [`sample`]: a comparison in full, redacted
//! - [`worker`]: the threads

mod allowance;
mod ask;
mod exchange;
mod judge;
mod lanes;
mod queue;
mod round;
pub mod safety;
mod sample;
mod undecided;
mod worker;

pub use exchange::{Exchange, Recorded};
pub use judge::Judge;
pub use queue::Queue;
pub use worker::{ShadowThreads, Shared, threads};
