//! Requests taken out of a client's bytes. Nothing is guessed: what can be read in two ways is refused.
//!
//! It is pure: bytes in, requests out. A head comes out when it is whole and sound; then exactly the body that this head
//! announced; and then the next head begins. Source: RFC 9112 sections 2 to 7.

use std::mem::MaybeUninit;

use bytes::BytesMut;
use http::{Method, Uri, Version};

use super::chunked::is_token_byte;
use super::decode::{Decoder, From, Length, Piece};
use super::headers;
use super::request::Parts;
use crate::errors::Failure;
use crate::fields::{Fields, Place as At};

/// The most fields of a head that can be allowed.
pub const MOST_FIELDS: usize = 256;
/// The length of an empty line.
const LEADING_LINE: usize = 2;

/// How large a head may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HeadLimits {
    /// Fields; at most [`MOST_FIELDS`].
    pub fields: usize,
    /// Bytes in all.
    pub bytes: usize,
    /// Bytes of the target.
    pub target: usize,
}

impl Default for HeadLimits {
    fn default() -> HeadLimits {
        HeadLimits { fields: 100, bytes: 64 * 1024, target: 8 * 1024 }
    }
}

/// A whole, sound head.
#[derive(Debug)]
pub struct RequestHead {
    /// The request without its body.
    pub parts: Parts,
    /// How its body is delimited; `Fixed(0)` without one.
    pub length: Length,
    /// Whether the client wants to go on with the connection after it.
    pub keep_alive: bool,
    /// Whether the client waits for a 100 before it sends the body.
    pub expects: bool,
    /// Whether the client takes trailers.
    pub takes_trailers: bool,
}

/// Where in the stream of requests a connection is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// At the beginning of a head, none of it seen.
    Between,
    /// Within a head.
    Head,
    /// Within a body.
    Body,
    /// After something was refused.
    Ended,
}

/// Takes the requests of one connection out of its bytes.
#[derive(Debug, Default)]
pub struct Framing {
    state: State,
    /// How much of the current head was looked at already.
    scanned: usize,
    line_start: usize,
}

#[derive(Debug, Default)]
enum State {
    #[default]
    Head,
    Body(Decoder),
    Ended,
}

impl Framing {
    /// Where the connection is.
    #[must_use]
    pub fn place(&self) -> Place {
        match self.state {
            State::Head if self.scanned == 0 => Place::Between,
            State::Head => Place::Head,
            State::Body(_) => Place::Body,
            State::Ended => Place::Ended,
        }
    }

    /// Takes the next head off the front of `buffer`; `None` while it is not whole. The same bytes, with more behind them, must
    /// be shown again then.
    ///
    /// # Errors
    /// Why the request is refused; nothing of the connection may be read after it.
    pub fn head(&mut self, buffer: &mut BytesMut, limits: HeadLimits) -> Result<Option<RequestHead>, Failure> {
        let result = match self.state {
            State::Head => self.scan(buffer, limits),
            State::Body(_) | State::Ended => Err(Failure::Malformed("Nothing may follow a refused request.")),
        };
        let length = match result {
            Ok(Some(length)) => length,
            Ok(None) => return Ok(None),
            Err(failure) => return Err(self.refuse(failure)),
        };
        (self.scanned, self.line_start) = (0, 0);
        let head = parse(buffer.split_to(length), limits).map_err(|failure| self.refuse(failure))?;
        if head.length != Length::Fixed(0) {
            self.state = State::Body(Decoder::new(head.length, From::Client));
        }
        Ok(Some(head))
    }

    /// Takes the next piece of the body off the front of `buffer`; [`Piece::End`] where there is none.
    ///
    /// # Errors
    /// The body is not sound: the exchange must be broken off.
    pub fn body(&mut self, buffer: &mut BytesMut) -> Result<Piece, Failure> {
        let State::Body(decoder) = &mut self.state else { return Ok(Piece::End) };
        let taken = decoder.take(buffer);
        let ended = decoder.is_done();
        match taken {
            Ok(piece) => {
                if ended {
                    self.state = State::Head;
                }
                Ok(piece)
            }
            Err(what) => Err(self.refuse(Failure::Framing(what))),
        }
    }

    /// The number of bytes of the body still to come, where it is known.
    #[must_use]
    pub fn left(&self) -> Option<u64> {
        match &self.state {
            State::Body(decoder) => decoder.left(),
            State::Head | State::Ended => Some(0),
        }
    }

    fn refuse(&mut self, failure: Failure) -> Failure {
        self.state = State::Ended;
        failure
    }

