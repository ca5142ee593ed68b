//! How often a subject may ask: what was found, and how the client is told.
//!
//! The fields are those of draft-ietf-httpapi-ratelimit-headers-11; Retry-After is RFC 9110 section 10.2.3.

use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue, header};

use crate::names::Key;
use crate::routing::{Decision, RequestView, Subject, client_key};
use crate::snapshot::RateLimit;
use crate::state::{Generation, Granted, Limiter};

const POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
const STATE: HeaderName = HeaderName::from_static("ratelimit");

/// What was found of a request to a route that has a limit.
#[derive(Debug)]
pub(super) struct Allowance {
    limit: RateLimit,
    granted: Granted,
}

impl Allowance {
    /// Counts the request, if its route has a limit.
    pub(super) fn of<'a>(
        limiter: &Limiter,
        generation: &Generation,
        decision: &Decision,
        subject: &mut Subject<'a>,
        seen: &RequestView<'a>,
    ) -> Option<Box<Allowance>> {
        let id = decision.route?;
        let limit = **generation.snapshot.rate_limit(id)?;
        let rules = &generation.snapshot.rules;
        let client = client_key(seen.client);
        let key = match limit.by {
            Key::Tenant => subject.tenant(&rules.subjects, seen),
            Key::User => subject.user(&rules.subjects, seen),
            Key::Client => Some(client.as_str()),
        };
        let granted = limiter.ask(&rules.route(id).name, &limit, key);
        Some(Box::new(Allowance { limit, granted }))
    }

    /// Whether the request may pass.
    pub(super) fn is_granted(&self) -> bool {
        self.granted.passes
    }

    /// Tells the client, beside what the backend says of limits of its own.
    pub(super) fn stamp(&self, headers: &mut HeaderMap) {
        let (limit, granted) = (&self.limit, &self.granted);
        let policy = format!("\"banyan\";q={};w={}", limit.requests, limit.per.as_secs());
        let state = format!("\"banyan\";r={};t={}", granted.left, seconds(granted.full_in));
        for (name, text) in [(POLICY, policy), (STATE, state)] {
            // Digits and these letters are always a value.
            let _ = HeaderValue::try_from(text).map(|value| headers.append(name, value));
        }
        if !granted.passes {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds(granted.next_in).max(1)));
        }
    }
}

/// Whole seconds, rounded up: who waits for so long has waited long enough.
fn seconds(duration: Duration) -> u64 {
    duration.as_secs() + u64::from(duration.subsec_nanos() > 0)
}
