//! Backends: their endpoints, the connections to them, and one exchange over a connection.
//!
//! A [`Backend`] is shared by all workers and survives reloads that leave its settings alone. Connections belong to one
//! worker ([`Pools`]) and are driven by the request that uses them: no task of their own, no hand-over between threads.

mod answer;
mod backend;
mod balance;
mod budget;
mod connection;
mod endpoint;
mod http1;
mod outlier;
mod pool;

pub use answer::{AnswerBody, AnswerError};
pub use backend::Backend;
pub use connection::{Answer, Connection, Patience, SendError};
pub use endpoint::{Endpoint, InFlight};
pub use pool::{Checkout, Pools, Wanted};
