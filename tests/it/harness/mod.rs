//! What the tests are made of: a facade, backends that record, clients that speak bytes.
//!
//! - [`site`]: a running facade with its files · [`pair`]: one between a legacy and a new backend
//! - [`recorder`]: a backend · [`script`]: what it answers · [`received`]: what it was sent
//! - [`modern`]: a backend that speaks HTTP/2 · [`terminator`]: TLS before a backend · [`authority`]: certificates
//! - [`browser`]: one before the console
//! - [`client`]: a client's connection · [`answer`]: what it was answered
//! - [`frames`]: HTTP/2 as bytes · [`multiplexed`]: a backend that speaks it · [`streams`]: a client that does
//! - [`http2`]: a client that speaks in frames · [`tls`]: certificates, and a client that checks them
//! - [`mod@nobody`]: an address that refuses connections · [`wait`]: how long anything may take

mod answer;
mod authority;
mod browser;
mod client;
pub mod frames;
pub mod http2;
mod message;
mod modern;
mod multiplexed;
mod nobody;
mod pair;
mod received;
mod recorder;
mod script;
mod site;
mod streams;
mod terminator;
pub mod tls;
mod wait;

pub use answer::{Answer, End};
pub use authority::Authority;
pub use browser::{Browser, form, owner};
pub use client::{Client, exchange};
pub use frames::Frame;
pub use modern::Modern;
pub use nobody::nobody;
pub use pair::Pair;
pub use received::Received;
pub use recorder::Recorder;
pub use script::{Latch, Script};
pub use site::Site;
pub use streams::{StreamEnd, Streams};
pub use terminator::{Handshake, Terminator};
pub use wait::until;
