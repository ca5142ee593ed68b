//! The strict look at HTTP/1 requests before hyper sees them.
//!
//! hyper is lenient where a proxy must not be: it takes a bare LF, several codings, equal repeated lengths, and cuts a
//! fragment off the target. [`Framing`] follows the bytes of one connection: it holds a head back until it is whole and
//! sound, then lets exactly the body that this head announced pass, and knows where the next head begins. What it refuses
//! never reaches the parser behind it. It is pure: bytes in, verdict out. Source: RFC 9112 sections 2 to 7.

use std::mem::MaybeUninit;

use super::chunked::{Chunk, is_token_byte};
use crate::errors::Failure;

/// The largest request head, in bytes.
pub const MAX_HEAD: usize = 64 * 1024;
/// The most header fields of a request.
pub const MAX_HEADERS: usize = 100;
/// The length of an empty line.
const LEADING_LINE: usize = 2;

/// What is to be done with the bytes at hand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// This many of them may pass; more than zero.
    Pass(usize),
    /// None yet: the head is not whole.
    Wait,
    /// The head that begins here is refused; nothing of this connection may pass any more.
    Refuse(Failure),
    /// The body that is passing is not sound: the exchange must be broken off.
    Abort(Failure),
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

/// Follows the requests of one connection.
#[derive(Debug, Default)]
pub struct Framing {
    state: State,
    /// How much of the current head was looked at already.
    scanned: usize,
    line_start: usize,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum State {
    #[default]
    Head,
    Fixed(u64),
    Chunked(Chunk),
    Ended,
}

impl Framing {
    /// Where the connection is, given whether bytes of a next head are being held back.
    #[must_use]
    pub fn place(&self) -> Place {
        match self.state {
            State::Head if self.scanned == 0 => Place::Between,
            State::Head => Place::Head,
            State::Fixed(_) | State::Chunked(_) => Place::Body,
            State::Ended => Place::Ended,
        }
    }

    /// Looks at bytes that have not passed yet. The same bytes, with more behind them, must be shown again after
    /// [`Verdict::Wait`]; after [`Verdict::Pass`] the rest must be shown.
    pub fn look(&mut self, bytes: &[u8]) -> Verdict {
        if bytes.is_empty() {
            return Verdict::Wait;
        }
        match self.state {
            State::Head => self.look_at_head(bytes),
            State::Fixed(left) => {
                let pass = usize::try_from(left).unwrap_or(usize::MAX).min(bytes.len());
                let left = left - pass as u64;
                self.state = if left == 0 { State::Head } else { State::Fixed(left) };
                Verdict::Pass(pass)
            }
            State::Chunked(place) => self.look_at_chunks(place, bytes),
            State::Ended => Verdict::Refuse(Failure::Malformed("Nothing may follow a refused request.")),
        }
    }

    fn look_at_head(&mut self, bytes: &[u8]) -> Verdict {
        // Garbage is told from a slow request line by its first byte: a method is a token.
        if !(is_token_byte(bytes[0]) || bytes[0] == b'\r') {
            return self.refuse(Failure::Malformed("The request does not begin with a method."));
        }
        while let Some(at) = memchr::memchr(b'\n', &bytes[self.scanned..]) {
            let lf = self.scanned + at;
            if lf == 0 || bytes[lf - 1] != b'\r' {
                return self.refuse(Failure::Malformed("A line of the request head ends without a carriage return."));
            }
            let line = &bytes[self.line_start..lf - 1];
            self.scanned = lf + 1;
            if line.is_empty() {
                // RFC 9112 section 2.2: one empty line before the request line is ignored; old clients end a body so.
                if self.line_start > LEADING_LINE {
                    return self.end_of_head(&bytes[..lf + 1]);
                }
                if self.line_start == LEADING_LINE {
                    return self.refuse(Failure::Malformed("The request begins with empty lines."));
                }
            }
            self.line_start = lf + 1;
        }
        self.scanned = bytes.len();
        if self.scanned > MAX_HEAD {
            return self.refuse(too_large(bytes));
        }
        Verdict::Wait
    }

    fn end_of_head(&mut self, head: &[u8]) -> Verdict {
        if head.len() > MAX_HEAD {
            return self.refuse(too_large(head));
        }
        match body_of(head) {
            Ok(body) => {
                self.state = body;
                self.scanned = 0;
                self.line_start = 0;
                Verdict::Pass(head.len())
            }
            Err(failure) => self.refuse(failure),
        }
    }

