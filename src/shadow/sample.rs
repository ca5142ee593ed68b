//! A comparison in full, as it is kept: with everything taken out that is secret.

use std::sync::Arc;
use std::time::{Duration, Instant};

use http::HeaderMap;
use http::header::CONTENT_TYPE;
use xxhash_rust::xxh3::xxh3_128;

use super::Exchange;
use super::ask::Heard;
use crate::diff::decode::decode;
use crate::diff::{Budget, Difference, Limits, SignatureId, Verdict, redact};
use crate::snapshot::Comparison;
use crate::store::{Sample, Told};
use crate::wire::lines::map_of;

/// How long taking the secrets out of one body may take.
const PATIENCE: Duration = Duration::from_millis(100);

/// What is kept of this comparison; `answers` are legacy's and new's.
pub(super) fn of(
    exchange: &Exchange,
    comparison: &Comparison,
    at_ms: u64,
    verdict: Verdict,
    answers: [&Heard; 2],
    mut differences: Vec<(SignatureId, Difference)>,
) -> Sample {
    if comparison.hashes_only {
        for (_, difference) in &mut differences {
            (difference.one, difference.other) = (None, None);
        }
    }
    let rules = comparison.rules.rules();
    // The first line is the request line.
    let fields = exchange.head.iter().position(|&byte| byte == b'\n').map_or(&[][..], |end| &exchange.head[end + 1..]);
    let headers = map_of(fields);
    Sample {
        at_ms,
        route: Arc::clone(&exchange.rules().name),
        tenant: exchange.tenant.as_deref().map(Arc::from),
        request_id: exchange.request_id.to_string(),
        verdict,
        answered: exchange.decision.side,
        method: exchange.method.to_string(),
        target: redact::target(&exchange.target, rules),
        headers: redact::headers(&headers, rules),
        body: if exchange.body.is_empty() { None } else { body(&headers, &exchange.body, comparison) },
        answers: answers.map(|heard| told(heard, comparison)),
        differences,
    }
}

fn told(heard: &Heard, comparison: &Comparison) -> Told {
    Told {
        status: heard.status.as_u16(),
        headers: redact::headers(&heard.headers, comparison.rules.rules()),
        body: body(&heard.headers, &heard.body, comparison),
        hash: format!("{:032x}", xxh3_128(&heard.body)),
        bytes: heard.body.len() as u64,
        took: heard.took,
        backend: format!("{} {}", heard.backend, heard.endpoint.address.authority).into(),
    }
}

/// A body with its content codings off and its secrets taken out; `None` if it must not, or cannot, be kept.
fn body(headers: &HeaderMap, body: &[u8], comparison: &Comparison) -> Option<Vec<u8>> {
    if comparison.hashes_only {
        return None;
    }
    let end = Instant::now() + PATIENCE;
    let mut out_of_time = || Instant::now() > end;
    let mut budget = Budget::new(Limits::default(), &mut out_of_time);
    let decoded = decode(headers, body, &mut budget).ok()?;
    let content_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    redact::body(content_type, &decoded, &comparison.rules, &mut budget)
}
