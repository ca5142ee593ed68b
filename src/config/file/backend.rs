//! Backends: named upstream systems.

use super::{BackendTls, Endpoint, Health, Outlier, Retries};
use crate::config::read::{At, Boxed, Choice, Count, Filled, Text, Time, Word, record};

record! {
    /// A named upstream system with one or more endpoints.
    pub struct Backend("a backend") {
        /// Its addresses, such as `http://10.0.0.5:8080` or `https://orders.internal`; all of one scheme.
        pub endpoints: At<Filled<Endpoint>>,
        /// Which version of HTTP it is spoken to: auto (the default: what ALPN agrees on with `https`, else HTTP/1.1), http1 or http2.
        pub protocol: Option<At<Word<Protocol>>>,
        /// How it is spoken to over TLS.
        pub tls: Option<At<Boxed<BackendTls>>>,
        /// How much of it may be used at a time, over all workers.
        pub limits: Option<At<BackendLimits>>,
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

/// Which version of HTTP a backend is spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// What ALPN agrees on over TLS, HTTP/1.1 without.
    Auto,
    /// HTTP/1.1.
    Http1,
    /// HTTP/2; without TLS with prior knowledge.
    Http2,
}

impl Choice for Protocol {
    const WHAT: &'static str = "a protocol";
    const WORDS: &'static [(&'static str, Protocol)] =
        &[("auto", Protocol::Auto), ("http1", Protocol::Http1), ("http2", Protocol::Http2)];
}

record! {
    /// How much of a backend may be used at a time; what is over it is answered with 503.
    pub struct BackendLimits("the limits of a backend") {
        /// Requests in flight; 10000 by default.
        pub requests: Option<At<Count>>,
        /// Open connections; 1000 by default.
        pub connections: Option<At<Count>>,
        /// Requests that wait for a connection, at most for `timeouts.connect`; 1000 by default.
        pub pending: Option<At<Count>>,
    }
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
