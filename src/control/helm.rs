//! The helm: where directives take effect, at once and one after the other.
//!
//! A directive takes effect by a swap of the generation, and is handed to the ledger afterwards: no disk can delay or stop a
//! rollback. The lock is held for moments and never by a data worker; a reload that loads, waits and judges does so
//! before it comes here.

mod found;
mod order;
mod ramp;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::Instant;

use super::build;
use super::event::Events;
use super::history::{History, MadeFrom, Past};
use crate::clock::now_ms;
use crate::directives::{Act, Author, Scope, Source, Standing, Target};
use crate::ledger::{Change, Entry, Ledger, Made};
use crate::state::{Generation, Live};
pub use order::{Order, ResumeOrder};
pub use ramp::RampOrder;

/// Where directives take effect.
#[derive(Debug)]
pub struct Helm {
    live: Arc<Live>,
    ledger: Ledger,
    events: Events,
    workers: usize,
    inner: Mutex<Inner>,
}

#[derive(Debug)]
struct Inner {
    history: History,
    /// What the live generation was made from.
    adopted: MadeFrom,
    /// When pins end that were set for a time.
    ends: HashMap<Scope, Instant>,
    /// What was lifted since somebody last asked.
    lifted: Vec<Target>,
}

/// Who asks for a change.
#[derive(Debug, Clone)]
pub struct Caller {
    /// Who.
    pub by: Author,
    /// The request that asks; empty where none does.
    pub request_id: String,
    /// Only if this generation is still live.
    pub if_match: Option<u64>,
}

/// What came of a directive that was taken.
#[derive(Debug)]
pub struct Done {
    /// The generation that is live with it.
    pub generation: u64,
    /// Whether anything changed: the same directive twice is no change.
    pub changed: bool,
    /// What changed, in words.
    pub changes: Vec<String>,
    /// Routes that stay with new since they have no legacy backend to go back to.
    pub left_alone: Vec<Arc<str>>,
    /// Everything that is in force with it.
    pub standing: Arc<Standing>,
    /// Told `true` when it is on the disk, `false` when that failed at first; the ledger goes on trying.
    pub durable: oneshot::Receiver<bool>,
}

/// Why a directive was not taken; nothing changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refused {
    /// Another generation is live than the caller thought.
    Moved {
        /// The one that is.
        live: u64,
    },
    /// There is no such route, group or ramp.
    Unknown(String),
    /// These routes have no legacy backend to go back to.
    WithoutLegacy(Vec<Arc<str>>),
    /// There is no such generation any more, or what it was made from is lost.
    NoGeneration(u64),
    /// It makes no sense now.
    Senseless(String),
}

impl std::fmt::Display for Refused {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Refused::Moved { live } => write!(f, "generation {live} is live by now"),
            Refused::Unknown(what) => write!(f, "there is no {what}"),
            Refused::WithoutLegacy(routes) => {
                write!(f, "nothing to roll back to: {} has no legacy backend", routes.join(", "))?;
                f.write_str("; give the route its own `legacy:` first")
            }
            Refused::NoGeneration(number) => write!(f, "generation {number} is not kept (see `banyan history`)"),
            Refused::Senseless(why) => f.write_str(why),
        }
    }
}

impl std::error::Error for Refused {}

/// A change on its way: the standing to come, and what there is to tell of it.
struct Move {
    standing: Standing,
    made_from: Option<MadeFrom>,
    changes: Vec<Change>,
    words: Vec<String>,
    act: Act,
}

impl Helm {
    /// Takes the helm of a generation that is live already, and records that it is.
    pub(super) fn new(
        live: Arc<Live>,
        ledger: Ledger,
        adopted: MadeFrom,
        past: Vec<Past>,
        workers: usize,
        started: Start,
    ) -> Helm {
        let ends = HashMap::new();
        let inner =
            Mutex::new(Inner { history: History::new(past), adopted: adopted.clone(), ends, lifted: Vec::new() });
        let helm = Helm { live, ledger, events: Events::default(), workers, inner };
        {
            let mut inner = helm.inner();
            let generation = Arc::clone(&helm.live.current());
            helm.remember_ends(&mut inner, &generation.standing);
            let act = helm.act(
                &Caller::of(Source::Start),
                "start",
                "",
                String::new(),
                format!("generation {}", generation.number),
                started.why,
            );
            drop(helm.record(&mut inner, &generation, adopted, started.words, started.changes, act));
        }
        helm
    }

    /// What all threads share.
    #[must_use]
    pub fn live(&self) -> &Arc<Live> {
        &self.live
    }

    /// Where directives are kept.
    #[must_use]
    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// Who is told what happens.
    #[must_use]
    pub fn events(&self) -> &Events {
        &self.events
    }

    /// What the live generation was made from.
    #[must_use]
    pub fn adopted(&self) -> MadeFrom {
        self.inner().adopted.clone()
    }

    /// How long the pins still hold that were set for a time.
    #[must_use]
    pub fn ends(&self) -> HashMap<Scope, Duration> {
        let now = Instant::now();
        self.inner().ends.iter().map(|(scope, end)| (scope.clone(), end.saturating_duration_since(now))).collect()
    }

    /// The generations of before, newest first; the live one is the first.
    #[must_use]
    pub fn history(&self) -> Vec<Past> {
        self.inner().history.all()
    }

    /// The generation with this number, if it is remembered.
    #[must_use]
    pub fn past(&self, number: u64) -> Option<Past> {
        self.inner().history.get(number).cloned()
    }

