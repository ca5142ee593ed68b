//! Composes a facade: control thread, data workers, admin listener, access log.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tokio::sync::{mpsc, oneshot};

use crate::admin::{self, Admin, Keeper, Token};
use crate::console;
use crate::control::{Caller, Command, Controller, Outcome, StartError, StartOptions};
use crate::directives::Source;
use crate::proxy::Proxy;
use crate::server::{self, Crew, Crowd, Inherited, Worker, WorkerHandle};
use crate::shadow::{Judge, Queue, ShadowThreads, Shared};
use crate::shutdown::{Phase, Shutdown, ShutdownWatch};
use crate::state::Live;
use crate::store::Store;
use crate::telemetry::{AccessQueue, AccessWriter, WorkerId};

/// How many commands may wait for the control thread.
const COMMANDS: usize = 64;

/// How long the store gets to write what it holds when the facade goes down.
const STORE_PATIENCE: Duration = Duration::from_secs(5);

/// Why a facade does not run.
#[derive(Debug)]
pub enum AppError {
    /// It has nothing to serve.
    Start(StartError),
    /// An address cannot be bound.
    Bind(SocketAddr, io::Error),
    /// Something of the system's is missing.
    System(&'static str, io::Error),
}

impl fmt::Display for AppError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            AppError::Start(error) => error.fmt(f),
            AppError::Bind(address, error) => write!(f, "cannot listen on {address}: {error}"),
            AppError::System(what, error) => write!(f, "{what}: {error}"),
        }
    }
}

impl std::error::Error for AppError {}

/// A running facade.
#[derive(Debug)]
pub struct Facade {
    /// Where clients connect, as bound.
    pub addresses: Vec<SocketAddr>,
    /// Where operators connect, as bound.
    pub admin: SocketAddr,
    /// What all threads share.
    pub live: Arc<Live>,
    /// Where the token and the kept configuration are.
    pub state_dir: PathBuf,
    /// What came of comparisons.
    pub store: Store,
    keeper: Arc<Keeper>,
    commands: mpsc::Sender<Command>,
    shutdown: Shutdown,
    /// Ends the control thread, and with it the access log: after the workers, whose last lines it still writes.
    control_shutdown: Shutdown,
    workers: Vec<WorkerHandle>,
    shadows: ShadowThreads,
    control: JoinHandle<()>,
}

impl Facade {
    /// Starts a facade; it serves when this returns.
    ///
    /// # Errors
    /// Why it cannot serve. Nothing is left running then.
    pub fn start(options: StartOptions) -> Result<Facade, AppError> {
        Facade::start_with(options, Inherited::default())
    }

    /// The same with sockets that this process was started with: they take the place of those that the configuration wants at
    /// their addresses.
    ///
    /// # Errors
    /// Why it cannot serve. Nothing is left running then.
    pub fn start_with(options: StartOptions, mut inherited: Inherited) -> Result<Facade, AppError> {
        let workers = options.workers;
        let access = Arc::new(AccessQueue::default());
        let queue = Arc::clone(&access);
        let controller =
            Controller::start(options, move |snapshot| AccessWriter::start(queue, snapshot.access_log.clone()))
                .map_err(AppError::Start)?;
        let live = Arc::clone(controller.live());
        let state_dir = controller.state_dir().to_path_buf();
        let token = Token::of(&state_dir).map_err(|error| AppError::System("the admin token", error))?;
        let admin_address = live.current().snapshot.admin.address;
        let given = inherited.take(admin_address).into_iter().next();
        let admin = given.map_or_else(|| admin::bind(admin_address), Ok);
        let admin = admin.map_err(|error| AppError::Bind(admin_address, error))?;
        let admin_address = admin.local_addr().map_err(|error| AppError::System("the admin listener", error))?;
        let listeners = server::bind(live.addresses(), workers, &mut inherited)
            .map_err(|(address, error)| AppError::Bind(address, error))?;
        for address in inherited.left() {
            tracing::warn!(%address, "an inherited socket listens where nothing is configured; it is closed");
        }
        drop(inherited);
        let (commands, receiver) = mpsc::channel(COMMANDS);
        let store = controller.store().clone();
        let (queue, shadows) = start_shadows(&live, &store, workers)?;
        let (shutdown, control_shutdown) = (Shutdown::default(), Shutdown::default());
        let keeper = Arc::new(Keeper::new(&token));
        let api = Admin {
            live: Arc::clone(&live),
            helm: Arc::clone(controller.helm()),
            overview: Arc::clone(controller.overview()),
            store: store.clone(),
            copies: Arc::clone(&queue),
            access: Arc::clone(&access),
            commands: commands.clone(),
            keeper: Arc::clone(&keeper),
            shutdown: shutdown.watch(),
        };
        let control = start_control(controller, receiver, api, admin, control_shutdown.watch())?;
        let mut handles = Vec::new();
        let (crew, bells) = Crew::new(workers).map_err(|error| AppError::System("the workers", error))?;
        let crowd = Arc::new(Crowd::new(listeners.addresses.len()));
        for ((number, sockets), bell) in listeners.sockets.into_iter().enumerate().zip(bells) {
            let (live, access, queue) = (Arc::clone(&live), Arc::clone(&access), Arc::clone(&queue));
            let worker = Worker {
                name: format!("worker-{number}"),
                sockets,
                shutdown: shutdown.watch(),
                crew: Arc::clone(&crew),
                number,
                bell,
                crowd: Arc::clone(&crowd),
            };
            let handle = worker
                .start(move || Proxy::new(live, WorkerId(number), access, queue))
                .map_err(|error| AppError::System("a worker", error))?;
            handles.push(handle);
        }
        let addresses = listeners.addresses;
        let (admin, workers) = (admin_address, handles);
        let facade = Facade {
            addresses,
            admin,
            live,
            state_dir,
            keeper,
            commands,
            shutdown,
            control_shutdown,
            workers,
            shadows,
            store,
            control,
        };
        Ok(facade)
    }

