//! Banyan, a strangler-fig migration proxy.
//!
//! A facade stands before a legacy system and the new system that replaces it slice by slice. It sends each request to
//! one of the two *sides* by rules in a hot-reloadable `routes.yaml`, and says on every answer who served it.
//!
//! The crate is built in layers; a module imports the ones below it, never the ones above, and sideways only where an arrow
//! says so (a test holds this):
//!
//! | layer | modules |
//! |---|---|
//! | 7 | [`cli`] (→ [`app`], [`demo`]), [`app`], [`demo`]: compose and run |
//! | 6 | [`admin`] (→ [`report`]): metrics, health and commands over HTTP · [`console`] (→ [`admin`], [`report`]): the same as pages · [`report`]: what people see of differences and decisions |
//! | 5 | [`control`]: the only writer of generations · [`proxy`] (→ [`server`]): the life of a request · [`server`]: listeners, connections, drain |
//! | 4 | [`state`]: the live generation · [`shadow`] (→ [`state`], [`store`]): copies to the other side · [`store`]: what came of comparisons, on disk · [`ledger`]: directives and audit, on disk |
//! | 3 | [`config`]: `routes.yaml` to snapshot · [`upstream`]: backends, endpoints, connections, the codec to backends |
//! | 2 | [`snapshot`]: one compiled configuration · [`directives`]: what was said beside it: pins, ramps, audit · [`telemetry`] (→ [`snapshot`]): metrics and the access log |
//! | 1 | [`routing`]: the pure decision · [`diff`]: the pure comparison of answers · [`wire`]: headers, targets and framing |
//! | 0 | [`names`], [`errors`], [`clock`], [`descriptors`], [`memory`], [`shutdown`], [`runtime`], [`fields`] |

#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod admin;
pub mod app;
pub mod cli;
pub mod clock;
pub mod config;
pub mod console;
pub mod control;
pub mod demo;
pub mod descriptors;
pub mod diff;
pub mod directives;
pub mod errors;
pub mod fields;
pub mod ledger;
pub mod memory;
pub mod names;
pub mod proxy;
pub mod report;
pub mod routing;
pub mod runtime;
pub mod server;
pub mod shadow;
pub mod shutdown;
pub mod snapshot;
pub mod state;
pub mod store;
pub mod telemetry;
pub mod upstream;
pub mod wire;