    /// Makes a loaded configuration live.
    ///
    /// # Errors
    /// Another generation is live than the caller thought, or one of before has been put back and is held.
    pub(super) fn adopt(&self, made_from: MadeFrom, words: Vec<String>, caller: &Caller) -> Result<Done, Refused> {
        let mut inner = self.inner();
        self.is_still(caller)?;
        let standing = Standing::clone(&self.live.current().standing);
        if let Some(hold) = &standing.hold {
            return Err(Refused::Senseless(format!("generation {} is held", hold.generation)));
        }
        let act = self.act(caller, "reload", "", String::new(), words.join("; "), String::new());
        let made_from = Some(made_from);
        Ok(self.apply(&mut inner, Move { standing, made_from, changes: Vec::new(), words, act }))
    }

    /// The targets of the pins that were lifted since the last call: guards begin anew there, even if a pin came and went
    /// between two looks.
    pub(super) fn take_lifted(&self) -> Vec<Target> {
        std::mem::take(&mut self.inner().lifted)
    }

    /// Lifts the pins whose time is over.
    pub(super) fn end_pins(&self) {
        let mut inner = self.inner();
        let now = Instant::now();
        let over: Vec<Scope> =
            inner.ends.iter().filter(|(_, end)| **end <= now).map(|(scope, _)| scope.clone()).collect();
        for scope in over {
            self.lift(&mut inner, &[scope], &Caller::of(Source::Timer), "its time is over");
        }
    }

    /// Tells a change of state that is kept elsewhere to the audit: what became of a difference.
    #[must_use]
    pub fn note(&self, caller: &Caller, what: &str, on: &str, to: String, why: String) -> oneshot::Receiver<bool> {
        let act = self.act(caller, what, on, String::new(), to, why);
        self.events.done(&act);
        self.ledger.write(Entry { changes: Vec::new(), act: Some(act) })
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_still(&self, caller: &Caller) -> Result<(), Refused> {
        let live = self.live.current().number;
        match caller.if_match {
            Some(wanted) if wanted != live => Err(Refused::Moved { live }),
            _ => Ok(()),
        }
    }

    fn act(&self, caller: &Caller, what: &str, on: &str, from: String, to: String, why: String) -> Act {
        Act {
            at_ms: now_ms(),
            by: caller.by.clone(),
            what: what.to_owned(),
            on: on.to_owned(),
            from,
            to,
            why,
            request_id: caller.request_id.clone(),
            generation: self.live.current().number,
        }
    }

    /// Swaps first, records second.
    fn apply(&self, inner: &mut Inner, step: Move) -> Done {
        let Move { standing, made_from, changes, words, mut act } = step;
        let before = Arc::clone(&self.live.current());
        let number = before.number + 1;
        let standing = Arc::new(standing);
        let next = match &made_from {
            Some(made_from) => {
                build::generation(number, Arc::clone(&made_from.snapshot), standing, Some(&before), self.workers)
            }
            None => build::directed(number, standing, &before),
        };
        self.remember_ends(inner, &next.standing);
        self.live.swap(next.clone());
        act.generation = number;
        match &*act.what {
            "reload" => tracing::info!(generation = number, by = %act.by, changes = ?words, "reloaded"),
            what => tracing::warn!(generation = number, by = %act.by, changes = ?words, why = act.why, "{what}"),
        }
        self.events.done(&act);
        let made_from = made_from.unwrap_or_else(|| inner.adopted.clone());
        let durable = self.record(inner, &next, made_from, words.clone(), changes, act);
        Done {
            generation: number,
            changed: true,
            changes: words,
            left_alone: Vec::new(),
            standing: next.standing,
            durable,
        }
    }

    fn record(
        &self,
        inner: &mut Inner,
        generation: &Generation,
        made_from: MadeFrom,
        words: Vec<String>,
        mut changes: Vec<Change>,
        act: Act,
    ) -> oneshot::Receiver<bool> {
        let (number, by, at_ms) = (generation.number, act.by.clone(), act.at_ms);
        inner.adopted = made_from.clone();
        let bundle = Arc::clone(&made_from.text);
        changes.push(Change::Generation(Made { number, at_ms, by: by.clone(), changes: words.clone(), bundle }));
        inner.history.push(Past { number, at_ms, by, changes: words, made_from: Some(made_from) });
        self.ledger.write(Entry { changes, act: Some(act) })
    }

    /// Nothing changes: the answer waits for what is being written, so that it does not promise what is not yet kept.
    fn unchanged(&self) -> Done {
        let durable = self.ledger.write(Entry::default());
        let live = self.live.current();
        let (generation, standing) = (live.number, Arc::clone(&live.standing));
        Done { generation, changed: false, changes: Vec::new(), left_alone: Vec::new(), standing, durable }
    }

    /// Pins end by this process's own clock; the calendar only says how much is left after a restart.
    fn remember_ends(&self, inner: &mut Inner, standing: &Standing) {
        let now = now_ms();
        let known = std::mem::take(&mut inner.ends);
        for pin in &standing.pins {
            let Some(for_ms) = pin.for_ms else { continue };
            let unchanged = self.live.current().standing.pin(&pin.scope) == Some(pin);
            let end = known.get(&pin.scope).copied().filter(|_| unchanged).or_else(|| {
                let left = pin.at_ms.saturating_add(for_ms).saturating_sub(now).min(for_ms);
                // What ends after the clock's own end never ends.
                Instant::now().checked_add(Duration::from_millis(left))
            });
            inner.ends.extend(end.map(|end| (pin.scope.clone(), end)));
        }
    }
}

/// What there is to tell of a start.
#[derive(Debug, Default)]
pub(super) struct Start {
    pub(super) words: Vec<String>,
    pub(super) changes: Vec<Change>,
    pub(super) why: String,
}

impl Caller {
    /// A caller without a request.
    #[must_use]
    pub fn of(source: Source) -> Caller {
        Caller { by: Author::nameless(source), request_id: String::new(), if_match: None }
    }
}
