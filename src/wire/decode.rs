//! The body of an HTTP/1 message, taken out of what delimits it (RFC 9112 sections 6 and 7).

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, HeaderName, HeaderValue};

use super::chunked::Chunk;

/// The most bytes of chunk extensions in one body.
const MAX_EXTENSIONS: usize = 16 * 1024;
/// The most trailer fields of a message.
const MAX_TRAILERS: usize = 64;

/// How the body of a message is delimited (RFC 9112 section 6.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Length {
    /// So many bytes.
    Fixed(u64),
    /// Chunked.
    Chunked,
    /// All that comes until the connection closes; answers only.
    UntilClose,
}

/// Who sent the message: what is forgiven a backend is refused from a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum From {
    /// Nothing is forgiven.
    Client,
    /// Old servers pad the sizes of their chunks; decoded and encoded anew, the padding harms nobody.
    Backend,
}

/// Takes a body out of the bytes of a connection.
#[derive(Debug)]
pub enum Decoder {
    /// So many bytes are still to come.
    Fixed(u64),
    /// Within a chunked body.
    Chunked(Box<Chunks>),
    /// Until the connection closes.
    UntilClose,
    /// There is no more.
    Done,
}

/// A chunked body on its way.
#[derive(Debug)]
pub struct Chunks {
    place: Chunk,
    /// The trailer section so far.
    trailers: Vec<u8>,
    /// Bytes of extensions so far: they mean nothing to anybody and cost as much as data.
    extensions: usize,
    from: From,
}

/// What the bytes at hand came to.
#[derive(Debug, PartialEq)]
pub enum Piece {
    /// A part of the body.
    Data(Bytes),
    /// The trailers; the body ends with them.
    Trailers(HeaderMap),
    /// The body has ended.
    End,
    /// More bytes are needed.
    Wait,
}

impl Decoder {
    /// A body of this length.
    #[must_use]
    pub fn new(length: Length, from: From) -> Decoder {
        match length {
            Length::Fixed(0) => Decoder::Done,
            Length::Fixed(length) => Decoder::Fixed(length),
            Length::Chunked => {
                Decoder::Chunked(Box::new(Chunks { place: Chunk::START, trailers: Vec::new(), extensions: 0, from }))
            }
            Length::UntilClose => Decoder::UntilClose,
        }
    }

    /// Whether the body has ended.
    #[must_use]
    pub fn is_done(&self) -> bool {
        matches!(self, Decoder::Done)
    }

    /// The exact number of bytes still to come, where it is known.
    #[must_use]
    pub fn left(&self) -> Option<u64> {
        match self {
            Decoder::Fixed(left) => Some(*left),
            Decoder::Done => Some(0),
            Decoder::Chunked(_) | Decoder::UntilClose => None,
        }
    }

    /// Whether the connection's closing now is the end of the body, rather than its loss.
    #[must_use]
    pub fn ends_with_connection(&self) -> bool {
        matches!(self, Decoder::UntilClose | Decoder::Done)
    }

    /// Takes the next piece off the front of `buffer`.
    ///
    /// # Errors
    /// What is wrong with the chunks.
    pub fn take(&mut self, buffer: &mut BytesMut) -> Result<Piece, &'static str> {
        match self {
            Decoder::Done => Ok(Piece::End),
            _ if buffer.is_empty() => Ok(Piece::Wait),
            Decoder::UntilClose => Ok(Piece::Data(buffer.split().freeze())),
            Decoder::Fixed(left) => {
                let count = usize::try_from(*left).unwrap_or(usize::MAX).min(buffer.len());
                *left -= count as u64;
                if *left == 0 {
                    *self = Decoder::Done;
                }
                Ok(Piece::Data(buffer.split_to(count).freeze()))
            }
            Decoder::Chunked(chunks) => {
                let piece = chunks.take(buffer)?;
                if matches!(piece, Piece::Trailers(_) | Piece::End) {
                    *self = Decoder::Done;
                }
                Ok(piece)
            }
        }
    }
}

