//! `diffs show --as curl`: a kept request, to be asked again.

use std::io::{self, Write};

use clap::{Args, ValueEnum};

use crate::cli::call::reachable;
use crate::cli::{Exit, complain};
use crate::names::Side;
use crate::report::curl::curl;
use crate::report::{printable, replay};
use crate::snapshot::Snapshot;
use crate::store::read::Kept;

#[derive(Debug, Args)]
pub(super) struct Replay {
    /// Print a command that sends the sample's request again
    #[arg(long = "as", value_enum, value_name = "HOW")]
    how: Option<How>,
    /// Where that command sends it
    #[arg(long, value_enum, default_value = "new", requires = "how")]
    side: To,
    /// Where that is, instead of the configuration's first endpoint
    #[arg(long, value_name = "URL", requires = "how")]
    base: Option<String>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum How {
    /// For a shell
    Curl,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum To {
    /// The system that is being replaced
    Legacy,
    /// The system that replaces it
    New,
    /// The facade
    Facade,
}

impl Replay {
    /// Whether it was asked for.
    pub(super) fn is_wanted(&self) -> bool {
        self.how.is_some()
    }

    /// Prints the command; what it lacks goes to stderr.
    pub(super) fn print(&self, kept: &Kept, snapshot: Option<&Snapshot>, out: &mut impl Write) -> io::Result<Exit> {
        let base = self.base.clone().or_else(|| base(kept, self.side, snapshot?));
        let Some(base) = base else {
            complain("banyan: the configuration does not say where that is: say --base URL");
            return Ok(Exit::No);
        };
        let mut kept = kept.clone();
        if self.side == To::New
            && let Some(target) = snapshot.and_then(|snapshot| replay::rewritten(&kept, snapshot))
        {
            complain(&format!("note: the route rewrites the path for new: {}", printable(&kept.target)));
            kept.target = target;
        }
        let curl = curl(&kept, &base);
        for note in &curl.notes {
            complain(&format!("note: {}", printable(note)));
        }
        writeln!(out, "{}", curl.command)?;
        Ok(Exit::Ok)
    }
}

/// Where the configuration has that side of the sample's route.
fn base(kept: &Kept, to: To, snapshot: &Snapshot) -> Option<String> {
    match to {
        To::Legacy => replay::base(kept, Side::Legacy, snapshot),
        To::New => replay::base(kept, Side::New, snapshot),
        To::Facade => Some(format!("http://{}", reachable(snapshot.listeners.first()?.address))),
    }
}
