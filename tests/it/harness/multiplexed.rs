//! A recording backend's side of an HTTP/2 connection. What its scripts say as HTTP/1 is said in frames.

use std::collections::HashMap;
use std::io::{self, Cursor};
use std::net::{Shutdown, TcpStream};
use std::sync::{Arc, Condvar, Mutex};

use super::frames::{self, END_STREAM, Frame, Frames};
use super::message::{Body, Fields, Framing, Reader, framing, parse};
use super::received::Received;
use super::recorder::Shared;
use super::script::{Script, Step};
use super::wait::PATIENCE;

/// What RFC 9113 section 8.2.2 forbids.
const NOT_HERE: [&str; 5] = ["connection", "transfer-encoding", "keep-alive", "proxy-connection", "upgrade"];
const INTERNAL_ERROR: u32 = 2;

/// How much the other end takes, by stream; 0 is the connection.
#[derive(Debug)]
struct Windows {
    initial: i64,
    left: HashMap<u32, i64>,
    closed: bool,
}

/// The way out, which the answers of all streams share.
#[derive(Debug)]
struct Out {
    stream: Mutex<TcpStream>,
    windows: Mutex<Windows>,
    changed: Condvar,
}

/// An answer, as far as its script has got.
#[derive(Debug, Default)]
struct Said {
    /// Whether it answers a HEAD.
    to_head: bool,
    bytes: Vec<u8>,
    /// Where the body begins, and how it is framed, once the head is there.
    body: Option<(usize, Option<Framing>)>,
    sent: usize,
    ended: bool,
}

/// Serves a connection whose preface has come.
pub(super) fn serve(shared: &Arc<Shared>, stream: TcpStream, held: Vec<u8>, number: usize) -> io::Result<()> {
    let windows = Windows { initial: 65_535, left: HashMap::from([(0, 65_535)]), closed: false };
    let out = Arc::new(Out {
        stream: Mutex::new(stream.try_clone()?),
        windows: Mutex::new(windows),
        changed: Condvar::new(),
    });
    // Room enough for whatever is sent, so that no update of a window is ever due.
    out.frames(&[Frame::settings(&[(3, 1000), (4, 0x7fff_ffff)]), Frame::window(0, 0x7000_0000)])?;
    let result = read(shared, &out, Frames::new(stream, held), number);
    out.windows.lock().unwrap().closed = true;
    out.changed.notify_all();
    result
}

fn read(shared: &Arc<Shared>, out: &Arc<Out>, mut frames: Frames<TcpStream>, number: usize) -> io::Result<()> {
    // By stream: the place of its request, and the script if it still waits for the body's end.
    let mut streams: HashMap<u32, (usize, Option<Script>)> = HashMap::new();
    if !frames.expect(b"SM\r\n\r\n")? {
        return Ok(());
    }
    while let Some(frame) = frames.next()? {
        let id = frame.stream;
        match frame.kind {
            frames::SETTINGS if !frame.has(frames::ACK) => out.settings(&frame)?,
            frames::PING if !frame.has(frames::ACK) => {
                out.frames(&[Frame::new(frames::PING, frames::ACK, 0, &*frame.payload)])?;
                continue;
            }
            frames::WINDOW_UPDATE => out.widen(id, frame.payload.clone().try_into().map_or(0, u32::from_be_bytes)),
            frames::RST_STREAM => {
                if let Some((place, _)) = streams.remove(&id) {
                    shared.break_off(place);
                }
            }
            frames::HEADERS => {
                let fields = frames.fields(&frame)?;
                if let Some((place, _)) = streams.get(&id) {
                    shared.change(|state| state.requests[*place].body.trailers = fields);
                } else {
                    let (place, script) = begin(shared, fields, number);
                    let waits = if script.early {
                        play(shared, out, id, place, script);
                        None
                    } else {
                        Some(script)
                    };
                    streams.insert(id, (place, waits));
                }
            }
            frames::DATA => {
                if let Some((place, _)) = streams.get(&id) {
                    let content = frames::content(&frame).to_vec();
                    shared.change(|state| {
                        state.bytes += content.len();
                        state.requests[*place].body.content.extend(content);
                    });
                }
            }
            _ => {}
        }
        if matches!(frame.kind, frames::HEADERS | frames::DATA)
            && frame.has(END_STREAM)
            && let Some((place, waits)) = streams.get_mut(&id)
        {
            shared.change(|state| state.requests[*place].body.complete = true);
            if let Some(script) = waits.take() {
                play(shared, out, id, *place, script);
            }
        }
    }
    Ok(())
}

