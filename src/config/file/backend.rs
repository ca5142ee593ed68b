//! Backends: named upstream systems.

use super::{Endpoint, Health, Outlier, Retries};
use crate::config::read::{At, Choice, Filled, Text, Time, Word, record};

record! {
    /// A named upstream system with one or more endpoints.
    pub struct Backend("a backend") {
        /// Its addresses, such as `http://10.0.0.5:8080`.
        pub endpoints: At<Filled<Endpoint>>,
        /// How an endpoint is picked; least_requests by default.
        pub balance: Option<At<Word<Balance>>>,
        /// Which Host it is sent: preserve (the client's, the default), endpoint (its own), or a literal.
        pub host: Option<At<Text>>,
        /// How long it may take.
        pub timeouts: Option<At<BackendTimeouts>>,
        /// How its endpoints are checked; absent: they are not.
        pub health: Option<At<Health>>,
        /// When an endpoint is left out for its answers; absent: never.
        pub outlier: Option<At<Outlier>>,
        /// When a request is sent again; absent: never.
        pub retries: Option<At<Retries>>,
        /// How long an endpoint that returns takes to get its full share; 10s with `health` or `outlier`.
        pub slow_start: Option<At<Time>>,
    }
}

/// How an endpoint is picked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Balance {
    /// Of two at random, the one with fewer requests in flight.
    LeastRequests,
    /// One after the other.
    RoundRobin,
}

impl Choice for Balance {
    const WHAT: &'static str = "a way to balance";
    const WORDS: &'static [(&'static str, Balance)] =
        &[("least_requests", Balance::LeastRequests), ("round_robin", Balance::RoundRobin)];
}

record! {
    /// How long a backend may take.
    pub struct BackendTimeouts("the timeouts of a backend") {
        /// To accept a connection; 2s by default.
        pub connect: Option<At<Time>>,
        /// To the first byte of its answer; 30s by default.
        pub first_byte: Option<At<Time>>,
        /// Without a byte within a body, and of an unused connection; 60s by default.
        pub idle: Option<At<Time>>,
    }
}
