//! Headers that stop here, headers that only trusted peers may set, and headers that a proxy adds.
//!
//! Sources: RFC 9110 section 7.6.1 (Connection), RFC 7239 (Forwarded), CVE-2022-31813 and CVE-2024-45410 (a client that
//! nominates a proxy's own headers in Connection), CVE-2024-24790 class (underscores read as dashes by CGI-like backends).

mod forwarding;

use http::header::{
    AUTHORIZATION, CONNECTION, CONTENT_LENGTH, COOKIE, DATE, EXPECT, HOST, TE, TRANSFER_ENCODING, UPGRADE, VIA,
};
use http::{HeaderMap, HeaderName, HeaderValue};

use super::ids::{self, RequestId};
use super::lines::Lines;
use crate::errors::Failure;
use crate::fields::Fields;
use crate::names::Side;

pub use forwarding::{Forwarding, Hop, write_request_fields, write_switch, write_takes_trailers};

/// The addresses a request came through, nearest last.
pub const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
/// The scheme the client used.
pub const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
/// The Host the client sent.
pub const X_FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
/// Names one request in every log it passes.
pub const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// W3C trace context.
pub const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
/// Who answered: `legacy`, `new` or `banyan`.
pub const X_SERVED_BY: HeaderName = HeaderName::from_static("x-served-by");
/// The decision, for those who may see it.
pub const BANYAN_DECISION: HeaderName = HeaderName::from_static("banyan-decision");
const BANYAN_FORCE: HeaderName = HeaderName::from_static("banyan-force");
const BANYAN_SECRET: HeaderName = HeaderName::from_static("banyan-secret");
const BANYAN_EXPLAIN: HeaderName = HeaderName::from_static("banyan-explain");
const TRACESTATE: HeaderName = HeaderName::from_static("tracestate");
const CLOSE: HeaderName = HeaderName::from_static("close");
const KEEP_ALIVE: HeaderName = HeaderName::from_static("keep-alive");
const PROXY_CONNECTION: HeaderName = HeaderName::from_static("proxy-connection");
const PROXY_AUTHENTICATE: HeaderName = HeaderName::from_static("proxy-authenticate");
const PROXY_AUTHORIZATION: HeaderName = HeaderName::from_static("proxy-authorization");
const HTTP2_SETTINGS: HeaderName = HeaderName::from_static("http2-settings");

/// The value of [`X_SERVED_BY`] on an answer that the facade made itself.
pub const SERVED_BY_FACADE: HeaderValue = HeaderValue::from_static("banyan");
const SERVED_BY: [HeaderValue; 2] = [HeaderValue::from_static("legacy"), HeaderValue::from_static("new")];
const TRAILERS: HeaderValue = HeaderValue::from_static("trailers");
/// How many facades a request may pass before it counts as going round in circles.
const MAX_VISITS: usize = 4;

// What a pass over the names found; each bit is one kind of header.
const HOP: u8 = 1;
const NOMINATES: u8 = 2;
const FROM_PROXY: u8 = 4;
const OURS: u8 = 8;
const UNDERSCORE: u8 = 16;
const VISITED: u8 = 32;
const EXPECTS: u8 = 64;
/// Hop-by-hop, but not Connection, which almost every answer has.
const RARE: u8 = 128;

/// What a sender asked of the facade itself; those headers go no further.
#[derive(Debug, Default, Clone)]
pub struct Asked {
    /// `Banyan-Force`: the side it wants.
    pub force: Option<HeaderValue>,
    /// `Banyan-Secret`: why it may.
    pub secret: Option<HeaderValue>,
    /// `Banyan-Explain: 1`: wants to see the decision.
    pub explain: bool,
    /// `Upgrade`: wants to speak another protocol, which has no end.
    pub upgrade: bool,
    /// The protocol it wants to switch to, where that may be passed on: one, named by Connection too, and not HTTP/2, by which
    /// requests could pass unseen.
    pub switch: Option<HeaderValue>,
}

