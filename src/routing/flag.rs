//! Flags, layered: override, tenant, user, percentage, default; the first layer that speaks wins.

use std::collections::HashMap;
use std::sync::Arc;

use super::Percent;
use crate::names::Key;

/// A feature flag of the migration.
#[derive(Debug, Clone)]
pub struct Flag {
    /// Unique among the flags.
    pub name: Arc<str>,
    /// Speaks for everybody when set.
    pub over: Option<bool>,
    /// Speaks for these tenants.
    pub tenants: HashMap<Box<str>, bool>,
    /// Speaks for these users.
    pub users: HashMap<Box<str>, bool>,
    /// On for this share, by this key; silent (the default speaks) for the rest and where the key is missing.
    pub percent: Option<(Percent, Key)>,
    /// The salt of the percentage: `salt:` or the flag's name.
    pub salt: Arc<str>,
    /// What holds when no layer spoke.
    pub default: bool,
}
