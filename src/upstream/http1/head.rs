//! The head of an answer, and what it says of its body.

use std::mem::MaybeUninit;

use bytes::{Bytes, BytesMut};
use http::response::Parts;
use http::{HeaderName, HeaderValue, Method, Response, StatusCode, Version, header};

use crate::wire::decode::Length;

/// The largest head of an answer, in bytes.
const MAX_HEAD: usize = 64 * 1024;
/// The most fields of an answer's head.
const MAX_FIELDS: usize = 256;

/// A whole head.
#[derive(Debug)]
pub(in crate::upstream) struct Head {
    pub(in crate::upstream) parts: Parts,
    pub(in crate::upstream) length: Length,
    /// Whether the connection may be used again after the body.
    pub(in crate::upstream) keep_alive: bool,
}

/// The bytes are not the head of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::upstream) struct NotHttp;

/// Takes a whole head off the front of `buffer`; `None` while there is none yet.
///
/// # Errors
/// The bytes can never become a sound head.
pub(in crate::upstream) fn take(buffer: &mut BytesMut, method: &Method) -> Result<Option<Head>, NotHttp> {
    // Also when it is whole: the parser would skip empty lines before it, which are refused when they come alone.
    if !may_begin(buffer) {
        return Err(NotHttp);
    }
    let Some(length) = end_of_head(buffer) else {
        return if buffer.len() <= MAX_HEAD { Ok(None) } else { Err(NotHttp) };
    };
    if length > MAX_HEAD {
        return Err(NotHttp);
    }
    // Names and values stay where they are: they share the memory they were read into.
    let bytes = buffer.split_to(length).freeze();
    let mut fields = [const { MaybeUninit::uninit() }; MAX_FIELDS];
    let mut parsed = httparse::Response::new(&mut []);
    match httparse::ParserConfig::default().parse_response_with_uninit_headers(&mut parsed, &bytes, &mut fields) {
        Ok(httparse::Status::Complete(parsed)) if parsed == length => {}
        _ => return Err(NotHttp),
    }
    assemble(&bytes, &parsed, method).map(Some)
}

/// Where the first empty line ends. Old backends end lines without a carriage return; what is written anew harms nobody.
fn end_of_head(buffer: &[u8]) -> Option<usize> {
    memchr::memchr_iter(b'\n', buffer).find_map(|lf| match &buffer[lf + 1..] {
        [b'\n', ..] => Some(lf + 2),
        [b'\r', b'\n', ..] => Some(lf + 3),
        _ => None,
    })
}

/// Whether these bytes, the first of a head, can still become one.
fn may_begin(buffer: &[u8]) -> bool {
    let sure = buffer.len().min(b"HTTP/1.".len());
    buffer[..sure] == b"HTTP/1."[..sure]
}

fn assemble(bytes: &Bytes, parsed: &httparse::Response<'_, '_>, method: &Method) -> Result<Head, NotHttp> {
    let version = if parsed.version == Some(1) { Version::HTTP_11 } else { Version::HTTP_10 };
    let status = parsed.code.and_then(|code| StatusCode::from_u16(code).ok()).ok_or(NotHttp)?;
    let (mut parts, ()) = Response::new(()).into_parts();
    parts.status = status;
    parts.version = version;
    let own_reason = parsed.reason.filter(|reason| Some(*reason) != status.canonical_reason());
    if let Some(reason) = own_reason.and_then(|reason| hyper::ext::ReasonPhrase::try_from(reason.as_bytes()).ok()) {
        parts.extensions.insert(reason);
    }
    parts.headers.reserve(parsed.headers.len() + 2);
    let mut framing = Framing { keep_alive: version == Version::HTTP_11, ..Framing::default() };
    for field in parsed.headers.iter() {
        let name = HeaderName::from_bytes(field.name.as_bytes()).map_err(|_| NotHttp)?;
        let value = HeaderValue::from_maybe_shared(bytes.slice_ref(field.value)).map_err(|_| NotHttp)?;
        framing.note(&name, &value)?;
        parts.headers.append(name, value);
    }
    if framing.chunked && (framing.length.is_some() || version == Version::HTTP_10) {
        return Err(NotHttp);
    }
    let bodyless = *method == Method::HEAD || status == StatusCode::NO_CONTENT || status == StatusCode::NOT_MODIFIED;
    let length = if bodyless || status.is_informational() {
        Length::Fixed(0)
    } else if framing.chunked {
        Length::Chunked
    } else {
        framing.length.map_or(Length::UntilClose, Length::Fixed)
    };
    if status == StatusCode::NO_CONTENT {
        // RFC 9110 section 8.6: there must be none.
        parts.headers.remove(header::CONTENT_LENGTH);
    }
    let switches = status == StatusCode::SWITCHING_PROTOCOLS;
    let keep_alive = framing.keep_alive && !framing.close && length != Length::UntilClose && !switches;
    Ok(Head { parts, length, keep_alive })
}

/// What the fields say of the body and the connection.
#[derive(Debug, Default)]
struct Framing {
    length: Option<u64>,
    chunked: bool,
    keep_alive: bool,
    /// RFC 9112 section 9.3: wins, wherever it stands.
    close: bool,
}

