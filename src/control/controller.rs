//! Loads, refuses or adopts: the one place where a configuration becomes live.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, SystemTime};

use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep};

use super::state_dir::StateDir;
use super::watch::Watch;
use super::{build, resolve};
use crate::config::{self, Bundle, Diagnostic, Disk, Loaded, Options, Removal};
use crate::shutdown::{Phase, ShutdownWatch};
use crate::snapshot::Snapshot;
use crate::state::{Live, ReloadStatus};
use crate::store::Store;
use crate::telemetry::{AccessWriter, FacadeMeter};

/// How long the files must have been left alone before they are read, and between two reads that must agree.
const REST: Duration = Duration::from_millis(25);
/// How long the wait for rest may take while files change without a pause.
const MOST_UNREST: Duration = Duration::from_millis(500);
/// How often contents are compared where no file event may come.
const POLL: Duration = Duration::from_secs(5);

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

/// What the controller is told to do.
#[derive(Debug)]
pub enum Command {
    /// Load the configuration anew.
    Reload {
        /// Whether what the new configuration takes away is confirmed.
        confirm: bool,
        /// Where the outcome goes.
        reply: Option<oneshot::Sender<Outcome>>,
    },
    /// Open the access log anew.
    ReopenLog,
}

/// What came of a reload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It is live under this number; these things changed, in words.
    Adopted(u64, Vec<String>),
    /// It is what is live already, under this number.
    Unchanged(u64),
    /// It is invalid: these are its errors.
    Invalid(Vec<String>),
    /// It takes away what must be confirmed.
    Unconfirmed(Vec<String>),
    /// This file is being written to; it is loaded when its writer is done.
    BeingWritten(PathBuf),
}

