//! Who is asking: the tenant, the user and the client address of a request.

mod client;
mod source;

#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::net::IpAddr;

use foldhash::fast::RandomState;
use http::Method;

use super::Bucket;
use crate::fields::Fields;
use crate::names::Key;
pub use client::{ClientKey, client_key};
pub use source::{MAX_KEY, SubjectRules, SubjectSource};

/// Keys that a rule names. A request that meets many rules looks into many of these.
pub type KeySet = HashSet<Box<str>, RandomState>;
/// What rules say of each key.
pub type KeyMap<T> = HashMap<Box<str>, T, RandomState>;

/// The claims of a verified token.
pub type Claims = serde_json::Map<String, serde_json::Value>;

/// Everything of a request that a decision may look at.
#[derive(Debug, Clone, Copy)]
pub struct RequestView<'a> {
    /// The method, exactly as sent.
    pub method: &'a Method,
    /// The host: lower case, without port and trailing dot; empty where there is none.
    pub host: &'a str,
    /// The path exactly as it is forwarded (still percent-encoded); `*` for `OPTIONS *`.
    pub path: &'a str,
    /// The query exactly as it is forwarded, without the question mark.
    pub query: Option<&'a str>,
    /// The headers, after those that this sender may not set were removed.
    pub headers: &'a Fields,
    /// The client's address as computed behind trusted proxies.
    pub client: IpAddr,
    /// Whether the peer is a trusted proxy; headers marked `from: trusted` speak only then.
    pub trusted: bool,
    /// The claims of the request's token, where it verified.
    pub claims: Option<&'a Claims>,
}

/// Who is asking, as far as it was looked up.
///
/// A decision fills in what it needs and nothing else: each key is looked up at most once, and `None` also stands for a
/// key that nobody asked for. Ask with [`Subject::tenant`] or [`Subject::user`] to look one up for good.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Subject<'a> {
    /// The tenant, if any source yielded one.
    pub tenant: Option<Cow<'a, str>>,
    /// The user, if any source yielded one.
    pub user: Option<Cow<'a, str>>,
    /// Whether the sources of the tenant were asked.
    asked_tenant: bool,
    /// Whether the sources of the user were asked.
    asked_user: bool,
    /// What nobody knows of this request.
    gaps: Option<Box<Gaps>>,
}

/// What is unknown of a request that is only told of, as by a line of the access log. A decision that asks for it goes on
/// without, and [`Subject::is_untold`] says that it did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Gaps {
    /// The user is unknown, rather than none.
    pub user: bool,
    /// The headers are unknown, rather than none.
    pub headers: bool,
    /// The bucket of an unknown key under a salt.
    pub bucket: Option<(Box<str>, Key, Bucket)>,
    asked: bool,
}

impl<'a> Subject<'a> {
    /// Keys that were given, as by `banyan explain --tenant`. One that is given stands, the other is looked up.
    #[must_use]
    pub fn given(tenant: Option<Cow<'a, str>>, user: Option<Cow<'a, str>>) -> Subject<'a> {
        Subject { asked_tenant: tenant.is_some(), asked_user: user.is_some(), tenant, user, gaps: None }
    }

    /// Keys that were looked up before: where there is none, there is none.
    #[must_use]
    pub fn known(tenant: Option<Cow<'a, str>>, user: Option<Cow<'a, str>>) -> Subject<'a> {
        Subject { tenant, user, asked_tenant: true, asked_user: true, gaps: None }
    }

    /// The same, of a request of which not all is known.
    #[must_use]
    pub fn with_gaps(tenant: Option<Cow<'a, str>>, user: Option<Cow<'a, str>>, gaps: Gaps) -> Subject<'a> {
        Subject { gaps: Some(Box::new(gaps)), ..Subject::known(tenant, user) }
    }

    /// Whether a decision asked for something that is unknown, so that it may be another than it would be in truth.
    #[must_use]
    pub fn is_untold(&self) -> bool {
        self.gaps.as_ref().is_some_and(|gaps| gaps.asked)
    }

    /// The tenant, looked up unless it is known.
    pub fn tenant(&mut self, rules: &SubjectRules, view: &RequestView<'a>) -> Option<&str> {
        if !self.asked_tenant {
            self.tenant = rules.tenant(view);
            self.asked_tenant = true;
        }
        self.tenant.as_deref()
    }

    /// The user, looked up unless it is known.
    pub fn user(&mut self, rules: &SubjectRules, view: &RequestView<'a>) -> Option<&str> {
        if !self.asked_user {
            self.user = rules.user(view);
            self.asked_user = true;
        }
        self.note_gap(|gaps| gaps.user);
        self.user.as_deref()
    }

    /// Notes that a decision looks at a header beside the routes' own conditions.
    pub(super) fn looks_at_headers(&mut self) {
        self.note_gap(|gaps| gaps.headers);
    }

    /// The bucket that is known of a key which is not.
    pub(super) fn known_bucket(&self, salt: &str, by: Key) -> Option<Bucket> {
        let (known, key, bucket) = self.gaps.as_ref()?.bucket.as_ref()?;
        (**known == *salt && *key == by).then_some(*bucket)
    }

    fn note_gap(&mut self, is_gap: impl FnOnce(&Gaps) -> bool) {
        if let Some(gaps) = &mut self.gaps
            && is_gap(gaps)
        {
            gaps.asked = true;
        }
    }

    /// Whether a look-up of the tenant took place, or one was given.
    pub(super) fn knows_tenant(&self) -> bool {
        self.asked_tenant
    }

    /// Whether a look-up of the user took place, or one was given.
    pub(super) fn knows_user(&self) -> bool {
        self.asked_user
    }
}
