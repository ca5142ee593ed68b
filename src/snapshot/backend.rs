//! Backends as they are configured.

use std::sync::Arc;
use std::time::Duration;

use http::HeaderValue;

use super::BackendTls;

/// A named upstream system. Equal settings under the same name mean that the live backend is kept across a reload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BackendSettings {
    /// Unique among the backends.
    pub name: Arc<str>,
    /// Its addresses; never empty.
    pub endpoints: Vec<EndpointAddress>,
    /// How an endpoint is picked.
    pub balance: Balance,
    /// Which Host it is sent.
    pub host: HostRule,
    /// How long it may take.
    pub timeouts: BackendTimeouts,
    /// Which version of HTTP it is spoken to.
    pub protocol: Protocol,
    /// How it is spoken to over TLS; there exactly where its endpoints say `https`.
    pub tls: Option<Arc<BackendTls>>,
    /// How much of it may be used at a time.
    pub limits: BackendLimits,
    /// How its endpoints are checked; `None`: they are not.
    pub health: Option<HealthSettings>,
    /// When an endpoint is left out for its answers; `None`: never.
    pub outlier: Option<OutlierSettings>,
    /// When a request is sent again; `None`: never.
    pub retries: Option<RetrySettings>,
    /// How long an endpoint that returns takes to get its full share; zero: at once.
    pub slow_start: Duration,
}

impl BackendSettings {
    /// A backend with the defaults of everything else.
    #[must_use]
    pub fn new(name: Arc<str>, endpoints: Vec<EndpointAddress>) -> BackendSettings {
        BackendSettings {
            name,
            endpoints,
            balance: Balance::LeastRequests,
            host: HostRule::Preserve,
            timeouts: BackendTimeouts::default(),
            protocol: Protocol::Auto,
            tls: None,
            limits: BackendLimits::default(),
            health: None,
            outlier: None,
            retries: None,
            slow_start: Duration::ZERO,
        }
    }
}

/// One address of a backend.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct EndpointAddress {
    /// An IP address (IPv6 without brackets) or a DNS name.
    pub host: Arc<str>,
    /// The port.
    pub port: u16,
    /// Whether it is spoken to over TLS.
    pub tls: bool,
    /// What the Host header says when the rule is `endpoint`: host, and port unless it is the
    /// scheme's own; also its label.
    pub authority: Arc<str>,
}

/// How an endpoint is picked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Balance {
    /// Of two at random, the one with fewer requests in flight.
    LeastRequests,
    /// One after the other.
    RoundRobin,
}

/// Which Host a backend is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HostRule {
    /// The client's.
    Preserve,
    /// The endpoint's own.
    Endpoint,
    /// This one.
    Literal(HeaderValue),
}

/// How long a backend may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BackendTimeouts {
    /// To accept a connection.
    pub connect: Duration,
    /// From the request head being sent to the first byte of the answer's head.
    pub first_byte: Duration,
    /// Without a byte within a body, and of an unused connection.
    pub idle: Duration,
}

impl Default for BackendTimeouts {
    fn default() -> BackendTimeouts {
        let seconds = Duration::from_secs;
        BackendTimeouts { connect: seconds(2), first_byte: seconds(30), idle: seconds(60) }
    }
}

/// Which version of HTTP a backend is spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Protocol {
    /// What ALPN agrees on over TLS, HTTP/1.1 without.
    #[default]
    Auto,
    /// HTTP/1.1.
    Http1,
    /// HTTP/2; without TLS with prior knowledge.
    Http2,
}

/// How much of a backend may be used at a time, over all workers: a bulkhead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BackendLimits {
    /// Requests in flight.
    pub requests: usize,
    /// Open connections.
    pub connections: usize,
    /// Requests that wait for a connection.
    pub pending: usize,
}

impl Default for BackendLimits {
    fn default() -> BackendLimits {
        BackendLimits { requests: 10_000, connections: 1_000, pending: 1_000 }
    }
}

/// How endpoints are checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HealthSettings {
    /// The target that is asked for; 2xx and 3xx are healthy.
    pub path: Arc<str>,
    /// How often.
    pub every: Duration,
    /// How long an answer may take.
    pub timeout: Duration,
    /// After so many bad answers in a row an endpoint is out.
    pub unhealthy_after: u32,
    /// After so many good ones it is back.
    pub healthy_after: u32,
}

/// When an endpoint is left out for its answers to real requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OutlierSettings {
    /// After so many failures in a row (no answer, or 5xx).
    pub consecutive_failures: u32,
    /// For so long the first time; longer each time it happens again soon.
    pub eject_for: Duration,
    /// The largest share of the endpoints that may be out for this, in thousandths of a percent.
    pub max_ejected: u32,
}

/// When a request is sent again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RetrySettings {
    /// How often a request is sent at most, the first time included.
    pub attempts: u32,
    /// The largest share of requests that may be sent again, in thousandths of a percent.
    pub budget: u32,
    /// After what.
    pub when: Vec<RetryOn>,
}

/// What a request may be sent again after.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RetryOn {
    /// No connection could be made: nothing was sent.
    Connect,
    /// The connection broke before the answer's head.
    Reset,
    /// An answer with this status: 502, 503 or 504.
    Status(u16),
}
