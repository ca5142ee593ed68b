//! The shadow threads: each takes copies from the queue and runs many at once on a runtime of its own.

use std::cell::RefCell;
use std::collections::HashMap;
use std::future::poll_fn;
use std::io;
use std::rc::Rc;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::SystemTime;

use tokio::task::spawn_local;
use tokio::time::{Duration, Instant, sleep, timeout};

use super::lanes::{Admitted, Bounds, Lanes};
use super::undecided::Waiting;
use super::{Exchange, Judge, Queue, round};
use crate::runtime;
use crate::snapshot::{MAX_SHADOW_THREADS, Shadowing};
use crate::state::Live;
use crate::store::{Batch, Compared, Store};
use crate::telemetry::{Dropped, Mirrored, ShadowMeter, TenantTally, WorkerId};
use crate::upstream::{Backend, Pools};

/// How long a thread rests between two looks at the queue: while there was something, and at most.
const REST: (Duration, Duration) = (Duration::from_millis(2), Duration::from_millis(20));
/// How long it rests at most when it has nothing to do at all, unless something comes.
const IDLE: Duration = Duration::from_secs(1);
/// The nice value of shadow threads: a tenth of a data worker's share when both want the same core.
#[cfg(target_os = "linux")]
const NICE: i32 = 10;
/// How many copies are taken between two turns of those under way.
const AT_ONCE: usize = 32;
/// How often what was counted goes to the store.
const FLUSH_EVERY: Duration = Duration::from_millis(500);
/// How often unused connections are looked through.
const SWEEP_EVERY: Duration = Duration::from_secs(2);
/// How long copies under way get to finish when the facade goes down.
const LAST_GRACE: Duration = Duration::from_secs(1);

/// What the shadow threads share.
#[derive(Debug, Clone)]
pub struct Shared {
    /// Where copies come from.
    pub queue: Arc<Queue>,
    /// What is live.
    pub live: Arc<Live>,
    /// What is known of signatures.
    pub judge: Arc<Judge>,
    /// Where comparisons are kept.
    pub store: Store,
}

/// The running threads.
#[derive(Debug)]
pub struct ShadowThreads(Vec<JoinHandle<()>>, Arc<Queue>);

/// One thread.
#[derive(Debug)]
pub(super) struct Thread {
    number: usize,
    pub(super) worker: WorkerId,
    pub(super) shared: Shared,
    pub(super) pools: Rc<Pools>,
    pub(super) lanes: RefCell<Lanes>,
    pub(super) batch: RefCell<Batch>,
    tenants: RefCell<TenantTally>,
    pub(super) undecided: RefCell<Waiting>,
}

/// How many threads there are: as configured, else one for each four cores.
#[must_use]
pub fn threads(shadowing: Shadowing) -> usize {
    let cores = || std::thread::available_parallelism().map_or(1, usize::from);
    shadowing.threads.unwrap_or_else(|| cores() / 4).clamp(1, MAX_SHADOW_THREADS)
}

/// Lets every data worker go first where there are fewer cores than threads. On Linux a priority is a thread's own; elsewhere it
/// would be the whole process's.
fn give_way() {
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::process::setpriority_process(None, NICE) {
        tracing::debug!(%error, "shadow threads run at the priority of data workers");
    }
}

impl ShadowThreads {
    /// Starts them. They count behind this many data workers.
    ///
    /// # Errors
    /// A thread or its runtime cannot be started.
    pub fn start(shared: &Shared, shadowing: Shadowing, workers: usize) -> io::Result<ShadowThreads> {
        let count = threads(shadowing);
        let bounds = Bounds {
            in_flight: shadowing.in_flight.div_ceil(count),
            // A backend that hangs leaves half of what may wait to the others.
            waiting: (shadowing.requests / 2).div_ceil(count),
            bytes: (shadowing.bytes / 2).div_ceil(count),
        };
        let start = |number: usize| {
            let (shared, worker) = (shared.clone(), WorkerId(workers + number));
            runtime::spawn(format!("shadow-{number}"), move || {
                give_way();
                let tenants = RefCell::new(TenantTally::new(Arc::clone(&shared.live.tenants)));
                let thread = Rc::new(Thread {
                    number,
                    worker,
                    shared,
                    pools: Rc::new(Pools::for_copies(count)),
                    lanes: RefCell::new(Lanes::new(bounds)),
                    batch: RefCell::default(),
                    tenants,
                    undecided: RefCell::default(),
                });
                thread.run()
            })
        };
        let handles = (0..count).map(start).collect::<io::Result<_>>()?;
        Ok(ShadowThreads(handles, Arc::clone(&shared.queue)))
    }

