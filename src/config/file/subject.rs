//! Who is asking, and whose word counts.

use super::List;
use crate::config::read::{At, Choice, Filled, HeaderKey, Network, Text, Word, record};

record! {
    /// Where routing keys come from.
    pub struct Subject("`subject`") {
        /// Sources of the tenant; the first that yields a value wins.
        pub tenant: Option<At<Filled<SubjectSource>>>,
        /// Sources of the user; the first that yields a value wins.
        pub user: Option<At<Filled<SubjectSource>>>,
        /// How tokens are verified.
        pub jwt: Option<At<Jwt>>,
        /// Peers that may set X-Forwarded-*, Forwarded and headers marked `from: trusted`.
        pub trusted_proxies: Option<At<List<Network>>>,
    }
}

record! {
    /// One place a routing key may come from: exactly one of jwt, host, path, header, query, cookie.
    pub struct SubjectSource("a source of a routing key") {
        /// A claim of the verified token; dots reach into objects.
        pub jwt: Option<At<Text>>,
        /// A host such as `{tenant}.shop.example`.
        pub host: Option<At<Text>>,
        /// A path such as `/t/{tenant}/{*rest}`.
        pub path: Option<At<Text>>,
        /// A header.
        pub header: Option<At<HeaderKey>>,
        /// For a header: only a trusted proxy may set it.
        pub from: Option<At<Word<From>>>,
        /// A query parameter.
        pub query: Option<At<Text>>,
        /// A cookie.
        pub cookie: Option<At<Text>>,
    }
}

/// Who may set a header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum From {
    /// Only a trusted proxy.
    Trusted,
}

impl Choice for From {
    const WHAT: &'static str = "who may set a header";
    const WORDS: &'static [(&'static str, From)] = &[("trusted", From::Trusted)];
}

record! {
    /// How tokens are verified.
    pub struct Jwt("`jwt`") {
        /// A file with a JSON Web Key Set, relative to this one.
        pub keys: At<Text>,
        /// The allowed algorithms, such as RS256.
        pub algorithms: At<Filled<Text>>,
        /// The required `iss`.
        pub issuer: Option<At<Text>>,
        /// The required `aud`.
        pub audience: Option<At<Text>>,
    }
}

record! {
    /// Who may force a side and see the decision. Each that is set must hold; at least one is.
    pub struct Force("`force`") {
        /// The client's computed address is in one of these.
        pub networks: Option<At<Filled<Network>>>,
        /// The request carries this in Banyan-Secret.
        pub secret: Option<At<Text>>,
    }
}
