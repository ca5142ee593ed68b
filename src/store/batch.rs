//! What shadow threads hand over: counts that are added up already, and a few samples.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use crate::diff::{Difference, Evidence, Kind, SignatureId, Verdict};
use crate::names::Side;

/// The most counts by tenant within one batch and route; what is above is counted under [`OTHER`].
pub const MAX_TENANTS: usize = 400;
/// The most signatures within one batch; what is above is counted under [`OTHER`].
pub const MAX_FOUND: usize = 4_000;
/// The most samples within one batch.
pub const MAX_SAMPLES: usize = 64;
/// Whoever is not told apart.
pub const OTHER: &str = "(other)";

/// What one comparison came to.
#[derive(Debug, Clone)]
pub struct Compared {
    /// When the request came, in milliseconds since 1970.
    pub at_ms: u64,
    /// The route.
    pub route: Arc<str>,
    /// The tenant, if it has one.
    pub tenant: Option<Arc<str>>,
    /// What is held of it.
    pub verdict: Verdict,
    /// Why it is noise or unknown; empty for the others.
    pub why: &'static str,
    /// How long each side took to the end of its answer, by [`Side::index`]; `None` if the shadow did not answer.
    pub took: Option<[Duration; 2]>,
}

/// A signature that was found.
#[derive(Debug, Clone)]
pub struct Found {
    /// Its name.
    pub id: SignatureId,
    /// The route.
    pub route: Arc<str>,
    /// The normalised path.
    pub path: String,
    /// The kind.
    pub kind: Kind,
    /// What was learned; `compared` and `checked` are not used here, they are counted per route.
    pub learned: Evidence,
    /// When it was found first within the batch, and last, in milliseconds since 1970.
    pub seen_ms: (u64, u64),
}

/// One comparison in full: redacted, ready to be kept.
#[derive(Debug, Clone)]
pub struct Sample {
    /// When the request came, in milliseconds since 1970.
    pub at_ms: u64,
    /// The route.
    pub route: Arc<str>,
    /// The tenant, if it has one; redacted as the rules say.
    pub tenant: Option<Arc<str>>,
    /// The request's id, by which the access logs of all systems know it.
    pub request_id: String,
    /// What is held of it.
    pub verdict: Verdict,
    /// Which side answered the client.
    pub answered: Side,
    /// The request.
    pub method: String,
    /// Path and query, as the client sent them.
    pub target: String,
    /// The client's headers.
    pub headers: Vec<(String, String)>,
    /// Its body; `None` if it is kept as a hash only, or there is none.
    pub body: Option<Vec<u8>>,
    /// The answers, by [`Side::index`].
    pub answers: [Told; 2],
    /// What differs, with the signature of each; accepted and noisy ones too.
    pub differences: Vec<(SignatureId, Difference)>,
}

impl Sample {
    /// About how many bytes it takes.
    fn bytes(&self) -> usize {
        let headers = |list: &[(String, String)]| list.iter().map(|(name, value)| name.len() + value.len()).sum();
        let body = |body: &Option<Vec<u8>>| body.as_ref().map_or(0, Vec::len);
        let request: usize = headers(&self.headers);
        let answers: usize = self.answers.iter().map(|told| headers(&told.headers) + body(&told.body)).sum();
        request + body(&self.body) + answers + self.target.len()
    }
}

/// One answer of a sample.
#[derive(Debug, Clone, Default)]
pub struct Told {
    /// Its status.
    pub status: u16,
    /// Its headers.
    pub headers: Vec<(String, String)>,
    /// Its body with content codings off; `None` if it is kept as a hash only.
    pub body: Option<Vec<u8>>,
    /// XXH3-128 of the body as it came, as 32 hexadecimal digits.
    pub hash: String,
    /// How many bytes came.
    pub bytes: u64,
    /// How long it took to its end.
    pub took: Duration,
    /// Which backend and which endpoint.
    pub backend: Arc<str>,
}

/// Counts of one minute, route, tenant, verdict and why.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct VerdictKey {
    /// The minute, counted from 1970.
    pub minute: u64,
    /// The route.
    pub route: Arc<str>,
    /// The tenant; empty if there is none.
    pub tenant: Arc<str>,
    /// The verdict.
    pub verdict: Verdict,
    /// Why it is noise or unknown.
    pub why: &'static str,
}

/// What a latency is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Timed {
    /// One side's time to the end of its answer, in microseconds.
    Side(Side),
    /// New's time over legacy's for the same request, in thousandths.
    Ratio,
}

