//! A client's connection that speaks HTTP/2: frames out, answers in.

use std::collections::HashMap;
use std::net::{SocketAddr, TcpStream};

use super::frames::{self, END_STREAM, Frame, Frames, PREFACE};
use super::message::{Fields, values};
use super::wait::PATIENCE;

/// How an answer ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum StreamEnd {
    /// Not yet.
    #[default]
    Open,
    /// As its sender meant it.
    Clean,
    /// With a RST_STREAM of this code.
    Reset(u32),
    /// The connection ended first; the code of its GOAWAY, where there was one.
    Closed(Option<u32>),
}

/// What came on a stream.
#[derive(Debug, Clone, Default)]
pub struct StreamAnswer {
    /// Heads that went before, and the one of the answer last.
    heads: Vec<Fields>,
    pub body: Vec<u8>,
    pub trailers: Fields,
    pub end: StreamEnd,
}

/// A client's connection of many streams.
pub struct Streams {
    frames: Frames<TcpStream>,
    out: TcpStream,
    next: u32,
    answers: HashMap<u32, StreamAnswer>,
    goaway: Option<u32>,
    closed: bool,
}

impl StreamAnswer {
    /// The status of the answer; 0 where none came.
    pub fn status(&self) -> u16 {
        self.field(":status").and_then(|status| status.parse().ok()).unwrap_or(0)
    }

    /// The only value of a field of the answer's head.
    #[track_caller]
    pub fn field(&self, name: &str) -> Option<&str> {
        let values = self.heads.last().map_or(Vec::new(), |fields| values(fields, name));
        assert!(values.len() < 2, "{name} came more than once: {values:?}");
        values.first().copied()
    }

    /// The fields of the answer's head.
    pub fn fields(&self) -> Fields {
        self.heads.last().cloned().unwrap_or_default()
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

impl Streams {
    /// Connects with prior knowledge.
    #[track_caller]
    pub fn connect(address: SocketAddr) -> Streams {
        let mut client = Streams::silent(address);
        client.raw(PREFACE);
        client.send(&[Frame::settings(&[]), Frame::window(0, 0x3fff_0000)]);
        client
    }

    /// Connects, and says nothing.
    #[track_caller]
    pub fn silent(address: SocketAddr) -> Streams {
        let stream = TcpStream::connect_timeout(&address, PATIENCE).unwrap();
        stream.set_nodelay(true).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        let out = stream.try_clone().unwrap();
        let frames = Frames::new(stream, Vec::new());
        Streams { frames, out, next: 1, answers: HashMap::new(), goaway: None, closed: false }
    }

    /// Sends bytes to somebody who may have closed already.
    pub fn raw(&mut self, bytes: &[u8]) -> bool {
        use std::io::Write as _;
        self.out.write_all(bytes).is_ok()
    }

    /// Sends frames to somebody who may have closed already.
    pub fn send(&mut self, frames: &[Frame]) -> bool {
        frames::write(&mut self.out, frames).is_ok()
    }

    /// The number of a new stream.
    pub fn open(&mut self) -> u32 {
        self.next += 2;
        self.next - 2
    }

    /// Sends a whole request on a new stream, its fields as they are.
    pub fn request(&mut self, fields: &[(&[u8], &[u8])], body: Option<&[u8]>) -> u32 {
        let stream = self.open();
        let flags = if body.is_none() { END_STREAM } else { 0 };
        let mut all = vec![Frame::headers(stream, flags, fields)];
        all.extend(body.into_iter().flat_map(|body| frames::data(stream, body, true)));
        self.send(&all);
        stream
    }

    /// A GET of this path.
    pub fn get(&mut self, path: &str) -> u32 {
        let fields: [(&[u8], &[u8]); 4] = [
            (b":method", b"GET"),
            (b":scheme", b"http"),
            (b":authority", b"shop.example"),
            (b":path", path.as_bytes()),
        ];
        self.request(&fields, None)
    }

    /// Waits for the end of a stream.
    #[track_caller]
    pub fn answer(&mut self, stream: u32) -> StreamAnswer {
        loop {
            let answer = self.answers.entry(stream).or_default();
            if answer.end != StreamEnd::Open {
                return answer.clone();
            }
            if self.closed {
                answer.end = StreamEnd::Closed(self.goaway);
                return answer.clone();
            }
            self.step();
        }
    }

    /// Takes one frame, and answers those that want an answer.
    #[track_caller]
    fn step(&mut self) {
        let frame = match self.frames.next() {
            Ok(Some(frame)) => frame,
            Err(error) if matches!(error.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut) => {
                panic!("nothing comes: {error}")
            }
            Ok(None) | Err(_) => {
                self.closed = true;
                return;
            }
        };
        let id = frame.stream;
        match frame.kind {
            frames::SETTINGS if !frame.has(frames::ACK) => {
                self.send(&[Frame::new(frames::SETTINGS, frames::ACK, 0, [])]);
            }
            frames::PING if !frame.has(frames::ACK) => {
                self.send(&[Frame::new(frames::PING, frames::ACK, 0, &*frame.payload)]);
            }
            frames::GOAWAY => self.goaway = Some(frame.code()),
            frames::RST_STREAM => {
                let answer = self.answers.entry(id).or_default();
                // What was whole stays whole: a reset behind it asks to stop sending.
                if answer.end == StreamEnd::Open {
                    answer.end = StreamEnd::Reset(frame.code());
                }
            }
            frames::HEADERS => {
                let fields = self.frames.fields(&frame).unwrap();
                let answer = self.answers.entry(id).or_default();
                if answer.status() >= 200 {
                    answer.trailers = fields;
                } else {
                    answer.heads.push(fields);
                }
            }
            frames::DATA => {
                let content = frames::content(&frame).to_vec();
                if !content.is_empty() {
                    self.send(&[Frame::window(id, frame.payload.len() as u32)]);
                }
                self.answers.entry(id).or_default().body.extend(content);
            }
            _ => {}
        }
        if matches!(frame.kind, frames::HEADERS | frames::DATA) && frame.has(END_STREAM) {
            self.answers.entry(id).or_default().end = StreamEnd::Clean;
        }
    }
}
