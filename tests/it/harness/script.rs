//! What a backend answers.

use std::sync::{Arc, Condvar, Mutex};

use super::frames::Frame;
use super::wait::PATIENCE;

/// What a backend does with one request.
#[derive(Debug, Clone, Default)]
pub struct Script {
    /// Whether it begins when the head has come, before the body is read.
    pub(super) early: bool,
    pub(super) steps: Vec<Step>,
}

#[derive(Debug, Clone)]
pub(super) enum Step {
    Send(Vec<u8>),
    /// Over HTTP/2, these frames; those of a stream are sent on the request's.
    Frames(Vec<Frame>),
    /// Sends this many bytes, as fast as they are taken.
    Flood(usize),
    Await(Latch),
    /// Waits until the other end closes.
    Hang,
    Close,
    Reset,
}

/// Something a test lets happen when it is time.
#[derive(Debug, Clone, Default)]
pub struct Latch(Arc<(Mutex<bool>, Condvar)>);

impl Latch {
    pub fn open(&self) {
        *self.0.0.lock().unwrap() = true;
        self.0.1.notify_all();
    }

    pub fn wait(&self) {
        let open = self.0.0.lock().unwrap();
        drop(self.0.1.wait_timeout_while(open, 3 * PATIENCE, |open| !*open).unwrap());
    }
}

impl Script {
    /// An answer with a body and its length.
    pub fn ok(body: impl AsRef<[u8]>) -> Script {
        Script::with("", body)
    }

    /// The same with further header lines, each with its line end.
    pub fn with(lines: &str, body: impl AsRef<[u8]>) -> Script {
        let body = body.as_ref();
        let head = format!("HTTP/1.1 200 OK\r\n{lines}Content-Length: {}\r\n\r\n", body.len());
        Script::raw([head.as_bytes(), body].concat())
    }

    /// Exactly these bytes.
    pub fn raw(bytes: impl AsRef<[u8]>) -> Script {
        Script::default().send(bytes)
    }

    /// Never an answer.
    pub fn hang() -> Script {
        Script::default().then(Step::Hang)
    }

    pub fn send(self, bytes: impl AsRef<[u8]>) -> Script {
        self.then(Step::Send(bytes.as_ref().to_vec()))
    }

    /// Exactly these frames, where the request came over HTTP/2.
    pub fn frames(frames: Vec<Frame>) -> Script {
        Script::default().then(Step::Frames(frames))
    }

    pub fn flood(self, bytes: usize) -> Script {
        self.then(Step::Flood(bytes))
    }

    pub fn wait(self, latch: &Latch) -> Script {
        self.then(Step::Await(latch.clone()))
    }

    pub fn and_hang(self) -> Script {
        self.then(Step::Hang)
    }

    pub fn close(self) -> Script {
        self.then(Step::Close)
    }

    pub fn reset(self) -> Script {
        self.then(Step::Reset)
    }

    /// Begins before the request's body is read.
    pub fn early(mut self) -> Script {
        self.early = true;
        self
    }

    fn then(mut self, step: Step) -> Script {
        self.steps.push(step);
        self
    }
}
