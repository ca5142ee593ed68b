//! The head of an answer, and what it says of its body.

use std::mem::MaybeUninit;

use bytes::{Buf, BytesMut};
use http::response::Parts;
use http::{HeaderName, Method, Response, StatusCode, Version};
use hyper::ext::ReasonPhrase;

use crate::wire::decode::Length;
use crate::wire::headers;
use crate::wire::lines::Lines;

/// The largest head of an answer, in bytes.
const MAX_HEAD: usize = 64 * 1024;
/// The most fields of an answer's head.
const MAX_FIELDS: usize = 256;

/// A whole head.
#[derive(Debug)]
pub(in crate::upstream) struct Head {
    pub(in crate::upstream) status: StatusCode,
    /// The backend's own words for it, where they are not the usual ones.
    reason: Option<ReasonPhrase>,
    /// Of a 101, all fields; of the others, those that go on.
    pub(in crate::upstream) fields: Lines,
    pub(in crate::upstream) length: Length,
    /// Whether the connection may be used again after the body.
    pub(in crate::upstream) keep_alive: bool,
}

impl Head {
    /// Status and reason, without fields; and the fields.
    pub(in crate::upstream) fn into_parts(self) -> (Parts, Lines) {
        let (mut parts, ()) = Response::new(()).into_parts();
        parts.status = self.status;
        if let Some(reason) = self.reason {
            parts.extensions.insert(reason);
        }
        (parts, self.fields)
    }
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
    let mut fields = [const { MaybeUninit::uninit() }; MAX_FIELDS];
    let mut parsed = httparse::Response::new(&mut []);
    match httparse::ParserConfig::default().parse_response_with_uninit_headers(
        &mut parsed,
        &buffer[..length],
        &mut fields,
    ) {
        Ok(httparse::Status::Complete(parsed)) if parsed == length => {}
        _ => return Err(NotHttp),
    }
    let head = assemble(&parsed, method)?;
    buffer.advance(length);
    Ok(Some(head))
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

fn assemble(parsed: &httparse::Response<'_, '_>, method: &Method) -> Result<Head, NotHttp> {
    let version = if parsed.version == Some(1) { Version::HTTP_11 } else { Version::HTTP_10 };
    let status = parsed.code.and_then(|code| StatusCode::from_u16(code).ok()).ok_or(NotHttp)?;
    let own_reason = parsed.reason.filter(|reason| Some(*reason) != status.canonical_reason());
    let reason = own_reason.and_then(|reason| ReasonPhrase::try_from(reason.as_bytes()).ok());
    let switches = status == StatusCode::SWITCHING_PROTOCOLS;
    let mut fields = Lines::default();
    let mut framing = Framing { keep_alive: version == Version::HTTP_11, ..Framing::default() };
    for field in parsed.headers.iter() {
        let (name, value) = (field.name.as_bytes(), field.value);
        match framing.note(name, value)? {
            Meant::Length => {}
            // What a 101 says of the connection is still to be looked at.
            Meant::Connection | Meant::Other if switches => fields.push(name, value),
            Meant::Connection => {}
            Meant::Other => fields.pass(name, value),
        }
    }
    if framing.chunked && (framing.length.is_some() || version == Version::HTTP_10) {
        return Err(NotHttp);
    }
    if !framing.nominated.is_empty() && !switches {
        fields.remove(&framing.nominated);
    }
    // RFC 9110 section 8.6: there must be none.
    fields.set_length(framing.length.filter(|_| status != StatusCode::NO_CONTENT));
    let bodyless = *method == Method::HEAD || status == StatusCode::NO_CONTENT || status == StatusCode::NOT_MODIFIED;
    let length = if bodyless || status.is_informational() {
        Length::Fixed(0)
    } else if framing.chunked {
        Length::Chunked
    } else {
        framing.length.map_or(Length::UntilClose, Length::Fixed)
    };
    let keep_alive = framing.keep_alive && !framing.close && length != Length::UntilClose && !switches;
    Ok(Head { status, reason, fields, length, keep_alive })
}

/// What the fields say of the body and the connection.
#[derive(Debug, Default)]
struct Framing {
    length: Option<u64>,
    chunked: bool,
    keep_alive: bool,
    /// RFC 9112 section 9.3: wins, wherever it stands.
    close: bool,
    /// Fields that Connection names: they stop here as well.
    nominated: Vec<HeaderName>,
}

/// What a field is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Meant {
    Length,
    Connection,
    Other,
}

impl Framing {
    fn note(&mut self, name: &[u8], value: &[u8]) -> Result<Meant, NotHttp> {
        // By their lengths, few names need a second look.
        match name.len() {
            14 if name.eq_ignore_ascii_case(b"content-length") => {
                let sound = (1..=19).contains(&value.len()) && value.iter().all(u8::is_ascii_digit);
                let digits = std::str::from_utf8(value).ok().filter(|_| sound);
                let length = digits.and_then(|digits| digits.parse().ok()).ok_or(NotHttp)?;
                if self.length.replace(length).is_some() {
                    return Err(NotHttp);
                }
                Ok(Meant::Length)
            }
            17 if name.eq_ignore_ascii_case(b"transfer-encoding") => {
                if self.chunked || !value.eq_ignore_ascii_case(b"chunked") {
                    return Err(NotHttp);
                }
                self.chunked = true;
                Ok(Meant::Connection)
            }
            10 if name.eq_ignore_ascii_case(b"connection") => {
                for token in value.split(|&byte| byte == b',').map(<[u8]>::trim_ascii) {
                    if token.eq_ignore_ascii_case(b"close") {
                        self.close = true;
                    } else if token.eq_ignore_ascii_case(b"keep-alive") {
                        self.keep_alive = true;
                    }
                }
                headers::nominated(value, &mut self.nominated);
                Ok(Meant::Connection)
            }
            _ => Ok(Meant::Other),
        }
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
        assert_eq!(to_head.fields.length(), Some(5));
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
    fn what_connection_names_stops_here_but_not_what_the_answer_needs() {
        let text =
            "HTTP/1.1 200 OK\r\nX-Hop: 1\r\nA: b\r\nContent-Length: 3\r\nConnection: X-Hop, Content-Length\r\n\r\n";
        let fields = head(text).unwrap().unwrap().fields;
        assert_eq!((fields.text(), fields.length()), (&b"a: b\r\n"[..], Some(3)));
    }

    #[test]
    fn a_switch_of_protocols_keeps_what_it_says_of_the_connection() {
        let text = "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n";
        assert_eq!(head(text).unwrap().unwrap().fields.to_map()["upgrade"], "websocket");
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
        assert_eq!(head.into_parts().0.extensions.get::<ReasonPhrase>().unwrap().as_bytes(), b"NOT FOUND");
    }

    proptest! {
        #[test]
        fn a_head_is_the_same_however_it_arrives(cut in 0usize..60, junk in proptest::collection::vec(any::<u8>(), 0..8)) {
            let text = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nA: b\r\nA: c\r\n\r\nabc";
            let mut buffer = BytesMut::from(&text[..cut.min(48)]);
            prop_assert!(take(&mut buffer, &Method::GET).unwrap().is_none());
            buffer.extend_from_slice(&text[cut.min(48)..]);
            let head = take(&mut buffer, &Method::GET).unwrap().unwrap();
            prop_assert_eq!(head.fields.to_map().len(), 3);
            prop_assert_eq!(&buffer[..], b"abc");
            let _ = take(&mut BytesMut::from(&junk[..]), &Method::GET);
        }
    }
}
