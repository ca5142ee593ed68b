//! Notices that a file of the configuration has changed and rests.
//!
//! Directories are watched, not files: editors rename, ConfigMaps swap a `..data` symlink. A file that is open for writing
//! and has been written to is not at rest until it is closed, however long its writer pauses; a rename is at rest at once.
//! Where the file system tells nothing (network mounts), a slow poll compares contents.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use notify::event::{AccessKind, AccessMode, CreateKind, EventKind, ModifyKind, RemoveKind};
use notify::{RecommendedWatcher, RecursiveMode, Watcher};
use tokio::sync::Notify;

/// Watches the files of a configuration.
#[derive(Debug)]
pub(super) struct Watch {
    shared: Arc<Shared>,
    watcher: Option<RecommendedWatcher>,
    directories: HashSet<PathBuf>,
}

#[derive(Debug, Default)]
struct Shared {
    changed: Notify,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// The files that matter, under each of their names.
    files: HashSet<PathBuf>,
    /// Those of them written to since they were last closed, as the kernel names them.
    open: HashSet<PathBuf>,
    /// Counts what has happened.
    events: u64,
}

impl Watch {
    /// Begins to watch nothing yet.
    pub(super) fn new() -> Watch {
        let shared = Arc::new(Shared::default());
        let sink = Arc::clone(&shared);
        let watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| match event {
            Ok(event) => sink.note(&event),
            Err(error) => {
                tracing::warn!(%error, "the watch of the configuration stumbled");
                sink.changed.notify_one();
            }
        });
        let watcher = watcher
            .inspect_err(|error| tracing::warn!(%error, "no file events here; the configuration is polled instead"))
            .ok();
        Watch { shared, watcher, directories: HashSet::new() }
    }

    /// Watches the directories of these files from now on: of the names, and of the files that symlinks lead to.
    pub(super) fn follow(&mut self, paths: &[PathBuf]) {
        let mut wanted = HashSet::new();
        let real = paths.iter().filter_map(|path| path.canonicalize().ok());
        self.shared.state().files = paths.iter().cloned().chain(real).collect();
        for path in paths {
            // A directory is the place of an `include:` pattern: what is made in it matters.
            wanted.extend(path.is_dir().then(|| path.clone()));
            wanted.extend(directory(path));
            wanted.extend(path.canonicalize().ok().as_deref().and_then(directory));
        }
        let Some(watcher) = &mut self.watcher else { return };
        for gone in self.directories.difference(&wanted) {
            // A directory that was removed is not watched any more anyway.
            let _ = watcher.unwatch(gone);
        }
        self.directories.retain(|directory| wanted.contains(directory));
        for directory in wanted {
            if self.directories.contains(&directory) {
                continue;
            }
            match watcher.watch(&directory, RecursiveMode::NonRecursive) {
                Ok(()) => {
                    self.directories.insert(directory);
                }
                Err(error) => tracing::warn!(directory = %directory.display(), %error, "cannot be watched"),
            }
        }
    }

    /// Waits until something happened in a watched directory.
    pub(super) async fn changed(&self) {
        self.shared.changed.notified().await;
    }

    /// How much has happened so far: two equal answers mean that nothing did in between.
    pub(super) fn events(&self) -> u64 {
        self.shared.state().events
    }

    /// One of these files that is being written to, if any is.
    pub(super) fn being_written(&self, paths: &[PathBuf]) -> Option<PathBuf> {
        let state = self.shared.state();
        if state.open.is_empty() {
            return None;
        }
        paths
            .iter()
            .find(|path| state.open.contains(*path) || path.canonicalize().is_ok_and(|real| state.open.contains(&real)))
            .cloned()
    }
}

impl Shared {
    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn note(&self, event: &notify::Event) {
        let mut state = self.state();
        let relevant = match event.kind {
            // A log may well be written in the same directory.
            EventKind::Modify(ModifyKind::Data(_)) => {
                let ours: Vec<_> = event.paths.iter().filter(|path| state.files.contains(*path)).cloned().collect();
                let any = !ours.is_empty();
                state.open.extend(ours);
                any
            }
            EventKind::Access(AccessKind::Close(AccessMode::Write))
            | EventKind::Modify(ModifyKind::Name(_))
            | EventKind::Create(CreateKind::File | CreateKind::Any | CreateKind::Other)
            | EventKind::Remove(RemoveKind::File | RemoveKind::Any | RemoveKind::Other) => {
                for path in &event.paths {
                    state.open.remove(path);
                }
                true
            }
            EventKind::Access(_) | EventKind::Modify(ModifyKind::Metadata(_)) => event.need_rescan(),
            _ => true,
        };
        if relevant {
            state.events += 1;
            drop(state);
            self.changed.notify_one();
        }
    }
}

fn directory(path: &Path) -> Option<PathBuf> {
    path.parent().map(|parent| if parent.as_os_str().is_empty() { PathBuf::from(".") } else { parent.to_path_buf() })
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    async fn until(watch: &Watch, mut holds: impl FnMut(&Watch) -> bool) {
        while !holds(watch) {
            watch.changed().await;
        }
    }

    #[tokio::test]
    async fn a_file_is_not_at_rest_until_its_writer_closes_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().canonicalize().unwrap().join("routes.yaml");
        let mut watch = Watch::new();
        watch.follow(std::slice::from_ref(&path));
        let mut file = std::fs::File::create(&path).unwrap();
        file.write_all(b"version: 1\n").unwrap();
        until(&watch, |watch| watch.being_written(std::slice::from_ref(&path)).is_some()).await;
        drop(file);
        until(&watch, |watch| watch.being_written(std::slice::from_ref(&path)).is_none()).await;
    }

    #[tokio::test]
    async fn a_rename_over_a_file_that_is_being_written_is_at_rest() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().canonicalize().unwrap().join("routes.yaml");
        let mut watch = Watch::new();
        watch.follow(std::slice::from_ref(&path));
        let mut slow = std::fs::File::create(&path).unwrap();
        slow.write_all(b"ver").unwrap();
        until(&watch, |watch| watch.being_written(std::slice::from_ref(&path)).is_some()).await;
        let whole = folder.path().join("new");
        std::fs::write(&whole, "version: 1\n").unwrap();
        std::fs::rename(&whole, &path).unwrap();
        until(&watch, |watch| watch.being_written(std::slice::from_ref(&path)).is_none()).await;
    }
}
