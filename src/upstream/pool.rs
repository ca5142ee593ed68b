//! One worker's unused connections.

use std::cell::RefCell;
use std::collections::HashMap;
use std::time::Duration;

use tokio::time::Instant;

use super::{Backend, Connection};

/// The most unused connections one worker keeps to one endpoint.
const MAX_IDLE: usize = 512;

/// One worker's unused connections, by endpoint. The last one put back is the first to be used again: it is the least
/// likely to have been closed meanwhile, and the rest can age out.
#[derive(Debug, Default)]
pub struct Pools {
    idle: RefCell<HashMap<u64, Vec<Connection>>>,
}

impl Pools {
    /// A connection to this endpoint that can take a request now.
    #[must_use]
    pub fn take(&self, endpoint: u64) -> Option<Connection> {
        let mut idle = self.idle.borrow_mut();
        let connections = idle.get_mut(&endpoint)?;
        while let Some(mut connection) = connections.pop() {
            if connection.is_usable() {
                return Some(connection);
            }
        }
        None
    }

    /// Puts a connection back after an exchange, if it can take another one.
    pub fn put(&self, mut connection: Connection) {
        if !connection.is_usable() {
            return;
        }
        connection.rest();
        let mut idle = self.idle.borrow_mut();
        let connections = idle.entry(connection.endpoint()).or_default();
        if connections.len() < MAX_IDLE {
            connections.push(connection);
        }
    }

    /// Closes connections that were unused for too long, that the other end has closed, or whose backend is gone.
    pub fn sweep<'a>(&self, backends: impl Iterator<Item = &'a Backend>) {
        let mut patience: HashMap<u64, Duration> = HashMap::new();
        for backend in backends {
            patience.extend(backend.endpoints.iter().map(|endpoint| (endpoint.id, backend.settings.timeouts.idle)));
        }
        let now = Instant::now();
        self.idle.borrow_mut().retain(|endpoint, connections| {
            let Some(patience) = patience.get(endpoint) else { return false };
            connections.retain_mut(|connection| {
                now.duration_since(connection.idle_since()) < *patience && connection.is_usable()
            });
            !connections.is_empty()
        });
    }

    /// Closes all of them.
    pub fn clear(&self) {
        self.idle.borrow_mut().clear();
    }
}
