//! One worker's unused connections.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::{Backend, Connection, Endpoint};
use crate::errors::Failure;

/// The most unused connections one worker keeps to one endpoint.
const MAX_IDLE: usize = 512;

/// What a connection is wanted for.
#[derive(Debug, Clone, Copy)]
pub struct Wanted {
    /// When to give up.
    pub until: Instant,
    /// A new one rather than one that was used before: those turned out to be closed.
    pub fresh: bool,
    /// One that can switch to another protocol: HTTP/1.1, whatever ALPN would give.
    pub upgrade: bool,
}

/// A connection to send one request over.
#[derive(Debug)]
pub struct Checkout {
    /// The connection.
    pub connection: Box<Connection>,
    /// Whether it was used before: the other end may have closed it meanwhile.
    pub reused: bool,
}

/// One worker's unused connections, by endpoint. The last one put back is the first to be used again: it is the least
/// likely to have been closed meanwhile, and the rest can age out.
///
/// Connections are boxed: one changes hands several times for each request.
#[derive(Debug)]
#[expect(clippy::vec_box, reason = "a connection moves in and out for each request")]
pub struct Pools {
    idle: RefCell<HashMap<u64, Vec<Box<Connection>>>>,
    /// The time of the last tick: a clock that is coarse enough to cost nothing.
    now: Cell<Instant>,
}

impl Default for Pools {
    fn default() -> Pools {
        Pools { idle: RefCell::default(), now: Cell::new(Instant::now()) }
    }
}

impl Pools {
    /// A connection to this endpoint that can take a request now: one that is there, else a new one.
    ///
    /// # Errors
    /// [`Failure::Unresolved`], [`Failure::Connect`], [`Failure::ConnectTimeout`], or [`Failure::Timeout`] when `until` came
    /// before the backend's own patience ran out.
    pub async fn checkout(
        &self,
        backend: &Backend,
        endpoint: &Arc<Endpoint>,
        wanted: Wanted,
    ) -> Result<Checkout, Failure> {
        if !wanted.fresh
            && let Some(mut connection) = self.take(endpoint.id)
        {
            connection.expect_upgrade(wanted.upgrade);
            return Ok(Checkout { connection, reused: true });
        }
        let patience = backend.settings.timeouts.connect;
        let left = wanted.until.saturating_duration_since(Instant::now());
        match Connection::open(endpoint, patience.min(left)).await {
            Ok(mut connection) => {
                connection.expect_upgrade(wanted.upgrade);
                Ok(Checkout { connection, reused: false })
            }
            Err(Failure::ConnectTimeout) if left < patience => Err(Failure::Timeout),
            Err(failure) => Err(failure),
        }
    }

    fn take(&self, endpoint: u64) -> Option<Box<Connection>> {
        let mut idle = self.idle.borrow_mut();
        let connections = idle.get_mut(&endpoint)?;
        while let Some(mut connection) = connections.pop() {
            if connection.is_usable() {
                return Some(connection);
            }
        }
        None
    }

    /// Puts a connection back after an exchange. Whether it can take another one is seen when it is taken.
    pub fn put(&self, mut connection: Box<Connection>) {
        connection.rest(self.now.get());
        let mut idle = self.idle.borrow_mut();
        let connections = idle.entry(connection.endpoint()).or_default();
        if connections.len() < MAX_IDLE {
            connections.push(connection);
        }
    }

    /// Moves the clock on. Called a few times a second.
    pub fn tick(&self) {
        self.now.set(Instant::now());
    }

    /// Closes connections that were unused for too long, that the other end has closed, or whose backend is gone.
    pub fn sweep<'a>(&self, backends: impl Iterator<Item = &'a Backend>) {
        let mut patience: HashMap<u64, Duration> = HashMap::new();
        for backend in backends {
            patience.extend(backend.endpoints.iter().map(|endpoint| (endpoint.id, backend.settings.timeouts.idle)));
        }
        let now = self.now.get();
        self.idle.borrow_mut().retain(|endpoint, connections| {
            let Some(patience) = patience.get(endpoint) else { return false };
            connections.retain_mut(|connection| {
                now.duration_since(connection.idle_since()) < *patience && connection.is_usable()
            });
            !connections.is_empty()
        });
    }
}
