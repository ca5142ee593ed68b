//! Requests on a connection: however the bytes arrive the verdict is the same, and what passes can be read in one way only.

#![no_main]

use banyan::errors::Failure;
use banyan::wire::framing::{Framing, Place, Verdict};
use banyan::wire::{host, target};
use libfuzzer_sys::fuzz_target;

/// Beyond this what is said of a head that is too large depends on how much of it was there.
const MOST: usize = 60 * 1024;

/// What came of a connection.
#[derive(Debug, PartialEq)]
struct Followed {
    /// The heads that passed.
    heads: Vec<Vec<u8>>,
    /// How many bytes of the body behind each passed.
    bodies: Vec<Vec<u8>>,
    failure: Option<Failure>,
    place: Place,
}

fuzz_target!(|data: &[u8]| {
    let Some((&step, bytes)) = data.split_first() else { return };
    if bytes.len() > MOST {
        return;
    }
    let whole = follow(bytes, usize::MAX);
    for step in [1, usize::from(step).max(2)] {
        let parts = follow(bytes, step);
        assert_eq!(parts.heads, whole.heads, "steps of {step}");
        assert_eq!((&parts.failure, parts.place), (&whole.failure, whole.place), "steps of {step}");
        // A broken chunk withholds what came with it, and no more.
        for (part, all) in parts.bodies.iter().zip(&whole.bodies) {
            assert!(part.starts_with(all), "steps of {step}");
        }
    }
    let last = whole.heads.len().saturating_sub(1);
    for (number, (head, body)) in whole.heads.iter().zip(&whole.bodies).enumerate() {
        let ended = number < last || (whole.failure.is_none() && whole.place != Place::Body);
        check(head, body, ended || matches!(whole.failure, Some(_)) && whole.place != Place::Ended);
    }
});

/// Shows `bytes` to a fresh connection, `step` at a time.
fn follow(bytes: &[u8], step: usize) -> Followed {
    let mut framing = Framing::default();
    let (mut heads, mut bodies) = (Vec::new(), Vec::new());
    let mut held: Vec<u8> = Vec::new();
    for piece in bytes.chunks(step) {
        held.extend_from_slice(piece);
        while !held.is_empty() {
            let in_head = matches!(framing.place(), Place::Between | Place::Head);
            match framing.look(&held) {
                Verdict::Pass(count) => {
                    assert!(count > 0 && count <= held.len());
                    let passed: Vec<u8> = held.drain(..count).collect();
                    if in_head {
                        heads.push(passed);
                        bodies.push(Vec::new());
                    } else {
                        bodies.last_mut().expect("a body has a head").extend(passed);
                    }
                }
                Verdict::Wait => break,
                Verdict::Refuse(failure) | Verdict::Abort(failure) => {
                    assert_eq!(framing.place(), Place::Ended);
                    assert!(matches!(framing.look(b"GET / HTTP/1.1\r\n\r\n"), Verdict::Refuse(_)));
                    return Followed { heads, bodies, failure: Some(failure), place: Place::Ended };
                }
            }
        }
    }
    Followed { heads, bodies, failure: None, place: framing.place() }
}

/// Holds a head that passed, and the body that passed behind it, against RFC 9112 as read by somebody else.
fn check(head: &[u8], body: &[u8], ended: bool) {
    for (at, _) in head.iter().enumerate().filter(|(_, byte)| **byte == b'\n') {
        assert_eq!(head[at - 1], b'\r', "a bare line feed");
    }
    assert_eq!(head.iter().filter(|byte| **byte == b'\r').count(), head.iter().filter(|byte| **byte == b'\n').count());
    assert!(!head.contains(&0));
    let mut fields = [httparse::EMPTY_HEADER; 100];
    let mut request = httparse::Request::new(&mut fields);
    assert_eq!(request.parse(head), Ok(httparse::Status::Complete(head.len())));
    let path = request.path.expect("a whole request has a target");
    let uri: http::Uri = path.parse().expect("a target that passes is a URI");
    if path.starts_with('/') {
        assert_eq!(uri.path_and_query().expect("a path").as_str(), path, "not the bytes that came");
        let _ = target::check_path(uri.path(), true);
    }
    http::Method::from_bytes(request.method.expect("a method").as_bytes()).expect("a method that passes is one");
    let (mut lengths, mut codings) = (Vec::new(), Vec::new());
    for field in request.headers.iter() {
        http::HeaderName::from_bytes(field.name.as_bytes()).expect("a name");
        let value = http::HeaderValue::from_bytes(field.value).expect("a value");
        match field.name.replace('_', "-").to_ascii_lowercase().as_str() {
            "content-length" => lengths.push(value),
            "transfer-encoding" => codings.push(value),
            "host" => drop(value.to_str().map(host::canonical)),
            _ => {}
        }
    }
    assert!(lengths.len() + codings.len() <= 1, "two framings");
    if let Some(length) = lengths.first() {
        let length: u64 = length.to_str().expect("digits").parse().expect("a length");
        assert!(body.len() as u64 <= length);
        assert!(!ended || body.len() as u64 == length);
    } else if let Some(coding) = codings.first() {
        assert!(coding.as_bytes().eq_ignore_ascii_case(b"chunked"));
        assert_eq!(request.version, Some(1));
        assert!(chunks_end(body) == ended || !ended, "the chunks do not end where the body does");
    } else {
        assert!(body.is_empty());
    }
}

/// Whether a body is whole chunks up to the last, and nothing behind it.
fn chunks_end(mut body: &[u8]) -> bool {
    loop {
        let Some(end) = body.windows(2).position(|two| two == b"\r\n") else { return false };
        let line = std::str::from_utf8(body[..end].split(|byte| *byte == b';').next().unwrap_or_default());
        let size = u64::from_str_radix(line.expect("digits"), 16).expect("a size");
        body = &body[end + 2..];
        if size == 0 {
            break;
        }
        let Ok(size) = usize::try_from(size) else { return false };
        let Some(rest) = size.checked_add(2).and_then(|size| body.get(size..)) else { return false };
        assert_eq!(&body[size..size + 2], b"\r\n");
        body = rest;
    }
    loop {
        let Some(end) = body.windows(2).position(|two| two == b"\r\n") else { return false };
        body = &body[end + 2..];
        if end == 0 {
            return body.is_empty();
        }
    }
}
