//! The thread that writes.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use rusqlite::Connection;

use super::acceptance::{self, Act};
use super::database::{self, Trouble};
use super::handle::{AcceptError, Shared};
use super::names::Names;
use super::queue::Next;
use super::{Batch, record, retention, sql};
use crate::clock::now_ms;

/// How long after a failure the file is tried again.
const RETRY: Duration = Duration::from_secs(3);
/// How often the file is looked at for what is too old.
const SWEEP: Duration = Duration::from_secs(60);

/// What the thread is asked to do beside writing batches.
#[derive(Debug)]
pub(super) enum Command {
    /// Accept or reopen a signature, durably.
    Act(Act, mpsc::Sender<Result<(), AcceptError>>),
    /// Answer when all is written and the file is closed.
    Stop(mpsc::Sender<()>),
}

/// Opens the file and starts the thread.
pub(super) fn start(shared: &Arc<Shared>) {
    let mut writer = Writer {
        shared: Arc::clone(shared),
        path: database::path(&shared.state_dir),
        open: None,
        held: None,
        trouble: String::new(),
        retry: Instant::now(),
        sweep: Instant::now(),
        stops: Vec::new(),
    };
    writer.reopen();
    if let Err(error) = thread::Builder::new().name("store".to_owned()).spawn(move || writer.run()) {
        tracing::error!(%error, "comparisons are not recorded: the store has no thread");
        shared.recording.store(false, Ordering::Relaxed);
        shared.queue.close();
    }
}

struct Writer {
    shared: Arc<Shared>,
    path: PathBuf,
    open: Option<Open>,
    /// The batch that could not be written, to be tried again.
    held: Option<Batch>,
    /// Why the file is not open.
    trouble: String,
    retry: Instant,
    sweep: Instant,
    stops: Vec<mpsc::Sender<()>>,
}

struct Open {
    connection: Connection,
    names: Names,
    /// Device and inode: whether the path still leads to this file.
    file: (u64, u64),
}

impl Open {
    fn of(path: &std::path::Path) -> Result<Open, Trouble> {
        let connection = database::open(path)?;
        let names = Names::of(&connection)?;
        let file = identity(path).ok_or_else(|| Trouble::Passing("it has vanished".to_owned()))?;
        Ok(Open { connection, names, file })
    }
}

fn identity(path: &std::path::Path) -> Option<(u64, u64)> {
    fs::metadata(path).ok().map(|file| (file.dev(), file.ino()))
}

impl Writer {
    fn run(mut self) {
        loop {
            let now = Instant::now();
            if self.open.is_none() && now >= self.retry {
                self.reopen();
            }
            if let Some(batch) = self.held.take_if(|_| self.open.is_some()) {
                self.write(batch);
            }
            if now >= self.sweep {
                self.sweep = now + SWEEP;
                self.within_bounds(true);
            }
            let until = if self.open.is_some() { self.sweep } else { self.retry };
            let hold = self.open.is_none();
            match self.shared.queue.next(until.saturating_duration_since(Instant::now()), hold) {
                Next::Command(Command::Act(act, reply)) => {
                    // Whoever asked may have gone; it is done all the same.
                    let _ = reply.send(self.act(&act));
                }
                Next::Command(Command::Stop(reply)) => self.stops.push(reply),
                Next::Batch(batch) => self.write(*batch),
                Next::Nothing => {}
                Next::Closed => break,
            }
        }
    }

    /// Opens the file; puts it aside first if it is broken.
    fn reopen(&mut self) {
        let opened = match Open::of(&self.path) {
            // A value that cannot be what it is, in a file that nobody else writes, is damage as well.
            Err(Trouble::Broken(why) | Trouble::Refused(why)) => {
                self.put_aside(&why).and_then(|()| Open::of(&self.path))
            }
            opened => opened,
        };
        let opened = opened.and_then(|open| {
            let acceptances = acceptance::all(&open.connection)?;
            self.shared.acceptances.store(Arc::new(acceptances));
            Ok(open)
        });
        match opened {
            Ok(open) => {
                self.open = Some(open);
                // A file on a full disk opens; whether it takes what waits shows when that is written.
                if self.held.is_none() {
                    self.goes_on();
                }
            }
            Err(trouble) => self.fail(&trouble),
        }
    }

    /// Recording works, whatever was before.
    fn goes_on(&mut self) {
        if !self.trouble.is_empty() {
            tracing::info!(file = %self.path.display(), "comparisons are recorded again");
            self.trouble.clear();
        }
        self.shared.recording.store(true, Ordering::Relaxed);
    }

    /// Stops recording for a while.
    fn fail(&mut self, trouble: &Trouble) {
        self.shared.errors.fetch_add(1, Ordering::Relaxed);
        self.shared.recording.store(false, Ordering::Relaxed);
        let why = trouble.to_string();
        // Said once, not with each try.
        if why != self.trouble {
            tracing::error!(file = %self.path.display(), error = %why, "comparisons are not recorded for now");
            self.trouble = why;
        }
        self.open = None;
        self.retry = Instant::now() + RETRY;
    }

