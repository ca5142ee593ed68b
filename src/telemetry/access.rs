//! The access log: one JSON line for each request, which no worker ever waits for.
//!
//! A worker collects lines in a buffer of its own and hands it over whole, through a bounded queue without locks, to one
//! writer thread. When the writer cannot keep up (a full disk, a blocked pipe) buffers are dropped and their lines counted.

use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crossbeam_queue::ArrayQueue;

use crate::snapshot::AccessLog;

/// A buffer is handed over when it holds this many bytes.
const FULL: usize = 32 * 1024;
/// How many buffers may wait for the writer.
const WAITING: usize = 256;
/// How long the writer sleeps when there is nothing to write.
const PAUSE: Duration = Duration::from_millis(20);

/// One request as the access log tells it. Strings are escaped as JSON; the query is left out, as it may hold secrets.
pub struct AccessRecord<'a> {
    /// When the request head had arrived; written as `ts` (RFC 3339, UTC).
    pub began: Instant,
    /// The request id.
    pub request_id: &'a str,
    /// The client's computed address.
    pub client: IpAddr,
    /// The method.
    pub method: &'a str,
    /// The host, as routes were matched against.
    pub host: &'a str,
    /// The path, still percent-encoded.
    pub path: &'a str,
    /// The status sent; 0 if the client went away before.
    pub status: u16,
    /// Who answered: `legacy`, `new` or `banyan`.
    pub served_by: &'static str,
    /// The side that was decided on.
    pub side: Option<&'static str>,
    /// The route, if one matched.
    pub route: Option<&'a str>,
    /// Why this side, in words and names that need no escaping.
    pub reason: Option<&'a dyn fmt::Display>,
    /// The subject's bucket, where a percentage was asked.
    pub bucket: Option<u32>,
    /// The tenant, where the decision looked it up.
    pub tenant: Option<&'a str>,
    /// The generation that decided.
    pub generation: u64,
    /// The backend, if one was asked.
    pub backend: Option<&'a str>,
    /// The endpoint, if one was asked.
    pub endpoint: Option<&'a str>,
    /// From request head to the last byte of the answer, in microseconds.
    pub duration_us: u64,
    /// From the request's head to the answer's, in microseconds.
    pub upstream_us: Option<u64>,
    /// Body bytes from the client.
    pub bytes_in: u64,
    /// Body bytes to the client.
    pub bytes_out: u64,
    /// What went wrong, if anything did: a failure's name, or `client_gone`, `answer_broken`.
    pub error: Option<&'static str>,
}

/// Whole buffers on their way from the workers to the writer.
#[derive(Debug)]
pub struct AccessQueue {
    full: ArrayQueue<Buffer>,
    spare: ArrayQueue<Vec<u8>>,
    lost: AtomicU64,
}

#[derive(Debug)]
struct Buffer {
    lines: u64,
    bytes: Vec<u8>,
}

impl Default for AccessQueue {
    fn default() -> AccessQueue {
        AccessQueue { full: ArrayQueue::new(WAITING), spare: ArrayQueue::new(WAITING), lost: AtomicU64::new(0) }
    }
}

impl AccessQueue {
    /// How many lines were dropped because the writer could not keep up or could not write.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.lost.load(Ordering::Relaxed)
    }
}

impl AccessRecord<'_> {
    /// Writes the record as one line of JSON.
    ///
    /// By hand, because every request pays for it: the keys are constants, and a text that needs no escaping, as almost all
    /// do not, is copied as it is.
    fn write(&self, clock: &mut Clock, out: &mut Vec<u8>) {
        out.extend_from_slice(b"{\"ts\":\"");
        clock.write(self.began, out);
        out.push(b'"');
        text(out, "request_id", Some(self.request_id));
        // Writing to a vector cannot fail.
        let _ = write!(out, ",\"client\":\"{}\"", self.client);
        text(out, "method", Some(self.method));
        text(out, "host", Some(self.host));
        text(out, "path", Some(self.path));
        number(out, "status", Some(u64::from(self.status)));
        text(out, "served_by", Some(self.served_by));
        text(out, "side", self.side);
        text(out, "route", self.route);
        match self.reason {
            Some(reason) => drop(write!(out, ",\"reason\":\"{reason}\"")),
            None => text(out, "reason", None),
        }
        number(out, "bucket", self.bucket.map(u64::from));
        text(out, "tenant", self.tenant);
        number(out, "generation", Some(self.generation));
        text(out, "backend", self.backend);
        text(out, "endpoint", self.endpoint);
        number(out, "duration_us", Some(self.duration_us));
        number(out, "upstream_us", self.upstream_us);
        number(out, "bytes_in", Some(self.bytes_in));
        number(out, "bytes_out", Some(self.bytes_out));
        text(out, "error", self.error);
        out.extend_from_slice(b"}\n");
    }
}

