//! What HTTP looks like on the wire: which bytes may pass, and what a proxy adds and takes away.
//!
//! - [`body`]: request bodies on their way to a backend
//! - [`copy`]: bodies copied as they stream by
//! - [`chunked`]: the grammar of chunked bodies
//! - [`framing`]: the strict look at HTTP/1 request heads and bodies before hyper sees them
//! - [`target`], [`host`]: which targets and hosts can be matched and forwarded as the same bytes
//! - [`headers`]: hop-by-hop headers, headers that only trusted peers may set, headers a proxy adds
//! - [`client`]: the client's address behind trusted proxies
//! - [`ids`]: request ids and trace context
//! - [`problem`]: answers the facade makes itself

pub mod body;
pub mod chunked;
pub mod client;
pub mod copy;
pub mod framing;
pub mod headers;
pub mod host;
pub mod ids;
pub mod problem;
pub mod target;
