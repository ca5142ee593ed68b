//! A client of HTTP/2 that speaks in frames, sound ones or not (RFC 9113 section 4).

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};

use super::wait::PATIENCE;

pub const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

pub const DATA: u8 = 0;
pub const HEADERS: u8 = 1;
pub const RST_STREAM: u8 = 3;
pub const SETTINGS: u8 = 4;
pub const PING: u8 = 6;
pub const GOAWAY: u8 = 7;
pub const WINDOW_UPDATE: u8 = 8;
pub const CONTINUATION: u8 = 9;

pub const END_STREAM: u8 = 1;
pub const ACK: u8 = 1;
pub const END_HEADERS: u8 = 4;

/// A frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    pub kind: u8,
    pub flags: u8,
    pub stream: u32,
    pub payload: Vec<u8>,
}

impl Frame {
    /// The error that a RST_STREAM or GOAWAY gives.
    pub fn error(&self) -> u32 {
        let at = if self.kind == GOAWAY { 4 } else { 0 };
        u32::from_be_bytes(self.payload[at..at + 4].try_into().unwrap())
    }
}

/// The bytes of a frame.
pub fn frame(kind: u8, flags: u8, stream: u32, payload: impl AsRef<[u8]>) -> Vec<u8> {
    let payload = payload.as_ref();
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    let mut bytes = vec![length[1], length[2], length[3], kind, flags];
    bytes.extend_from_slice(&stream.to_be_bytes());
    bytes.extend_from_slice(payload);
    bytes
}

/// A header block in which every field is a literal (RFC 7541 section 6.2.2): any bytes may stand in it.
pub fn block(fields: &[(&str, &str)]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (name, value) in fields {
        bytes.push(0);
        for text in [name, value] {
            length(text.len(), &mut bytes);
            bytes.extend_from_slice(text.as_bytes());
        }
    }
    bytes
}

/// An integer with a prefix of seven bits (RFC 7541 section 5.1).
fn length(length: usize, bytes: &mut Vec<u8>) {
    if length < 127 {
        return bytes.push(u8::try_from(length).unwrap());
    }
    bytes.push(127);
    let mut rest = length - 127;
    while rest >= 128 {
        bytes.push(u8::try_from(rest % 128).unwrap() | 128);
        rest /= 128;
    }
    bytes.push(u8::try_from(rest).unwrap());
}

/// The pseudo-headers of a request, and further fields.
pub fn request<'f>(method: &'f str, path: &'f str, fields: &[(&'f str, &'f str)]) -> Vec<(&'f str, &'f str)> {
    let pseudo = [(":method", method), (":scheme", "http"), (":authority", "shop.example"), (":path", path)];
    pseudo.into_iter().chain(fields.iter().copied()).collect()
}

/// A client's connection.
#[derive(Debug)]
pub struct Frames {
    stream: TcpStream,
}

impl Frames {
    /// Connects, and begins with empty settings.
    #[track_caller]
    pub fn connect(address: SocketAddr) -> Frames {
        Frames::with(address, &[])
    }

    /// The same with these settings.
    #[track_caller]
    pub fn with(address: SocketAddr, settings: &[(u16, u32)]) -> Frames {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_nodelay(true).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        let mut client = Frames { stream };
        let mut payload = Vec::new();
        for (id, value) in settings {
            payload.extend_from_slice(&id.to_be_bytes());
            payload.extend_from_slice(&value.to_be_bytes());
        }
        client.send(PREFACE);
        client.send(frame(SETTINGS, 0, 0, payload));
        client
    }

    #[track_caller]
    pub fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.stream.write_all(bytes.as_ref()).unwrap();
    }

    /// Sends to somebody who may have closed already.
    pub fn try_send(&mut self, bytes: impl AsRef<[u8]>) -> bool {
        self.stream.write_all(bytes.as_ref()).is_ok()
    }

    /// Sends a request without a body.
    #[track_caller]
    pub fn ask(&mut self, stream: u32, fields: &[(&str, &str)]) {
        self.send(frame(HEADERS, END_HEADERS | END_STREAM, stream, block(fields)));
    }

    /// The next frame; `None` at the end of the connection.
    #[track_caller]
    pub fn next(&mut self) -> Option<Frame> {
        let mut head = [0; 9];
        match self.stream.read_exact(&mut head) {
            Ok(()) => {}
            Err(error) if is_end(&error) => return None,
            Err(error) => panic!("no frame: {error}"),
        }
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
        let mut payload = vec![0; length as usize];
        match self.stream.read_exact(&mut payload) {
            Ok(()) => {}
            Err(error) if is_end(&error) => return None,
            Err(error) => panic!("half a frame: {error}"),
        }
        let stream = u32::from_be_bytes(head[5..9].try_into().unwrap());
        Some(Frame { kind: head[3], flags: head[4], stream, payload })
    }

    /// The next frame of this kind. Settings and pings are answered on the way.
    #[track_caller]
    pub fn wait(&mut self, kind: u8) -> Frame {
        loop {
            let frame = self.next().unwrap_or_else(|| panic!("the end, not a frame of kind {kind}"));
            if frame.kind == kind {
                return frame;
            }
            self.acknowledge(&frame);
        }
    }

    /// What ends a stream: its reset, its last frame, the GOAWAY that is no goodbye, or `None`: the connection's end.
    #[track_caller]
    pub fn ended(&mut self, stream: u32) -> Option<Frame> {
        loop {
            let frame = self.next()?;
            let ends =
                frame.kind == RST_STREAM || (matches!(frame.kind, HEADERS | DATA) && frame.flags & END_STREAM != 0);
            if (frame.stream == stream && ends) || (frame.kind == GOAWAY && frame.error() != 0) {
                return Some(frame);
            }
            self.acknowledge(&frame);
        }
    }

    /// Waits for the connection's end.
    #[track_caller]
    pub fn closed(&mut self) {
        while let Some(frame) = self.next() {
            self.acknowledge(&frame);
        }
    }

    /// Answers settings and pings.
    pub fn acknowledge(&mut self, seen: &Frame) {
        if matches!(seen.kind, SETTINGS | PING) && seen.flags & ACK == 0 {
            let payload = if seen.kind == PING { &seen.payload[..] } else { &[] };
            self.try_send(frame(seen.kind, ACK, 0, payload));
        }
    }
}

fn is_end(error: &io::Error) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, UnexpectedEof};
    matches!(error.kind(), BrokenPipe | ConnectionAborted | ConnectionReset | UnexpectedEof)
}
