//! What is done about faults: of a backend's endpoints (health checks, ejection, retries), and of new (fallback).

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Serialize, Serializer};

use crate::config::read::{At, Choice, Count, Filled, FromText, Percentage, Refusal, Text, Time, Word, record};
use crate::snapshot::{FallbackOn, RetryOn};

record! {
    /// How endpoints are checked; one that is out gets no requests while another is in.
    pub struct Health("`health`") {
        /// What is asked for, with GET; 2xx and 3xx are good.
        pub path: At<Text>,
        /// How often, 100ms to 1h; 2s by default.
        pub every: Option<At<Time>>,
        /// How long an answer may take; 1s by default.
        pub timeout: Option<At<Time>>,
        /// After so many bad answers in a row an endpoint is out; 3 by default.
        pub unhealthy_after: Option<At<Count>>,
        /// After so many good ones in a row it is back; 2 by default.
        pub healthy_after: Option<At<Count>>,
    }
}

record! {
    /// When an endpoint is left out for what it answers to real requests.
    pub struct Outlier("`outlier`") {
        /// After so many failures in a row (5xx, or no answer); 5 by default.
        pub consecutive_failures: Option<At<Count>>,
        /// For so long the first time, for longer each time it happens again soon; 10s by default.
        pub eject_for: Option<At<Time>>,
        /// The largest share of the endpoints that may be out for this; 50% by default. Of two or more, one always may.
        pub max_ejected: Option<At<Percentage>>,
    }
}

record! {
    /// When a request is sent again: only if it was never sent, or if sending it twice does no harm.
    pub struct Retries("`retries`") {
        /// How often a request is sent at most, the first time included, 2 to 10; 2 by default.
        pub attempts: Option<At<Count>>,
        /// The largest share of the backend's requests that may be sent again; 20% by default.
        pub budget: Option<At<Percentage>>,
        /// After what: connect, reset, 502, 503, 504; connect and reset by default.
        pub when: Option<At<Filled<After>>>,
    }
}

/// What a request may be sent again after.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct After(pub RetryOn);

/// How each is written.
const AFTER: [(&str, RetryOn); 5] = [
    ("connect", RetryOn::Connect),
    ("reset", RetryOn::Reset),
    ("502", RetryOn::Status(502)),
    ("503", RetryOn::Status(503)),
    ("504", RetryOn::Status(504)),
];

impl FromText for After {
    const WHAT: &'static str = "one of connect, reset, 502, 503, 504";
    const NUMBER: bool = true;

    fn from_text(text: &str) -> Result<After, Refusal> {
        let known = AFTER.iter().find(|(word, _)| *word == text).map(|(_, on)| After(*on));
        known.ok_or_else(|| {
            Refusal::value(format!("`{text}` is nothing to send a request again after"))
                .help("one of connect, reset, 502, 503, 504")
        })
    }
}

impl Serialize for After {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            RetryOn::Connect => serializer.serialize_str("connect"),
            RetryOn::Reset => serializer.serialize_str("reset"),
            RetryOn::Status(status) => serializer.serialize_u16(status),
        }
    }
}

impl JsonSchema for After {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "After".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "anyOf": [
            { "enum": ["connect", "reset", "502", "503", "504", 502, 503, 504] },
            { "type": "string", "pattern": "\\$\\{" }
        ] })
    }
}

record! {
    /// When legacy answers because new failed: only if new cannot have acted.
    pub struct Fallback("`fallback`") {
        /// After what: connect, timeout, 5xx, limit, no_endpoint; all of them by default.
        pub when: Option<At<Filled<Word<FallbackOn>>>>,
    }
}

impl Choice for FallbackOn {
    const WHAT: &'static str = "a failure that legacy can step in for";
    const WORDS: &'static [(&'static str, FallbackOn)] = &[
        (FallbackOn::Connect.as_str(), FallbackOn::Connect),
        (FallbackOn::Timeout.as_str(), FallbackOn::Timeout),
        (FallbackOn::ServerError.as_str(), FallbackOn::ServerError),
        (FallbackOn::Limit.as_str(), FallbackOn::Limit),
        (FallbackOn::NoEndpoint.as_str(), FallbackOn::NoEndpoint),
    ];
}
