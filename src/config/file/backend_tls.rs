//! TLS towards a backend.

use crate::config::read::{At, Text, record};

record! {
    /// How a backend with `https://` endpoints is spoken to.
    pub struct BackendTls("`tls` of a backend") {
        /// A PEM file of the authorities that its certificates may come from; the machine's by default.
        pub ca: Option<At<Text>>,
        /// The name that its certificates must bear, which it is also asked for; the endpoint's host by default.
        pub server_name: Option<At<Text>>,
        /// A PEM file with the facade's own certificate and its chain, for backends that want one.
        pub client_cert: Option<At<Text>>,
        /// A PEM file with the private key of that certificate. It is read anew at each start, and never kept.
        pub client_key: Option<At<Text>>,
    }
}
