//! What the facade tells about itself: metrics and the access log.
//!
//! Data workers write into cells of their own that nobody else writes ([`cells`], [`meter`]); whoever scrapes adds them
//! up ([`export`]). [`shadow`] counts what became of copies and comparisons. [`sample`] keeps what a few requests looked like. The access log ([`access`]) leaves a worker as whole buffers through a lock-free queue.

pub mod access;
pub mod cells;
pub mod export;
pub mod meter;
pub mod sample;
pub mod shadow;

pub use access::{AccessQueue, AccessRecord, AccessWriter, LineBuffer};
pub use meter::{BackendMeter, FacadeMeter, Measured, RouteMeter, WorkerId};
pub use sample::{Input, Sample, Sampler};
pub use shadow::{Dropped, Failed, Mirrored, ShadowMeter};
