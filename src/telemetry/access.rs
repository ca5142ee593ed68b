//! The access log: one JSON line for each request, which no worker ever waits for.
//!
//! A worker collects lines in a buffer of its own and hands it over whole, through a bounded queue without locks, to one
//! writer thread. When the writer cannot keep up (a full disk, a blocked pipe) buffers are dropped and their lines counted.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, SystemTime};

use crossbeam_queue::ArrayQueue;
use serde::{Serialize, Serializer};

use crate::snapshot::AccessLog;

/// A buffer is handed over when it holds this many bytes.
const FULL: usize = 32 * 1024;
/// How many buffers may wait for the writer.
const WAITING: usize = 256;
/// How long the writer sleeps when there is nothing to write.
const PAUSE: Duration = Duration::from_millis(20);

/// One request as the access log tells it. Strings are escaped as JSON; the query is left out, as it may hold secrets.
#[derive(Debug, Serialize)]
pub struct AccessRecord<'a> {
    /// When the request head had arrived (RFC 3339, UTC).
    #[serde(serialize_with = "rfc3339")]
    pub ts: SystemTime,
    /// The request id.
    pub request_id: &'a str,
    /// The client's computed address.
    pub client: &'a str,
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
    /// Why this side.
    pub reason: Option<&'a str>,
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
    /// From sending the request to the head of the answer, in microseconds.
    pub upstream_us: Option<u64>,
    /// Body bytes from the client.
    pub bytes_in: u64,
    /// Body bytes to the client.
    pub bytes_out: u64,
    /// What went wrong, if anything did: a failure's name, or `client_gone`, `answer_broken`.
    pub error: Option<&'static str>,
}

fn rfc3339<S: Serializer>(time: &SystemTime, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&humantime::format_rfc3339_micros(*time))
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

/// A worker's own lines.
#[derive(Debug)]
pub struct LineBuffer {
    queue: Arc<AccessQueue>,
    lines: u64,
    bytes: Vec<u8>,
}

impl LineBuffer {
    /// An empty buffer before this queue.
    #[must_use]
    pub fn new(queue: Arc<AccessQueue>) -> LineBuffer {
        LineBuffer { queue, lines: 0, bytes: Vec::with_capacity(FULL + 4096) }
    }

    /// Adds one line; hands the buffer over when it is full.
    pub fn write(&mut self, record: &AccessRecord<'_>) {
        let before = self.bytes.len();
        if serde_json::to_writer(&mut self.bytes, record).is_err() {
            self.bytes.truncate(before);
            return;
        }
        self.bytes.push(b'\n');
        self.lines += 1;
        if self.bytes.len() >= FULL {
            self.flush();
        }
    }

    /// Hands over what there is.
    pub fn flush(&mut self) {
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
            ts: SystemTime::UNIX_EPOCH,
            request_id: "id",
            client: "::1",
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
