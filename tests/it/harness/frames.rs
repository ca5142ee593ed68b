//! HTTP/2 as bytes: frames, and header blocks written without any compression, so that they may hold what no library would send.

use std::io::{self, Read, Write};

use loona_hpack::Decoder;

use super::message::Fields;

/// What a client says first (RFC 9113 section 3.4).
pub const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Frame types.
pub const DATA: u8 = 0;
pub const HEADERS: u8 = 1;
pub const RST_STREAM: u8 = 3;
pub const SETTINGS: u8 = 4;
pub const PING: u8 = 6;
pub const GOAWAY: u8 = 7;
pub const WINDOW_UPDATE: u8 = 8;
pub const CONTINUATION: u8 = 9;

/// Flags.
pub const ACK: u8 = 1;
pub const END_STREAM: u8 = 1;
pub const END_HEADERS: u8 = 4;
const PADDED: u8 = 8;
const PRIORITY: u8 = 0x20;

/// The largest payload anybody may send unasked.
const MOST: usize = 16 * 1024;

/// A frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    pub kind: u8,
    pub flags: u8,
    pub stream: u32,
    pub payload: Vec<u8>,
}

impl Frame {
    pub fn new(kind: u8, flags: u8, stream: u32, payload: impl Into<Vec<u8>>) -> Frame {
        Frame { kind, flags, stream, payload: payload.into() }
    }

    /// A whole header block in one frame.
    pub fn headers(stream: u32, flags: u8, fields: &[(&[u8], &[u8])]) -> Frame {
        Frame::new(HEADERS, flags | END_HEADERS, stream, block(fields))
    }

    pub fn reset(stream: u32, code: u32) -> Frame {
        Frame::new(RST_STREAM, 0, stream, code.to_be_bytes())
    }

    /// Room for so many more bytes on a stream, or on the connection (stream 0).
    pub fn window(stream: u32, bytes: u32) -> Frame {
        Frame::new(WINDOW_UPDATE, 0, stream, bytes.to_be_bytes())
    }

    /// Settings by their number.
    pub fn settings(values: &[(u16, u32)]) -> Frame {
        let payload = values.iter().flat_map(|(id, value)| [&id.to_be_bytes()[..], &value.to_be_bytes()].concat());
        Frame::new(SETTINGS, 0, 0, payload.collect::<Vec<u8>>())
    }

    pub fn has(&self, flag: u8) -> bool {
        self.flags & flag != 0
    }

    /// The number at the end of a RST_STREAM or at the second place of a GOAWAY.
    pub fn code(&self) -> u32 {
        let at = if self.kind == GOAWAY { 4 } else { 0 };
        self.payload.get(at..at + 4).map_or(u32::MAX, |bytes| u32::from_be_bytes(bytes.try_into().unwrap()))
    }

    /// The payload without padding and priority.
    fn content(&self) -> &[u8] {
        let (mut rest, mut padding) = (&self.payload[..], 0);
        if self.has(PADDED) {
            padding = usize::from(rest[0]);
            rest = &rest[1..];
        }
        if self.kind == HEADERS && self.has(PRIORITY) {
            rest = &rest[5..];
        }
        &rest[..rest.len() - padding]
    }

    pub fn bytes(&self) -> Vec<u8> {
        let length = u32::try_from(self.payload.len()).unwrap().to_be_bytes();
        let head = [&length[1..], &[self.kind, self.flags], &self.stream.to_be_bytes()].concat();
        [head, self.payload.clone()].concat()
    }
}

/// A body as DATA frames; the last one ends the stream if it is told to.
pub fn data(stream: u32, body: &[u8], end: bool) -> Vec<Frame> {
    let mut frames: Vec<Frame> = body.chunks(MOST).map(|part| Frame::new(DATA, 0, stream, part)).collect();
    if frames.is_empty() && end {
        frames.push(Frame::new(DATA, 0, stream, []));
    }
    if let Some(last) = frames.last_mut().filter(|_| end) {
        last.flags |= END_STREAM;
    }
    frames
}

/// A header block: literals without indexing, spelled as they are (RFC 7541 section 6.2.2).
pub fn block(fields: &[(&[u8], &[u8])]) -> Vec<u8> {
    let mut out = Vec::new();
    let text = |out: &mut Vec<u8>, bytes: &[u8]| {
        if bytes.len() < 127 {
            out.push(bytes.len() as u8);
        } else {
            out.push(127);
            let mut left = bytes.len() - 127;
            while left >= 128 {
                out.push((left % 128) as u8 | 128);
                left /= 128;
            }
            out.push(left as u8);
        }
        out.extend_from_slice(bytes);
    };
    for (name, value) in fields {
        out.push(0);
        text(&mut out, name);
        text(&mut out, value);
    }
    out
}

/// One end of a connection, frame by frame.
pub struct Frames<S> {
    stream: S,
    held: Vec<u8>,
    decoder: Decoder<'static>,
}

impl<S: Read> Frames<S> {
    /// `held` are bytes that were read already.
    pub fn new(stream: S, held: Vec<u8>) -> Frames<S> {
        Frames { stream, held, decoder: Decoder::new() }
    }

    /// Takes bytes that are expected to come next; whether they did.
    pub fn expect(&mut self, bytes: &[u8]) -> io::Result<bool> {
        while self.held.len() < bytes.len() {
            if !self.more()? {
                return Ok(false);
            }
        }
        let rest = self.held.split_off(bytes.len());
        Ok(std::mem::replace(&mut self.held, rest) == bytes)
    }

    /// The next frame; `None` at the end of the connection.
    pub fn next(&mut self) -> io::Result<Option<Frame>> {
        loop {
            if let [a, b, c, kind, flags, s0, s1, s2, s3, rest @ ..] = &self.held[..] {
                let length = u32::from_be_bytes([0, *a, *b, *c]) as usize;
                if rest.len() >= length {
                    let stream = u32::from_be_bytes([*s0, *s1, *s2, *s3]) & 0x7fff_ffff;
                    let frame = Frame::new(*kind, *flags, stream, &rest[..length]);
                    self.held.drain(..9 + length);
                    return Ok(Some(frame));
                }
            }
            if !self.more()? {
                return Ok(None);
            }
        }
    }

    /// The fields of a block that begins with this frame; its continuations are taken too.
    pub fn fields(&mut self, first: &Frame) -> io::Result<Fields> {
        let mut block = first.content().to_vec();
        let mut ended = first.has(END_HEADERS);
        while !ended {
            let Some(next) = self.next()? else { return Err(io::ErrorKind::UnexpectedEof.into()) };
            assert_eq!((next.kind, next.stream), (CONTINUATION, first.stream));
            ended = next.has(END_HEADERS);
            block.extend_from_slice(&next.payload);
        }
        let text = |bytes: Vec<u8>| bytes.into_iter().map(char::from).collect::<String>();
        let fields = self.decoder.decode(&block).map_err(|error| io::Error::other(format!("{error:?}")))?;
        Ok(fields.into_iter().map(|(name, value)| (text(name), text(value))).collect())
    }

    fn more(&mut self) -> io::Result<bool> {
        let mut space = [0; 16 * 1024];
        let count = self.stream.read(&mut space)?;
        self.held.extend_from_slice(&space[..count]);
        Ok(count > 0)
    }
}

/// The content of a DATA frame.
pub fn content(frame: &Frame) -> &[u8] {
    frame.content()
}

/// Writes frames in one go.
pub fn write(to: &mut impl Write, frames: &[Frame]) -> io::Result<()> {
    to.write_all(&frames.iter().flat_map(Frame::bytes).collect::<Vec<u8>>())
}
