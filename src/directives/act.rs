//! Records of what was done, by whom and why.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What brought a change about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Source {
    /// The facade's start.
    Start,
    /// A change of the configuration's files.
    File,
    /// SIGHUP.
    Signal,
    /// The admin API.
    Api,
    /// A guard.
    Guard,
    /// A ramp.
    Ramp,
    /// The end of a time that was set before.
    Timer,
    /// Shadow traffic.
    Shadow,
    /// Health checks, and what endpoints answer.
    Health,
}

/// Who brought a change about.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Author {
    /// By which way.
    pub source: Source,
    /// The name of the token, where there was one; else empty.
    pub name: String,
}

/// One record of the audit: one for each change of state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Act {
    /// When, in milliseconds since 1970.
    pub at_ms: u64,
    /// Who.
    pub by: Author,
    /// What was done: `rollback`, `resume`, `kill`, `reload`, `hold`, `trip`, `step`, `accept` ….
    pub what: String,
    /// On what: a scope, a unit, a signature; empty for the whole configuration.
    pub on: String,
    /// What was before, in words.
    pub from: String,
    /// What is now, in words.
    pub to: String,
    /// Why, as the author said it; for a guard its evidence.
    pub why: String,
    /// The request that asked for it; empty where none did.
    pub request_id: String,
    /// The generation that is live with it.
    pub generation: u64,
}

impl Source {
    /// All of them.
    pub const ALL: [Source; 9] = [
        Source::Start,
        Source::File,
        Source::Signal,
        Source::Api,
        Source::Guard,
        Source::Ramp,
        Source::Timer,
        Source::Shadow,
        Source::Health,
    ];

    /// Its name, as in JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Source::Start => "start",
            Source::File => "file",
            Source::Signal => "signal",
            Source::Api => "api",
            Source::Guard => "guard",
            Source::Ramp => "ramp",
            Source::Timer => "timer",
            Source::Shadow => "shadow",
            Source::Health => "health",
        }
    }

    /// Reads a name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Source> {
        Source::ALL.into_iter().find(|source| source.as_str() == text)
    }
}

impl Author {
    /// An author without a name.
    #[must_use]
    pub fn nameless(source: Source) -> Author {
        Author { source, name: String::new() }
    }
}

/// `api alice`, `guard`.
impl fmt::Display for Author {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.source.as_str())?;
        if self.name.is_empty() { Ok(()) } else { write!(f, " {}", self.name) }
    }
}
