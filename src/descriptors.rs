//! The descriptors of this process: connections take most of them, but never those that operators, files and logs need.

use std::io;
use std::os::unix::net::UnixDatagram;
use std::sync::atomic::{AtomicUsize, Ordering};

use crossbeam_utils::CachePadded;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// What the process itself needs: files, clocks, the admin listener and its clients.
const OWN: u64 = 48;
/// What each worker needs for itself.
const EACH_WORKER: u64 = 8;
/// The most that clients leave to connections to backends.
const MOST_LEFT: u64 = 4096;

/// For how many descriptors the kernel makes room at the start, at most: a megabyte.
const READY: u64 = 128 * 1024;

static OPEN: CachePadded<AtomicUsize> = CachePadded::new(AtomicUsize::new(0));
static MOST: AtomicUsize = AtomicUsize::new(usize::MAX);

/// A connection's descriptor, counted until it is dropped.
#[derive(Debug)]
pub struct Held(());

/// Lets this process have as many descriptors as it may, and has the kernel make room for them: when its table of a process with
/// threads grows, whoever needed that waits for all processors, some 10 ms each time that the number doubles (`expand_fdtable` in
/// Linux's `fs/file.c`), and a worker's clients with it. To be called before there are threads. Returns how many that are; `None`:
/// without limit. Source: HAProxy's `prealloc-fd`.
///
/// # Errors
/// The system refuses.
pub fn raise() -> io::Result<Option<u64>> {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    if current != maximum {
        setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum })?;
    }
    let last = maximum.unwrap_or(READY).min(READY).saturating_sub(1);
    // The table stays as large as it was once. One that does not only grows later.
    if let Ok(any) = UnixDatagram::unbound() {
        let _ = rustix::io::fcntl_dupfd_cloexec(any, i32::try_from(last).unwrap_or(i32::MAX));
    }
    Ok(maximum)
}

/// How the descriptors of a process are shared out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shares {
    /// Connections of all kinds.
    pub connections: usize,
    /// Those of clients among them: the others are left to backends.
    pub clients: usize,
}

impl Shares {
    /// The shares of so many descriptors; `None`: there is no limit.
    #[must_use]
    pub fn of(limit: Option<u64>, workers: usize) -> Shares {
        let Some(limit) = limit else { return Shares { connections: usize::MAX, clients: usize::MAX } };
        let narrow = |count: u64| usize::try_from(count).unwrap_or(usize::MAX);
        let own = OWN + EACH_WORKER * workers as u64;
        let connections = limit.saturating_sub(own).max(2);
        let clients = connections - (connections / 4).clamp(1, MOST_LEFT);
        Shares { connections: narrow(connections), clients: narrow(clients) }
    }

    /// Makes these the shares of this process.
    pub fn apply(self) {
        MOST.store(self.connections, Ordering::Relaxed);
    }
}

/// Counts a connection that is there already.
#[must_use]
pub fn hold() -> Held {
    OPEN.fetch_add(1, Ordering::Relaxed);
    Held(())
}

/// Counts one more connection, if there is a descriptor for it.
#[must_use]
pub fn try_hold() -> Option<Held> {
    let held = hold();
    // One too many is given back at once by its drop.
    (OPEN.load(Ordering::Relaxed) <= MOST.load(Ordering::Relaxed)).then_some(held)
}

impl Drop for Held {
    fn drop(&mut self) {
        OPEN.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neither_clients_nor_backends_take_what_the_process_needs_itself() {
        for limit in [64, 256, 1024, 20_000, 1_048_576] {
            for workers in [1, 2, 64] {
                let Shares { connections, clients } = Shares::of(Some(limit), workers);
                assert!(clients >= 1 && clients < connections, "{limit} {workers}");
                assert!(connections <= 2 || connections as u64 + OWN <= limit, "{limit} {workers}");
            }
        }
        assert_eq!(Shares::of(Some(256), 2), Shares { connections: 192, clients: 144 });
        assert_eq!(Shares::of(None, 2).clients, usize::MAX);
    }
}
