//! Why the facade answered a request itself, and the one table that turns each cause into HTTP.

use http::StatusCode;

/// Whose doing a failure is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Blame {
    /// The client sent something that cannot be relayed.
    Client,
    /// The backend failed.
    Upstream,
    /// The facade's own configuration or state.
    Facade,
}

/// Why the facade answers a request itself instead of relaying an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Failure {
    /// The request head is not HTTP/1.1 as RFC 9112 has it; the text says what is wrong.
    Malformed(&'static str),
    /// The framing of the body is ambiguous or unknown.
    Framing(&'static str),
    /// A transfer coding other than `chunked`.
    TransferCoding,
    /// The target cannot be matched and forwarded as the same bytes.
    Target(&'static str),
    /// The Host header or the target's authority is missing, repeated or not a host.
    Host(&'static str),
    /// A major version other than 1.
    Version,
    /// The head is over its limit.
    HeadTooLarge,
    /// The target is over its limit.
    TargetTooLong,
    /// The head did not come in time.
    SlowHead,
    /// CONNECT and TRACE are not relayed.
    Method,
    /// An expectation other than `100-continue`.
    Expectation,
    /// The request has passed through this facade too often.
    Loop,
    /// No route takes the request and there is no legacy backend to fall back on.
    NoRoute,
    /// The side that was decided on has no backend.
    NoBackend,
    /// The backend's name has no address.
    Unresolved,
    /// The connection was refused or could not be made.
    Connect,
    /// The connection was not accepted in time.
    ConnectTimeout,
    /// The connection broke before the answer's head; the request may have been acted upon.
    Reset,
    /// The answer is not HTTP.
    BadAnswer,
    /// The answer's head did not come in time.
    FirstByteTimeout,
    /// The route's time ran out before the answer's head came.
    Timeout,
    /// The client's body broke off.
    ClientBody,
    /// The body is over the listener's limit.
    BodyTooLarge,
    /// The body came too slowly.
    SlowBody,
    /// The subject has asked more often than the route allows.
    RateLimited,
    /// The backend has as many requests, connections or waiters as its limits allow.
    Limit,
    /// The TLS handshake with the backend failed; nothing of the request was sent.
    Tls,
    /// The backend said that it has not processed the request: nothing of it was acted upon.
    Refused,
    /// Something broke within the facade while it worked on this request.
    Internal,
}

impl Failure {
    /// The status of the answer.
    #[must_use]
    pub const fn status(self) -> StatusCode {
        match self {
            Failure::Malformed(_)
            | Failure::Framing(_)
            | Failure::Target(_)
            | Failure::Host(_)
            | Failure::ClientBody => StatusCode::BAD_REQUEST,
            Failure::BodyTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Failure::RateLimited => StatusCode::TOO_MANY_REQUESTS,
            Failure::Internal => StatusCode::INTERNAL_SERVER_ERROR,
            Failure::TransferCoding => StatusCode::NOT_IMPLEMENTED,
            Failure::Version => StatusCode::HTTP_VERSION_NOT_SUPPORTED,
            Failure::HeadTooLarge => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            Failure::TargetTooLong => StatusCode::URI_TOO_LONG,
            Failure::SlowHead | Failure::SlowBody => StatusCode::REQUEST_TIMEOUT,
            Failure::Method => StatusCode::METHOD_NOT_ALLOWED,
            Failure::Expectation => StatusCode::EXPECTATION_FAILED,
            Failure::Loop => StatusCode::LOOP_DETECTED,
            Failure::NoRoute | Failure::NoBackend => StatusCode::NOT_FOUND,
            Failure::Unresolved | Failure::Limit => StatusCode::SERVICE_UNAVAILABLE,
            Failure::Connect | Failure::Tls | Failure::Refused | Failure::Reset | Failure::BadAnswer => {
                StatusCode::BAD_GATEWAY
            }
            Failure::ConnectTimeout | Failure::FirstByteTimeout | Failure::Timeout => StatusCode::GATEWAY_TIMEOUT,
        }
    }

    /// Whose doing it is.
    #[must_use]
    pub const fn blame(self) -> Blame {
        match self {
            Failure::Malformed(_)
            | Failure::Framing(_)
            | Failure::TransferCoding
            | Failure::Target(_)
            | Failure::Host(_)
            | Failure::Version
            | Failure::HeadTooLarge
            | Failure::TargetTooLong
            | Failure::SlowHead
            | Failure::Method
            | Failure::Expectation
            | Failure::Loop
            | Failure::ClientBody
            | Failure::BodyTooLarge
            | Failure::SlowBody
            | Failure::RateLimited => Blame::Client,
            Failure::NoRoute | Failure::NoBackend | Failure::Internal => Blame::Facade,
            Failure::Unresolved
            | Failure::Limit
            | Failure::Tls
            | Failure::Refused
            | Failure::Connect
            | Failure::ConnectTimeout
            | Failure::Reset
            | Failure::BadAnswer
            | Failure::FirstByteTimeout
            | Failure::Timeout => Blame::Upstream,
        }
    }

    /// The short name in metrics and logs.
    #[must_use]
    pub const fn reason(self) -> &'static str {
        match self {
            Failure::Malformed(_) => "malformed",
            Failure::Framing(_) => "framing",
            Failure::TransferCoding => "transfer_coding",
            Failure::Target(_) => "target",
            Failure::Host(_) => "host",
            Failure::Version => "version",
            Failure::HeadTooLarge => "head_too_large",
            Failure::TargetTooLong => "target_too_long",
            Failure::SlowHead => "slow_head",
            Failure::Method => "method",
            Failure::Expectation => "expectation",
            Failure::Loop => "loop",
            Failure::NoRoute => "no_route",
            Failure::NoBackend => "no_backend",
            Failure::Unresolved => "unresolved",
            Failure::Connect => "connect",
            Failure::ConnectTimeout => "connect_timeout",
            Failure::Reset => "reset",
            Failure::BadAnswer => "bad_answer",
            Failure::FirstByteTimeout => "first_byte_timeout",
            Failure::Timeout => "timeout",
            Failure::ClientBody => "client_body",
            Failure::BodyTooLarge => "body_too_large",
            Failure::SlowBody => "slow_body",
            Failure::RateLimited => "rate_limited",
            Failure::Limit => "limit",
            Failure::Tls => "tls",
            Failure::Refused => "refused",
            Failure::Internal => "internal",
        }
    }

    /// The reasons a request is refused for, in the order of [`Failure::rejection_index`].
    pub const REJECTIONS: [&'static str; 16] = [
        "malformed",
        "framing",
        "transfer_coding",
        "target",
        "host",
        "version",
        "head_too_large",
        "target_too_long",
        "slow_head",
        "method",
        "expectation",
        "loop",
        "client_body",
        "body_too_large",
        "slow_body",
        "rate_limited",
    ];

    /// Its place in [`Failure::REJECTIONS`], if it is the client's doing.
    #[must_use]
    pub fn rejection_index(self) -> Option<usize> {
        Failure::REJECTIONS.iter().position(|reason| *reason == self.reason())
    }

    /// The reasons a backend fails for, in the order of [`Failure::upstream_index`].
    pub const UPSTREAM: [&'static str; 10] = [
        "unresolved",
        "limit",
        "connect",
        "connect_timeout",
        "tls",
        "refused",
        "reset",
        "bad_answer",
        "first_byte_timeout",
        "timeout",
    ];

    /// Its place in [`Failure::UPSTREAM`], if it is the backend's doing.
    #[must_use]
    pub fn upstream_index(self) -> Option<usize> {
        Failure::UPSTREAM.iter().position(|reason| *reason == self.reason())
    }

    /// A sentence for the client: what went wrong, without any internal name.
    #[must_use]
    pub const fn detail(self) -> &'static str {
        match self {
            Failure::Malformed(what) | Failure::Framing(what) | Failure::Target(what) | Failure::Host(what) => what,
            Failure::TransferCoding => "The only transfer coding understood here is chunked.",
            Failure::Version => "This server speaks HTTP/1.0 and HTTP/1.1.",
            Failure::HeadTooLarge => "The request's header section is too large.",
            Failure::TargetTooLong => "The request target is too long.",
            Failure::SlowHead => "The request's head did not arrive in time.",
            Failure::Method => "This method is not relayed.",
            Failure::Expectation => "The only expectation understood here is 100-continue.",
            Failure::Loop => "The request has come back to a proxy that it passed through before.",
            Failure::NoRoute => "No route takes this request.",
            Failure::NoBackend => "The side that answers this route has no backend.",
            Failure::Unresolved => "The backend's name has no address at present.",
            Failure::Connect => "The backend could not be reached.",
            Failure::ConnectTimeout => "The backend did not accept a connection in time.",
            Failure::Reset => "The backend closed the connection before it answered.",
            Failure::BadAnswer => "The backend's answer was not valid HTTP.",
            Failure::FirstByteTimeout => "The backend did not begin to answer in time.",
            Failure::Timeout => "The backend did not answer within the time this route allows.",
            Failure::ClientBody => "The request's body broke off.",
            Failure::BodyTooLarge => "The request's body is too large.",
            Failure::SlowBody => "The request's body did not arrive in time.",
            Failure::RateLimited => "Too many requests; try again later.",
            Failure::Limit => "The backend has as much work as its limits allow.",
            Failure::Tls => "The backend could not be spoken to securely.",
            Failure::Refused => "The backend refused to process the request.",
            Failure::Internal => "Something went wrong while this request was worked on.",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVERY: [Failure; 29] = [
        Failure::Malformed(""),
        Failure::Framing(""),
        Failure::TransferCoding,
        Failure::Target(""),
        Failure::Host(""),
        Failure::Version,
        Failure::HeadTooLarge,
        Failure::TargetTooLong,
        Failure::SlowHead,
        Failure::Method,
        Failure::Expectation,
        Failure::Loop,
        Failure::NoRoute,
        Failure::NoBackend,
        Failure::Unresolved,
        Failure::Connect,
        Failure::ConnectTimeout,
        Failure::Reset,
        Failure::BadAnswer,
        Failure::FirstByteTimeout,
        Failure::Timeout,
        Failure::ClientBody,
        Failure::BodyTooLarge,
        Failure::SlowBody,
        Failure::RateLimited,
        Failure::Limit,
        Failure::Tls,
        Failure::Refused,
        Failure::Internal,
    ];

    #[test]
    fn each_failure_is_counted_where_its_blame_says() {
        for failure in EVERY {
            assert_eq!(failure.rejection_index().is_some(), failure.blame() == Blame::Client, "{failure:?}");
            assert_eq!(failure.upstream_index().is_some(), failure.blame() == Blame::Upstream, "{failure:?}");
        }
    }
}
