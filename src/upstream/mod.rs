//! Backends: their endpoints, the connections to them, and one exchange over a connection.
//!
//! A [`Backend`] is shared by all workers and survives reloads that leave its settings alone. Connections belong to one
//! worker ([`Pools`]): no hand-over between threads. Over HTTP/1.1 they are driven by the request that uses them, without a
//! task of their own; over HTTP/2, where many requests share one, by a task of that worker.

mod answer;
mod backend;
mod balance;
mod budget;
mod bulkhead;
mod connection;
mod endpoint;
mod http1;
mod http2;
mod outlier;
mod place;
mod pool;
mod tls;

pub use answer::{AnswerBody, AnswerError};
pub use backend::Backend;
pub use bulkhead::{Bulkhead, Permit, Purpose};
pub use connection::{Answer, Connection, Patience, RawConnection, SendError};
pub use endpoint::{Endpoint, InFlight};
pub use pool::{Checkout, Pools, Wanted};
pub use tls::Tls;
