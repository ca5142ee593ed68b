//! HTTP/2 as the facade speaks it to backends (RFC 9113).
//!
//! Many requests of one worker share a connection, which a task of that worker drives. The rest is as with HTTP/1.1: a
//! request streams its own body and reads its own answer, and dropping it resets its stream, which is all it takes to cancel
//! it.
//!
//! - [`session`]: a connection, shared by its streams
//! - [`request`]: the head of a request, and the checks of an answer's head
//! - [`upload`]: the body of a request
//! - [`exchange`]: one request and the head of its answer
//! - [`download`]: the body of an answer

pub(super) mod download;
pub(super) mod exchange;
mod request;
pub(super) mod session;
mod upload;