/// Takes away what stops at the facade: hop-by-hop headers and those that Connection names, what only trusted peers may
/// set, and what is addressed to the facade itself. `guarded` are further headers that only trusted peers may set. That the
/// sender takes trailers stays: it is for [`write_takes_trailers`].
///
/// # Errors
/// [`Failure::Loop`] for a request that goes round in circles, [`Failure::Expectation`] for an unknown one.
pub fn strip_request(fields: &mut Fields, trusted: bool, guarded: &[HeaderName]) -> Result<Asked, Failure> {
    let found = fields.names().fold(0, |found, name| found | kind_of(name));
    let mut asked = Asked::default();
    let upgrade = found & RARE != 0 && fields.contains(&UPGRADE);
    let switch = if upgrade { wanted_switch(fields) } else { None };
    if found & EXPECTS != 0 {
        check_expectation(fields)?;
        fields.remove(&EXPECT);
    }
    if found & VISITED != 0 && visits(fields) >= MAX_VISITS {
        return Err(Failure::Loop);
    }
    let trailers = found & RARE != 0 && takes_trailers(fields);
    if found & NOMINATES != 0 {
        let mut names = Vec::new();
        fields.get_all(&CONNECTION).for_each(|value| nominated(value, &mut names));
        // Some that a sender may not take away are known by this configuration alone.
        names.retain(|name| !(guarded.contains(name) || (trailers && *name == TE)));
        names.iter().for_each(|name| fields.remove(name));
    }
    if found & HOP != 0 {
        fields.retain(|name| kind_of(name) & HOP == 0 || (trailers && name == TE.as_str().as_bytes()));
    }
    if found & OURS != 0 {
        asked = take_asked(fields);
    }
    if !trusted {
        if found & FROM_PROXY != 0 {
            fields.retain(|name| kind_of(name) & FROM_PROXY == 0);
        }
        guarded.iter().for_each(|name| fields.remove(name));
    }
    if found & UNDERSCORE != 0 {
        fields.retain(|name| !stands_for_guarded(name, guarded));
    }
    (asked.upgrade, asked.switch) = (upgrade, switch);
    Ok(asked)
}

/// Takes away what stops at the facade on the way back: hop-by-hop headers, those that Connection names, and any
/// `X-Served-By` or `Banyan-…` of the backend's.
pub fn strip_response(headers: &mut HeaderMap) {
    let found = headers.keys().fold(0, |found, name| found | kind(name));
    if found & NOMINATES != 0 {
        remove_nominated(headers);
    }
    if found & HOP != 0 {
        remove_hop_by_hop(headers, found);
    }
    if found & OURS != 0 {
        remove_matching(headers, |name| kind(name) & OURS != 0);
    }
}

/// Whether a field of an answer, by its name in lower case, stops at the facade whatever Connection says; as [`strip_response`] has it.
#[must_use]
pub fn stops_on_the_way_back(name: &[u8]) -> bool {
    kind_of(name) & (HOP | OURS) != 0
}

/// Takes out of a trailer section what must not arrive as if it were a header: framing, routing and everything that
/// this facade guards. Source: RFC 9110 section 6.5.1.
pub fn strip_trailers(trailers: &mut HeaderMap, guarded: &[HeaderName]) {
    remove_matching(trailers, |name| {
        kind(name) != 0
            || is_protected(name)
            || guarded.contains(name)
            || stands_for_guarded(name.as_str().as_bytes(), guarded)
    });
}

/// The request's id: a trusted peer's, when it is well-formed, else a new one. [`strip_request`] has removed everybody
/// else's.
#[must_use]
pub fn request_id(fields: &Fields) -> RequestId {
    fields.shared(&X_REQUEST_ID).filter(ids::is_request_id).map_or_else(RequestId::new, RequestId::Given)
}

