//! Loads, refuses or adopts: the one place where a configuration becomes live.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep};

use super::choose::{self, Chosen};
use super::command::{Command, Outcome, Reloaded};
use super::event::Event;
use super::fallbacks::Fallbacks;
use super::helm::{Caller, Done, Helm, Refused};
use super::history::MadeFrom;
use super::overview::Overview;
use super::state_dir::StateDir;
use super::watch::Watch;
use super::{begin, health, plan, resolve};
use crate::clock::{exact_moment, now_ms};
use crate::config::{self, Bundle, Disk, Loaded, Options, Removal};
use crate::directives::Source;
use crate::ledger::Ledger;
use crate::shutdown::{Phase, ShutdownWatch};
use crate::snapshot::Snapshot;
use crate::state::{Live, ReloadStatus};
use crate::store::Store;
use crate::telemetry::AccessWriter;

/// How long the files must have been left alone before they are read, and between two reads that must agree.
const REST: Duration = Duration::from_millis(25);
/// How long the wait for rest may take while files change without a pause.
const MOST_UNREST: Duration = Duration::from_millis(500);
/// How often contents are compared where no file event may come.
const POLL: Duration = Duration::from_secs(5);
/// How often pins are looked at that end by themselves.
const TICK: Duration = Duration::from_secs(1);
/// How long the ledger gets to write what it holds when the facade goes down.
const LEDGER_PATIENCE: Duration = Duration::from_secs(5);

/// What a facade is started with.
#[derive(Debug, Clone)]
pub struct StartOptions {
    /// The main file.
    pub config: PathBuf,
    /// `--state-dir`, which wins over the file.
    pub state_dir: Option<PathBuf>,
    /// Do not fall back on the kept configuration.
    pub strict: bool,
    /// How many data workers there are.
    pub workers: usize,
}

/// Why a facade cannot start.
#[derive(Debug)]
pub enum StartError {
    /// The configuration is invalid, and no kept one can take its place.
    Invalid(String),
    /// The configuration must be confirmed, and `--strict` forbids serving the kept one.
    Unconfirmed(Vec<Removal>),
    /// The state directory cannot be used.
    StateDir(PathBuf, io::Error),
    /// Something of the system's is missing.
    System(&'static str, io::Error),
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StartError::Invalid(text) => write!(f, "{text}the configuration is invalid; nothing is served"),
            StartError::Unconfirmed(removals) => {
                removals.iter().try_for_each(|removal| writeln!(f, "{removal}"))?;
                f.write_str(
                    "the configuration takes away what the kept one has, and --strict forbids serving the kept one",
                )
            }
            StartError::StateDir(path, error) => write!(f, "state directory {}: {error}", path.display()),
            StartError::System(what, error) => write!(f, "{what}: {error}"),
        }
    }
}

impl std::error::Error for StartError {}

/// Adopts configurations.
#[derive(Debug)]
pub struct Controller {
    helm: Arc<Helm>,
    overview: Arc<Overview>,
    live: Arc<Live>,
    options: StartOptions,
    state: StateDir,
    writer: AccessWriter,
    store: Store,
    watch: Watch,
    /// What the live generation was loaded from, or would be if none of before were held.
    adopted: Arc<Bundle>,
    /// What was read last, adopted or refused: it is not judged, nor reported, again and again.
    seen: Arc<Bundle>,
    serving_kept: bool,
}

