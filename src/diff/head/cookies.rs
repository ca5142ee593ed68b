//! The cookies that two answers set.
//!
//! Each cookie is a place of its own: `cookie:sid` is its value, `cookie:sid;max-age` one of its attributes. Which
//! cookie comes first says nothing, nor do the order and case of attributes (RFC 6265 §5.2). A name that is made anew
//! for every visitor becomes `cookie:*`.

use http::HeaderMap;
use http::header::SET_COOKIE;

use super::difference;
use crate::diff::excerpt::shown;
use crate::diff::redact::{REDACTED, mask};
use crate::diff::{Difference, Kind, Rules, Selector};

/// The longest name that is shown as it is, in bytes.
const MAX_NAME: usize = 64;
/// So many hexadecimal digits in a row are an identifier, not a name.
const IDENTIFIER: usize = 16;

struct Cookie {
    name: Vec<u8>,
    value: Vec<u8>,
    /// Names, lower-case, and values; sorted. Of a repeated one the last counts.
    attributes: Vec<(Vec<u8>, Vec<u8>)>,
}

/// What differs in the cookies that are set, those left out that the rules ignore.
pub(super) fn compare(one: &HeaderMap, other: &HeaderMap, rules: &Rules) -> Vec<Difference> {
    let (one, mut other) = (cookies(one, rules), cookies(other, rules));
    let mut found = Vec::new();
    for cookie in &one {
        // Cookies of one name (for several paths) are paired in their order.
        match other.iter().position(|candidate| candidate.name == cookie.name) {
            Some(at) => pair(cookie, &other.remove(at), rules, &mut found),
            None => add(&mut found, Kind::Missing, path(cookie), Some(REDACTED.to_owned()), None),
        }
    }
    for cookie in &other {
        add(&mut found, Kind::Extra, path(cookie), None, Some(REDACTED.to_owned()));
    }
    found
}

fn cookies(headers: &HeaderMap, rules: &Rules) -> Vec<Cookie> {
    let ignored = |cookie: &Cookie| {
        rules.ignore.iter().any(|rule| matches!(rule, Selector::Cookie(name) if name.as_bytes() == cookie.name))
    };
    headers.get_all(SET_COOKIE).iter().map(|line| parse(line.as_bytes())).filter(|cookie| !ignored(cookie)).collect()
}

/// Reads a line as RFC 6265 §5.2 does, attribute values normalised where the RFC says that spellings are the same.
fn parse(line: &[u8]) -> Cookie {
    let mut parts = line.split(|byte| *byte == b';').map(<[u8]>::trim_ascii);
    let first = parts.next().unwrap_or_default();
    // Without an equals sign all of it is the value, of a cookie without a name.
    let (name, value) = split(first).unwrap_or((b"", first));
    let mut attributes: Vec<(Vec<u8>, Vec<u8>)> = Vec::new();
    for part in parts.filter(|part| !part.is_empty()) {
        let (name, value) = split(part).unwrap_or((part, b""));
        let name = name.to_ascii_lowercase();
        let value = match name.as_slice() {
            b"domain" => value.strip_prefix(b".").unwrap_or(value).to_ascii_lowercase(),
            b"samesite" | b"priority" => value.to_ascii_lowercase(),
            b"secure" | b"httponly" | b"partitioned" => Vec::new(),
            _ => value.to_vec(),
        };
        attributes.retain(|(known, _)| *known != name);
        attributes.push((name, value));
    }
    attributes.sort();
    Cookie { name: name.to_vec(), value: value.to_vec(), attributes }
}

fn split(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let at = text.iter().position(|byte| *byte == b'=')?;
    Some((text[..at].trim_ascii(), text[at + 1..].trim_ascii()))
}

fn pair(one: &Cookie, other: &Cookie, rules: &Rules, found: &mut Vec<Difference>) {
    let hidden = rules.redact.contains(&Selector::Header("set-cookie".to_owned()));
    if one.value != other.value {
        add(found, Kind::Value, path(one), Some(REDACTED.to_owned()), Some(REDACTED.to_owned()));
    }
    let find = |cookie: &Cookie, name: &[u8]| {
        cookie.attributes.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone())
    };
    let show = |value: Vec<u8>| match hidden {
        true => REDACTED.to_owned(),
        false => shown(&mask(&String::from_utf8_lossy(&value))),
    };
    let only_other = other.attributes.iter().filter(|(name, _)| find(one, name).is_none());
    for (name, _) in one.attributes.iter().chain(only_other) {
        let selector = [&one.name, name.as_slice()].join(&b';');
        if rules.ignore.iter().any(|rule| matches!(rule, Selector::Cookie(known) if known.as_bytes() == selector)) {
            continue;
        }
        let (mine, others) = (find(one, name), find(other, name));
        let kind = match (&mine, &others) {
            (Some(mine), Some(others)) if mine == others => continue,
            (Some(_), None) => Kind::Missing,
            (None, _) => Kind::Extra,
            (Some(_), Some(_)) => Kind::Value,
        };
        let attribute = plain(name).map_or_else(|| "*".to_owned(), str::to_owned);
        add(found, kind, format!("{};{attribute}", path(one)), mine.map(show), others.map(show));
    }
}

/// Adds a difference, or counts it with one of the same path and kind.
fn add(found: &mut Vec<Difference>, kind: Kind, path: String, one: Option<String>, other: Option<String>) {
    match found.iter_mut().find(|known| known.kind == kind && known.path == path) {
        Some(known) => known.count += 1,
        None => found.push(difference(kind, path, one, other)),
    }
}

fn path(cookie: &Cookie) -> String {
    format!("cookie:{}", plain(&cookie.name).unwrap_or("*"))
}

/// A name that is the same for every visitor.
fn plain(name: &[u8]) -> Option<&str> {
    let text = std::str::from_utf8(name).ok()?;
    let mut hexadecimal = 0;
    for byte in name {
        hexadecimal = if byte.is_ascii_hexdigit() { hexadecimal + 1 } else { 0 };
        if hexadecimal >= IDENTIFIER || !byte.is_ascii_graphic() {
            return None;
        }
    }
    let digits = name.iter().all(u8::is_ascii_digit);
    (name.len() <= MAX_NAME && (name.is_empty() || !digits)).then_some(text)
}
