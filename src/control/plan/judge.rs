//! One request of the sample, decided by both.

use std::borrow::Cow;
use std::collections::HashSet;
use std::sync::Arc;

use http::HeaderName;

use super::Ruling;
use super::tally::{Judged, Place, Verdict};
use crate::fields::Fields;
use crate::routing::{CohortKind, Decision, NoTrace, Reason, RequestView, Rules, Subject};
use crate::telemetry::Input;

/// Decides by both.
pub(super) struct Judge<'r> {
    live: Ruling<'r>,
    candidate: Ruling<'r>,
    /// The headers that either looks at.
    headers: HashSet<HeaderName>,
}

impl<'r> Judge<'r> {
    pub(super) fn new(live: Ruling<'r>, candidate: Ruling<'r>) -> Judge<'r> {
        let headers = [live, candidate].iter().flat_map(|ruling| headers_of(&ruling.snapshot.rules)).cloned().collect();
        Judge { live, candidate, headers }
    }

    /// `generation` is the number of what is live: where that decided then, it must decide the same now, or what was taken
    /// out as a secret matters.
    pub(super) fn judge<'i>(&self, input: &'i Input, generation: u64) -> Judged<'i> {
        let headers = if self.headers.is_empty() {
            Fields::default()
        } else {
            input.headers(|name| self.headers.contains(name)).into()
        };
        let before = decide(self.live, input, &headers);
        if input.generation == generation && (before.route, before.side) != (input.route, input.side) {
            return Judged::Untold;
        }
        let after = decide(self.candidate, input, &headers);
        Judged::Told(Verdict {
            before: place(self.live, &before),
            after: place(self.candidate, &after),
            is_keyless: matches!(before.reason, Reason::MissingKey(_)),
            tenant: input.tenant.as_deref(),
            user: input.user(),
            weight: input.weight,
        })
    }
}

fn decide(ruling: Ruling<'_>, input: &Input, headers: &Fields) -> Decision {
    let view = RequestView {
        method: &input.method,
        host: &input.host,
        path: &input.path,
        query: input.query.as_deref(),
        headers,
        client: input.client,
        trusted: input.trusted,
        claims: None,
    };
    let mut subject = Subject::known(input.tenant.as_deref().map(Cow::Borrowed), input.user().map(Cow::Borrowed));
    ruling.snapshot.rules.decide(&view, ruling.overrides, None, &mut subject, &mut NoTrace)
}

pub(super) fn place(ruling: Ruling<'_>, decision: &Decision) -> Place {
    let route = decision.route.map(|id| Arc::clone(&ruling.snapshot.rules.route(id).name));
    Place { route, side: decision.side }
}

/// The headers that rules look at, beside those of keys.
pub(super) fn headers_of(rules: &Rules) -> impl Iterator<Item = &HeaderName> {
    let matches = rules.routes.iter().flat_map(|route| &route.matches);
    let conditions = matches.flat_map(|entry| &entry.headers).map(|condition| &condition.name);
    let cohorts = rules.cohorts.iter().filter_map(|cohort| match &cohort.kind {
        CohortKind::Header { condition, .. } => Some(&condition.name),
        _ => None,
    });
    conditions.chain(cohorts)
}