    /// Looks for the end of the head; its length.
    fn scan(&mut self, bytes: &[u8], limits: HeadLimits) -> Result<Option<usize>, Failure> {
        // Garbage is told from a slow request line by its first byte: a method is a token.
        if bytes.first().is_some_and(|&first| !(is_token_byte(first) || first == b'\r')) {
            return Err(Failure::Malformed("The request does not begin with a method."));
        }
        while let Some(at) = memchr::memchr(b'\n', &bytes[self.scanned..]) {
            let lf = self.scanned + at;
            if lf == 0 || bytes[lf - 1] != b'\r' {
                return Err(Failure::Malformed("A line of the request head ends without a carriage return."));
            }
            let line = &bytes[self.line_start..lf - 1];
            self.scanned = lf + 1;
            if line.is_empty() {
                // RFC 9112 section 2.2: one empty line before the request line is ignored; old clients end a body so.
                if self.line_start > LEADING_LINE {
                    return if lf < limits.bytes { Ok(Some(lf + 1)) } else { Err(too_large(bytes, limits)) };
                }
                if self.line_start == LEADING_LINE {
                    return Err(Failure::Malformed("The request begins with empty lines."));
                }
            }
            self.line_start = lf + 1;
        }
        self.scanned = bytes.len();
        if self.scanned > limits.bytes { Err(too_large(bytes, limits)) } else { Ok(None) }
    }
}

/// What is too large about a head that is: the target, if the request line alone is over its limit.
fn too_large(head: &[u8], limits: HeadLimits) -> Failure {
    let line = memchr::memchr(b'\n', head).unwrap_or(head.len());
    if line > limits.target { Failure::TargetTooLong } else { Failure::HeadTooLarge }
}

/// Makes a request of a whole head, if it is sound.
fn parse(mut head: BytesMut, limits: HeadLimits) -> Result<RequestHead, Failure> {
    let mut fields = [const { MaybeUninit::uninit() }; MOST_FIELDS];
    let mut request = httparse::Request::new(&mut []);
    match request.parse_with_uninit_headers(&head, &mut fields[..limits.fields.min(MOST_FIELDS)]) {
        Ok(httparse::Status::Complete(length)) if length == head.len() => {}
        Err(httparse::Error::TooManyHeaders) => return Err(Failure::HeadTooLarge),
        Err(httparse::Error::Version) => return Err(wrong_version(&head)),
        _ => return Err(Failure::Malformed("The request head is not well-formed.")),
    }
    let target = request.path.unwrap_or_default();
    if target.len() > limits.target {
        return Err(Failure::TargetTooLong);
    }
    if target.contains('#') {
        return Err(Failure::Target("The target holds a fragment."));
    }
    let version = if request.version == Some(1) { Version::HTTP_11 } else { Version::HTTP_10 };
    let method = Method::from_bytes(request.method.unwrap_or_default().as_bytes())
        .map_err(|_| Failure::Malformed("The method is not a token."))?;
    // Where things are, rather than the things themselves: what was read is changed once more before it is shared.
    let place = |part: &[u8]| {
        // An empty part may be anywhere.
        let start = if part.is_empty() { 0 } else { part.as_ptr().addr() - head.as_ptr().addr() };
        (start as u32, (start + part.len()) as u32)
    };
    let target = place(target.as_bytes());
    let mut places = Vec::with_capacity(request.headers.len());
    for field in request.headers.iter() {
        // RFC 9112 section 5.2 (obs-fold) and RFC 9110 section 5.5. All bytes are looked at, many at once, rather than up to a bad one.
        let odd = |found, &byte: &u8| found | ((byte < b' ') & (byte != b'\t')) | (byte == 0x7f);
        if field.name.is_empty() || field.value.iter().fold(false, odd) {
            return Err(Failure::Malformed("A header is not well-formed."));
        }
        places.push(At { name: place(field.name.as_bytes()), value: place(field.value) });
    }
    let range = |(start, end): (u32, u32)| start as usize..end as usize;
    for place in &places {
        head[range(place.name)].make_ascii_lowercase();
    }
    let text = head.freeze();
    let uri =
        Uri::from_maybe_shared(text.slice(range(target))).map_err(|_| Failure::Target("The target is not a URI."))?;
    let fields = Fields::new(text, places);
    let mut said = Said::new(version);
    fields.iter().try_for_each(|(name, value)| said.note(name, value))?;
    let length = said.length()?;
    let expects = said.expects && version == Version::HTTP_11 && length != Length::Fixed(0);
    let takes_trailers = said.te && headers::takes_trailers(&fields);
    let parts = Parts { method, uri, version, fields };
    Ok(RequestHead { parts, length, keep_alive: said.keep_alive && !said.close, expects, takes_trailers })
}