    fn put_aside(&mut self, why: &str) -> Result<(), Trouble> {
        self.shared.errors.fetch_add(1, Ordering::Relaxed);
        self.open = None;
        let (aside, salvage) = database::put_aside(&self.path).map_err(|error| Trouble::Passing(error.to_string()))?;
        let accepted = salvage.len();
        tracing::error!(
            error = %why,
            kept = %aside.display(),
            accepted,
            "the store of comparisons is broken: it was put aside and a fresh one begun; accepted signatures that could be read are carried over"
        );
        let mut connection = database::open(&self.path)?;
        let transaction = connection.transaction()?;
        salvage.put(&transaction)?;
        Ok(transaction.commit()?)
    }

    fn write(&mut self, batch: Batch) {
        match self.try_write(&batch) {
            Ok(()) => {
                self.goes_on();
                return self.within_bounds(false);
            }
            Err(Trouble::Refused(why)) => {
                self.recover(&Trouble::Refused(why));
                return self.shared.lose(&batch);
            }
            Err(trouble) => self.recover(&trouble),
        }
        // Where a fresh file was begun at once, it belongs there; else it waits until there is one.
        match self.open.is_some().then(|| self.try_write(&batch)) {
            None => self.held = Some(batch),
            Some(Ok(())) => {}
            Some(Err(trouble)) => {
                self.recover(&trouble);
                self.shared.lose(&batch);
            }
        }
    }

    fn try_write(&mut self, batch: &Batch) -> Result<(), Trouble> {
        let Some(open) = &mut self.open else { return Err(Trouble::Passing(self.trouble.clone())) };
        if identity(&self.path) != Some(open.file) {
            return Err(Trouble::Passing("the file was taken away".to_owned()));
        }
        let samples = self.shared.retention.load().samples;
        Ok(record::record(&mut open.connection, &mut open.names, batch, samples)?)
    }

    /// Makes the best of a failure: the file is open again after this, or will be tried again later.
    fn recover(&mut self, trouble: &Trouble) {
        match trouble {
            Trouble::Broken(why) => match self.put_aside(why) {
                Ok(()) => self.reopen(),
                Err(trouble) => self.fail(&trouble),
            },
            Trouble::Refused(why) => {
                self.shared.errors.fetch_add(1, Ordering::Relaxed);
                tracing::error!(error = %why, "something could not be written to the store of comparisons");
                self.reopen();
            }
            Trouble::Newer(_) | Trouble::Passing(_) => self.fail(trouble),
        }
    }

    fn within_bounds(&mut self, sweep: bool) {
        let Some(open) = &mut self.open else { return };
        let retention = **self.shared.retention.load();
        let mut keep_within = || {
            let aged = sweep && retention::sweep(&mut open.connection, &retention, now_ms())?;
            if retention::shrink(&mut open.connection, &self.path, retention.size, now_ms())? || aged {
                open.names = Names::of(&open.connection)?;
            }
            Ok::<_, Trouble>(())
        };
        if let Err(trouble) = keep_within() {
            self.recover(&trouble);
        }
    }

    fn act(&mut self, act: &Act) -> Result<(), AcceptError> {
        if self.open.is_none() {
            self.reopen();
        }
        let Some(open) = &mut self.open else { return Err(AcceptError::Unavailable(self.trouble.clone())) };
        let mut try_act = || {
            if identity(&self.path) != Some(open.file) {
                return Err(Trouble::Passing("the file was taken away".to_owned()));
            }
            // A commit with FULL is on the disk when it returns, and with it everything before.
            sql::exhaust(&open.connection, "PRAGMA synchronous = FULL")?;
            let transaction = open.connection.transaction()?;
            let known = acceptance::apply(&transaction, act)?;
            transaction.commit()?;
            sql::exhaust(&open.connection, "PRAGMA synchronous = NORMAL")?;
            let all = acceptance::all(&open.connection)?;
            self.shared.acceptances.store(Arc::new(all));
            Ok(known)
        };
        match try_act() {
            Ok(true) => Ok(()),
            Ok(false) => Err(AcceptError::Unknown),
            Err(trouble) => {
                self.recover(&trouble);
                Err(AcceptError::Unavailable(trouble.to_string()))
            }
        }
    }
}

impl Drop for Writer {
    /// Closes the file, which writes the log back, and tells those who wait for that.
    fn drop(&mut self) {
        self.shared.queue.close();
        for batch in self.held.take().into_iter().chain(self.shared.queue.drain()) {
            self.shared.lose(&batch);
        }
        self.shared.recording.store(false, Ordering::Relaxed);
        self.open = None;
        for stop in self.stops.drain(..) {
            // It may have run out of patience.
            let _ = stop.send(());
        }
    }
}
