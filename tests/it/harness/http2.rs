//! A client of HTTP/2 that sends what it is told, sound or not, and takes each frame in its turn.

use std::io::{self, Write};
use std::net::{SocketAddr, TcpStream};

use super::frames::{
    self, ACK, DATA, END_HEADERS, END_STREAM, Frame, Frames, GOAWAY, HEADERS, PING, PREFACE, RST_STREAM, SETTINGS,
};
use super::wait::PATIENCE;

/// The bytes of a frame.
pub fn frame(kind: u8, flags: u8, stream: u32, payload: impl AsRef<[u8]>) -> Vec<u8> {
    Frame::new(kind, flags, stream, payload.as_ref()).bytes()
}

/// A header block in which every field is a literal: any bytes may stand in it.
pub fn block(fields: &[(&str, &str)]) -> Vec<u8> {
    let fields: Vec<(&[u8], &[u8])> = fields.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes())).collect();
    frames::block(&fields)
}

/// The pseudo-headers of a request, and further fields.
pub fn request<'f>(method: &'f str, path: &'f str, fields: &[(&'f str, &'f str)]) -> Vec<(&'f str, &'f str)> {
    let pseudo = [(":method", method), (":scheme", "http"), (":authority", "shop.example"), (":path", path)];
    pseudo.into_iter().chain(fields.iter().copied()).collect()
}

/// A client's connection.
pub struct Raw {
    frames: Frames<TcpStream>,
    stream: TcpStream,
}

impl Raw {
    /// Connects, and begins with empty settings.
    #[track_caller]
    pub fn connect(address: SocketAddr) -> Raw {
        Raw::with(address, &[])
    }

    /// The same with these settings.
    #[track_caller]
    pub fn with(address: SocketAddr, settings: &[(u16, u32)]) -> Raw {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_nodelay(true).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        let frames = Frames::new(stream.try_clone().unwrap(), Vec::new());
        let mut client = Raw { frames, stream };
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
        match self.frames.next() {
            Ok(frame) => frame,
            Err(error) if is_end(&error) => None,
            Err(error) => panic!("no frame: {error}"),
        }
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
            if (frame.stream == stream && ends) || (frame.kind == GOAWAY && frame.code() != 0) {
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
