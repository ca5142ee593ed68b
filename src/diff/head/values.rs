//! When two values of a header are the same.

use http::header::{self, HeaderName, HeaderValue};

use crate::diff::media_type::{MediaType, unquote};

/// How two values of a header relate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sameness {
    /// They say the same.
    Same,
    /// They list the same in another order, and order matters.
    Reordered,
    /// They do not.
    Different,
}

/// What a header holds.
enum Shape {
    /// A media type (RFC 9110 §8.3).
    Media,
    /// One value, compared as it is.
    Single,
    /// A list whose order says nothing, of names in any case.
    Names,
    /// A list whose order says nothing, of methods and the like, in their own case.
    Tokens,
    /// A list whose order says something, or may.
    List,
}

fn shape(name: &HeaderName) -> Shape {
    use header::{
        ACCEPT, ACCEPT_ENCODING, ACCEPT_LANGUAGE, ACCEPT_RANGES, ACCESS_CONTROL_ALLOW_HEADERS,
        ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_EXPOSE_HEADERS, AGE, ALLOW, CACHE_CONTROL, CONNECTION,
        CONTENT_DISPOSITION, CONTENT_LANGUAGE, CONTENT_LENGTH, CONTENT_LOCATION, CONTENT_RANGE, CONTENT_TYPE, DATE,
        ETAG, EXPIRES, LAST_MODIFIED, LOCATION, PRAGMA, REFERER, REFRESH, RETRY_AFTER, SERVER, TRAILER, VARY,
    };
    match *name {
        CONTENT_TYPE => Shape::Media,
        LOCATION | CONTENT_LOCATION | REFERER | DATE | EXPIRES | LAST_MODIFIED | RETRY_AFTER | ETAG | AGE | SERVER
        | CONTENT_LENGTH | CONTENT_RANGE | CONTENT_DISPOSITION | REFRESH => Shape::Single,
        // RFC 9111 §5.2, RFC 9110 §12.5.5 and the others of §12.5, where weights carry the order; Fetch §3.2.
        CACHE_CONTROL
        | PRAGMA
        | VARY
        | ACCEPT
        | ACCEPT_ENCODING
        | ACCEPT_LANGUAGE
        | ACCEPT_RANGES
        | CONNECTION
        | TRAILER
        | CONTENT_LANGUAGE
        | ACCESS_CONTROL_ALLOW_HEADERS
        | ACCESS_CONTROL_EXPOSE_HEADERS => Shape::Names,
        ALLOW | ACCESS_CONTROL_ALLOW_METHODS => Shape::Tokens,
        _ => match name.as_str() {
            "accept-patch" | "accept-post" => Shape::Names,
            _ => Shape::List,
        },
    }
}

/// Compares all lines of a header; there is one at least on either side. Lines of a list count as one list (RFC 9110
/// §5.3).
pub(super) fn compare(name: &HeaderName, one: &[HeaderValue], other: &[HeaderValue]) -> Sameness {
    let same = |same: bool| if same { Sameness::Same } else { Sameness::Different };
    match shape(name) {
        Shape::Media => same(media(one) == media(other)),
        Shape::Single => same(lines(one) == lines(other)),
        Shape::Names => same(set(one, true) == set(other, true)),
        Shape::Tokens => same(set(one, false) == set(other, false)),
        Shape::List => {
            let (mut one, mut other) = (elements(one), elements(other));
            if one == other {
                return Sameness::Same;
            }
            one.sort();
            other.sort();
            if one == other { Sameness::Reordered } else { Sameness::Different }
        }
    }
}

fn lines(values: &[HeaderValue]) -> Vec<&[u8]> {
    values.iter().map(|value| value.as_bytes().trim_ascii()).collect()
}

/// The media type of each line; a line that has none counts as it is.
fn media(values: &[HeaderValue]) -> Vec<Result<MediaType, &[u8]>> {
    let read = |line| MediaType::parse(std::str::from_utf8(line).ok()?);
    lines(values).into_iter().map(|line| read(line).map(MediaType::meaningful).ok_or(line)).collect()
}

fn set(values: &[HeaderValue], any_case: bool) -> Vec<Vec<u8>> {
    let mut elements: Vec<Vec<u8>> = elements(values)
        .into_iter()
        .map(|element| plain(&if any_case { element.to_ascii_lowercase() } else { element }))
        .collect();
    elements.sort();
    elements.dedup();
    elements
}

/// An element of a list in one spelling: no space around `;` and `=`, and no quotes around a value that needs none
/// (RFC 9111 §5.2 asks to take both forms).
fn plain(element: &[u8]) -> Vec<u8> {
    let Ok(text) = std::str::from_utf8(element) else { return element.to_vec() };
    let parts = crate::diff::media_type::split_unquoted(text, ';').into_iter().map(|part| match part.split_once('=') {
        Some((name, value)) => format!("{}={}", name.trim(), unquote(value.trim())),
        None => part.trim().to_owned(),
    });
    parts.collect::<Vec<_>>().join(";").into_bytes()
}

/// The elements of all lines: split at commas outside of quotes, empty ones left out (RFC 9110 §5.6.1).
fn elements(values: &[HeaderValue]) -> Vec<Vec<u8>> {
    let mut elements = Vec::new();
    for line in values {
        let (mut element, mut quoted, mut escaped) = (Vec::new(), false, false);
        for byte in line.as_bytes().iter().chain(b",") {
            if *byte == b',' && !quoted {
                elements.push(std::mem::take(&mut element));
                continue;
            }
            (quoted, escaped) = match byte {
                _ if escaped => (quoted, false),
                b'\\' => (quoted, quoted),
                b'"' => (!quoted, false),
                _ => (quoted, false),
            };
            element.push(*byte);
        }
        // A quote that never ends takes the rest of the line, the comma after it included.
        if !element.is_empty() {
            element.pop();
            elements.push(element);
        }
    }
    elements.iter().map(|element| element.trim_ascii().to_vec()).filter(|element| !element.is_empty()).collect()
}
