//! Shadow traffic: what is copied to the other side, and what that may cost.

use crate::config::read::{
    At, Choice, Count, Filled, HeaderKey, MethodName, Names, Percentage, Size, Text, Time, Word, record,
};

record! {
    /// What of a route's requests is copied to the other side.
    pub struct Shadow("`shadow`") {
        /// Which share of the requests, by a bucket of the request id; 100% by default.
        pub sample: Option<At<Percentage>>,
        /// The methods that are copied; GET, HEAD and OPTIONS by default. Others may act twice. In stage live only safe ones are.
        pub methods: Option<At<Filled<MethodName>>>,
        /// The largest body, of request or answer, that is copied; 256KiB by default.
        pub max_body: Option<At<Size>>,
        /// How long the shadow may take to answer, and how long a copy may wait to be sent; 10s by default.
        pub timeout: Option<At<Time>>,
        /// Headers that the copy has in place of the client's.
        pub set: Option<At<Names<Text>>>,
        /// Headers that the copy lacks.
        pub remove: Option<At<Filled<HeaderKey>>>,
        /// Whether the copy has the client's Authorization and Cookie: keep (the default) or remove.
        pub credentials: Option<At<Word<Credentials>>>,
        /// The comparison; `default` if there is one of that name, else a built-in one. `none`: answers are not compared.
        pub compare: Option<At<Text>>,
    }
}

/// Whether a copy has the client's credentials.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Credentials {
    /// It has.
    Keep,
    /// It has not.
    Remove,
}

impl Choice for Credentials {
    const WHAT: &'static str = "a way with credentials";
    const WORDS: &'static [(&'static str, Credentials)] =
        &[("keep", Credentials::Keep), ("remove", Credentials::Remove)];
}

record! {
    /// What shadow traffic may cost this process. A change takes a restart.
    pub struct Shadowing("`shadowing`") {
        /// Threads that send copies and compare answers; one for each four cores by default, at least one.
        pub threads: Option<At<Count>>,
        /// The most copies that wait or are under way; 4096 by default.
        pub requests: Option<At<Count>>,
        /// The most bytes that they may hold; 64MiB by default.
        pub bytes: Option<At<Size>>,
        /// The most copies under way to one backend; 64 by default.
        pub in_flight: Option<At<Count>>,
    }
}
