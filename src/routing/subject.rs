//! Who is asking: the tenant, the user and the client address of a request.

use std::net::IpAddr;
use std::sync::Arc;

use http::{HeaderMap, HeaderName, Method};

use super::PathPattern;

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

/// One place a routing key may come from.
#[derive(Debug, Clone)]
pub enum SubjectSource {
    /// A claim of the verified token; dots reach into objects. Strings and integers yield a value.
    Jwt {
        /// The claim's path, split at dots.
        claim: Vec<Arc<str>>,
    },
    /// One label of the host, such as `{tenant}.shop.example`.
    Host {
        /// The lower-case text before the label.
        prefix: Arc<str>,
        /// The lower-case text after the label.
        suffix: Arc<str>,
    },
    /// One capture of a path pattern.
    Path {
        /// The pattern, matched against the whole path.
        pattern: PathPattern,
        /// Which of its captures is the key.
        capture: usize,
    },
    /// A header's value.
    Header {
        /// The header.
        name: HeaderName,
        /// Whether only a trusted proxy may set it.
        trusted: bool,
    },
    /// A query parameter, exactly as sent (not percent-decoded).
    Query {
        /// The parameter's name.
        name: Arc<str>,
    },
    /// A cookie's value.
    Cookie {
        /// The cookie's name.
        name: Arc<str>,
    },
}

/// Where routing keys come from; the first source that yields a value wins.
#[derive(Debug, Clone, Default)]
pub struct SubjectRules {
    /// The sources of the tenant.
    pub tenant: Vec<SubjectSource>,
    /// The sources of the user.
    pub user: Vec<SubjectSource>,
}

/// Who is asking, as far as it was looked up.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Subject<'a> {
    /// The tenant, if any source yielded one.
    pub tenant: Option<std::borrow::Cow<'a, str>>,
    /// The user, if any source yielded one.
    pub user: Option<std::borrow::Cow<'a, str>>,
}