    /// Lets what is under way finish for a moment, drops the rest, hands what was counted to the store. Blocks until that is done.
    pub fn stop(self) {
        let ShadowThreads(threads, queue) = self;
        queue.close();
        for thread in threads {
            // A panic there has been reported by its own thread.
            let _ = thread.join();
        }
    }
}

impl Thread {
    async fn run(self: Rc<Self>) {
        let tells_outcomes = self.number == 0;
        let mut rest = REST.0;
        let (mut flushed, mut swept) = (Instant::now(), Instant::now());
        let mut told = Told::default();
        let mut leave_at = None;
        loop {
            let took = self.take_all().await;
            self.decide(false);
            let now = Instant::now();
            if now.duration_since(flushed) >= FLUSH_EVERY {
                flushed = now;
                if tells_outcomes {
                    told.tell(&self.shared.live, &mut self.batch.borrow_mut());
                }
                self.flush();
                self.pools.tick();
            }
            if now.duration_since(swept) >= SWEEP_EVERY {
                swept = now;
                let generation = Arc::clone(&self.shared.live.current());
                self.pools.sweep(generation.backends.iter().map(|backend| &**backend));
            }
            if self.shared.queue.is_closed() {
                let leave_at = *leave_at.get_or_insert(now + LAST_GRACE);
                if took == 0 && (self.lanes.borrow().is_empty() || now >= leave_at) {
                    break;
                }
            }
            rest = if took > 0 { REST.0 } else { (rest * 2).min(REST.1) };
            if rest == REST.1 && self.is_idle() {
                let something = poll_fn(|cx| self.shared.queue.poll_something(self.number, cx));
                if timeout(IDLE, something).await.is_ok() {
                    // Whoever wakes it is a data worker: not for each copy that another thread takes.
                    rest = REST.0;
                }
            } else {
                sleep(rest).await;
            }
        }
        self.lanes.borrow_mut().clear(|exchange| self.drop_copy(exchange, Dropped::Stopping));
        self.decide(true);
        if tells_outcomes {
            told.tell(&self.shared.live, &mut self.batch.borrow_mut());
        }
        self.flush();
    }

    /// Whether nothing is under way and nothing waits for its verdict.
    fn is_idle(&self) -> bool {
        self.lanes.borrow().is_empty() && self.undecided.borrow().is_empty()
    }

    /// Takes all copies that wait in the queue. Returns how many.
    async fn take_all(self: &Rc<Self>) -> usize {
        let mut took = 0;
        while let Some(exchange) = self.shared.queue.take() {
            self.arrives(exchange);
            took += 1;
            if took % AT_ONCE == 0 {
                // Those under way are to go on meanwhile.
                tokio::task::yield_now().await;
            }
        }
        took
    }

    fn arrives(self: &Rc<Self>, exchange: Box<Exchange>) {
        let Some(backend) = exchange.backend(exchange.shadow).cloned() else {
            self.shared.queue.release(exchange.bytes());
            return;
        };
        let admitted = self.lanes.borrow_mut().admit(&backend.settings.name, exchange);
        match admitted {
            Admitted::Go(exchange) => self.start(exchange, backend),
            Admitted::Waits => {}
            Admitted::Full(exchange) => self.drop_copy(&exchange, Dropped::BackendBusy),
            Admitted::Broken(exchange) => self.drop_copy(&exchange, Dropped::BackendBroken),
        }
    }

