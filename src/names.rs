//! The words everything shares: sides, stages, keys. They are spelled the same in code, YAML, headers, logs and metrics.

use std::fmt;

/// One of the two systems a route stands between.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Side {
    /// The system that is being replaced.
    Legacy,
    /// The system that replaces it.
    New,
}

impl Side {
    /// Both sides, in the order of their [`Side::index`].
    pub const ALL: [Side; 2] = [Side::Legacy, Side::New];

    /// `legacy` or `new`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Side::Legacy => "legacy",
            Side::New => "new",
        }
    }

    /// 0 for legacy, 1 for new: the place of this side in per-side arrays.
    #[must_use]
    pub const fn index(self) -> usize {
        match self {
            Side::Legacy => 0,
            Side::New => 1,
        }
    }

    /// Reads `legacy` or `new`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Side> {
        Side::ALL.into_iter().find(|side| side.as_str() == text)
    }
}

impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// How far a route has migrated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Stage {
    /// Legacy answers.
    Legacy,
    /// Legacy answers; the new side may be shown copies.
    Shadow,
    /// New answers those whom `canary:` names, legacy everybody else.
    Canary,
    /// New answers; legacy stands ready.
    Live,
    /// New answers; the migration of this route is over.
    Complete,
}

impl Stage {
    /// All stages, in the order a migration passes through them.
    pub const ALL: [Stage; 5] = [Stage::Legacy, Stage::Shadow, Stage::Canary, Stage::Live, Stage::Complete];

    /// The stage as routes.yaml spells it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Stage::Legacy => "legacy",
            Stage::Shadow => "shadow",
            Stage::Canary => "canary",
            Stage::Live => "live",
            Stage::Complete => "complete",
        }
    }

    /// Reads a stage as routes.yaml spells it.
    #[must_use]
    pub fn parse(text: &str) -> Option<Stage> {
        Stage::ALL.into_iter().find(|stage| stage.as_str() == text)
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What a percentage is counted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Key {
    /// The tenant of the request.
    Tenant,
    /// The user of the request.
    User,
    /// The client address; an IPv6 client counts as its /64.
    Client,
}

impl Key {
    /// All keys.
    pub const ALL: [Key; 3] = [Key::Tenant, Key::User, Key::Client];

    /// The key as routes.yaml spells it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Key::Tenant => "tenant",
            Key::User => "user",
            Key::Client => "client",
        }
    }

    /// Reads a key as routes.yaml spells it.
    #[must_use]
    pub fn parse(text: &str) -> Option<Key> {
        Key::ALL.into_iter().find(|key| key.as_str() == text)
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
