//! Streams and tunnels that outlive the rule by which they began: a route that moves takes them along, after a while.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use tokio::time::Instant;

use super::view::View;
use crate::names::Side;
use crate::routing::{Decision, Reason, RouteId};
use crate::state::Generation;
use crate::telemetry::{RouteMeter, WorkerId};

/// What a stream is held by. Whoever streams asks it, and is woken when it is pulled.
#[derive(Debug)]
pub struct Leash {
    view: Rc<View>,
    decision: Decision,
    /// Who answers: legacy too where it stepped in for new.
    side: Side,
    tenant: Option<Box<str>>,
    /// When it is pulled, since its side has lost the route; and where that is counted.
    leaving: RefCell<Option<(Instant, Counted)>>,
    pulled: Cell<bool>,
    waker: RefCell<Option<Waker>>,
}

/// Counts a stream that is left on a side that has lost its route, until it is dropped.
#[derive(Debug)]
struct Counted(Arc<RouteMeter>, WorkerId);

impl Counted {
    fn begin(meter: &Arc<RouteMeter>, worker: WorkerId) -> Counted {
        meter.stream_left(worker);
        Counted(Arc::clone(meter), worker)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.stream_gone(self.1);
    }
}

impl Leash {
    /// A leash for what this decision began; `None` where no route is involved, or somebody forced the side.
    pub(super) fn of(view: &Rc<View>, decision: Decision, side: Side, tenant: Option<&str>) -> Option<Rc<Leash>> {
        decision.route.filter(|_| decision.reason != Reason::Force)?;
        Some(Rc::new(Leash {
            view: Rc::clone(view),
            decision,
            side,
            tenant: tenant.map(Box::from),
            leaving: RefCell::default(),
            pulled: Cell::new(false),
            waker: RefCell::default(),
        }))
    }

    /// Ready once the stream has to end.
    pub(super) fn poll_pulled(&self, cx: &mut Context<'_>) -> Poll<()> {
        if self.pulled.get() {
            return Poll::Ready(());
        }
        let mut waker = self.waker.borrow_mut();
        if !waker.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
            *waker = Some(cx.waker().clone());
        }
        Poll::Pending
    }

    fn look(&self, generation: &Generation, named: &Named, worker: WorkerId, now: Instant) {
        let mut leaving = self.leaving.borrow_mut();
        let Some(id) = named.of(self, generation) else { return };
        let rules = &generation.snapshot.rules;
        if !rules.has_lost(id, &generation.overrides, self.tenant.as_deref(), self.side) {
            *leaving = None;
            return;
        }
        let grace = generation.snapshot.stream_grace;
        let (until, _) =
            leaving.get_or_insert_with(|| (now + grace, Counted::begin(&generation.meters[id.0 as usize], worker)));
        if now >= *until {
            self.pulled.set(true);
            if let Some(waker) = self.waker.borrow_mut().take() {
                waker.wake();
            }
        }
    }
}

/// The ids of routes by their names, looked up only where a snapshot has changed.
#[derive(Default)]
struct Named(RefCell<Option<HashMap<Arc<str>, RouteId>>>);

impl Named {
    /// The route now that a stream began on; `None` where it is gone.
    fn of(&self, leash: &Leash, generation: &Generation) -> Option<RouteId> {
        let (then, id) = (&leash.view.generation.snapshot, leash.decision.route?);
        if Arc::ptr_eq(then, &generation.snapshot) {
            return Some(id);
        }
        let mut names = self.0.borrow_mut();
        let names = names.get_or_insert_with(|| {
            let routes = generation.snapshot.rules.routes.iter().zip(0..);
            routes.map(|(route, id)| (Arc::clone(&route.name), RouteId(id))).collect()
        });
        names.get(&then.rules.route(id).name).copied()
    }
}

/// All leashes of a worker.
#[derive(Debug, Default)]
pub(super) struct Leashes {
    all: RefCell<Vec<Weak<Leash>>>,
    /// The generation of the last walk.
    seen: Cell<u64>,
}

impl Leashes {
    pub(super) fn add(&self, leash: &Rc<Leash>) {
        self.all.borrow_mut().push(Rc::downgrade(leash));
    }

    /// Looks which streams have to end. Called several times a second.
    pub(super) fn walk(&self, generation: &Generation, worker: WorkerId) {
        let changed = self.seen.replace(generation.number) != generation.number;
        let (now, named) = (Instant::now(), Named::default());
        self.all.borrow_mut().retain(|leash| {
            let Some(leash) = leash.upgrade() else { return false };
            if changed || leash.leaving.borrow().is_some() {
                leash.look(generation, &named, worker, now);
            }
            true
        });
    }
}
