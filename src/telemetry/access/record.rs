//! One request as the access log tells it.

use std::fmt;
use std::io::Write;
use std::net::IpAddr;
use std::time::Instant;

use super::clock::Clock;

/// One request as the access log tells it. Strings are escaped as JSON; the query is left out, as it may hold secrets.
pub struct AccessRecord<'a> {
    /// When the request head had arrived; written as `ts` (RFC 3339, UTC).
    pub began: Instant,
    /// The request id.
    pub request_id: &'a str,
    /// The client's computed address.
    pub client: IpAddr,
    /// The method.
    pub method: &'a str,
    /// The host, as routes were matched against.
    pub host: &'a str,
    /// The path, still percent-encoded.
    pub path: &'a str,
    /// The status sent; 0 if the client went away before.
    pub status: u16,
    /// Who answered: `legacy`, `new` or `banyan`.
    pub served_by: &'static str,
    /// The side that was decided on.
    pub side: Option<&'static str>,
    /// The route, if one matched.
    pub route: Option<&'a str>,
    /// Why this side, in words and names that need no escaping.
    pub reason: Option<&'a dyn fmt::Display>,
    /// The subject's bucket, where a percentage was asked.
    pub bucket: Option<u32>,
    /// The tenant, where the decision looked it up.
    pub tenant: Option<&'a str>,
    /// The generation that decided.
    pub generation: u64,
    /// The backend, if one was asked.
    pub backend: Option<&'a str>,
    /// The endpoint, if one was asked.
    pub endpoint: Option<&'a str>,
    /// From request head to the last byte of the answer, in microseconds.
    pub duration_us: u64,
    /// From the request's head to the answer's, in microseconds.
    pub upstream_us: Option<u64>,
    /// Body bytes from the client.
    pub bytes_in: u64,
    /// Body bytes to the client.
    pub bytes_out: u64,
    /// What went wrong, if anything did: a failure's name, or `client_gone`, `answer_broken`.
    pub error: Option<&'static str>,
    /// How often a backend was asked; written where it was more than once.
    pub attempts: u32,
    /// What legacy has stepped in for; written where it has.
    pub fallback: Option<&'static str>,
}

impl AccessRecord<'_> {
    /// Writes the record as one line of JSON.
    ///
    /// By hand, because every request pays for it: the keys are constants, and a text that needs no escaping, as almost all
    /// do not, is copied as it is.
    pub(super) fn write(&self, clock: &mut Clock, out: &mut Vec<u8>) {
        out.extend_from_slice(b"{\"ts\":\"");
        clock.write(self.began, out);
        out.push(b'"');
        text(out, "request_id", Some(self.request_id));
        address(out, self.client);
        text(out, "method", Some(self.method));
        text(out, "host", Some(self.host));
        text(out, "path", Some(self.path));
        number(out, "status", Some(u64::from(self.status)));
        text(out, "served_by", Some(self.served_by));
        text(out, "side", self.side);
        text(out, "route", self.route);
        match self.reason {
            Some(reason) => drop(write!(out, ",\"reason\":\"{reason}\"")),
            None => text(out, "reason", None),
        }
        number(out, "bucket", self.bucket.map(u64::from));
        text(out, "tenant", self.tenant);
        number(out, "generation", Some(self.generation));
        text(out, "backend", self.backend);
        text(out, "endpoint", self.endpoint);
        number(out, "duration_us", Some(self.duration_us));
        number(out, "upstream_us", self.upstream_us);
        number(out, "bytes_in", Some(self.bytes_in));
        number(out, "bytes_out", Some(self.bytes_out));
        text(out, "error", self.error);
        if self.attempts > 1 {
            number(out, "attempts", Some(u64::from(self.attempts)));
        }
        if self.fallback.is_some() {
            text(out, "fallback", self.fallback);
        }
        out.extend_from_slice(b"}\n");
    }
}

/// The client's address; IPv4, the common case, without the machinery of formatting.
fn address(out: &mut Vec<u8>, client: IpAddr) {
    key(out, "client");
    out.push(b'"');
    match client {
        IpAddr::V4(client) => {
            for (place, octet) in client.octets().into_iter().enumerate() {
                if place > 0 {
                    out.push(b'.');
                }
                out.extend_from_slice(itoa::Buffer::new().format(octet).as_bytes());
            }
        }
        // Writing to a vector cannot fail.
        IpAddr::V6(client) => drop(write!(out, "{client}")),
    }
    out.push(b'"');
}

fn key(out: &mut Vec<u8>, name: &str) {
    out.extend_from_slice(b",\"");
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b"\":");
}

fn text(out: &mut Vec<u8>, name: &str, value: Option<&str>) {
    key(out, name);
    let Some(value) = value else { return out.extend_from_slice(b"null") };
    if value.bytes().any(|byte| byte < 0x20 || byte == b'"' || byte == b'\\') {
        // A string always serializes, and writing to a vector cannot fail.
        let _ = serde_json::to_writer(out, value);
        return;
    }
    out.push(b'"');
    out.extend_from_slice(value.as_bytes());
    out.push(b'"');
}

fn number(out: &mut Vec<u8>, name: &str, value: Option<u64>) {
    key(out, name);
    match value {
        Some(value) => out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes()),
        None => out.extend_from_slice(b"null"),
    }
}
