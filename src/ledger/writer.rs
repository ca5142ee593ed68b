//! The thread that writes.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::{Duration, Instant};

use super::database::{self, Fault, Open};
use super::handle::Shared;
use super::queue::{Batch, Next};
use super::start::Begun;
use super::{recall, record, witness};

/// How often the file is looked after while nothing comes: whether it is still there, and whether it can be written again.
const TICK: Duration = Duration::from_secs(1);

/// After a failure it rests so many times as long as the try took, and at most until the next tick.
const PAUSES: u32 = 10;

/// Starts the thread.
pub(super) fn spawn(shared: &Arc<Shared>, begun: Begun) {
    let writer = Writer {
        shared: Arc::clone(shared),
        path: database::path(&shared.dir),
        open: begun.open,
        commits: begun.commits,
        unsure: None,
        unread: begun.unread,
        doubted: begun.trouble.is_some(),
        anew: begun.trouble.is_some(),
        logged: false,
        trouble: String::new(),
        pause: Instant::now(),
    };
    if let Err(error) = thread::Builder::new().name("ledger".to_owned()).spawn(move || writer.run()) {
        tracing::error!(%error, "directives are not written to the disk: the ledger has no thread");
        shared.failing.store(true, Ordering::Relaxed);
        shared.queue.end();
    }
}

struct Writer {
    shared: Arc<Shared>,
    path: PathBuf,
    open: Option<Open>,
    /// The number of the last transaction that was tried.
    commits: u64,
    /// A transaction that failed, but may be on the disk: its number, up to which entry it had, and how many were lost before.
    unsure: Option<(u64, u64, u64)>,
    /// Whether there may be a file that was never read.
    unread: bool,
    /// Whether the witness says that the file is not to be believed; that stands until an entry is written.
    doubted: bool,
    /// Whether the file was begun anew and nothing was written since: one that breaks at once is not put aside again and again.
    anew: bool,
    /// Whether there is something in the log of the file.
    logged: bool,
    /// Why the file is not written.
    trouble: String,
    /// Until when entries that come are not tried at once: it failed just now, and each try has all that waits to write.
    pause: Instant,
}

impl Writer {
    fn run(mut self) {
        if self.shared.queue.is_whole_due() {
            self.attempt();
        }
        let mut tick = Instant::now() + TICK;
        loop {
            match self.shared.queue.next(tick.saturating_duration_since(Instant::now())) {
                // Whoever waits for one is told at once either way.
                Next::Entries if Instant::now() < self.pause => self.shared.queue.failed(self.shared.queue.newest()),
                Next::Entries => self.attempt(),
                Next::Nothing => {}
                Next::Stop => break,
            }
            // Entries that come all the time must not keep it from being done.
            if Instant::now() >= tick {
                self.tick();
                tick = Instant::now() + TICK;
            }
        }
        if self.shared.queue.len() > 0 || self.shared.queue.is_whole_due() {
            self.attempt();
        }
    }

    /// Looks after the file.
    fn tick(&mut self) {
        match &self.open {
            Some(open) if !open.is_there(&self.path) => {
                self.fail(&Fault::Passing("the file was taken away".to_owned()), 0);
                self.attempt();
            }
            Some(open) if self.logged => match open.checkpoint().map_err(Fault::from) {
                Ok(()) => self.logged = false,
                Err(fault @ Fault::Broken(_)) => self.fail(&fault, 0),
                // All of it is on the disk, if in the log.
                Err(Fault::Passing(_)) => _ = self.shared.errors.fetch_add(1, Ordering::Relaxed),
            },
            Some(_) => {}
            None => self.attempt(),
        }
    }

    /// Tries to write everything that waits.
    fn attempt(&mut self) {
        let begun = Instant::now();
        let upto = self.shared.queue.newest();
        if self.open.is_none()
            && let Err(fault) = self.reopen()
        {
            self.fail(&fault, upto);
        } else if let Some(batch) = self.shared.queue.batch() {
            match self.write(&batch) {
                Ok(()) => return self.succeed(&batch),
                Err(fault) => self.fail(&fault, batch.upto),
            }
        }
        self.pause = Instant::now() + (begun.elapsed() * PAUSES).min(TICK);
    }

