//! One request as the access log tells it.

use std::io::Write;
use std::net::IpAddr;
use std::time::Instant;

use super::clock::Clock;

/// About how long a line is without what a client can make long, in bytes.
const LINE: usize = 768;

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
    /// Why this side: a word, and the name that it is about, if any.
    pub reason: Option<[&'a str; 2]>,
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
        out.reserve(LINE + self.host.len() + self.path.len());
        out.extend_from_slice(b"{\"ts\":\"");
        clock.write(self.began, out);
        text(out, "\",\"request_id\":", Some(self.request_id));
        address(out, self.client);
        text(out, ",\"method\":", Some(self.method));
        text(out, ",\"host\":", Some(self.host));
        text(out, ",\"path\":", Some(self.path));
        number(out, ",\"status\":", Some(u64::from(self.status)));
        word(out, ",\"served_by\":", Some(self.served_by));
        word(out, ",\"side\":", self.side);
        word(out, ",\"route\":", self.route);
        reason(out, self.reason);
        number(out, ",\"bucket\":", self.bucket.map(u64::from));
        text(out, ",\"tenant\":", self.tenant);
        number(out, ",\"generation\":", Some(self.generation));
        word(out, ",\"backend\":", self.backend);
        word(out, ",\"endpoint\":", self.endpoint);
        number(out, ",\"duration_us\":", Some(self.duration_us));
        number(out, ",\"upstream_us\":", self.upstream_us);
        number(out, ",\"bytes_in\":", Some(self.bytes_in));
        number(out, ",\"bytes_out\":", Some(self.bytes_out));
        word(out, ",\"error\":", self.error);
        if self.attempts > 1 {
            number(out, ",\"attempts\":", Some(u64::from(self.attempts)));
        }
        if self.fallback.is_some() {
            word(out, ",\"fallback\":", self.fallback);
        }
        out.extend_from_slice(b"}\n");
    }
}

/// The client's address; IPv4, the common case, without the machinery of formatting.
fn address(out: &mut Vec<u8>, client: IpAddr) {
    out.extend_from_slice(b",\"client\":\"");
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

/// As [`word`], of a word of ours and a name.
fn reason(out: &mut Vec<u8>, reason: Option<[&str; 2]>) {
    let Some([word, name]) = reason else { return out.extend_from_slice(b",\"reason\":null") };
    out.extend_from_slice(b",\"reason\":\"");
    out.extend_from_slice(word.as_bytes());
    out.extend_from_slice(name.as_bytes());
    out.push(b'"');
}

/// A key, with all that stands before its value, and a word of ours or a name of a configuration, which lets none need escaping.
///
/// Not inlined, as its sisters below: a line is some twenty of these, and between two requests the processor's cache has forgotten
/// them all. What is there once is fetched once.
#[inline(never)]
fn word(out: &mut Vec<u8>, key: &str, value: Option<&str>) {
    out.extend_from_slice(key.as_bytes());
    let Some(value) = value else { return out.extend_from_slice(b"null") };
    out.push(b'"');
    out.extend_from_slice(value.as_bytes());
    out.push(b'"');
}

/// The same with any text.
#[inline(never)]
fn text(out: &mut Vec<u8>, key: &str, value: Option<&str>) {
    let Some(odd) = value.filter(|value| !is_plain(value)) else { return word(out, key, value) };
    out.extend_from_slice(key.as_bytes());
    // A string always serializes, and writing to a vector cannot fail.
    let _ = serde_json::to_writer(out, odd);
}

/// The same with a number.
#[inline(never)]
fn number(out: &mut Vec<u8>, key: &str, value: Option<u64>) {
    out.extend_from_slice(key.as_bytes());
    match value {
        Some(value) => out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes()),
        None => out.extend_from_slice(b"null"),
    }
}

/// Whether JSON has it as it is (RFC 8259 section 7). Eight bytes at once: subtracting borrows from the top bit of each byte that is
/// below the bound (Hacker's Delight, section 6-1); a byte of a character beyond ASCII has that bit set itself and is left out.
fn is_plain(text: &str) -> bool {
    const ONES: u64 = u64::from_ne_bytes([1; 8]);
    const TOPS: u64 = ONES << 7;
    let odd = |word: u64| {
        let below = |word: u64, bound: u64| word.wrapping_sub(ONES * bound) & !word & TOPS;
        let is = |byte: u8| below(word ^ (ONES * u64::from(byte)), 1);
        below(word, 0x20) | is(b'"') | is(b'\\')
    };
    let (words, rest) = text.as_bytes().as_chunks::<8>();
    let mut last = [b' '; 8];
    last[..rest.len()].copy_from_slice(rest);
    words.iter().chain([&last]).fold(0, |found, word| found | odd(u64::from_ne_bytes(*word))) == 0
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn plain_is_what_json_has_as_it_is(value in "[ -~é\\PC\\x00-\\x1f]{0,20}|[a-z\"\\\\]{0,20}") {
            prop_assert_eq!(is_plain(&value), serde_json::to_string(&value).unwrap().len() == value.len() + 2, "{:?}", value);
        }
    }
}
