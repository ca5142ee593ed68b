//! The store of comparisons that a command reads.

use std::path::{Path, PathBuf};

use clap::Args;

use super::{ConfigArg, Exit, complain};
use crate::config::{self, Disk, Options};
use crate::snapshot::Snapshot;
use crate::store::Reader;

/// Where the store is: in the configuration's state directory, unless that is said.
#[derive(Debug, Args)]
pub(super) struct StoreAt {
    #[command(flatten)]
    config: ConfigArg,
    /// The state directory, instead of the configuration's
    #[arg(long, env = "BANYAN_STATE_DIR", value_name = "DIR")]
    state_dir: Option<PathBuf>,
}

impl StoreAt {
    /// The configuration, if it is valid.
    pub(super) fn snapshot(&self) -> Option<Snapshot> {
        let options = Options { state_dir: self.state_dir.clone(), without_tls: true, ..Options::default() };
        config::load(&Disk, &self.config.config, &options).snapshot
    }

    /// The configuration's path.
    pub(super) fn config(&self) -> &Path {
        &self.config.config
    }

    /// Opens the store; says why not.
    pub(super) fn open(&self, snapshot: Option<&Snapshot>) -> Result<Reader, Exit> {
        Reader::open(&self.state_dir(snapshot)).map_err(|error| {
            complain(&format!("banyan: {error}"));
            Exit::No
        })
    }

    /// The state directory.
    pub(super) fn state_dir(&self, snapshot: Option<&Snapshot>) -> PathBuf {
        let beside = || self.config.config.parent().unwrap_or(Path::new("")).join(".banyan");
        let state_dir = self.state_dir.clone().or_else(|| snapshot.map(|snapshot| snapshot.state_dir.clone()));
        state_dir.unwrap_or_else(beside)
    }
}
