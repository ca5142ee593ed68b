//! Flags, layered: override, tenant, user, percentage, default; the first layer that speaks wins.

use std::sync::Arc;

use super::asker::Asker;
use super::{FlagId, KeyMap, Percent, Trace};
use crate::names::Key;

/// A feature flag of the migration.
#[derive(Debug, Clone)]
pub struct Flag {
    /// Unique among the flags.
    pub name: Arc<str>,
    /// Speaks for everybody when set.
    pub over: Option<bool>,
    /// Speaks for these tenants.
    pub tenants: KeyMap<bool>,
    /// Speaks for these users.
    pub users: KeyMap<bool>,
    /// On for this share, by this key; silent (the default speaks) for the rest and where the key is missing.
    pub percent: Option<(Percent, Key)>,
    /// The salt of the percentage: `salt:` or the flag's name.
    pub salt: Arc<str>,
    /// What holds when no layer spoke.
    pub default: bool,
}

impl<T: Trace> Asker<'_, '_, T> {
    /// Whether a flag is on. One that does not exist is off.
    pub(super) fn flag_is_on(&mut self, id: FlagId) -> bool {
        let rules = self.rules;
        let Some(flag) = rules.flags.get(id.0 as usize) else { return false };
        if let Some(over) = flag.over {
            return over;
        }
        if let Some(spoken) = self.layer(Key::Tenant, &flag.tenants).or_else(|| self.layer(Key::User, &flag.users)) {
            return spoken;
        }
        let inside = |(percent, by)| self.bucket(&flag.salt, by, percent).is_some_and(|(_, inside)| inside);
        flag.percent.is_some_and(inside) || flag.default
    }

    /// What a layer says; an empty one is silent without a look at the key.
    fn layer(&mut self, by: Key, values: &KeyMap<bool>) -> Option<bool> {
        if values.is_empty() {
            return None;
        }
        values.get(self.key(by)?).copied()
    }
}