    fn refuse(&mut self, failure: Failure) -> Verdict {
        self.state = State::Ended;
        Verdict::Refuse(failure)
    }

    fn look_at_chunks(&mut self, mut place: Chunk, bytes: &[u8]) -> Verdict {
        let mut at = 0;
        while at < bytes.len() {
            if let Chunk::Data { left } = place {
                let pass = usize::try_from(left).unwrap_or(usize::MAX).min(bytes.len() - at);
                at += pass;
                let left = left - pass as u64;
                place = if left == 0 { Chunk::DataCr } else { Chunk::Data { left } };
                continue;
            }
            match place.next(bytes[at]) {
                Ok(Some(next)) => place = next,
                Ok(None) => {
                    self.state = State::Head;
                    return Verdict::Pass(at + 1);
                }
                Err(what) => {
                    self.state = State::Ended;
                    return Verdict::Abort(Failure::Framing(what));
                }
            }
            at += 1;
        }
        self.state = State::Chunked(place);
        Verdict::Pass(bytes.len())
    }
}

/// What is too large about a head that is: the target, if the request line alone is over its limit.
fn too_large(head: &[u8]) -> Failure {
    let line = memchr::memchr(b'\n', head).unwrap_or(head.len());
    if line > super::target::MAX_TARGET { Failure::TargetTooLong } else { Failure::HeadTooLarge }
}

/// What body a whole head announces, if the head is sound.
fn body_of(head: &[u8]) -> Result<State, Failure> {
    let mut fields = [const { MaybeUninit::uninit() }; MAX_HEADERS];
    let mut request = httparse::Request::new(&mut []);
    match request.parse_with_uninit_headers(head, &mut fields) {
        Ok(httparse::Status::Complete(length)) if length == head.len() => {}
        Err(httparse::Error::TooManyHeaders) => return Err(Failure::HeadTooLarge),
        Err(httparse::Error::Version) => return Err(wrong_version(head)),
        _ => return Err(Failure::Malformed("The request head is not well-formed.")),
    }
    let target = request.path.unwrap_or_default();
    if target.len() > super::target::MAX_TARGET {
        return Err(Failure::TargetTooLong);
    }
    if target.contains('#') {
        return Err(Failure::Target("The target holds a fragment."));
    }
    // What hyper cannot parse it would answer itself: unstamped, uncounted and unlogged.
    if !is_plain(target) && http::Uri::try_from(target).is_err() {
        return Err(Failure::Target("The target is not a URI."));
    }
    body_by_fields(request.headers, request.version == Some(1))
}

/// Whether a target is certainly a URI: a path and query of the bytes that nearly all targets are made of.
fn is_plain(target: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/-._~?=&%+:@,;".contains(&byte);
    target.starts_with('/') && target.bytes().all(plain)
}

/// RFC 9112 section 6.3, without the cases in which a recipient may guess.
fn body_by_fields(fields: &[httparse::Header<'_>], version_1_1: bool) -> Result<State, Failure> {
    let mut length = None;
    let mut chunked = false;
    for field in fields {
        // RFC 9112 section 5.2 (obs-fold) and RFC 9110 section 5.5: httparse refuses the rest.
        if field.value.contains(&b'\r') {
            return Err(Failure::Malformed("A header value holds a carriage return."));
        }
        if field.name.eq_ignore_ascii_case("content-length") {
            if length.is_some() {
                return Err(Failure::Framing("Content-Length is sent twice."));
            }
            length = Some(parse_length(field.value)?);
        } else if field.name.eq_ignore_ascii_case("transfer-encoding") {
            if chunked {
                return Err(Failure::Framing("Transfer-Encoding is sent twice."));
            }
            check_coding(field.value)?;
            chunked = true;
        } else if reads_as_framing(field.name) {
            return Err(Failure::Framing("A header reads like a framing header."));
        }
    }
    match (length, chunked) {
        (Some(_), true) => Err(Failure::Framing("Both Content-Length and Transfer-Encoding are sent.")),
        (None, true) if !version_1_1 => Err(Failure::Framing("HTTP/1.0 has no transfer codings.")),
        (None, true) => Ok(State::Chunked(Chunk::START)),
        (Some(0) | None, false) => Ok(State::Head),
        (Some(length), false) => Ok(State::Fixed(length)),
    }
}

/// `Content_Length` and the like: a CGI-like backend reads them as the header proper.
fn reads_as_framing(name: &str) -> bool {
    name.contains('_')
        && ["content-length", "transfer-encoding"].contains(&name.replace('_', "-").to_ascii_lowercase().as_str())
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
