//! A comparison in full, as it is kept: with everything taken out that is secret.

use std::sync::Arc;

use xxhash_rust::xxh3::xxh3_128;

use super::Exchange;
use super::ask::Heard;
use super::exchange::fields_of;
use crate::diff::{Difference, SignatureId, Verdict, redact};
use crate::snapshot::Comparison;
use crate::store::{Sample, Told};

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
    let rules = &comparison.rules;
    // The first line is the request line.
    let fields = exchange.head.iter().position(|&byte| byte == b'\n').map_or(&[][..], |end| &exchange.head[end + 1..]);
    let headers = fields_of(fields);
    let body =
        (!comparison.hashes_only && !exchange.body.is_empty()).then(|| redact::body(&headers, &exchange.body, rules));
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
        body: body.flatten(),
        answers: answers.map(|heard| told(heard, comparison)),
        differences,
    }
}

fn told(heard: &Heard, comparison: &Comparison) -> Told {
    let rules = &comparison.rules;
    let body = (!comparison.hashes_only).then(|| redact::body(&heard.headers, &heard.body, rules));
    Told {
        status: heard.status.as_u16(),
        headers: redact::headers(&heard.headers, rules),
        body: body.flatten(),
        hash: format!("{:032x}", xxh3_128(&heard.body)),
        bytes: heard.body.len() as u64,
        took: heard.took,
        backend: format!("{} {}", heard.backend, heard.endpoint.address.authority).into(),
    }
}
