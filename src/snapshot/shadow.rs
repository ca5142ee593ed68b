//! What is copied to the other side, and when two answers are the same.

use std::sync::Arc;
use std::time::Duration;

use http::{HeaderName, HeaderValue, Method};

use crate::diff::Compiled;
use crate::routing::Percent;

/// What of a route's requests is copied to the other side.
#[derive(Debug, Clone, PartialEq)]
pub struct ShadowPlan {
    /// Which share, by a bucket of the request id under `salt`.
    pub sample: Percent,
    /// `shadow:` and the route's name.
    pub salt: Arc<str>,
    /// `noise:` and the route's name: under this salt requests are picked for self-checks.
    pub noise_salt: Arc<str>,
    /// The methods that are copied.
    pub methods: Vec<Method>,
    /// The largest body that is copied, in bytes.
    pub max_body: usize,
    /// How long the shadow may take, and how long a copy may wait.
    pub timeout: Duration,
    /// Headers that the copy has in place of the client's.
    pub set: Vec<(HeaderName, HeaderValue)>,
    /// Headers that the copy lacks; with credentials removed, those too.
    pub remove: Vec<HeaderName>,
    /// How the answers are compared; `None`: not at all.
    pub comparison: Option<Arc<Comparison>>,
}

/// When two answers are the same.
#[derive(Debug, Clone, PartialEq)]
pub struct Comparison {
    /// Its name; `built-in` if nothing was said.
    pub name: Arc<str>,
    /// What is compared, and how.
    pub rules: Compiled,
    /// For which share of the compared requests the answering side is asked twice.
    pub noise: Percent,
    /// Whether both sides are asked again before a mismatch counts.
    pub confirm: bool,
    /// Whether nothing but hashes is kept of bodies and values.
    pub hashes_only: bool,
}

/// The most shadow threads there can be.
pub const MAX_SHADOW_THREADS: usize = 16;

/// What shadow traffic may cost this process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shadowing {
    /// Threads that send copies and compare answers; `None`: by the number of cores.
    pub threads: Option<usize>,
    /// The most copies that wait or are under way.
    pub requests: usize,
    /// The most bytes that they may hold.
    pub bytes: usize,
    /// The most copies under way to one backend.
    pub in_flight: usize,
}