    fn write(&mut self, batch: &Batch) -> Result<(), Fault> {
        let Some(open) = &mut self.open else { return Err(Fault::Passing(self.trouble.clone())) };
        #[cfg(test)]
        limit(open, &self.shared)?;
        // A number is used once, so that a transaction can be known again.
        self.commits += 1;
        self.unsure = Some((self.commits, batch.upto, batch.lost));
        record::record(&mut open.connection, batch, self.commits)?;
        if !open.is_there(&self.path) {
            return Err(Fault::Passing("the file was taken away".to_owned()));
        }
        self.unsure = None;
        Ok(())
    }

    fn succeed(&mut self, batch: &Batch) {
        self.doubted &= batch.acts.is_empty();
        if !self.doubted
            && let Err(error) = witness::note(&self.shared.dir, self.commits, batch.seal)
        {
            tracing::debug!(%error, "the ledger's witness could not be written");
        }
        self.anew = false;
        self.logged = true;
        if !self.trouble.is_empty() {
            tracing::info!(file = %self.path.display(), "directives are on the disk again");
            self.trouble.clear();
        }
        self.shared.failing.store(false, Ordering::Relaxed);
        self.shared.queue.written(batch);
    }

    /// Notes a failure, and tells those whose entries, up to this, are not on the disk.
    fn fail(&mut self, fault: &Fault, upto: u64) {
        self.shared.errors.fetch_add(1, Ordering::Relaxed);
        self.shared.failing.store(true, Ordering::Relaxed);
        self.shared.queue.failed(upto);
        let why = fault.why();
        // Said once, not with each try.
        if why != self.trouble {
            tracing::error!(
                file = %self.path.display(),
                error = %why,
                "directives are in force but not on the disk; it is tried again each second"
            );
            self.trouble = why.to_owned();
        }
        self.open = None;
        self.logged = false;
        if let Fault::Broken(why) = fault
            && !self.anew
        {
            // What is in force is known here: only audit and history go.
            self.put_aside(why, "corrupt");
        }
    }

    fn put_aside(&mut self, why: &str, word: &str) -> bool {
        self.anew = true;
        match database::put_aside(&self.path, word) {
            Ok(aside) => {
                tracing::error!(error = %why, kept = %aside.display(), "the ledger's file was put aside");
                true
            }
            Err(error) => {
                tracing::error!(error = %why, %error, "the ledger's file could not be put aside");
                false
            }
        }
    }

    /// Opens the file, or makes it anew. Whatever is in it gives way to what is in force.
    fn reopen(&mut self) -> Result<(), Fault> {
        if self.unread {
            witness::trouble(&self.shared.dir)?;
            self.unread = !self.put_aside("it could not be read at the start", "unread");
        }
        if self.unread {
            return Err(Fault::Passing(self.trouble.clone()));
        }
        let open = match database::open(&self.path, false) {
            Err(Fault::Broken(why)) if !self.anew && self.put_aside(&why, "corrupt") => {
                database::open(&self.path, false)?
            }
            opened => opened?,
        };
        if self.unsure.is_some() {
            // What a disk did not take may seem to be there: brought into the main file, it is.
            open.checkpoint()?;
        }
        let known = recall::recall(&open.connection).commits;
        if let Some((commits, upto, lost)) = self.unsure.take()
            && known == commits
        {
            self.shared.queue.was_written(upto, lost);
        }
        self.commits = self.commits.max(known);
        self.shared.queue.rewrite();
        self.open = Some(open);
        Ok(())
    }
}

/// Plays a full disk.
#[cfg(test)]
fn limit(open: &Open, shared: &Shared) -> rusqlite::Result<()> {
    let pages = match shared.most_pages.load(Ordering::Relaxed) {
        0 => 0xffff_fffe,
        pages => pages,
    };
    open.connection.query_row(&format!("PRAGMA max_page_count = {pages}"), [], |_| Ok(()))
}

impl Drop for Writer {
    /// Closes the file, and tells those who wait for that.
    fn drop(&mut self) {
        if let Some(open) = self.open.take() {
            open.close(&self.path);
        }
        self.shared.queue.end();
    }
}
