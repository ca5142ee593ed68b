//! Who is asking: the tenant, the user and the client address of a request.

mod client;
mod source;

#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::net::IpAddr;

use http::{HeaderMap, Method};

pub use client::{ClientKey, client_key};
pub use source::{MAX_KEY, SubjectRules, SubjectSource};

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
    pub headers: &'a HeaderMap,
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
}

impl<'a> Subject<'a> {
    /// Keys that were given, as by `banyan explain --tenant`. One that is given stands, the other is looked up.
    #[must_use]
    pub fn given(tenant: Option<Cow<'a, str>>, user: Option<Cow<'a, str>>) -> Subject<'a> {
        Subject { asked_tenant: tenant.is_some(), asked_user: user.is_some(), tenant, user }
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
        self.user.as_deref()
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
