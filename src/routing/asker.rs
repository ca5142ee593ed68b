//! The asker of one request: keys, cohorts and flags, each found out when a rule first wants to know it.

use std::sync::Arc;

use super::cohort::Members;
use super::{Bucket, ClientKey, KeySet, Percent, RequestView, Rules, Subject, Trace, TraceStep, bucket_of, client_key};
use crate::fields::Fields;
use crate::names::Key;

/// What one decision finds out about who is asking.
pub(super) struct Asker<'d, 'a, T> {
    pub(super) rules: &'d Rules,
    pub(super) view: &'d RequestView<'a>,
    pub(super) trace: &'d mut T,
    /// The cohorts that were looked at before.
    pub(super) members: Members,
    subject: &'d mut Subject<'a>,
    client: Option<ClientKey>,
}

impl<'d, 'a, T: Trace> Asker<'d, 'a, T> {
    pub(super) fn new(
        rules: &'d Rules,
        view: &'d RequestView<'a>,
        subject: &'d mut Subject<'a>,
        trace: &'d mut T,
    ) -> Self {
        Asker { rules, view, trace, members: Members::default(), subject, client: None }
    }

    /// The key of this kind, if there is one. Not inlined: most decisions ask for several.
    #[inline(never)]
    pub(super) fn key(&mut self, by: Key) -> Option<&str> {
        let (known, value) = match by {
            Key::Tenant => (self.subject.knows_tenant(), self.subject.tenant(&self.rules.subjects, self.view)),
            Key::User => (self.subject.knows_user(), self.subject.user(&self.rules.subjects, self.view)),
            Key::Client => {
                let known = self.client.is_some();
                (known, Some(self.client.get_or_insert_with(|| client_key(self.view.client)).as_str()))
            }
        };
        if !known {
            self.trace.record(|| TraceStep::Key { key: by, value: value.map(str::to_owned) });
        }
        value
    }

    /// The request's headers.
    pub(super) fn headers(&mut self) -> &Fields {
        self.subject.looks_at_headers();
        self.view.headers
    }

    /// Whether the tenant is one of these.
    pub(super) fn has_tenant(&mut self, tenants: &KeySet) -> bool {
        self.key(Key::Tenant).is_some_and(|tenant| tenants.contains(tenant))
    }

    /// The bucket of a key, and whether it is inside the percentage; `None` without that key.
    pub(super) fn bucket(&mut self, salt: &str, by: Key, percent: Percent) -> Option<(Bucket, bool)> {
        let bucket = match self.subject.known_bucket(salt, by) {
            Some(bucket) => bucket,
            None => bucket_of(salt, self.key(by)?),
        };
        self.trace.record(|| TraceStep::Bucket { salt: Arc::from(salt), key: by, bucket, percent });
        Some((bucket, percent.contains(bucket)))
    }
}
