//! Cohorts: named sets of subjects.

use std::collections::HashSet;
use std::sync::Arc;

use ipnet::IpNet;

use super::{CohortId, HeaderCondition, Percent};
use crate::names::Key;

/// A named set of subjects.
#[derive(Debug, Clone)]
pub struct Cohort {
    /// Unique among the cohorts.
    pub name: Arc<str>,
    /// Who is in it.
    pub kind: CohortKind,
    /// Whoever is in one of these is not in this cohort.
    pub except: Vec<CohortId>,
}

/// Who is in a cohort.
#[derive(Debug, Clone)]
pub enum CohortKind {
    /// These tenants (`tenants:` and the lines of `tenants_file:`).
    Tenants(HashSet<Box<str>>),
    /// Requests with this header. With `trusted`, only if a trusted proxy sent it.
    Header {
        /// The condition on the header.
        condition: HeaderCondition,
        /// Whether only a trusted proxy may set it.
        trusted: bool,
    },
    /// A share of all subjects.
    Percent {
        /// How many.
        percent: Percent,
        /// Counted by.
        by: Key,
        /// The salt: `salt:` or the cohort's name.
        salt: Arc<str>,
    },
    /// Clients in one of these networks.
    Networks(Vec<IpNet>),
    /// Members of any of these.
    Any(Vec<CohortId>),
    /// Members of all of these.
    All(Vec<CohortId>),
}