impl Controller {
    /// Loads the configuration and brings its first generation to life.
    ///
    /// # Errors
    /// Why nothing can be served.
    pub fn start(
        options: StartOptions,
        open_log: impl FnOnce(&Snapshot) -> io::Result<AccessWriter>,
    ) -> Result<Controller, StartError> {
        let load_options = Options { state_dir: options.state_dir.clone(), ..Options::default() };
        let loaded = config::load(&Disk, &options.config, &load_options);
        let directory = choose::state_dir(&options, loaded.snapshot.as_ref());
        if loaded.snapshot.is_none() && !directory.exists() {
            // Nothing was ever kept there, and a mistyped path should leave no directory behind.
            return Err(StartError::Invalid(config::render(&loaded.diagnostics, config::Format::Text)));
        }
        let state = StateDir::open(&directory).map_err(|error| StartError::StateDir(directory.clone(), error))?;
        let seen = Arc::new(loaded.bundle.clone());
        let (ledger, remembered) = Ledger::open(&directory);
        let Chosen { snapshot, bundle, why_kept } =
            choose::choose(loaded, &options, &load_options, &directory, &remembered.pins)?;
        let adopted = Arc::new(bundle);
        let file = MadeFrom::new(snapshot, &adopted);
        let writer = open_log(&file.snapshot).map_err(|error| StartError::System("the access log", error))?;
        let store = Store::open(&directory, file.snapshot.retention);
        let (admin, listeners) = (Arc::clone(&file.snapshot.admin), file.snapshot.listeners.clone());
        let helm = Arc::new(begin::begin(file, ledger, remembered, &options));
        let overview = Arc::new(Overview::new(Arc::clone(&helm)));
        let live = Arc::clone(helm.live());
        live.set_admin(admin);
        live.set_tls(&listeners);
        let serving_kept = !why_kept.is_empty();
        live.set_reload(ReloadStatus { accepted: !serving_kept, messages: why_kept, serving_kept, at: None });
        let mut watch = Watch::new();
        watch.follow(&seen.paths());
        let controller =
            Controller { helm, overview, live, options, state, writer, store, watch, adopted, seen, serving_kept };
        if !serving_kept {
            controller.kept(controller.adopted.save(&controller.state.path));
        }
        Ok(controller)
    }

    /// What all threads share.
    #[must_use]
    pub fn live(&self) -> &Arc<Live> {
        &self.live
    }

    /// Where directives take effect.
    #[must_use]
    pub fn helm(&self) -> &Arc<Helm> {
        &self.helm
    }

    /// How everything stands.
    #[must_use]
    pub fn overview(&self) -> &Arc<Overview> {
        &self.overview
    }

    /// The store of comparisons.
    #[must_use]
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// The state directory.
    #[must_use]
    pub fn state_dir(&self) -> &Path {
        &self.state.path
    }