/// What happened since the last batch.
#[derive(Debug, Default)]
pub struct Batch {
    /// How many comparisons, by minute, route, tenant, verdict and why.
    pub verdicts: HashMap<VerdictKey, u64>,
    /// How many answers were compared with a second answer of the same system, by minute and route.
    pub checks: HashMap<(u64, Arc<str>), u64>,
    /// What was found, by signature and minute.
    pub found: HashMap<(u64, SignatureId), Found>,
    /// Times, by minute, route, what they are of, and bucket ([`bucket`]).
    pub times: HashMap<(u64, Arc<str>, Timed, u8), u64>,
    /// What became of copies ([`crate::telemetry`] has the names), by minute, route and outcome.
    pub outcomes: HashMap<(u64, Arc<str>, &'static str), u64>,
    /// Comparisons in full.
    pub samples: Vec<Sample>,
    /// Counts by tenant, by route.
    tenants: HashMap<Arc<str>, usize>,
}

/// How many buckets make a factor of two.
const PER_OCTAVE: f64 = 4.0;

/// The bucket of a time or ratio: bucket `b` holds what is at most [`bucket_top`]`(b)` and above the one before. Each is 19 %
/// wider than the one before.
#[must_use]
pub fn bucket(value: u64) -> u8 {
    // At most 64 octaves of 4: it fits.
    ((value.max(1) as f64).log2() * PER_OCTAVE).ceil().min(255.0) as u8
}

/// The largest value in a bucket.
#[must_use]
pub fn bucket_top(bucket: u8) -> f64 {
    (f64::from(bucket) / PER_OCTAVE).exp2()
}

impl Timed {
    /// As the store spells it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Timed::Side(side) => side.as_str(),
            Timed::Ratio => "ratio",
        }
    }

    /// Reads it as the store spells it.
    #[must_use]
    pub fn parse(text: &str) -> Option<Timed> {
        if text == Timed::Ratio.as_str() { Some(Timed::Ratio) } else { Side::parse(text).map(Timed::Side) }
    }
}

impl Batch {
    /// Whether nothing happened.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.verdicts.is_empty() && self.checks.is_empty() && self.found.is_empty() && self.outcomes.is_empty()
    }

    /// About how many bytes the samples take.
    #[must_use]
    pub fn sample_bytes(&self) -> usize {
        self.samples.iter().map(Sample::bytes).sum()
    }

    /// Counts a comparison.
    pub fn compared(&mut self, compared: &Compared) {
        let minute = compared.at_ms / 60_000;
        let mut key = VerdictKey {
            minute,
            route: Arc::clone(&compared.route),
            tenant: compared.tenant.clone().unwrap_or_else(|| "".into()),
            verdict: compared.verdict,
            why: compared.why,
        };
        if !key.tenant.is_empty() && !self.verdicts.contains_key(&key) {
            let tenants = self.tenants.entry(Arc::clone(&key.route)).or_default();
            *tenants += 1;
            if *tenants > MAX_TENANTS {
                key.tenant = OTHER.into();
            }
        }
        *self.verdicts.entry(key).or_default() += 1;
        if let Some([legacy, new]) = compared.took {
            let micros = |took: Duration| u64::try_from(took.as_micros()).unwrap_or(u64::MAX).max(1);
            let (legacy, new) = (micros(legacy), micros(new));
            let ratio = new.saturating_mul(1000) / legacy;
            let times = [(Timed::Side(Side::Legacy), legacy), (Timed::Side(Side::New), new), (Timed::Ratio, ratio)];
            for (of, value) in times {
                *self.times.entry((minute, Arc::clone(&compared.route), of, bucket(value))).or_default() += 1;
            }
        }
    }

    /// Notes what was learned of a signature.
    pub fn found(&mut self, at_ms: u64, route: &Arc<str>, difference: &Difference, learned: Evidence) {
        let mut path = difference.path.as_str();
        let mut id = difference.signature(route);
        if self.found.len() >= MAX_FOUND && !self.found.contains_key(&(at_ms / 60_000, id)) {
            path = OTHER;
            id = SignatureId::new(route, path, difference.kind);
        }
        let found = self.found.entry((at_ms / 60_000, id)).or_insert_with(|| Found {
            id,
            route: Arc::clone(route),
            path: path.to_owned(),
            kind: difference.kind,
            learned: Evidence::default(),
            seen_ms: (at_ms, at_ms),
        });
        found.learned.add(&learned);
        found.seen_ms = (found.seen_ms.0.min(at_ms), found.seen_ms.1.max(at_ms));
    }

    /// Whether there is room for another comparison in full.
    #[must_use]
    pub fn takes_samples(&self) -> bool {
        self.samples.len() < MAX_SAMPLES
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_traffic_names_is_bounded() {
        let mut batch = Batch::default();
        let route: Arc<str> = "r".into();
        for number in 0..10_000_u64 {
            batch.compared(&Compared {
                at_ms: 0,
                route: Arc::clone(&route),
                tenant: Some(format!("t-{number}").into()),
                verdict: Verdict::Match,
                why: "",
                took: None,
            });
            let path = format!("$.field-{number}");
            let difference =
                Difference { kind: Kind::Value, place: path.clone(), path, count: 1, one: None, other: None };
            batch.found(0, &route, &difference, Evidence { raw: 1, ..Evidence::default() });
        }
        assert_eq!((batch.verdicts.len(), batch.verdicts.values().sum()), (MAX_TENANTS + 1, 10_000_u64));
        let raw: u64 = batch.found.values().map(|found| found.learned.raw).sum();
        assert_eq!((batch.found.len(), raw), (MAX_FOUND + 1, 10_000));
    }

    proptest! {
        #[test]
        fn bucket_holds_what_is_put_in(value in 1_u64..=u64::from(u32::MAX) * 1000) {
            let bucket = bucket(value);
            prop_assert!(value as f64 <= bucket_top(bucket) * (1.0 + 1e-9));
            if bucket > 0 {
                prop_assert!(value as f64 > bucket_top(bucket - 1) * (1.0 - 1e-9));
            }
        }
    }
}