fn key(out: &mut Vec<u8>, name: &str) {
    out.extend_from_slice(b",\"");
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b"\":");
}

fn text(out: &mut Vec<u8>, name: &str, value: Option<&str>) {
    key(out, name);
    let Some(value) = value else { return out.extend_from_slice(b"null") };
    if value.bytes().any(|byte| byte < 0x20 || byte == b'"' || byte == b'\\') {
        // A string always serializes, and writing to a vector cannot fail.
        let _ = serde_json::to_writer(out, value);
        return;
    }
    out.push(b'"');
    out.extend_from_slice(value.as_bytes());
    out.push(b'"');
}

fn number(out: &mut Vec<u8>, name: &str, value: Option<u64>) {
    key(out, name);
    match value {
        Some(value) => out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes()),
        None => out.extend_from_slice(b"null"),
    }
}

/// Turns moments into dates without asking the system for each: it is set a few times a second.
#[derive(Debug)]
struct Clock {
    then: (Instant, SystemTime),
    second: u64,
    /// `2026-11-21T06:31:50` of that second.
    date: String,
}

impl Clock {
    fn new() -> Clock {
        Clock { then: (Instant::now(), SystemTime::now()), second: u64::MAX, date: String::new() }
    }

    /// Follows the system's clock, which may have been set.
    fn set(&mut self) {
        self.then = (Instant::now(), SystemTime::now());
    }

    fn write(&mut self, moment: Instant, out: &mut Vec<u8>) {
        let (then, date) = self.then;
        let date = match moment.checked_duration_since(then) {
            Some(after) => date.checked_add(after),
            None => date.checked_sub(then - moment),
        };
        let since = date.and_then(|date| date.duration_since(UNIX_EPOCH).ok()).unwrap_or_default();
        if since.as_secs() != self.second {
            self.second = since.as_secs();
            let whole = UNIX_EPOCH + Duration::from_secs(self.second);
            self.date = humantime::format_rfc3339_seconds(whole).to_string();
            self.date.pop();
        }
        out.extend_from_slice(self.date.as_bytes());
        // Writing to a vector cannot fail.
        let _ = write!(out, ".{:06}Z", since.subsec_micros());
    }
}

/// A worker's own lines.
#[derive(Debug)]
pub struct LineBuffer {
    queue: Arc<AccessQueue>,
    lines: u64,
    bytes: Vec<u8>,
    clock: Clock,
}

impl LineBuffer {
    /// An empty buffer before this queue.
    #[must_use]
    pub fn new(queue: Arc<AccessQueue>) -> LineBuffer {
        LineBuffer { queue, lines: 0, bytes: Vec::with_capacity(FULL + 4096), clock: Clock::new() }
    }

    /// Adds one line; hands the buffer over when it is full.
    pub fn write(&mut self, record: &AccessRecord<'_>) {
        record.write(&mut self.clock, &mut self.bytes);
        self.lines += 1;
        if self.bytes.len() >= FULL {
            self.flush();
        }
    }

    /// Hands over what there is.
    pub fn flush(&mut self) {
        self.clock.set();
        if self.lines == 0 {
            return;
        }
        let mut next = self.queue.spare.pop().unwrap_or_else(|| Vec::with_capacity(FULL + 4096));
        next.clear();
        let full = Buffer { lines: std::mem::take(&mut self.lines), bytes: std::mem::replace(&mut self.bytes, next) };
        if let Err(refused) = self.queue.full.push(full) {
            self.queue.lost.fetch_add(refused.lines, Ordering::Relaxed);
        }
    }
}

impl Drop for LineBuffer {
    fn drop(&mut self) {
        self.flush();
    }
}

/// The thread that writes the log.
#[derive(Debug)]
pub struct AccessWriter {
    orders: Arc<Orders>,
    thread: JoinHandle<()>,
}

#[derive(Debug)]
struct Orders {
    target: Mutex<AccessLog>,
    reopen: AtomicBool,
    stop: AtomicBool,
}

impl AccessWriter {
    /// Starts the thread.
    ///
    /// # Errors
    /// The thread cannot be started.
    pub fn start(queue: Arc<AccessQueue>, target: AccessLog) -> io::Result<AccessWriter> {
        let orders = Arc::new(Orders {
            target: Mutex::new(target),
            reopen: AtomicBool::new(true),
            stop: AtomicBool::new(false),
        });
        let shared = Arc::clone(&orders);
        let thread = std::thread::Builder::new().name("access-log".into()).spawn(move || run(&queue, &shared))?;
        Ok(AccessWriter { orders, thread })
    }

    /// Opens the file anew (after it was moved away).
    pub fn reopen(&self) {
        self.orders.reopen.store(true, Ordering::Release);
        self.thread.thread().unpark();
    }