    /// Obeys commands and file events until the facade has ended; then the access log is finished.
    pub async fn run(mut self, mut commands: mpsc::Receiver<Command>, mut shutdown: ShutdownWatch) {
        let resolving = tokio::spawn(resolve::keep_resolving(Arc::clone(&self.live)));
        let sampling = tokio::spawn(plan::keep_sampling(Arc::clone(&self.live)));
        let checking = tokio::spawn(health::keep_checking(Arc::clone(&self.live), self.helm.events().clone()));
        let fallbacks = Arc::new(Fallbacks::new(Arc::clone(&self.live), self.store.clone()));
        let looking = keep_looking(Arc::clone(&self.helm), Arc::clone(&self.overview), Arc::clone(&fallbacks));
        let looking = tokio::spawn(looking);
        let mut poll = interval(POLL);
        poll.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = shutdown.reached(Phase::Ended) => break,
                Some(command) = commands.recv() => self.obey(command).await,
                () = self.watch.changed() => self.files_changed().await,
                _ = poll.tick() => {
                    if self.live.meter.state_unwritable.load(Ordering::Relaxed) {
                        self.keep().await;
                    }
                    if !self.still_holds().await {
                        self.files_changed().await;
                    }
                }
            }
        }
        resolving.abort();
        looking.abort();
        sampling.abort();
        checking.abort();
        fallbacks.hand_over();
        self.overview.write_progress();
        self.writer.stop(Duration::from_secs(1));
        if !self.helm.ledger().stop(LEDGER_PATIENCE) {
            tracing::warn!("the last directives were not written in time");
        }
    }

    async fn obey(&mut self, command: Command) {
        match command {
            Command::Reload { confirm, caller, reply } => {
                let reloaded = self.reload(confirm, &caller).await;
                // Whoever asked may have gone.
                let _ = reply.map(|reply| reply.send(reloaded));
            }
            Command::Unhold { why, caller, reply } => {
                let reloaded = self.unhold(why, &caller).await;
                let _ = reply.send(reloaded);
            }
            Command::ReopenLog => self.writer.reopen(),
        }
    }

    /// Something happened to the files: when they rest, and differ from what is known, they are loaded.
    async fn files_changed(&mut self) {
        self.rest().await;
        if self.still_holds().await || self.watch.being_written(&self.seen.paths()).is_some() {
            // Nothing new; or its writer's closing it is the next event.
            return;
        }
        let loaded = self.load().await;
        if !self.is_live(&loaded.bundle) {
            self.judge(loaded, false, &Caller::of(Source::File)).await;
            return;
        }
        // A refused change was taken back.
        self.watch.follow(&loaded.bundle.paths());
        self.seen = Arc::new(loaded.bundle);
        self.note(true, Vec::new());
    }

    /// Whether the files are what was read last. Read on a thread of its own: a disk that hangs must not hang the admin API.
    async fn still_holds(&self) -> bool {
        let seen = Arc::clone(&self.seen);
        tokio::task::spawn_blocking(move || seen.still_holds(&Disk)).await.unwrap_or(false)
    }

    /// Waits until nothing has happened to the files for a moment.
    async fn rest(&self) {
        let until = Instant::now() + MOST_UNREST;
        loop {
            let before = self.watch.events();
            sleep(REST).await;
            if self.watch.events() == before || Instant::now() > until {
                return;
            }
        }
    }

    async fn reload(&mut self, confirm: bool, caller: &Caller) -> Reloaded {
        let loaded = self.load().await;
        if self.is_live(&loaded.bundle) {
            self.seen = Arc::new(loaded.bundle);
            self.note(true, Vec::new());
            let live = self.live.current();
            return match &live.standing.hold {
                Some(hold) => Outcome::Held(hold.generation).into(),
                None => Outcome::Unchanged(live.number).into(),
            };
        }
        self.judge(loaded, confirm, caller).await
    }

    /// The hold ends where the files give a valid configuration; else it stays.
    async fn unhold(&mut self, why: String, caller: &Caller) -> Reloaded {
        let Some(held) = self.live.current().standing.hold.as_ref().map(|hold| hold.generation) else {
            return Outcome::Unchanged(self.live.current().number).into();
        };
        let loaded = self.load().await;
        let clean = loaded.is_clean();
        let Some(snapshot) = loaded.snapshot.filter(|_| clean) else {
            let errors: Vec<String> = loaded.diagnostics.errors().map(config::render::told).collect();
            tracing::error!(generation = held, "still held: the files are invalid");
            return Outcome::Invalid(errors).into();
        };
        self.seen = Arc::new(loaded.bundle.clone());
        let made_from = MadeFrom::new(snapshot, &loaded.bundle);
        self.settle(made_from, loaded.bundle, Vec::new(), |helm, made_from| helm.unhold(made_from, why, caller)).await
    }

    /// Whether this is what the live generation was loaded from.
    fn is_live(&self, bundle: &Bundle) -> bool {
        !self.serving_kept && bundle.hash() == self.adopted.hash()
    }

    /// Loads on a thread of its own: a hundred thousand routes take a while, and metrics must go on meanwhile.
    async fn load(&self) -> Loaded {
        let main = self.options.config.clone();
        let options = Options { state_dir: self.options.state_dir.clone(), ..Options::default() };
        let load = move || config::load(&Disk, &main, &options);
        match tokio::task::spawn_blocking(load.clone()).await {
            Ok(loaded) => loaded,
            // A panic while loading is a bug; a second try on this thread shows it rather than hides it.
            Err(_) => load(),
        }
    }

    /// Adopts a loaded configuration, or says why not.
    async fn judge(&mut self, loaded: Loaded, confirm: bool, caller: &Caller) -> Reloaded {
        let paths = loaded.bundle.paths();
        if let Some(path) = self.watch.being_written(&paths) {
            tracing::info!(path = %path.display(), "is being written; it is loaded when its writer closes it");
            return Outcome::BeingWritten(path).into();
        }
        // A half-written file is often valid YAML with fewer routes: two reads some time apart must agree.
        sleep(REST).await;
        let bundle = Arc::new(loaded.bundle);
        let again = Arc::clone(&bundle);
        let same = tokio::task::spawn_blocking(move || again.still_holds(&Disk)).await.unwrap_or(false);
        if !same || self.watch.being_written(&paths).is_some() {
            let main = self.options.config.clone();
            tracing::info!(path = %main.display(), "changed while it was read; it is loaded when it rests");
            return Outcome::BeingWritten(main).into();
        }
        self.watch.follow(&paths);
        self.seen = Arc::clone(&bundle);
        let clean = loaded.snapshot.is_some() && !loaded.diagnostics.has_errors();
        let warnings: Vec<String> = loaded.diagnostics.warnings().map(config::render::told).collect();
        let Some(snapshot) = loaded.snapshot.filter(|_| clean) else {
            let errors: Vec<String> = loaded.diagnostics.errors().map(config::render::told).collect();
            self.refuse(errors.clone(), caller);
            return Outcome::Invalid(errors).into();
        };
        let live = Arc::clone(&self.live.current());
        if let Some(hold) = &live.standing.hold {
            tracing::warn!(generation = hold.generation, "the files are valid and wait: a generation is held");
            self.live.set_admin(Arc::clone(&snapshot.admin));
            self.live.set_tls(&snapshot.listeners);
            self.note(true, vec![format!("generation {} is held; `banyan resume --file` ends that", hold.generation)]);
            return Outcome::Held(hold.generation).into();
        }
        let removals = config::needs_confirming(&live.snapshot, &snapshot, &live.standing.pins);
        if !removals.is_empty() && !confirm {
            let words: Vec<String> = removals.iter().map(ToString::to_string).collect();
            self.refuse(words.clone(), caller);
            return Outcome::Unconfirmed(words).into();
        }
        warnings.iter().for_each(|warning| tracing::warn!("{warning}"));
        let made_from = MadeFrom::new(snapshot, &bundle);
        let words = config::changes(&live.snapshot, &made_from.snapshot);
        self.settle(made_from, bundle, warnings, |helm, made_from| helm.adopt(made_from, words, caller)).await
    }

    fn refuse(&mut self, messages: Vec<String>, caller: &Caller) {
        self.live.meter.reloaded(false);
        let generation = self.live.current().number;
        tracing::error!(generation, reasons = messages.len(), "reload refused; the live generation stays");
        for message in &messages {
            tracing::error!("{message}");
        }
        self.helm.events().tell(Event::now("refused", &caller.by, messages.join("\n"), generation));
        self.note(false, messages);
    }

    /// Makes a configuration live, and follows it with everything that is not in a generation.
    async fn settle(
        &mut self,
        made_from: MadeFrom,
        bundle: impl Into<Arc<Bundle>>,
        warnings: Vec<String>,
        make_live: impl FnOnce(&Helm, MadeFrom) -> Result<Done, Refused>,
    ) -> Reloaded {
        let snapshot = Arc::clone(&made_from.snapshot);
        let done = match make_live(&self.helm, made_from) {
            Ok(done) => done,
            Err(_) => {
                let live = self.live.current();
                let held = live.standing.hold.as_ref().map(|hold| Outcome::Held(hold.generation));
                return held.unwrap_or(Outcome::Moved(live.number)).into();
            }
        };
        self.live.set_admin(Arc::clone(&snapshot.admin));
        self.live.set_tls(&snapshot.listeners);
        self.writer.redirect(snapshot.access_log.clone());
        self.store.set_retention(snapshot.retention);
        self.live.meter.reloaded(true);
        self.adopted = bundle.into();
        self.serving_kept = false;
        self.note(true, warnings);
        self.keep().await;
        let live = Arc::clone(&self.live);
        tokio::spawn(async move { resolve::resolve_all(&live).await });
        Reloaded { outcome: Outcome::Adopted(done.generation, done.changes), durable: Some(done.durable) }
    }

    fn note(&self, accepted: bool, messages: Vec<String>) {
        let at = Some(exact_moment(now_ms()));
        self.live.set_reload(ReloadStatus { at, accepted, messages, serving_kept: self.serving_kept });
    }

    /// Keeps what was adopted for the next start, on a thread of its own. A broken disk stops nothing but that.
    async fn keep(&self) {
        let (bundle, directory) = (Arc::clone(&self.adopted), self.state.path.clone());
        let saved = tokio::task::spawn_blocking(move || bundle.save(&directory)).await;
        self.kept(saved.unwrap_or_else(|error| Err(io::Error::other(error))));
    }

    fn kept(&self, result: io::Result<()>) {
        if let Err(error) = &result {
            tracing::error!(path = %self.state.path.display(), %error, "the accepted configuration cannot be kept");
        }
        self.live.meter.state_unwritable.store(result.is_err(), Ordering::Relaxed);
    }
}

/// Ends pins whose time is over, does what guards and ramps find, tells of new signatures, and counts fallbacks: a task of its own, since a reload may
/// take its time.
async fn keep_looking(helm: Arc<Helm>, overview: Arc<Overview>, fallbacks: Arc<Fallbacks>) {
    let mut tick = interval(TICK);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tick.tick().await;
        helm.end_pins();
        for finding in overview.tick(Instant::now()) {
            helm.found(&finding);
        }
        for sighting in helm.live().sightings() {
            helm.sighted(&sighting);
        }
        fallbacks.hand_over();
    }
}