/// Notes a request as if it had come as HTTP/1.
fn begin(shared: &Shared, fields: Fields, number: usize) -> (usize, Script) {
    let pseudo = |name: &str| fields.iter().find(|(field, _)| field == name).map_or("", |(_, value)| value);
    let mut head = format!("{} {} HTTP/1.1\r\n", pseudo(":method"), pseudo(":path"));
    if fields.iter().any(|(name, _)| name == ":authority") {
        head += &format!("host: {}\r\n", pseudo(":authority"));
    }
    for (name, value) in fields.iter().filter(|(name, _)| !name.starts_with(':')) {
        assert!(!NOT_HERE.contains(&&**name) && !value.contains(['\r', '\n', '\0']), "{name}: {value:?}");
        head += &format!("{name}: {value}\r\n");
    }
    head += "\r\n";
    let request = Received::new(number, head.chars().map(|one| one as u8).collect());
    let script = shared.script(&request);
    let place = shared.change(|state| {
        state.bytes += head.len();
        state.requests.push(request);
        state.requests.len() - 1
    });
    (place, script)
}

fn play(shared: &Arc<Shared>, out: &Arc<Out>, id: u32, place: usize, script: Script) {
    let (shared, out) = (Arc::clone(shared), Arc::clone(out));
    // However it ends, it ends.
    std::thread::spawn(move || drop(perform(&shared, &out, id, place, &script)));
}

fn perform(shared: &Shared, out: &Out, id: u32, place: usize, script: &Script) -> io::Result<()> {
    let to_head = shared.change(|state| state.requests[place].method == "HEAD");
    let mut said = Said { to_head, ..Said::default() };
    for step in &script.steps {
        match step {
            Step::Send(bytes) => said.say(out, id, bytes)?,
            Step::Frames(frames) => {
                let own = |frame: &Frame| Frame { stream: if frame.stream == 0 { 0 } else { id }, ..frame.clone() };
                out.frames(&frames.iter().map(own).collect::<Vec<_>>())?;
            }
            Step::Flood(bytes) => {
                let block = [b'x'; 16 * 1024];
                let mut left = *bytes;
                while left > 0 {
                    let part = left.min(block.len());
                    out.data(id, &block[..part], false)?;
                    left -= part;
                    shared.change(|state| state.flooded += part);
                }
            }
            Step::Await(latch) => latch.wait(),
            Step::Hang => return Ok(()),
            // An answer without framing ends so; any other one is cut.
            Step::Close if matches!(said.body, Some((_, None))) && !said.ended => out.data(id, b"", true)?,
            Step::Close => out.stream.lock().unwrap().shutdown(Shutdown::Both)?,
            Step::Reset => out.frames(&[Frame::reset(id, INTERNAL_ERROR)])?,
        }
    }
    Ok(())
}

impl Said {
    /// Says in frames what these further bytes of an HTTP/1 answer say.
    fn say(&mut self, out: &Out, id: u32, bytes: &[u8]) -> io::Result<()> {
        self.bytes.extend_from_slice(bytes);
        while self.body.is_none() {
            let Some(end) = self.bytes.windows(4).position(|window| window == b"\r\n\r\n") else { return Ok(()) };
            let head: Vec<u8> = self.bytes[..end + 4].to_vec();
            let (line, fields) = parse(&head)?;
            let status = line.split(' ').nth(1).unwrap_or_default().to_owned();
            let interim = status.starts_with('1');
            let framing = framing(&fields)?;
            let bodyless = self.to_head || framing == Some(Framing::Length(0)) || matches!(&*status, "204" | "304");
            let mut block = vec![(b":status".to_vec(), status.into_bytes())];
            let latin = |text: &str| text.chars().map(|one| one as u8).collect::<Vec<u8>>();
            let kept = fields.iter().filter(|(name, _)| !NOT_HERE.contains(&&*name.to_lowercase()));
            block.extend(kept.map(|(name, value)| (latin(&name.to_lowercase()), latin(value))));
            let block: Vec<(&[u8], &[u8])> = block.iter().map(|(name, value)| (&**name, &**value)).collect();
            self.ended = !interim && bodyless;
            let flags = if self.ended { END_STREAM } else { 0 };
            out.frames(&[Frame::headers(id, flags, &block)])?;
            if interim {
                self.bytes.drain(..end + 4);
            } else {
                self.body = Some((end + 4, framing));
            }
        }
        if self.ended { Ok(()) } else { self.go_on(out, id) }
    }

