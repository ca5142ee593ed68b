//! The thread that writes the access log.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::AccessQueue;
use crate::snapshot::AccessLog;

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
        let (shared, waiting) = (Arc::clone(&orders), Arc::clone(&queue));
        let thread = std::thread::Builder::new().name("access-log".into()).spawn(move || run(&waiting, &shared))?;
        queue.writer.get_or_init(|| thread.thread().clone());
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
            drop(current);
            self.reopen();
        }
    }

    /// Writes what is left and ends, but waits no longer than `patience` for a blocked pipe.
    pub fn stop(self, patience: Duration) {
        self.orders.stop.store(true, Ordering::Release);
        self.thread.thread().unpark();
        let deadline = Instant::now() + patience;
        while !self.thread.is_finished() && Instant::now() < deadline {
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
            std::thread::park();
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
