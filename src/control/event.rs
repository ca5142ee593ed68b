//! What happens, told to everybody who listens: the console, `GET /api/v1/events`.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use serde::Serialize;
use tokio::sync::broadcast;

use crate::clock::{exact_moment, now_ms};
use crate::directives::{Act, Author};

/// How many events a slow listener may be behind before it misses some.
const BACKLOG: usize = 256;

/// Something that happened: a change of state as the audit has it, or something that changed nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Event {
    /// Numbered upward from 1 in each process.
    pub id: u64,
    /// When (RFC 3339, UTC).
    pub at: String,
    /// What: as in the audit (`rollback`, `resume`, `kill`, `reload`, `hold`, `trip`, `step` …), or `unhealthy`, `healthy`, `ejected`, `readmitted` (an endpoint), `refused` (a reload), `warning` (a
    /// guard that may not roll back), `signature` (a difference seen for the first time).
    pub what: String,
    /// On what: a scope, a unit, a signature; empty for the whole configuration.
    pub on: String,
    /// Who.
    pub by: String,
    /// In words.
    pub text: String,
    /// The live generation.
    pub generation: u64,
}

/// Where events go. A clone is the same place.
#[derive(Debug, Clone)]
pub struct Events {
    told: Arc<AtomicU64>,
    sender: broadcast::Sender<Arc<Event>>,
}

impl Default for Events {
    fn default() -> Events {
        Events { told: Arc::default(), sender: broadcast::Sender::new(BACKLOG) }
    }
}

impl Events {
    /// Hears what happens from now on.
    #[must_use]
    pub fn listen(&self) -> broadcast::Receiver<Arc<Event>> {
        self.sender.subscribe()
    }

    /// Tells what was done.
    pub(super) fn done(&self, act: &Act) {
        let parts = [act.from.as_str(), act.to.as_str()];
        let change = if act.from.is_empty() { act.to.clone() } else { parts.join(" → ") };
        let text = if act.why.is_empty() { change } else { format!("{change} ({})", act.why) };
        let by = act.by.to_string();
        self.tell(Event {
            id: 0,
            at: exact_moment(act.at_ms),
            what: act.what.clone(),
            on: act.on.clone(),
            by,
            text,
            generation: act.generation,
        });
    }

    /// Tells everybody who listens; nobody need.
    pub(super) fn tell(&self, event: Event) {
        let id = self.told.fetch_add(1, Ordering::Relaxed) + 1;
        let _ = self.sender.send(Arc::new(Event { id, ..event }));
    }
}

impl Event {
    /// Something that changed nothing.
    pub(super) fn now(what: &str, by: &Author, text: String, generation: u64) -> Event {
        let (what, on, by) = (what.to_owned(), String::new(), by.to_string());
        Event { id: 0, at: exact_moment(now_ms()), what, on, by, text, generation }
    }
}
