//! A data worker: a thread with its own runtime, listeners and handler.

use std::io;
use std::net::TcpListener as StdListener;
use std::rc::Rc;
use std::thread::JoinHandle;
use std::time::Duration;

use http::HeaderValue;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{LocalSet, spawn_local};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep};

use super::connection::serve;
use super::watchdog::{Pulse, Watchdog};
use super::{Event, Handler, Peer};
use crate::shutdown::{Phase, ShutdownWatch};
use crate::wire::headers::Hop;

/// How often a worker looks after its connections and flushes its log.
const TICK: Duration = Duration::from_millis(250);
/// How long a worker waits after it could not accept, for want of descriptors or memory.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// What a worker is started with.
#[derive(Debug)]
pub struct Worker {
    /// Its name, which is also its thread's.
    pub name: String,
    /// Its sockets, in the order of the configuration at start.
    pub sockets: Vec<StdListener>,
    /// Tells it when to go down.
    pub shutdown: ShutdownWatch,
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
        let runtime = tokio::runtime::Builder::new_current_thread().enable_io().enable_time().build()?;
        let name = self.name.clone();
        let thread = std::thread::Builder::new().name(name).spawn(move || {
            let local = LocalSet::new();
            local.block_on(&runtime, self.run(Rc::new(make())));
        })?;
        Ok(WorkerHandle(thread))
    }

    async fn run<H: Handler>(self, handler: Rc<H>) {
        let watchdog = Rc::new(Watchdog::default());
        for (place, socket) in self.sockets.into_iter().enumerate() {
            match TcpListener::from_std(socket) {
                Ok(listener) => {
                    let (handler, watchdog) = (Rc::clone(&handler), Rc::clone(&watchdog));
                    spawn_local(accept(listener, place, handler, watchdog, self.shutdown.clone()));
                }
                Err(error) => tracing::error!(%error, "a listener cannot be used"),
            }
        }
        look_after(&*handler, &watchdog, self.shutdown).await;
    }
}

/// Looks after the worker's connections until the last one is gone or time is up.
async fn look_after<H: Handler>(handler: &H, watchdog: &Watchdog, mut shutdown: ShutdownWatch) {
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
        watchdog.walk();
        handler.tick();
        if phase == Phase::Draining {
            if watchdog.is_empty() {
                break;
            }
            ticks.reset_after(TICK / 10);
        }
    }
    watchdog.each(Pulse::cut);
    // Connections that were cut get their turn to end, so that their requests are logged.
    while !watchdog.is_empty() {
        tokio::task::yield_now().await;
        watchdog.walk();
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

/// Accepts connections until the facade goes down, and then those that are waiting already: they were promised an answer.
async fn accept<H: Handler>(
    listener: TcpListener,
    place: usize,
    handler: Rc<H>,
    watchdog: Rc<Watchdog>,
    mut shutdown: ShutdownWatch,
) {
    let watch = shutdown.clone();
    let welcome = |stream: TcpStream| {
        // A peer that is gone already has no address.
        let Ok(address) = stream.peer_addr() else { return };
        // Small answers must not wait for a full segment; a socket without the option only is slower.
        let _ = stream.set_nodelay(true);
        let text = address.ip().to_canonical().to_string();
        let hop = Hop {
            address: HeaderValue::from_str(&text).unwrap_or_else(|_| HeaderValue::from_static("unknown")),
            proto: HeaderValue::from_static("http"),
        };
        let peer = Rc::new(Peer { address, hop, listener: place });
        let pulse = Rc::new(Pulse::new(handler.timeouts(place)));
        watchdog.add(Rc::clone(&pulse));
        let (handler, watch) = (Rc::clone(&handler), watch.clone());
        spawn_local(async move {
            handler.event(Event::Connected);
            let _gone = Gone(Rc::clone(&handler));
            serve(stream, peer, handler, pulse, watch).await;
        });
    };
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => welcome(stream),
                Err(error) => refused(&*handler, &error).await,
            },
            () = shutdown.reached(Phase::Draining) => break,
        }
    }
    let until = Instant::now() + ACCEPT_PAUSE;
    while let Ok(Ok((stream, _))) = tokio::time::timeout_at(until, listener.accept()).await {
        welcome(stream);
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
struct Gone<H: Handler>(Rc<H>);

impl<H: Handler> Drop for Gone<H> {
    fn drop(&mut self) {
        self.0.event(Event::Disconnected);
    }
}
