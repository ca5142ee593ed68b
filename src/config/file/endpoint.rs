//! The URL of an endpoint.

use std::borrow::Cow;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Serialize, Serializer};

use crate::config::read::{FromText, Refusal};
use crate::config::yaml::escape;
use crate::snapshot::EndpointAddress;

/// One address of a backend, as `http://host:port` or `https://host:port`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// The URL as it was written.
    pub text: Box<str>,
    /// Where it leads.
    pub address: EndpointAddress,
}

impl FromText for Endpoint {
    const WHAT: &'static str = "a URL such as `http://10.0.0.5:8080`";

    fn from_text(text: &str) -> Result<Endpoint, Refusal> {
        Ok(Endpoint { text: text.into(), address: Endpoint::parse(text)? })
    }
}

impl Serialize for Endpoint {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&escape(&self.text))
    }
}

impl JsonSchema for Endpoint {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Endpoint".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "pattern": "^https?://[^/@?#]+$|\\$\\{" })
    }
}

impl Endpoint {
    /// Reads `http://host:port` or `https://host:port`.
    pub fn parse(text: &str) -> Result<EndpointAddress, Refusal> {
        let bad = |why: &str| Refusal::new("bad-endpoint", format!("`{text}`: {why}"));
        let example = "write it as `http://10.0.0.5:8080`";
        let Some((scheme, rest)) = text.split_once("://") else { return Err(bad("this is no URL").help(example)) };
        let tls = match scheme {
            "http" => false,
            "https" => true,
            _ => return Err(bad("only http:// and https:// are spoken to backends").help(example)),
        };
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        if end < rest.len() {
            let help = format!("did you mean `{scheme}://{}`?", &rest[..end]);
            return Err(bad("an endpoint has no path; paths are rewritten by the route").help(help));
        }
        if rest.contains('@') {
            return Err(bad("an endpoint has no user"));
        }
        let (host, port) = match rest.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            Some((host, "")) => (host, None),
            Some((host, port)) => {
                (host, Some(port.strip_prefix(':').ok_or_else(|| bad("this is no URL").help(example))?))
            }
            None => rest.split_once(':').map_or((rest, None), |(host, port)| (host, Some(port))),
        };
        let own_port = if tls { 443 } else { 80 };
        let port = match port.map(|port| (port, port.parse::<u16>())) {
            None => own_port,
            Some((digits, Ok(port))) if port > 0 && digits.bytes().all(|b| b.is_ascii_digit()) => port,
            Some(_) => return Err(bad("the port is a number from 1 to 65535")),
        };
        let bracketed = rest.starts_with('[');
        let host = if bracketed {
            host.parse::<Ipv6Addr>().map_err(|_| bad("between the brackets stands no IPv6 address"))?.to_string()
        } else {
            host_name(host).ok_or_else(|| bad("this is no IP address and no DNS name").help(example))?
        };
        let shown = if bracketed { format!("[{host}]") } else { host.clone() };
        let authority = if port == own_port { shown } else { format!("{shown}:{port}") };
        Ok(EndpointAddress { host: Arc::from(host), port, tls, authority: Arc::from(authority) })
    }
}

/// An IPv4 address or a DNS name, in lower case. Container networks have names with underscores.
fn host_name(text: &str) -> Option<String> {
    let name = text.strip_suffix('.').unwrap_or(text).to_ascii_lowercase();
    let label = |label: &str| {
        let edge = |b: Option<u8>| b.is_some_and(|b| b.is_ascii_alphanumeric() || b == b'_');
        label.len() <= 63
            && edge(label.bytes().next())
            && edge(label.bytes().next_back())
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
    };
    if name.len() > 253 || !name.split('.').all(label) {
        return None;
    }
    // What looks like an address must be one: `10.0.0.256` is no name.
    let numeric = name.rsplit('.').next().is_some_and(|last| last.bytes().all(|b| b.is_ascii_digit()));
    (!numeric || name.parse::<Ipv4Addr>().is_ok()).then_some(name)
}