/// The scheme that a trusted peer says the client used.
#[must_use]
pub fn told_scheme(fields: &Fields) -> Option<&'static str> {
    match fields.get(&X_FORWARDED_PROTO)? {
        b"https" => Some("https"),
        b"http" => Some("http"),
        _ => None,
    }
}

/// Dates an answer whose backend did not (RFC 9110 section 6.6.1).
pub fn add_date(headers: &mut HeaderMap) {
    if !headers.contains_key(DATE) {
        headers.insert(DATE, HeaderValue::from_str(&now()).unwrap_or_else(|_| HeaderValue::from_static("")));
    }
}

fn now() -> String {
    httpdate::fmt_http_date(std::time::SystemTime::now())
}

/// [`stamp`] and [`add_date`] for an answer whose fields are lines.
pub fn stamp_lines(lines: &mut Lines, side: Side) {
    lines.push(X_SERVED_BY.as_str().as_bytes(), side.as_str().as_bytes());
    if !lines.is_dated() {
        lines.push(DATE.as_str().as_bytes(), now().as_bytes());
    }
}

/// Says on an answer who served it.
pub fn stamp(headers: &mut HeaderMap, side: Side) {
    headers.insert(X_SERVED_BY, SERVED_BY[side.index()].clone());
}

/// What a header is to a proxy; 0 for the great majority that just passes.
fn kind(name: &HeaderName) -> u8 {
    kind_of(name.as_str().as_bytes())
}

/// The same of a name as text, in lower case.
fn kind_of(name: &[u8]) -> u8 {
    match name {
        b"connection" => HOP | NOMINATES,
        // No header has the name `close`, which would be what Connection says of every last request.
        b"close"
        | b"keep-alive"
        | b"proxy-connection"
        | b"te"
        | b"upgrade"
        | b"http2-settings"
        | b"transfer-encoding"
        | b"proxy-authenticate"
        | b"proxy-authorization" => HOP | RARE,
        b"expect" => EXPECTS,
        b"via" => VISITED,
        b"forwarded" | b"x-real-ip" | b"x-request-id" | b"traceparent" | b"tracestate" => FROM_PROXY,
        b"x-served-by" => OURS,
        // An underscore in it reads like a dash to some backends, and that may be another name than the proxy guards.
        other if other.starts_with(b"x-forwarded-") && other.contains(&b'_') => FROM_PROXY | UNDERSCORE,
        other if other.starts_with(b"x-forwarded-") => FROM_PROXY,
        other if other.starts_with(b"banyan-") => OURS,
        other if other.contains(&b'_') => UNDERSCORE,
        _ => 0,
    }
}

/// Headers that a Connection header cannot take away: without them the request would mean something else.
fn is_protected(name: &HeaderName) -> bool {
    *name == HOST
        || *name == CONTENT_LENGTH
        || *name == TRANSFER_ENCODING
        || *name == AUTHORIZATION
        || *name == COOKIE
        || kind(name) & FROM_PROXY != 0
}

/// Whether the sender takes trailers, for itself and all behind it (RFC 9110 section 6.5.1).
#[must_use]
pub fn takes_trailers(fields: &Fields) -> bool {
    let values = fields.get_all(&TE).flat_map(|value| value.split(|&byte| byte == b','));
    values.map(<[u8]>::trim_ascii).any(|coding| coding.eq_ignore_ascii_case(b"trailers"))
}

fn remove_nominated(headers: &mut HeaderMap) {
    let mut names = Vec::new();
    headers.get_all(CONNECTION).iter().for_each(|value| nominated(value.as_bytes(), &mut names));
    for name in names {
        headers.remove(name);
    }
}

/// Adds the headers that a Connection header names and may take away (RFC 9110 section 7.6.1).
pub fn nominated(connection: &[u8], names: &mut Vec<HeaderName>) {
    for token in connection.split(|&byte| byte == b',').map(<[u8]>::trim_ascii) {
        // Nearly always one of these, which say nothing of a header that would not stop here anyway.
        if token.eq_ignore_ascii_case(b"keep-alive") || token.eq_ignore_ascii_case(b"close") {
            continue;
        }
        if let Ok(name) = HeaderName::from_bytes(token)
            && !is_protected(&name)
        {
            names.push(name);
        }
    }
}