/// Adopts configurations.
#[derive(Debug)]
pub struct Controller {
    live: Arc<Live>,
    options: StartOptions,
    state: StateDir,
    writer: AccessWriter,
    store: Store,
    watch: Watch,
    /// What the live generation was loaded from.
    adopted: Bundle,
    /// What was read last, adopted or refused: it is not judged, nor reported, again and again.
    seen: Bundle,
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
        let load_options = Options { state_dir: options.state_dir.clone() };
        let loaded = config::load(&Disk, &options.config, &load_options);
        let directory = state_dir(&options, loaded.snapshot.as_ref());
        if loaded.snapshot.is_none() && !directory.exists() {
            // Nothing was ever kept there, and a mistyped path should leave no directory behind.
            return Err(StartError::Invalid(config::render(&loaded.diagnostics, config::Format::Text)));
        }
        let state = StateDir::open(&directory).map_err(|error| StartError::StateDir(directory.clone(), error))?;
        let seen = loaded.bundle.clone();
        let Chosen { snapshot, bundle, why_kept } = choose(loaded, &options, &load_options, &directory)?;
        let writer = open_log(&snapshot).map_err(|error| StartError::System("the access log", error))?;
        let store = Store::open(&directory, snapshot.retention);
        let generation = build::generation(1, Arc::new(snapshot), Arc::default(), None, options.workers);
        let live = Arc::new(Live::new(generation, FacadeMeter::new(options.workers)));
        let serving_kept = !why_kept.is_empty();
        live.set_reload(ReloadStatus { accepted: !serving_kept, messages: why_kept, serving_kept, at: None });
        let mut watch = Watch::new();
        watch.follow(&seen.paths());
        let controller = Controller { live, options, state, writer, store, watch, adopted: bundle, seen, serving_kept };
        if !serving_kept {
            controller.keep();
        }
        Ok(controller)
    }

    /// What all threads share.
    #[must_use]
    pub fn live(&self) -> &Arc<Live> {
        &self.live
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
        loop {
            tokio::select! {
                () = shutdown.reached(Phase::Ended) => break,
                Some(command) = commands.recv() => match command {
                    Command::Reload { confirm, reply } => {
                        let outcome = self.reload(confirm).await;
                        // Whoever asked may have gone.
                        let _ = reply.map(|reply| reply.send(outcome));
                    }
                    Command::ReopenLog => self.writer.reopen(),
                },
                () = self.watch.changed() => self.files_changed().await,
                () = sleep(POLL) => {
                    if self.live.meter.state_unwritable.load(Ordering::Relaxed) {
                        self.keep();
                    }
                    if !self.seen.still_holds(&Disk) {
                        self.files_changed().await;
                    }
                }
            }
        }
        resolving.abort();
        self.writer.stop(Duration::from_secs(1));
    }

    /// Something happened to the files: when they rest, and differ from what is known, they are loaded.
    async fn files_changed(&mut self) {
        self.rest().await;
        if self.seen.still_holds(&Disk) || self.watch.being_written(&self.seen.paths()).is_some() {
            // Nothing new; or its writer's closing it is the next event.
            return;
        }
        let loaded = self.load().await;
        if !self.is_live(&loaded.bundle) {
            self.judge(loaded, false).await;
            return;
        }
        // A refused change was taken back.
        self.watch.follow(&loaded.bundle.paths());
        self.seen = loaded.bundle;
        self.note(true, Vec::new());
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

    async fn reload(&mut self, confirm: bool) -> Outcome {
        let loaded = self.load().await;
        if self.is_live(&loaded.bundle) {
            self.seen = loaded.bundle;
            self.note(true, Vec::new());
            return Outcome::Unchanged(self.live.current().number);
        }
        self.judge(loaded, confirm).await
    }

    /// Whether this is what the live generation was loaded from.
    fn is_live(&self, bundle: &Bundle) -> bool {
        !self.serving_kept && bundle.hash() == self.adopted.hash()
    }

    /// Loads on a thread of its own: a hundred thousand routes take a while, and metrics must go on meanwhile.
    async fn load(&self) -> Loaded {
        let (main, options) = (self.options.config.clone(), Options { state_dir: self.options.state_dir.clone() });
        let load = move || config::load(&Disk, &main, &options);
        match tokio::task::spawn_blocking(load.clone()).await {
            Ok(loaded) => loaded,
            // A panic while loading is a bug; a second try on this thread shows it rather than hides it.
            Err(_) => load(),
        }
    }

    /// Adopts a loaded configuration, or says why not.
    async fn judge(&mut self, loaded: Loaded, confirm: bool) -> Outcome {
        let paths = loaded.bundle.paths();
        if let Some(path) = self.watch.being_written(&paths) {
            tracing::info!(path = %path.display(), "is being written; it is loaded when its writer closes it");
            return Outcome::BeingWritten(path);
        }
        // A half-written file is often valid YAML with fewer routes: two reads some time apart must agree.
        sleep(REST).await;
        if !loaded.bundle.still_holds(&Disk) || self.watch.being_written(&paths).is_some() {
            let main = self.options.config.clone();
            tracing::info!(path = %main.display(), "changed while it was read; it is loaded when it rests");
            return Outcome::BeingWritten(main);
        }
        self.watch.follow(&paths);
        self.seen = loaded.bundle.clone();
        let clean = loaded.is_clean();
        let warnings: Vec<String> = loaded.diagnostics.warnings().map(config::render::told).collect();
        let Some(snapshot) = loaded.snapshot.filter(|_| clean) else {
            let errors: Vec<String> = loaded.diagnostics.errors().map(config::render::told).collect();
            self.refuse(errors.clone());
            return Outcome::Invalid(errors);
        };
        let removals = config::needs_confirming(&self.live.current().snapshot, &snapshot);
        if !removals.is_empty() && !confirm {
            let words: Vec<String> = removals.iter().map(ToString::to_string).collect();
            self.refuse(words.clone());
            return Outcome::Unconfirmed(words);
        }
        warnings.iter().for_each(|warning| tracing::warn!("{warning}"));
        self.adopt(snapshot, loaded.bundle, warnings).await
    }

    fn refuse(&mut self, messages: Vec<String>) {
        self.live.meter.reloaded(false);
        let generation = self.live.current().number;
        tracing::error!(generation, reasons = messages.len(), "reload refused; the live generation stays");
        for message in &messages {
            tracing::error!("{message}");
        }
        self.note(false, messages);
    }

    async fn adopt(&mut self, snapshot: Snapshot, bundle: Bundle, warnings: Vec<String>) -> Outcome {
        let before = self.live.current().clone();
        let changes = config::changes(&before.snapshot, &snapshot);
        self.writer.redirect(snapshot.access_log.clone());
        self.store.set_retention(snapshot.retention);
        let next = build::generation(
            before.number + 1,
            Arc::new(snapshot),
            Arc::clone(&before.standing),
            Some(&before),
            self.options.workers,
        );
        let number = next.number;
        self.live.swap(next);
        self.live.meter.reloaded(true);
        self.adopted = bundle;
        self.serving_kept = false;
        self.note(true, warnings);
        tracing::info!(generation = number, changes = ?changes, "reloaded");
        self.keep();
        let live = Arc::clone(&self.live);
        tokio::spawn(async move { resolve::resolve_all(&live).await });
        Outcome::Adopted(number, changes)
    }

    fn note(&self, accepted: bool, messages: Vec<String>) {
        let at = Some(humantime::format_rfc3339_millis(SystemTime::now()).to_string());
        self.live.set_reload(ReloadStatus { at, accepted, messages, serving_kept: self.serving_kept });
    }

    /// Keeps what was adopted for the next start. A broken disk stops nothing but that.
    fn keep(&self) {
        let result = self.adopted.save(&self.state.path);
        if let Err(error) = &result {
            tracing::error!(path = %self.state.path.display(), %error, "the accepted configuration cannot be kept");
        }
        self.live.meter.state_unwritable.store(result.is_err(), Ordering::Relaxed);
    }
}

