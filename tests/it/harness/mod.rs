//! What the tests are made of: a facade, backends that record, clients that speak bytes.
//!
//! - [`site`]: a running facade with its files · [`pair`]: one between a legacy and a new backend
//! - [`recorder`]: a backend · [`script`]: what it answers · [`received`]: what it was sent
//! - [`modern`]: a backend that speaks HTTP/2 · [`terminator`]: TLS before a backend · [`authority`]: certificates
//! - [`client`]: a client's connection · [`answer`]: what it was answered
//! - [`wait`]: how long anything may take

mod answer;
mod authority;
mod client;
mod message;
mod modern;
mod pair;
mod received;
mod recorder;
mod script;
mod site;
mod terminator;
mod wait;

pub use answer::{Answer, End};
pub use authority::Authority;
pub use client::{Client, exchange};
pub use modern::Modern;
pub use pair::Pair;
pub use received::Received;
pub use recorder::Recorder;
pub use script::{Latch, Script};
pub use site::Site;
pub use terminator::{Handshake, Terminator};
pub use wait::until;