    /// The address of the console that logs in whoever opens it first, as the holder of the state directory's token; for a quarter
    /// of an hour.
    ///
    /// # Errors
    /// The system gives no randomness.
    pub fn console_link(&self) -> io::Result<String> {
        let scheme = if self.live.admin().tls.is_some() { "https" } else { "http" };
        Ok(format!("{scheme}://{}{}", self.admin, self.keeper.link()?))
    }

    /// Loads the configuration anew, as SIGHUP does.
    pub async fn reload(&self, confirm: bool) -> Option<Outcome> {
        let (reply, outcome) = oneshot::channel();
        let caller = Caller::of(Source::Signal);
        self.commands.send(Command::Reload { confirm, caller, reply: Some(reply) }).await.ok()?;
        Some(outcome.await.ok()?.outcome)
    }

    /// Opens the access log anew, as SIGUSR1 does.
    pub async fn reopen_log(&self) {
        // If nobody listens any more, there is no log either.
        let _ = self.commands.send(Command::ReopenLog).await;
    }

    /// Goes down in order: not ready, after `delay` no new connections, and what is under way gets `grace` to finish. Blocks
    /// until it is down; whether nothing had to be cut.
    pub fn stop(self) -> bool {
        let drain = self.live.current().snapshot.drain;
        self.live.leave();
        self.shutdown.advance(Phase::Leaving);
        // Not a wait for something: load balancers are given this long to notice.
        std::thread::sleep(drain.delay);
        self.shutdown.advance(Phase::Draining);
        let deadline = Instant::now() + drain.grace;
        while !self.workers.iter().all(WorkerHandle::is_finished) && Instant::now() < deadline {
            std::thread::park_timeout(Duration::from_millis(5));
        }
        let in_order = self.workers.iter().all(WorkerHandle::is_finished);
        self.shutdown.advance(Phase::Ended);
        // All are joined, whatever becomes of one.
        let panicked = self.workers.into_iter().map(WorkerHandle::join).filter(|in_order| !in_order).count();
        self.shadows.stop();
        self.control_shutdown.advance(Phase::Ended);
        drop(self.commands);
        // A panic there has been reported by its own thread.
        let _ = self.control.join();
        if !self.store.stop(STORE_PATIENCE) {
            tracing::warn!("the last comparisons were not written in time");
        }
        in_order && panicked == 0
    }
}

/// The shadow threads, which begin with what the store knows, and the queue they take copies from.
fn start_shadows(live: &Arc<Live>, store: &Store, workers: usize) -> Result<(Arc<Queue>, ShadowThreads), AppError> {
    let shadowing = live.current().snapshot.shadowing;
    let judge = Judge::default();
    judge.remember(store.known());
    let queue = Arc::new(Queue::new(shadowing));
    let (live, judge) = (Arc::clone(live), Arc::new(judge));
    let shared = Shared { queue: Arc::clone(&queue), live, judge, store: store.clone() };
    let shadows = ShadowThreads::start(&shared, shadowing, workers);
    Ok((queue, shadows.map_err(|error| AppError::System("the shadow threads", error))?))
}

fn start_control(
    controller: Controller,
    commands: mpsc::Receiver<Command>,
    api: Admin,
    listener: std::net::TcpListener,
    shutdown: ShutdownWatch,
) -> Result<JoinHandle<()>, AppError> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| AppError::System("the control runtime", error))?;
    let run = move || {
        runtime.block_on(async move {
            match tokio::net::TcpListener::from_std(listener) {
                // It ends with the runtime.
                Ok(listener) => {
                    let pages = console::pages(&api);
                    drop(tokio::spawn(api.serve(listener, pages)));
                }
                Err(error) => tracing::error!(%error, "the admin listener cannot be used"),
            }
            controller.run(commands, shutdown).await;
        });
    };
    let thread = std::thread::Builder::new().name("control".into()).spawn(run);
    thread.map_err(|error| AppError::System("the control thread", error))
}