impl Framing {
    fn note(&mut self, name: &HeaderName, value: &HeaderValue) -> Result<(), NotHttp> {
        if *name == header::CONTENT_LENGTH {
            let digits = value.as_bytes();
            let sound = (1..=19).contains(&digits.len()) && digits.iter().all(u8::is_ascii_digit);
            let length = value.to_str().ok().filter(|_| sound).and_then(|text| text.parse().ok()).ok_or(NotHttp)?;
            if self.length.replace(length).is_some() {
                return Err(NotHttp);
            }
        } else if *name == header::TRANSFER_ENCODING {
            if self.chunked || !value.as_bytes().eq_ignore_ascii_case(b"chunked") {
                return Err(NotHttp);
            }
            self.chunked = true;
        } else if *name == header::CONNECTION {
            for token in value.as_bytes().split(|&byte| byte == b',').map(<[u8]>::trim_ascii) {
                if token.eq_ignore_ascii_case(b"close") {
                    self.close = true;
                } else if token.eq_ignore_ascii_case(b"keep-alive") {
                    self.keep_alive = true;
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn head(text: &str) -> Result<Option<Head>, NotHttp> {
        take(&mut BytesMut::from(text), &Method::GET)
    }

    fn length(text: &str) -> Length {
        head(text).unwrap().unwrap().length
    }

    #[test]
    fn the_length_of_a_body_is_what_the_rfc_says() {
        assert_eq!(length("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"), Length::Fixed(5));
        assert_eq!(length("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"), Length::Chunked);
        assert_eq!(length("HTTP/1.1 200 OK\r\n\r\n"), Length::UntilClose);
        assert_eq!(length("HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n"), Length::Fixed(0));
        assert_eq!(length("HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n"), Length::Fixed(0));
        let to_head =
            take(&mut BytesMut::from("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"), &Method::HEAD).unwrap().unwrap();
        assert_eq!(to_head.length, Length::Fixed(0));
        assert_eq!(to_head.parts.headers["content-length"], "5");
    }

    #[test]
    fn an_answer_that_can_be_read_in_two_ways_is_none() {
        for fields in [
            "Content-Length: 5\r\nTransfer-Encoding: chunked",
            "Content-Length: 5\r\nContent-Length: 5",
            "Content-Length: 5, 5",
            "Content-Length: +5",
            "Content-Length:",
            "Transfer-Encoding: gzip, chunked",
            "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
            "Transfer-Encoding: identity",
            "X: a\0b",
            "X : a",
            " X: a",
        ] {
            assert!(head(&format!("HTTP/1.1 200 OK\r\n{fields}\r\n\r\n")).is_err(), "{fields}");
        }
        for text in [
            "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
            "HTTP/1.1 2000 OK\r\n\r\n",
            "HTTP/1.1 099 X\r\n\r\n",
            "nonsense\r\n\r\n",
            "HTTP/2.0 200 OK\r\n\r\n",
        ] {
            assert!(head(text).is_err(), "{text}");
        }
        assert!(head(&format!("HTTP/1.1 200 OK\r\n{}\r\n", "A: b\r\n".repeat(10_000))).is_err());
        assert!(head(&format!("HTTP/1.1 200 OK\r\nA: {}", "b".repeat(70_000))).is_err());
    }

    #[test]
    fn whether_a_connection_lives_on_is_what_both_versions_say() {
        let alive = |text: &str| head(text).unwrap().unwrap().keep_alive;
        assert!(alive("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"));
        assert!(!alive("HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: x, Close\r\n\r\n"));
        assert!(!alive("HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close, keep-alive\r\n\r\n"));
        assert!(!alive("HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n"));
        assert!(alive("HTTP/1.0 200 OK\r\nContent-Length: 0\r\nConnection: keep-alive\r\n\r\n"));
        assert!(!alive("HTTP/1.1 200 OK\r\n\r\n"));
    }

    #[test]
    fn an_empty_line_before_an_answer_makes_it_none_however_it_arrives() {
        for text in ["\r\n", "\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", "\nHTTP/1.1 200 OK\n\n"] {
            assert!(head(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn a_reason_of_the_backends_own_is_kept() {
        let head = head("HTTP/1.1 404 NOT FOUND\r\nContent-Length: 0\r\n\r\n").unwrap().unwrap();
        assert_eq!(head.parts.extensions.get::<hyper::ext::ReasonPhrase>().unwrap().as_bytes(), b"NOT FOUND");
    }

    proptest! {
        #[test]
        fn a_head_is_the_same_however_it_arrives(cut in 0usize..60, junk in proptest::collection::vec(any::<u8>(), 0..8)) {
            let text = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nA: b\r\nA: c\r\n\r\nabc";
            let mut buffer = BytesMut::from(&text[..cut.min(48)]);
            prop_assert!(take(&mut buffer, &Method::GET).unwrap().is_none());
            buffer.extend_from_slice(&text[cut.min(48)..]);
            let head = take(&mut buffer, &Method::GET).unwrap().unwrap();
            prop_assert_eq!(head.parts.headers.len(), 3);
            prop_assert_eq!(&buffer[..], b"abc");
            let _ = take(&mut BytesMut::from(&junk[..]), &Method::GET);
        }
    }
}
