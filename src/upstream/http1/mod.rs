//! HTTP/1.1 as the facade speaks it to backends.
//!
//! An own codec, because it is the larger half of a proxy's hot path: a request's head is written straight from the
//! client's headers into the connection's buffer, and nothing passes through channels between tasks. It is as strict as
//! RFC 9112 section 6.3 lets a recipient be: an answer whose length could be read in two ways is no answer.
//!
//! - [`exchange`]: one exchange over a connection
//! - [`head`]: the head of an answer
//! - [`download`]: the body of an answer, with its connection
//!
//! Bodies are taken out of what delimits them by [`crate::wire::decode`] and go out by [`crate::wire::outgoing`].

pub(super) mod download;
pub(super) mod exchange;
pub(super) mod head;
