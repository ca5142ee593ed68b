//! The configuration to begin with.

use std::path::{Path, PathBuf};

use super::controller::{StartError, StartOptions};
use crate::config::{self, Bundle, Diagnostic, Loaded, Options};
use crate::directives::Pin;
use crate::snapshot::Snapshot;

/// The configuration to begin with.
pub(super) struct Chosen {
    pub(super) snapshot: Snapshot,
    pub(super) bundle: Bundle,
    /// Why it is the kept one; empty if it is not.
    pub(super) why_kept: Vec<String>,
}

/// The configuration on the disk, if it is valid and needs no confirming against the kept one; else the kept one.
pub(super) fn choose(
    loaded: Loaded,
    start: &StartOptions,
    options: &Options,
    directory: &Path,
    pins: &[Pin],
) -> Result<Chosen, StartError> {
    let kept = Bundle::load(directory).unwrap_or_else(|error| {
        tracing::error!(path = %directory.display(), %error, "the kept configuration cannot be read");
        None
    });
    let kept_snapshot = |kept: &Bundle| config::load(kept, &kept.main, options).snapshot;
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
        let removals = config::needs_confirming(&old, &snapshot, pins);
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
pub(super) fn state_dir(options: &StartOptions, snapshot: Option<&Snapshot>) -> PathBuf {
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
