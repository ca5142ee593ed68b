//! Listeners, the admin listener, and how the facade goes down.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Serialize, Serializer};

use super::{Endpoint, List};
use crate::config::read::{
    Address, At, Choice, Count, Filled, FromText, Refusal, Size, Text, Time, Toggle, Word, record,
};

record! {
    /// Where clients connect.
    pub struct Listen("a listener") {
        /// IP address and port.
        pub address: At<Address>,
        /// What `%2F` in a path is: refused with 400 (the default), or an ordinary byte of its segment.
        pub encoded_slashes: Option<At<Word<Slashes>>>,
        /// How long clients may take.
        pub timeouts: Option<At<ClientTimeouts>>,
        /// How much clients may ask for.
        pub limits: Option<At<ClientLimits>>,
        /// Present: clients speak TLS.
        pub tls: Option<At<ListenerTls>>,
    }
}

record! {
    /// What a listener that speaks TLS shows, and what it wants to see.
    pub struct ListenerTls("`tls` of a listener") {
        /// What clients are shown, chosen by the name they ask for; the first where none fits.
        pub certificates: At<Filled<Certificate>>,
        /// A file of certificate authorities: a client must show a certificate that one of them has signed.
        pub client_ca: Option<At<Text>>,
    }
}

record! {
    /// A certificate and its key.
    pub struct Certificate("a certificate") {
        /// A PEM file, relative to this one: the certificate, then those that lead to its authority.
        pub cert: At<Text>,
        /// A PEM file, relative to this one: the private key.
        pub key: At<Text>,
    }
}

record! {
    /// How much clients may ask for.
    pub struct ClientLimits("the limits of a listener") {
        /// Open connections; 65536 by default.
        pub connections: Option<At<Count>>,
        /// Open connections from one address (an IPv6 /64 is one; trusted proxies are not counted); unlimited by default.
        pub per_client: Option<At<Count>>,
        /// Requests on one connection; unlimited by default.
        pub requests: Option<At<Count>>,
        /// Fields of a request's head; 100 by default.
        pub headers: Option<At<Count>>,
        /// Bytes of a request's head; 64KiB by default.
        pub head: Option<At<Size>>,
        /// Bytes of a request's target; 8KiB by default.
        pub target: Option<At<Size>>,
        /// Bytes of a request's body; unlimited by default.
        pub body: Option<At<Size>>,
        /// Bytes per second that a body must move on average while its client is waited for; 240B by default, 0B for none.
        pub min_rate: Option<At<Size>>,
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
        /// Of waiting for the client within a body, in all; bytes that move buy it back. 60s by default.
        pub body: Option<At<Time>>,
        /// Of a TLS handshake; 10s by default.
        pub handshake: Option<At<Time>>,
        /// Without a byte either way of a connection that speaks another protocol, such as WebSocket; 1h by default.
        pub tunnel: Option<At<Time>>,
    }
}

record! {
    /// Where operators connect.
    pub struct Admin("`admin`") {
        /// IP address and port; 127.0.0.1:9900 by default. A change takes a restart.
        pub address: Option<At<Address>>,
        /// Names it answers to besides IP addresses and `localhost`, at any port: `banyan.internal`, `*.svc`.
        pub hosts: Option<At<List<Text>>>,
        /// A file of hashed tokens, relative to this one; `banyan token` makes its lines.
        pub tokens: Option<At<Text>>,
        /// Other instances: acting commands go to all of them.
        pub peers: Option<At<List<PeerUrl>>>,
        /// Present: it speaks TLS.
        pub tls: Option<At<ListenerTls>>,
    }
}

/// The admin listener of another instance, as `http://host:port`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PeerUrl(pub Endpoint);

impl FromText for PeerUrl {
    const WHAT: &'static str = "a URL such as `http://10.0.0.2:9900`";

    fn from_text(text: &str) -> Result<PeerUrl, Refusal> {
        Endpoint::from_text(text).ok().filter(|endpoint| !endpoint.address.tls).map(PeerUrl).ok_or_else(|| {
            let refusal = Refusal::new("bad-peer", format!("`{text}` is no URL of another facade's admin listener"));
            refusal.help("write it as `http://10.0.0.2:9900`, without a path; only http:// is spoken to peers")
        })
    }
}

impl Serialize for PeerUrl {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl JsonSchema for PeerUrl {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "PeerUrl".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "pattern": "^http://[^/@?#]+$|\\$\\{" })
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