/// The configuration to begin with.
struct Chosen {
    snapshot: Snapshot,
    bundle: Bundle,
    /// Why it is the kept one; empty if it is not.
    why_kept: Vec<String>,
}

/// The configuration on the disk, if it is valid and needs no confirming against the kept one; else the kept one.
fn choose(loaded: Loaded, start: &StartOptions, options: &Options, directory: &Path) -> Result<Chosen, StartError> {
    let kept = Bundle::load(directory).unwrap_or_else(|error| {
        tracing::error!(path = %directory.display(), %error, "the kept configuration cannot be read");
        None
    });
    let kept_snapshot = |kept: &Bundle| config::load(kept, &start.config, options).snapshot;
    let Some(snapshot) = loaded.snapshot else {
        let text = config::render(&loaded.diagnostics, config::Format::Text);
        let messages: Vec<String> = loaded.diagnostics.errors().map(config::render::told).collect();
        let kept = kept.filter(|_| !start.strict);
        let Some((bundle, snapshot)) = kept.and_then(|kept| kept_snapshot(&kept).map(|snapshot| (kept, snapshot)))
        else {
            return Err(StartError::Invalid(text));
        };
        log_all(loaded.diagnostics.list.iter());
        tracing::error!("THE CONFIGURATION IS INVALID: serving the last accepted one instead");
        return Ok(Chosen { snapshot, bundle, why_kept: messages });
    };
    // A failing test only warns here: refusing to start would be worse than what it found.
    log_all(loaded.diagnostics.list.iter());
    let before = kept.and_then(|kept| kept_snapshot(&kept).map(|snapshot| (kept, snapshot)));
    if let Some((bundle, old)) = before {
        let removals = config::needs_confirming(&old, &snapshot);
        if !removals.is_empty() {
            if start.strict {
                return Err(StartError::Unconfirmed(removals));
            }
            let words: Vec<String> = removals.iter().map(ToString::to_string).collect();
            tracing::error!(
                removals = ?words,
                "THE CONFIGURATION LOOKS CUT SHORT: serving the last accepted one until `banyan reload --confirm`"
            );
            return Ok(Chosen { snapshot: old, bundle, why_kept: words });
        }
    }
    Ok(Chosen { snapshot, bundle: loaded.bundle, why_kept: Vec::new() })
}

/// `--state-dir`, else what the file says, else the default beside the file.
fn state_dir(options: &StartOptions, snapshot: Option<&Snapshot>) -> PathBuf {
    let said = options.state_dir.clone().or_else(|| snapshot.map(|snapshot| snapshot.state_dir.clone()));
    said.unwrap_or_else(|| options.config.parent().unwrap_or(Path::new("")).join(".banyan"))
}

fn log_all<'d>(diagnostics: impl Iterator<Item = &'d Diagnostic>) {
    for diagnostic in diagnostics {
        let headline = config::render::told(diagnostic);
        match diagnostic.severity {
            config::Severity::Error => tracing::error!("{headline}"),
            config::Severity::Warning => tracing::warn!("{headline}"),
        }
    }
}