/// What the fields say of the body and the connection.
struct Said {
    version: Version,
    length: Option<u64>,
    chunked: bool,
    keep_alive: bool,
    /// RFC 9112 section 9.3: wins, wherever it stands.
    close: bool,
    expects: bool,
    te: bool,
}

impl Said {
    fn new(version: Version) -> Said {
        let keep_alive = version == Version::HTTP_11;
        Said { version, length: None, chunked: false, keep_alive, close: false, expects: false, te: false }
    }

    fn note(&mut self, name: &[u8], value: &[u8]) -> Result<(), Failure> {
        match name {
            b"content-length" => {
                if self.length.is_some() {
                    return Err(Failure::Framing("Content-Length is sent twice."));
                }
                self.length = Some(parse_length(value)?);
            }
            b"transfer-encoding" => {
                if self.chunked {
                    return Err(Failure::Framing("Transfer-Encoding is sent twice."));
                }
                check_coding(value)?;
                self.chunked = true;
            }
            b"connection" => {
                for token in value.split(|&byte| byte == b',').map(<[u8]>::trim_ascii) {
                    if token.eq_ignore_ascii_case(b"close") {
                        self.close = true;
                    } else if self.version == Version::HTTP_10 && token.eq_ignore_ascii_case(b"keep-alive") {
                        self.keep_alive = true;
                    }
                }
            }
            b"te" => self.te = true,
            b"expect" => self.expects |= value.eq_ignore_ascii_case(b"100-continue"),
            other if reads_as_framing(other) => return Err(Failure::Framing("A header reads like a framing header.")),
            _ => {}
        }
        Ok(())
    }

    /// RFC 9112 section 6.3, without the cases in which a recipient may guess.
    fn length(&self) -> Result<Length, Failure> {
        match (self.length, self.chunked) {
            (Some(_), true) => Err(Failure::Framing("Both Content-Length and Transfer-Encoding are sent.")),
            (None, true) if self.version == Version::HTTP_10 => {
                Err(Failure::Framing("HTTP/1.0 has no transfer codings."))
            }
            (None, true) => Ok(Length::Chunked),
            (length, false) => Ok(Length::Fixed(length.unwrap_or(0))),
        }
    }
}

/// `content_length` and the like: a CGI-like backend reads them as the header proper.
fn reads_as_framing(name: &[u8]) -> bool {
    let reads_as = |other: &[u8]| {
        name.len() == other.len() && name.iter().zip(other).all(|(a, b)| a == b || (*a == b'_' && *b == b'-'))
    };
    name.contains(&b'_') && (reads_as(b"content-length") || reads_as(b"transfer-encoding"))
}

fn parse_length(value: &[u8]) -> Result<u64, Failure> {
    let digits = value.len() <= 19 && !value.is_empty() && value.iter().all(u8::is_ascii_digit);
    let number = digits.then(|| std::str::from_utf8(value).ok()?.parse().ok()).flatten();
    number.ok_or(Failure::Framing("Content-Length is not a length."))
}

fn check_coding(value: &[u8]) -> Result<(), Failure> {
    if value.eq_ignore_ascii_case(b"chunked") {
        return Ok(());
    }
    let mut codings = value.split(|&byte| byte == b',').map(<[u8]>::trim_ascii);
    let known = |coding: &[u8]| [&b"gzip"[..], b"x-gzip", b"deflate", b"compress", b"x-compress"].contains(&coding);
    let last_is_chunked = value.trim_ascii().to_ascii_lowercase().ends_with(b"chunked");
    if last_is_chunked && codings.next().is_some_and(known) {
        return Err(Failure::TransferCoding);
    }
    Err(Failure::Framing("The transfer coding is not chunked alone."))
}

/// 505 for a version of HTTP that is well-formed but not ours, 400 for what is not a version.
fn wrong_version(head: &[u8]) -> Failure {
    let line = head.split(|&byte| byte == b'\r').next().unwrap_or_default();
    let version = line.rsplit(|&byte| byte == b' ').next().unwrap_or_default();
    match version {
        [b'H', b'T', b'T', b'P', b'/', b'2'..=b'9', b'.', b'0'..=b'9'] => Failure::Version,
        _ => Failure::Malformed("The request line does not end in HTTP/1.1."),
    }
}

#[cfg(test)]
mod tests;
