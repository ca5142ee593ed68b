//! What the facade tells about itself: metrics and the access log.
//!
//! Data workers write into cells of their own that nobody else writes ([`cells`], [`meter`]); whoever scrapes adds them
//! up ([`export`]). [`shadow`] counts what became of copies and comparisons, [`guard`] what guards judge by, with times on the scale
//! of [`octaves`], [`tenants`] what became of each tenant's requests. [`sample`] keeps what a few requests looked like. The access
//! log ([`access`]) leaves a worker as whole buffers through a lock-free queue.

pub mod access;
pub mod cells;
pub mod export;
pub mod guard;
pub mod meter;
pub mod octaves;
pub mod sample;
pub mod shadow;
pub mod tenants;

pub use access::{AccessQueue, AccessRecord, AccessWriter, LineBuffer};
pub use guard::{Answered, GuardMeter, GuardReading, SideReading};
pub use meter::{BackendMeter, FacadeMeter, Measured, RouteMeter, TurnedAway, WorkerId};
pub use sample::{Input, Sample, Sampler};
pub use shadow::{Dropped, Failed, Mirrored, ShadowMeter};
pub use tenants::{TenantCount, TenantQueue, TenantTable, TenantTally};
