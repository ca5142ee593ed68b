//! Messages of a running facade, on stderr, without ever waiting for whoever reads them.
//!
//! A pipe that nobody empties (a hung log collector, a terminal that was stopped) holds up whoever writes to it. Here that is
//! one thread that has nothing else to do: messages go to it through a bounded queue, and those that find it full are counted.

use std::io::{self, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

use crossbeam_queue::ArrayQueue;
use tracing_subscriber::EnvFilter;

/// How many messages may wait.
const WAITING: usize = 4096;
/// How long the end of the process waits for the last of them.
const PATIENCE: Duration = Duration::from_secs(1);
/// How often somebody who waits for them looks again.
const LOOK: Duration = Duration::from_millis(2);

/// Where this process's messages go.
static MESSAGES: OnceLock<Messages> = OnceLock::new();

/// The way to the thread that writes.
#[derive(Debug, Clone)]
struct Messages {
    shared: Arc<Shared>,
    writer: Thread,
}

#[derive(Debug)]
struct Shared {
    queue: ArrayQueue<Box<[u8]>>,
    lost: AtomicU64,
    /// How many were taken in, and how many of those are written.
    sent: AtomicU64,
    written: AtomicU64,
}

/// Has messages written to stderr; `BANYAN_LOG` says which, else `unsaid`.
///
/// # Errors
/// There is no thread for it.
pub(super) fn start(unsaid: &str) -> io::Result<()> {
    let filter = EnvFilter::try_from_env("BANYAN_LOG").unwrap_or_else(|_| EnvFilter::new(unsaid));
    let ansi = io::IsTerminal::is_terminal(&io::stderr());
    let messages = Messages::to(io::stderr())?;
    let to = messages.clone();
    let subscriber = tracing_subscriber::fmt().with_env_filter(filter).with_ansi(ansi);
    // Somebody else's subscriber, as in a test, is as good.
    if subscriber.with_writer(move || to.clone()).try_init().is_ok() {
        let _ = MESSAGES.set(messages);
    }
    Ok(())
}

/// Waits until everything is written that was said so far, but not for long.
pub(super) fn flush() {
    if let Some(messages) = MESSAGES.get() {
        messages.wait(PATIENCE);
    }
}

impl Messages {
    fn to(out: impl Write + Send + 'static) -> io::Result<Messages> {
        let (queue, zero) = (ArrayQueue::new(WAITING), AtomicU64::default);
        let shared = Arc::new(Shared { queue, lost: zero(), sent: zero(), written: zero() });
        let theirs = Arc::clone(&shared);
        let thread = thread::Builder::new().name("messages".to_owned()).spawn(move || theirs.run(out))?;
        Ok(Messages { shared, writer: thread.thread().clone() })
    }

    /// Whether all that was sent was written in time.
    fn wait(&self, patience: Duration) -> bool {
        let (sent, until) = (self.shared.sent.load(Ordering::Acquire), Instant::now() + patience);
        while self.shared.written.load(Ordering::Acquire) < sent {
            if Instant::now() >= until {
                return false;
            }
            thread::sleep(LOOK);
        }
        true
    }
}

/// Each write is one message.
impl Write for Messages {
    fn write(&mut self, message: &[u8]) -> io::Result<usize> {
        match self.shared.queue.push(message.into()) {
            Ok(()) => drop(self.shared.sent.fetch_add(1, Ordering::Release)),
            Err(_) => drop(self.shared.lost.fetch_add(1, Ordering::Relaxed)),
        }
        self.writer.unpark();
        Ok(message.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Shared {
    fn run(&self, mut out: impl Write) {
        loop {
            let Some(message) = self.queue.pop() else {
                thread::park();
                continue;
            };
            // If even stderr is gone, there is nobody left to tell.
            let _ = out.write_all(&message);
            let lost = self.lost.swap(0, Ordering::Relaxed);
            if lost > 0 {
                let _ = writeln!(out, "{lost} messages were lost here: nobody read them");
            }
            self.written.fetch_add(1, Ordering::Release);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    #[test]
    fn messages_come_in_their_order() {
        let (mut reader, writer) = io::pipe().unwrap();
        let mut messages = Messages::to(writer).unwrap();
        for number in 0..100 {
            writeln!(messages, "{number}").unwrap();
        }
        assert!(messages.wait(Duration::from_secs(10)));
        let wanted: String = (0..100).map(|number| format!("{number}\n")).collect();
        let mut read = vec![0; wanted.len()];
        reader.read_exact(&mut read).unwrap();
        assert_eq!(String::from_utf8(read).unwrap(), wanted);
    }

    #[test]
    fn a_pipe_that_nobody_empties_holds_nobody_up_and_tells_later_what_was_lost() {
        let (mut reader, writer) = io::pipe().unwrap();
        let mut messages = Messages::to(writer).unwrap();
        let message = [b'x'; 1000];
        (0..WAITING * 2).for_each(|_| messages.write_all(&message).unwrap());
        assert!(!messages.wait(Duration::from_millis(1)));
        let mut read = Vec::new();
        let mut some = [0; 64 * 1024];
        while !read.windows(13).any(|part| part == b"messages were") {
            let count = reader.read(&mut some).unwrap();
            read.extend_from_slice(&some[..count]);
        }
    }
}