impl Chunks {
    fn take(&mut self, buffer: &mut BytesMut) -> Result<Piece, &'static str> {
        let mut at = 0;
        while at < buffer.len() {
            if let Chunk::Data { left } = self.place {
                let count = usize::try_from(left).unwrap_or(usize::MAX).min(buffer.len() - at);
                let left = left - count as u64;
                self.place = if left == 0 { Chunk::DataCr } else { Chunk::Data { left } };
                let _ = buffer.split_to(at);
                return Ok(Piece::Data(buffer.split_to(count).freeze()));
            }
            let byte = buffer[at];
            at += 1;
            let padded = self.from == From::Backend && matches!(self.place, Chunk::Size { digits: 1.., .. });
            if padded && matches!(byte, b' ' | b'\t') {
                continue;
            }
            let in_trailers =
                matches!(self.place, Chunk::TrailerStart { .. } | Chunk::Trailer { .. } | Chunk::TrailerLf { .. });
            if in_trailers {
                self.trailers.push(byte);
            }
            match self.place.next(byte)? {
                Some(next) => {
                    self.place = next;
                    self.extensions += usize::from(matches!(next, Chunk::Extension { .. }));
                    if self.extensions > MAX_EXTENSIONS {
                        return Err("The chunks' extensions are too long.");
                    }
                }
                None => {
                    let _ = buffer.split_to(at);
                    return parse_trailers(&mut self.trailers);
                }
            }
        }
        buffer.clear();
        Ok(Piece::Wait)
    }
}

fn parse_trailers(section: &mut Vec<u8>) -> Result<Piece, &'static str> {
    let unsound = "The trailer section is not well-formed.";
    // The last carriage return of the section was collected with it.
    if section.len() <= 1 {
        return Ok(Piece::End);
    }
    section.push(b'\n');
    let mut fields = [httparse::EMPTY_HEADER; MAX_TRAILERS];
    let Ok(httparse::Status::Complete((_, fields))) = httparse::parse_headers(section, &mut fields) else {
        return Err(unsound);
    };
    let mut trailers = HeaderMap::with_capacity(fields.len());
    for field in fields {
        let name = HeaderName::from_bytes(field.name.as_bytes()).map_err(|_| unsound)?;
        trailers.append(name, HeaderValue::from_bytes(field.value).map_err(|_| unsound)?);
    }
    Ok(Piece::Trailers(trailers))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Shows `bytes` in steps; the body, the trailers, and what is left over.
    fn decode(length: Length, bytes: &[u8], step: usize) -> Result<(Vec<u8>, HeaderMap, Vec<u8>), &'static str> {
        let mut decoder = Decoder::new(length, From::Backend);
        let (mut body, mut trailers) = (Vec::new(), HeaderMap::new());
        let mut buffer = BytesMut::new();
        for part in bytes.chunks(step) {
            buffer.extend_from_slice(part);
            loop {
                match decoder.take(&mut buffer)? {
                    Piece::Data(data) => body.extend_from_slice(&data),
                    Piece::Trailers(fields) => trailers = fields,
                    Piece::End | Piece::Wait => break,
                }
            }
        }
        Ok((body, trailers, buffer.to_vec()))
    }

    #[test]
    fn chunks_and_trailers_come_out_however_they_arrive() {
        let bytes = b"5;x=y\r\nhello\r\n1 \r\n!\r\n0\r\nX-Sum: 1\r\nX-Sum: 2\r\n\r\nrest";
        for step in 1..bytes.len() {
            let (body, trailers, left) = decode(Length::Chunked, bytes, step).unwrap();
            assert_eq!(body, b"hello!");
            assert_eq!(trailers.get_all("x-sum").iter().count(), 2);
            assert_eq!(left, b"rest");
        }
    }

    #[test]
    fn a_fixed_body_leaves_the_rest_alone() {
        let (body, _, left) = decode(Length::Fixed(3), b"abcdef", 2).unwrap();
        assert_eq!((&body[..], &left[..]), (&b"abc"[..], &b"def"[..]));
    }

    #[test]
    fn malformed_chunks_are_no_body() {
        for bytes in
            [&b"x\r\n"[..], b"5\nhello", b"5\r\nhelloX", b"-1\r\n", b"FFFFFFFFFFFFFFFFF\r\n", b"0\r\nbad line\r\n\r\n"]
        {
            assert!(decode(Length::Chunked, bytes, 3).is_err(), "{bytes:?}");
        }
    }

    proptest! {
        #[test]
        fn what_is_chunked_comes_out_as_it_went_in(
            parts in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 1..40), 0..6), step in 1usize..50,
        ) {
            let mut bytes = Vec::new();
            for part in &parts {
                bytes.extend_from_slice(format!("{:X}\r\n", part.len()).as_bytes());
                bytes.extend_from_slice(part);
                bytes.extend_from_slice(b"\r\n");
            }
            bytes.extend_from_slice(b"0\r\n\r\n");
            let (body, ..) = decode(Length::Chunked, &bytes, step).unwrap();
            prop_assert_eq!(body, parts.concat());
        }

        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..80), step in 1usize..9) {
            let _ = decode(Length::Chunked, &bytes, step);
        }
    }
}
