//! Requests on a connection: however the bytes arrive they are the same requests, and each can be read in one way only.

#![no_main]

use std::cell::Cell;

use banyan::errors::Failure;
use banyan::wire::decode::{Length, Piece};
use banyan::wire::framing::{Framing, HeadLimits, Place, RequestHead};
use banyan::wire::{host, target};
use bytes::BytesMut;
use http::{HeaderMap, Version};
use libfuzzer_sys::fuzz_target;

/// Beyond this what is said of a head that is too large depends on how much of it was there.
const MOST: usize = 60 * 1024;

/// One request.
#[derive(Debug)]
struct Taken {
    head: RequestHead,
    /// The bytes of the head as they came.
    bytes: Vec<u8>,
    body: Vec<u8>,
    trailers: HeaderMap,
    ended: bool,
}

/// What came of a connection.
struct Followed {
    requests: Vec<Taken>,
    failure: Option<Failure>,
    place: Place,
    /// What nobody took.
    left: Vec<u8>,
}

fuzz_target!(|data: &[u8]| {
    let Some((&step, bytes)) = data.split_first() else { return };
    if bytes.len() > MOST {
        return;
    }
    let whole = follow(bytes, usize::MAX);
    for step in [1, usize::from(step).max(2)] {
        let parts = follow(bytes, step);
        assert_eq!((&parts.failure, parts.place), (&whole.failure, whole.place), "steps of {step}");
        assert_eq!(parts.requests.len(), whole.requests.len(), "steps of {step}");
        for (part, all) in parts.requests.iter().zip(&whole.requests) {
            assert_eq!(format!("{part:?}"), format!("{all:?}"), "steps of {step}");
        }
        assert!(whole.failure.is_some() || parts.left == whole.left, "steps of {step}");
    }
    whole.requests.iter().for_each(check);
});

/// Shows `bytes` to a fresh connection, `step` at a time.
fn follow(bytes: &[u8], step: usize) -> Followed {
    let mut framing = Framing::default();
    let mut requests: Vec<Taken> = Vec::new();
    let mut buffer = BytesMut::new();
    let failure = Cell::new(None);
    for piece in bytes.chunks(step) {
        buffer.extend_from_slice(piece);
        while go_on(&mut framing, &mut buffer, &mut requests, &failure) {}
        if let Some(failure) = failure.take() {
            assert_eq!(framing.place(), Place::Ended);
            let mut more = BytesMut::from(&b"GET / HTTP/1.1\r\n\r\n"[..]);
            assert!(framing.head(&mut more, HeadLimits::default()).is_err(), "something follows what was refused");
            return Followed { requests, failure: Some(failure), place: Place::Ended, left: Vec::new() };
        }
    }
    Followed { requests, failure: None, place: framing.place(), left: buffer.to_vec() }
}

/// Takes one thing off the front; whether there may be another one.
fn go_on(framing: &mut Framing, buffer: &mut BytesMut, requests: &mut Vec<Taken>, failure: &Cell<Option<Failure>>) -> bool {
    if framing.place() != Place::Body {
        if buffer.is_empty() {
            return false;
        }
        let before = buffer.clone();
        match framing.head(buffer, HeadLimits::default()) {
            Ok(Some(head)) => {
                let bytes = before[..before.len() - buffer.len()].to_vec();
                let ended = framing.place() != Place::Body;
                requests.push(Taken { head, bytes, body: Vec::new(), trailers: HeaderMap::new(), ended });
                return true;
            }
            Ok(None) => assert_eq!(*buffer, before, "a part of a head was taken"),
            Err(why) => failure.set(Some(why)),
        }
        return false;
    }
    let request = requests.last_mut().expect("a body has a head");
    match framing.body(buffer) {
        Ok(Piece::Data(data)) => {
            assert!(!data.is_empty());
            request.body.extend_from_slice(&data);
        }
        Ok(Piece::Trailers(fields)) => request.trailers = fields,
        Ok(Piece::End) => {}
        Ok(Piece::Wait) => {
            assert!(buffer.is_empty(), "bytes that nobody takes");
            return false;
        }
        Err(why) => {
            failure.set(Some(why));
            return false;
        }
    }
    request.ended = framing.place() != Place::Body;
    true
}

/// Holds a request against RFC 9112 as read by somebody else.
fn check(request: &Taken) {
    let Taken { head, bytes, body, ended, .. } = request;
    let count = |byte: u8| bytes.iter().filter(|&&one| one == byte).count();
    let lines = bytes.windows(2).filter(|two| two == b"\r\n").count();
    assert!(count(b'\r') == lines && count(b'\n') == lines && count(0) == 0, "a bare line end");
    let mut fields = [httparse::EMPTY_HEADER; 128];
    let mut parsed = httparse::Request::new(&mut fields);
    assert_eq!(parsed.parse(bytes), Ok(httparse::Status::Complete(bytes.len())));
    let path = parsed.path.expect("a whole request has a target");
    if path.starts_with('/') {
        assert_eq!(head.parts.uri.path_and_query().expect("a path").as_str(), path, "not the bytes that came");
        let _ = target::check_path(head.parts.uri.path(), true);
    }
    assert_eq!(head.parts.method.as_str(), parsed.method.expect("a method"));
    let kept: Vec<(&str, &[u8])> = parsed.headers.iter().map(|field| (field.name, field.value)).collect();
    let same = |(name, value): (&[u8], &[u8]), (field, kept): &(&str, &[u8])| {
        name == field.to_ascii_lowercase().as_bytes() && value == *kept
    };
    assert_eq!(head.parts.fields.names().count(), kept.len());
    assert!(head.parts.fields.iter().zip(&kept).all(|(one, other)| same(one, other)), "not the fields that came");
    let values = |wanted: &str| -> Vec<&[u8]> {
        kept.iter().filter(|(name, _)| name.replace('_', "-").eq_ignore_ascii_case(wanted)).map(|(_, value)| *value).collect()
    };
    values("host").iter().for_each(|host| drop(std::str::from_utf8(host).map(host::canonical)));
    let (lengths, codings) = (values("content-length"), values("transfer-encoding"));
    assert!(lengths.len() + codings.len() <= 1, "two framings");
    match (lengths.first(), codings.first()) {
        (Some(length), _) => {
            let length: u64 = std::str::from_utf8(length).expect("digits").parse().expect("a length");
            assert_eq!(head.length, Length::Fixed(length));
            assert_eq!(*ended, body.len() as u64 == length);
        }
        (None, Some(coding)) => {
            assert!(coding.eq_ignore_ascii_case(b"chunked") && head.parts.version == Version::HTTP_11);
            assert_eq!(head.length, Length::Chunked);
        }
        (None, None) => assert!(head.length == Length::Fixed(0) && body.is_empty()),
    }
    let closes = values("connection").iter().flat_map(|value| value.split(|byte| *byte == b','))
        .any(|token| token.trim_ascii().eq_ignore_ascii_case(b"close"));
    assert!(!(closes && head.keep_alive), "kept, but to be closed");
}
