//! What routes say of faults of new, and of subjects that ask too often.

use std::time::Duration;

use crate::names::Key;

/// When legacy answers because new failed. Only for what new cannot have acted upon.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FallbackSettings {
    /// After what; never empty.
    pub when: Vec<FallbackOn>,
}

/// A failure of new that legacy can step in for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FallbackOn {
    /// No connection could be made.
    Connect,
    /// It did not accept, or did not begin to answer, in time.
    Timeout,
    /// It answered 5xx, or broke off before the answer's head was there.
    ServerError,
    /// It has as much work as its limits allow.
    Limit,
    /// None of its endpoints is in, or has an address.
    NoEndpoint,
}

impl FallbackOn {
    /// All of them.
    pub const ALL: [FallbackOn; 5] =
        [FallbackOn::Connect, FallbackOn::Timeout, FallbackOn::ServerError, FallbackOn::Limit, FallbackOn::NoEndpoint];

    /// Its name in routes.yaml, logs and the store.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            FallbackOn::Connect => "connect",
            FallbackOn::Timeout => "timeout",
            FallbackOn::ServerError => "5xx",
            FallbackOn::Limit => "limit",
            FallbackOn::NoEndpoint => "no_endpoint",
        }
    }
}

/// How often one subject may ask a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct RateLimit {
    /// So many requests, at least 1.
    pub requests: u32,
    /// In this time: whole seconds, at least one.
    pub per: Duration,
    /// The most that may come at once, at least 1.
    pub burst: u32,
    /// Who is counted.
    pub by: Key,
}
