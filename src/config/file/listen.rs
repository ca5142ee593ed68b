//! Listeners, the admin listener, and how the facade goes down.

use crate::config::read::{Address, At, Choice, Time, Toggle, Word, record};

record! {
    /// Where clients connect.
    pub struct Listen("a listener") {
        /// IP address and port.
        pub address: At<Address>,
        /// What `%2F` in a path is: refused with 400 (the default), or an ordinary byte of its segment.
        pub encoded_slashes: Option<At<Word<Slashes>>>,
        /// How long clients may take.
        pub timeouts: Option<At<ClientTimeouts>>,
    }
}

/// What `%2F` in a path is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Slashes {
    /// Refused with 400.
    Refuse,
    /// An ordinary byte of its segment.
    Opaque,
}

impl Choice for Slashes {
    const WHAT: &'static str = "a way with encoded slashes";
    const WORDS: &'static [(&'static str, Slashes)] = &[("refuse", Slashes::Refuse), ("opaque", Slashes::Opaque)];
}

record! {
    /// How long clients may take.
    pub struct ClientTimeouts("the timeouts of a listener") {
        /// To the end of a request's head; 10s by default.
        pub header: Option<At<Time>>,
        /// Between two requests on one connection; 75s by default.
        pub idle: Option<At<Time>>,
        /// Without a byte of a body moving; 60s by default.
        pub body: Option<At<Time>>,
    }
}

record! {
    /// Where operators connect.
    pub struct Admin("`admin`") {
        /// IP address and port; 127.0.0.1:9900 by default.
        pub address: Option<At<Address>>,
    }
}

record! {
    /// How the facade goes down after SIGTERM.
    pub struct Drain("`drain`") {
        /// How long new connections are still taken after readiness went off; 0s by default.
        pub delay: Option<At<Time>>,
        /// How long requests in flight may take after that; 30s by default.
        pub grace: Option<At<Time>>,
    }
}

record! {
    /// What a reload asks back about.
    pub struct Reload("`reload`") {
        /// Whether a reload that looks like a cut file needs `banyan reload --confirm`; true by default.
        pub confirm_removals: Option<At<Toggle>>,
    }
}