    fn go_on(&mut self, out: &Out, id: u32) -> io::Result<()> {
        let Some((start, framing)) = self.body else { return Ok(()) };
        let body = match framing {
            Some(framing) => Reader::new(Cursor::new(&self.bytes[start..])).body(framing, &mut |_| ())?,
            None => Body { content: self.bytes[start..].to_vec(), ..Body::default() },
        };
        let ends = body.complete && body.trailers.is_empty();
        out.data(id, &body.content[self.sent..], ends)?;
        self.sent = body.content.len();
        if body.complete && !body.trailers.is_empty() {
            let lower: Vec<_> = body.trailers.iter().map(|(name, value)| (name.to_lowercase(), value)).collect();
            let block: Vec<_> = lower.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes())).collect();
            out.frames(&[Frame::headers(id, END_STREAM, &block)])?;
        }
        self.ended = body.complete;
        Ok(())
    }
}

impl Out {
    fn frames(&self, frames: &[Frame]) -> io::Result<()> {
        frames::write(&mut *self.stream.lock().unwrap(), frames)
    }

    fn settings(&self, frame: &Frame) -> io::Result<()> {
        let mut windows = self.windows.lock().unwrap();
        for setting in frame.payload.chunks_exact(6) {
            let value = i64::from(u32::from_be_bytes(setting[2..].try_into().unwrap()));
            if setting[..2] == [0, 4] {
                let change = value - windows.initial;
                windows.initial = value;
                windows.left.iter_mut().filter(|(id, _)| **id != 0).for_each(|(_, left)| *left += change);
            }
        }
        drop(windows);
        self.changed.notify_all();
        self.frames(&[Frame::new(frames::SETTINGS, frames::ACK, 0, [])])
    }

    fn widen(&self, id: u32, bytes: u32) {
        let mut windows = self.windows.lock().unwrap();
        let initial = windows.initial;
        *windows.left.entry(id).or_insert(initial) += i64::from(bytes);
        drop(windows);
        self.changed.notify_all();
    }

    /// Sends data as the other end makes room for it.
    fn data(&self, id: u32, mut bytes: &[u8], end: bool) -> io::Result<()> {
        while !bytes.is_empty() {
            let mut windows = self.windows.lock().unwrap();
            let initial = windows.initial;
            windows.left.entry(id).or_insert(initial);
            let room = |windows: &mut Windows| windows.left[&0].min(windows.left[&id]);
            windows = self
                .changed
                .wait_timeout_while(windows, 6 * PATIENCE, |windows| !windows.closed && room(windows) <= 0)
                .unwrap()
                .0;
            let count = usize::try_from(room(&mut windows)).unwrap_or(0).min(bytes.len()).min(16 * 1024);
            if windows.closed || count == 0 {
                return Err(io::ErrorKind::BrokenPipe.into());
            }
            for id in [0, id] {
                *windows.left.get_mut(&id).unwrap() -= count as i64;
            }
            drop(windows);
            let (part, rest) = bytes.split_at(count);
            bytes = rest;
            let last = end && bytes.is_empty();
            self.frames(&[Frame::new(frames::DATA, if last { END_STREAM } else { 0 }, id, part)])?;
            if last {
                return Ok(());
            }
        }
        if end { self.frames(&[Frame::new(frames::DATA, END_STREAM, id, [])]) } else { Ok(()) }
    }
}