    /// Writes to another place from now on.
    pub fn redirect(&self, target: AccessLog) {
        let mut current = self.orders.target.lock().unwrap_or_else(PoisonError::into_inner);
        if *current != target {
            *current = target;
            self.orders.reopen.store(true, Ordering::Release);
        }
    }

    /// Writes what is left and ends, but waits no longer than `patience` for a blocked pipe.
    pub fn stop(self, patience: Duration) {
        self.orders.stop.store(true, Ordering::Release);
        self.thread.thread().unpark();
        let deadline = std::time::Instant::now() + patience;
        while !self.thread.is_finished() && std::time::Instant::now() < deadline {
            std::thread::park_timeout(Duration::from_millis(5));
        }
    }
}

enum Sink {
    Off,
    Stdout,
    File(File),
}

impl Sink {
    fn open(target: &AccessLog) -> Sink {
        match target {
            AccessLog::Off => Sink::Off,
            AccessLog::Stdout => Sink::Stdout,
            AccessLog::File(path) => match OpenOptions::new().create(true).append(true).open(path) {
                Ok(file) => Sink::File(file),
                Err(error) => {
                    tracing::error!(path = %path.display(), %error, "the access log cannot be opened; its lines are lost");
                    Sink::Off
                }
            },
        }
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Sink::Off => Ok(()),
            Sink::Stdout => {
                let mut stdout = io::stdout().lock();
                stdout.write_all(bytes)?;
                stdout.flush()
            }
            Sink::File(file) => file.write_all(bytes),
        }
    }
}

fn run(queue: &AccessQueue, orders: &Orders) {
    let mut sink = Sink::Off;
    let mut failing = false;
    loop {
        if orders.reopen.swap(false, Ordering::AcqRel) {
            let target = orders.target.lock().unwrap_or_else(PoisonError::into_inner).clone();
            sink = Sink::open(&target);
        }
        let Some(buffer) = queue.full.pop() else {
            if orders.stop.load(Ordering::Acquire) {
                return;
            }
            std::thread::park_timeout(PAUSE);
            continue;
        };
        match sink.write(&buffer.bytes) {
            Ok(()) => failing = false,
            Err(error) => {
                queue.lost.fetch_add(buffer.lines, Ordering::Relaxed);
                if !failing {
                    tracing::error!(%error, "the access log cannot be written; its lines are lost");
                }
                failing = true;
            }
        }
        // A spare that finds no place is simply freed.
        let _ = queue.spare.push(buffer.bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record<'a>(path: &'a str) -> AccessRecord<'a> {
        AccessRecord {
            began: Instant::now(),
            request_id: "id",
            client: "::1".parse().unwrap(),
            method: "GET",
            host: "h",
            path,
            status: 200,
            served_by: "new",
            side: Some("new"),
            route: None,
            reason: None,
            bucket: None,
            tenant: None,
            generation: 1,
            backend: None,
            endpoint: None,
            duration_us: 1,
            upstream_us: None,
            bytes_in: 0,
            bytes_out: 0,
            error: None,
        }
    }

    #[test]
    fn hostile_text_stays_one_line() {
        let queue = Arc::new(AccessQueue::default());
        let mut buffer = LineBuffer::new(Arc::clone(&queue));
        buffer.write(&record("/\n\"\u{1b}[2J\u{0}"));
        buffer.flush();
        let text = String::from_utf8(queue.full.pop().unwrap().bytes).unwrap();
        assert_eq!(text.matches('\n').count(), 1);
        let line: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(line["path"], "/\n\"\u{1b}[2J\u{0}");
        assert!(!text.contains('\u{1b}'));
    }

    #[test]
    fn a_stuck_writer_costs_lines_and_never_a_wait() {
        let queue = Arc::new(AccessQueue::default());
        let mut buffer = LineBuffer::new(Arc::clone(&queue));
        for _ in 0..WAITING + 7 {
            buffer.write(&record("/"));
            buffer.flush();
        }
        assert_eq!(queue.lost(), 7);
    }

    #[test]
    fn a_moved_file_is_opened_anew() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("access.log");
        let queue = Arc::new(AccessQueue::default());
        let writer = AccessWriter::start(Arc::clone(&queue), AccessLog::File(path.clone())).unwrap();
        let mut buffer = LineBuffer::new(Arc::clone(&queue));
        buffer.write(&record("/first"));
        buffer.flush();
        while std::fs::read_to_string(&path).unwrap_or_default().is_empty() {
            std::thread::yield_now();
        }
        std::fs::rename(&path, folder.path().join("old.log")).unwrap();
        writer.reopen();
        while !path.exists() {
            std::thread::yield_now();
        }
        buffer.write(&record("/second"));
        drop(buffer);
        writer.stop(Duration::from_secs(10));
        assert!(std::fs::read_to_string(&path).unwrap().contains("/second"));
        assert!(std::fs::read_to_string(folder.path().join("old.log")).unwrap().contains("/first"));
    }
}