fn remove_hop_by_hop(headers: &mut HeaderMap, found: u8) {
    headers.remove(CONNECTION);
    if found & RARE != 0 {
        for name in [TE, UPGRADE, TRANSFER_ENCODING] {
            headers.remove(name);
        }
        for name in [CLOSE, KEEP_ALIVE, PROXY_CONNECTION, PROXY_AUTHENTICATE, PROXY_AUTHORIZATION, HTTP2_SETTINGS] {
            headers.remove(name);
        }
    }
}

fn remove_matching(headers: &mut HeaderMap, mut unwanted: impl FnMut(&HeaderName) -> bool) {
    let names: Vec<HeaderName> = headers.keys().filter(|name| unwanted(name)).cloned().collect();
    for name in names {
        headers.remove(name);
    }
}

/// Whether a name with underscores reads like a header that somebody relies on once a backend turns them into dashes.
fn stands_for_guarded(name: &[u8], guarded: &[HeaderName]) -> bool {
    if !name.contains(&b'_') {
        return false;
    }
    let dashed: Vec<u8> = name.iter().map(|&byte| if byte == b'_' { b'-' } else { byte }).collect();
    HeaderName::from_bytes(&dashed)
        .is_ok_and(|dashed| kind(&dashed) & !UNDERSCORE != 0 || is_protected(&dashed) || guarded.contains(&dashed))
}

fn take_asked(fields: &mut Fields) -> Asked {
    let single = |name: &HeaderName| fields.only(name).and_then(|_| fields.shared(name));
    let asked = Asked {
        force: single(&BANYAN_FORCE),
        secret: single(&BANYAN_SECRET),
        explain: fields.only(&BANYAN_EXPLAIN) == Some(b"1"),
        upgrade: false,
        switch: None,
    };
    fields.retain(|name| kind_of(name) & OURS == 0);
    asked
}

fn check_expectation(fields: &Fields) -> Result<(), Failure> {
    let known = fields.only(&EXPECT).is_some_and(|value| value.eq_ignore_ascii_case(b"100-continue"));
    if known { Ok(()) } else { Err(Failure::Expectation) }
}

/// The one protocol that Upgrade and Connection agree on (RFC 9110 section 7.8).
fn wanted_switch(fields: &Fields) -> Option<HeaderValue> {
    let tokens = |value: &[u8]| -> Vec<Vec<u8>> {
        value.split(|&byte| byte == b',').map(|token| token.trim_ascii().to_ascii_lowercase()).collect()
    };
    let nominated = fields.get_all(&CONNECTION).flat_map(tokens).any(|token| token == b"upgrade");
    let only = fields.only(&UPGRADE)?;
    let [protocol] = tokens(only).try_into().ok()?;
    let is_http = protocol.starts_with(b"h2") || protocol.starts_with(b"http");
    if nominated && !protocol.is_empty() && !is_http { fields.shared(&UPGRADE) } else { None }
}

/// Says on a 101 what the connection speaks from here on. `false` where the backend means another protocol than was asked for.
#[must_use]
pub fn confirm_switch(answered: Option<&HeaderValue>, asked: &HeaderValue, headers: &mut HeaderMap) -> bool {
    let same = answered
        .is_some_and(|answered| answered.as_bytes().trim_ascii().eq_ignore_ascii_case(asked.as_bytes().trim_ascii()));
    headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
    headers.insert(UPGRADE, asked.clone());
    same
}

fn visits(fields: &Fields) -> usize {
    let entries = fields.get_all(&VIA).flat_map(|value| value.split(|&byte| byte == b','));
    entries.filter(|entry| entry.trim_ascii().ends_with(b" banyan")).count()
}

#[cfg(test)]
mod tests;