    fn start(self: &Rc<Self>, exchange: Box<Exchange>, backend: Arc<Backend>) {
        drop(spawn_local(Rc::clone(self).go(exchange, backend)));
    }

    async fn go(self: Rc<Self>, exchange: Box<Exchange>, backend: Arc<Backend>) {
        let _turn =
            Turn { thread: Rc::clone(&self), backend: Arc::clone(&backend.settings.name), bytes: exchange.bytes() };
        if exchange.plan().is_some_and(|plan| exchange.began.elapsed() > plan.timeout + exchange.answer.took) {
            exchange.count(self.worker, Mirrored::Dropped(Dropped::Expired));
        } else {
            round::run(&self, &exchange, &backend).await;
        }
    }

    fn drop_copy(&self, exchange: &Exchange, why: Dropped) {
        exchange.count(self.worker, Mirrored::Dropped(why));
        self.shared.queue.release(exchange.bytes());
    }

    /// Records a comparison.
    pub(super) fn record(&self, meter: Option<&Arc<ShadowMeter>>, compared: &Compared) {
        if let Some(meter) = meter {
            meter.compared(self.worker, compared.verdict);
        }
        if let Some(tenant) = &compared.tenant {
            self.tenants.borrow_mut().compared(tenant, compared.verdict);
        }
        self.batch.borrow_mut().compared(compared);
    }

    /// Records the comparisons that have waited long enough for their verdict, or all.
    fn decide(&self, all: bool) {
        let judge = &self.shared.judge;
        while let Some(one) = self.undecided.borrow_mut().next(judge, all) {
            self.record(one.meter.as_ref(), &one.compared);
            self.batch.borrow_mut().samples.extend(one.sample);
        }
    }

    fn flush(&self) {
        self.tenants.borrow_mut().hand_over();
        let batch = std::mem::take(&mut *self.batch.borrow_mut());
        if !batch.is_empty() {
            // A store that is behind counts what it loses itself.
            let _ = self.shared.store.offer(batch);
        }
    }
}

/// A copy's place among those under way. However the copy ends, its bytes come off the account and the next one goes.
struct Turn {
    thread: Rc<Thread>,
    backend: Arc<str>,
    bytes: usize,
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.thread.shared.queue.release(self.bytes);
        let give_up = |exchange: &Exchange| self.thread.drop_copy(exchange, Dropped::BackendBroken);
        self.thread.lanes.borrow_mut().give_up(&self.backend, give_up);
        let next = self.thread.lanes.borrow_mut().done(&self.backend);
        if let Some(exchange) = next
            // After a reload, the backend of the same name may be another.
            && let Some(backend) = exchange.backend(exchange.shadow).cloned()
        {
            self.thread.start(exchange, backend);
        }
    }
}

/// What was told of the meters before: the store is told what was added since.
#[derive(Debug, Default)]
struct Told(HashMap<Arc<str>, [u64; Mirrored::ALL.len()]>);

impl Told {
    fn tell(&mut self, live: &Live, batch: &mut Batch) {
        let generation = Arc::clone(&live.current());
        let minute = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs() / 60;
        for meter in generation.shadow_meters.iter().flatten() {
            let now = meter.outcomes();
            let before = match self.0.get_mut(&meter.name) {
                Some(before) => before,
                None => self.0.entry(Arc::clone(&meter.name)).or_insert([0; Mirrored::ALL.len()]),
            };
            if *before == now {
                continue;
            }
            for ((outcome, now), before) in Mirrored::ALL.iter().zip(now).zip(*before) {
                // A route that was away for a generation begins anew.
                let added = now.checked_sub(before).unwrap_or(now);
                if added > 0 {
                    *batch.outcomes.entry((minute, Arc::clone(&meter.name), outcome.as_str())).or_default() += added;
                }
            }
            *before = now;
        }
    }
}
