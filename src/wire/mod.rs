//! What HTTP looks like on the wire: which bytes may pass, and what a proxy adds and takes away.
//!
//! - [`body`]: request bodies on their way to a backend
//! - [`copy`]: bodies copied as they stream by
//! - [`chunked`]: the grammar of chunked bodies
//! - [`decode`]: bodies of HTTP/1 messages, taken out of what delimits them
//! - [`stream`]: the socket of a client or of a backend
//! - [`intake`]: bytes that come in
//! - [`outgoing`]: HTTP/1 messages on their way out
//! - [`framing`]: requests taken out of a client's bytes
//! - [`target`], [`host`]: which targets and hosts can be matched and forwarded as the same bytes
//! - [`request`]: the head of a request
//! - [`lines`]: the fields of answers, as lines
//! - [`headers`]: hop-by-hop headers, headers that only trusted peers may set, headers a proxy adds
//! - [`client`]: the client's address behind trusted proxies
//! - [`ids`]: request ids and trace context
//! - [`problem`]: answers the facade makes itself

pub mod body;
pub mod chunked;
pub mod client;
pub mod copy;
pub mod decode;
pub mod framing;
pub mod headers;
pub mod host;
pub mod ids;
pub mod intake;
pub mod lines;
pub mod outgoing;
pub mod problem;
pub mod request;
pub mod stream;
pub mod target;
