//! A data worker: a thread with its own runtime, listeners and handler.

use std::io;
use std::net::{SocketAddr, TcpListener as StdListener};
use std::rc::Rc;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use http::HeaderValue;
use tokio::net::{TcpListener, TcpStream, UnixDatagram};
use tokio::task::{spawn_local, yield_now};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep};

use super::crew::{Crew, Doorbell, Handed, Seat};
use super::limits::{Crowd, Place};
use super::panic::{Panicked, caught};
use super::pulse::Pulse;
use super::watchdog::Watchdog;
use super::{Event, Handler, Peer, connection};
use crate::runtime;
use crate::shutdown::{Phase, ShutdownWatch};
use crate::wire::headers::Hop;

/// How often a worker looks after its connections and flushes its log.
const TICK: Duration = Duration::from_millis(250);
/// How long a worker waits after it could not accept, for want of descriptors or memory.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// How many connections are accepted before those that are there have their turn.
const IN_A_ROW: u64 = 2;

/// What a worker is started with.
#[derive(Debug)]
pub struct Worker {
    /// Its name, which is also its thread's.
    pub name: String,
    /// Its sockets, in the order of the configuration at start.
    pub sockets: Vec<StdListener>,
    /// Tells it when to go down.
    pub shutdown: ShutdownWatch,
    /// All workers.
    pub crew: Arc<Crew>,
    /// Its own place among them.
    pub number: usize,
    /// What rings when another one hands a connection over.
    pub bell: Doorbell,
    /// The clients of all workers.
    pub crowd: Arc<Crowd>,
}

/// A running worker.
#[derive(Debug)]
pub struct WorkerHandle(JoinHandle<()>);

impl WorkerHandle {
    /// Waits until it has ended. Returns whether it ended in order.
    #[must_use]
    pub fn join(self) -> bool {
        self.0.join().is_ok()
    }

    /// Whether it has ended.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.0.is_finished()
    }
}

impl Worker {
    /// Starts the thread; `make` makes the worker's handler on it.
    ///
    /// # Errors
    /// The thread or its runtime cannot be started.
    pub fn start<H: Handler>(self, make: impl FnOnce() -> H + Send + 'static) -> io::Result<WorkerHandle> {
        let name = self.name.clone();
        let thread = runtime::spawn(name, move || self.run(Rc::new(make())))?;
        Ok(WorkerHandle(thread))
    }

    async fn run<H: Handler>(self, handler: Rc<H>) {
        let Worker { sockets, shutdown, crew, number, bell, crowd, .. } = self;
        let watchdog = Rc::new(Watchdog::default());
        let door = Rc::new(Door { handler, watchdog, shutdown, crew, crowd, worker: number });
        match UnixDatagram::from_std(bell.0) {
            Ok(bell) => drop(spawn_local(Rc::clone(&door).listen_to(bell))),
            Err(error) => tracing::error!(%error, "workers cannot hand connections over"),
        }
        for (place, socket) in sockets.into_iter().enumerate() {
            match TcpListener::from_std(socket) {
                Ok(listener) => drop(spawn_local(Rc::clone(&door).accept(listener, place))),
                Err(error) => tracing::error!(%error, "a listener cannot be used"),
            }
        }
        look_after(&door).await;
    }
}

/// Looks after the worker's connections until the last one is gone or time is up.
async fn look_after<H: Handler>(door: &Door<H>) {
    let Door { handler, watchdog, crew, worker, .. } = door;
    let mut shutdown = door.shutdown.clone();
    let mut ticks = interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut phase = Phase::Running;
    while phase < Phase::Ended {
        tokio::select! {
            _ = ticks.tick() => {}
            () = shutdown.reached(next(phase)) => {
                phase = shutdown.phase();
                // Every connection is to see that the facade is going down.
                watchdog.each(Pulse::wake);
                ticks.reset_after(TICK / 10);
            }
        }
        watchdog.walk().await;
        handler.tick();
        if phase == Phase::Draining {
            if watchdog.is_empty() && crew.has_nothing_for(*worker) {
                break;
            }
            ticks.reset_after(TICK / 10);
        }
    }
    watchdog.each(Pulse::cut);
    // Connections that were cut get their turn to end, so that their requests are logged.
    while !watchdog.is_empty() {
        yield_now().await;
        watchdog.walk().await;
    }
    handler.tick();
}

const fn next(phase: Phase) -> Phase {
    match phase {
        Phase::Running => Phase::Leaving,
        Phase::Leaving => Phase::Draining,
        Phase::Draining | Phase::Ended => Phase::Ended,
    }
}

/// One worker's door: how connections come in.
struct Door<H: Handler> {
    handler: Rc<H>,
    watchdog: Rc<Watchdog>,
    shutdown: ShutdownWatch,
    crew: Arc<Crew>,
    crowd: Arc<Crowd>,
    worker: usize,
}

