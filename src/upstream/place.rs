//! What one worker has of one endpoint: its connections, and those who wait for one.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

use super::bulkhead::Bulkhead;
use super::http2::session::Session;
use super::tls::Tls;
use super::{Backend, Connection, Endpoint};
use crate::snapshot::Protocol;

/// The most unused connections one worker keeps to one endpoint.
const MAX_IDLE: usize = 512;

/// What one worker has of one endpoint.
#[derive(Debug)]
#[expect(clippy::vec_box, reason = "a connection moves in and out for each request")]
pub(super) struct Place {
    pub(super) bulkhead: Arc<Bulkhead>,
    pub(super) tls: Option<Tls>,
    protocol: Protocol,
    /// Whether the last connection spoke HTTP/2; `None`: there was none yet.
    pub(super) spoke_http2: Cell<Option<bool>>,
    /// The last one put back is the first to be used again: it is the least likely to have been closed meanwhile, and the rest
    /// can age out.
    idle: RefCell<Vec<Box<Connection>>>,
    /// How many unused ones are kept.
    most: usize,
    pub(super) sessions: RefCell<Vec<Rc<Session>>>,
    /// Whether a connection is being made that others will be able to share.
    pub(super) opening: Cell<bool>,
    /// Requests of this worker that wait for a connection.
    pub(super) waiting: Cell<usize>,
    /// Told when a connection, or room on one, has become free.
    pub(super) freed: Rc<Notify>,
    /// Whether the endpoint is gone from the configuration.
    pub(super) gone: Cell<bool>,
}

impl Place {
    /// With nothing yet; unused connections are kept up to this share of the backend's limit.
    pub(super) fn new(backend: &Backend, endpoint: &Endpoint, share: usize) -> Place {
        Place {
            bulkhead: Arc::clone(&backend.bulkhead),
            tls: Tls::new(&backend.settings, endpoint),
            protocol: backend.settings.protocol,
            spoke_http2: Cell::default(),
            idle: RefCell::default(),
            most: (backend.settings.limits.connections / share.max(1)).clamp(1, MAX_IDLE),
            sessions: RefCell::default(),
            opening: Cell::default(),
            waiting: Cell::default(),
            freed: Rc::default(),
            gone: Cell::default(),
        }
    }

    /// Whether HTTP/2 is spoken without being agreed on.
    pub(super) fn knows_http2(&self) -> bool {
        self.protocol == Protocol::Http2
    }

    /// Whether a new connection may well be one that is shared.
    pub(super) fn may_share(&self) -> bool {
        match self.protocol {
            Protocol::Http1 => false,
            Protocol::Http2 => true,
            Protocol::Auto => self.tls.is_some() && self.spoke_http2.get() != Some(false),
        }
    }

    /// An unused connection, or room on a shared one.
    pub(super) fn take(self: &Rc<Self>, fresh: bool, upgrade: bool) -> Option<Box<Connection>> {
        if !fresh && let Some(connection) = self.pop() {
            return Some(connection);
        }
        if upgrade {
            return None;
        }
        let mut sessions = self.sessions.borrow_mut();
        if sessions.is_empty() {
            return None;
        }
        sessions.retain(|session| !session.is_over());
        sessions.iter().find(|session| session.has_room()).map(|session| Connection::over(self, session))
    }

    fn pop(&self) -> Option<Box<Connection>> {
        let mut idle = self.idle.borrow_mut();
        while let Some(mut connection) = idle.pop() {
            if connection.is_usable() {
                return Some(connection);
            }
        }
        None
    }

    /// Keeps an unused connection, unless somebody else is in greater need of its place.
    pub(super) fn put(&self, connection: Box<Connection>) {
        let elsewhere = self.bulkhead.waiting() > self.waiting.get();
        let mut idle = self.idle.borrow_mut();
        if !elsewhere && !self.gone.get() && idle.len() < self.most {
            idle.push(connection);
        } else {
            drop(connection);
        }
        if self.waiting.get() > 0 {
            self.freed.notify_one();
        }
    }

    /// Closes one connection that nobody uses. Whether there was one.
    pub(super) fn evict(&self) -> bool {
        let mut idle = self.idle.borrow_mut();
        if !idle.is_empty() {
            idle.remove(0);
            return true;
        }
        self.sessions.borrow_mut().retain(|session| session.idle_since().is_none());
        false
    }

    /// Closes as many unused connections as requests of other workers wait for.
    pub(super) fn give_way(&self) {
        let elsewhere = self.bulkhead.waiting().saturating_sub(self.waiting.get());
        if elsewhere > 0 {
            let mut idle = self.idle.borrow_mut();
            let count = elsewhere.min(idle.len());
            idle.drain(..count);
            self.sessions.borrow_mut().retain(|session| session.idle_since().is_none());
        }
    }

    /// Closes what was unused for too long, or was closed by the other end.
    pub(super) fn sweep(&self, now: Instant, patience: Duration) {
        let young = |since: Instant| now.saturating_duration_since(since) < patience;
        let mut idle = self.idle.borrow_mut();
        idle.retain_mut(|connection| young(connection.idle_since) && connection.is_usable());
        let keep = |session: &Rc<Session>| !session.is_over() && session.idle_since().is_none_or(young);
        self.sessions.borrow_mut().retain(keep);
    }

    /// Closes all that is unused, now and later.
    pub(super) fn leave(&self) {
        self.gone.set(true);
        self.idle.borrow_mut().clear();
        self.sessions.borrow_mut().clear();
    }
}
