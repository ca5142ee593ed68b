//! `canary:` of a route: who goes to new while the rest stays with legacy.

use std::collections::HashSet;

use super::{CohortId, FlagId, Percent};
use crate::names::Key;

/// To new when any of these holds, unless `except` does.
#[derive(Debug, Clone, Default)]
pub struct Canary {
    /// Members of any of these cohorts.
    pub cohorts: Vec<CohortId>,
    /// These tenants.
    pub tenants: HashSet<Box<str>>,
    /// Those for whom any of these flags is on.
    pub flags: Vec<FlagId>,
    /// A share, by bucket with the route's salt.
    pub share: Option<Share>,
    /// Who stays with legacy whatever the rest says.
    pub except: Except,
}

/// The percentage of a canary.
#[derive(Debug, Clone, Copy)]
pub struct Share {
    /// How many.
    pub percent: Percent,
    /// Counted by.
    pub by: Key,
    /// Of this cohort only; `None`: of everybody.
    pub of: Option<CohortId>,
}

/// Who stays with legacy whatever else a canary says.
#[derive(Debug, Clone, Default)]
pub struct Except {
    /// Members of any of these cohorts.
    pub cohorts: Vec<CohortId>,
    /// These tenants.
    pub tenants: HashSet<Box<str>>,
}
