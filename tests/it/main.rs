//! The facade as its clients, backends and operators see it: every test starts a whole one in this process, on free ports,
//! with backends that record each byte they are sent.

// A test that cannot go on says so by panicking; what modules of one binary share has no other reader.
#![allow(clippy::unwrap_used, clippy::panic, unreachable_pub, missing_docs)]

mod admin;
mod awkward;
mod backends_http2;
mod backends_tls;
mod bodies;
mod broken;
mod bulkhead;
mod command_line;
mod comparing;
mod conformance;
mod connections;
mod console;
mod console_differences;
mod console_routes;
mod demo;
mod descriptors;
mod desync;
mod diffs;
mod drain;
mod evidence;
mod fallback;
mod guarding;
mod harness;
mod headers;
mod health;
mod host;
mod hostile;
mod http2;
mod http2_hostile;
mod jwt;
mod kept;
mod killed;
mod limits;
mod mirroring;
mod model;
mod operations;
mod outlier;
mod plan;
mod rate_limit;
mod refused;
mod reload;
mod retries;
mod rewrite;
mod rollback;
mod routing;
mod set;
mod streams;
mod target;
mod timeouts;
mod tls;
mod trust;
mod unfinished;
mod upgrades;