impl<H: Handler> Door<H> {
    /// Accepts connections until the facade goes down, and then those that are waiting already: they were promised an answer.
    async fn accept(self: Rc<Self>, listener: TcpListener, place: usize) {
        let mut shutdown = self.shutdown.clone();
        for number in 1_u64.. {
            tokio::select! {
                accepted = self.next(&listener) => match accepted {
                    Ok(accepted) => self.welcome(accepted, place),
                    Err(error) => refused(&*self.handler, &error).await,
                },
                () = shutdown.reached(Phase::Draining) => break,
            }
            if number.is_multiple_of(IN_A_ROW) {
                yield_now().await;
            }
        }
        let until = Instant::now() + ACCEPT_PAUSE;
        while let Ok(Ok(accepted)) = tokio::time::timeout_at(until, self.next(&listener)).await {
            self.welcome(accepted, place);
        }
    }

    /// The next connection, once there are descriptors for clients; until then they wait in the kernel's queue.
    async fn next(&self, listener: &TcpListener) -> io::Result<(TcpStream, SocketAddr)> {
        while self.crew.is_full() {
            sleep(ACCEPT_PAUSE).await;
        }
        listener.accept().await
    }

    /// Takes a connection in, gives it to another worker, or closes it.
    fn welcome(self: &Rc<Self>, (stream, address): (TcpStream, SocketAddr), listener: usize) {
        let (limits, trusted) = (self.handler.limits(listener), self.handler.trusts(address.ip().to_canonical()));
        let place = match self.crowd.enter(listener, address.ip(), trusted, &limits) {
            Ok(place) => place,
            Err(why) => return self.handler.event(Event::TurnedAway(why)),
        };
        let seat = self.crew.seat(self.worker);
        // Workers that go down may be gone before they look into their inbox.
        if seat.worker() == self.worker || self.shutdown.phase() >= Phase::Draining {
            return self.serve(stream, address, listener, (seat, place));
        }
        let Ok(stream) = stream.into_std() else { return };
        if let Err(handed) = self.crew.hand_over(Handed { stream, address, listener, seat, place }) {
            self.take_in(handed);
        }
    }

    /// Takes what other workers hand over.
    async fn listen_to(self: Rc<Self>, bell: UnixDatagram) {
        let mut rings = [0; 1];
        while bell.recv(&mut rings).await.is_ok() {
            while let Some(handed) = self.crew.next(self.worker) {
                self.take_in(handed);
            }
        }
    }

    fn take_in(self: &Rc<Self>, handed: Handed) {
        let Handed { stream, address, listener, seat, place } = handed;
        let Ok(stream) = TcpStream::from_std(stream) else { return };
        self.serve(stream, address, listener, (seat, place));
    }

    fn serve(self: &Rc<Self>, stream: TcpStream, address: SocketAddr, listener: usize, counted: (Seat, Place)) {
        let tls = match self.handler.tls(listener).map(|tls| tls.config.clone()) {
            // What is configured to be secure is never served in the open.
            Some(None) => return,
            Some(config) => config,
            None => None,
        };
        let text = address.ip().to_canonical().to_string();
        let hop = Hop {
            address: HeaderValue::from_str(&text).unwrap_or_else(|_| HeaderValue::from_static("unknown")),
            proto: HeaderValue::from_static(if tls.is_some() { "https" } else { "http" }),
        };
        let peer = Rc::new(Peer { address, hop, listener, tls: tls.is_some() });
        let min_rate = self.handler.limits(listener).min_rate;
        let pulse = Rc::new(Pulse::new(self.handler.timeouts(listener), min_rate));
        self.watchdog.add(Rc::clone(&pulse));
        let (handler, watch) = (Rc::clone(&self.handler), self.shutdown.clone());
        drop(spawn_local(async move {
            handler.event(Event::Connected);
            let _gone = Gone(Rc::clone(&handler), counted);
            // A panic here ends this connection; those of requests have been caught before.
            let serving = Box::pin(connection::serve(stream, tls, peer, Rc::clone(&handler), pulse, watch));
            if caught(serving).await == Err(Panicked) {
                handler.event(Event::Panicked);
            }
        }));
    }
}

async fn refused<H: Handler>(handler: &H, error: &io::Error) {
    handler.event(Event::AcceptFailed);
    // A client that gave up while it was waiting costs nothing; want of descriptors passes only with time.
    if !matches!(error.kind(), io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset) {
        sleep(ACCEPT_PAUSE).await;
    }
}

/// Says that a connection is gone, however it went.
struct Gone<H: Handler>(Rc<H>, #[expect(dead_code, reason = "held so that it is counted until then")] (Seat, Place));

impl<H: Handler> Drop for Gone<H> {
    fn drop(&mut self) {
        self.0.event(Event::Disconnected);
    }
}
