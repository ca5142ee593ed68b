//! Cohorts: named sets of subjects.

use std::sync::Arc;

use ipnet::IpNet;

use super::asker::Asker;
use super::{CohortId, HeaderCondition, KeySet, Percent, Trace};
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
    Tenants(KeySet),
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

/// Which of the first 64 cohorts were looked at, and with what result: cohorts made of cohorts that share parts stay
/// cheap. Those beyond are worked out anew each time.
#[derive(Debug, Default)]
pub(super) struct Members {
    known: u64,
    inside: u64,
}

impl Members {
    fn get(&self, id: CohortId) -> Option<bool> {
        let bit = 1_u64.checked_shl(id.0)?;
        (self.known & bit != 0).then_some(self.inside & bit != 0)
    }

    fn put(&mut self, id: CohortId, inside: bool) {
        if let Some(bit) = 1_u64.checked_shl(id.0) {
            self.known |= bit;
            self.inside |= if inside { bit } else { 0 };
        }
    }
}

impl<T: Trace> Asker<'_, '_, T> {
    /// Whether the request is a member of a cohort. One that does not exist has no members.
    pub(super) fn in_cohort(&mut self, id: CohortId) -> bool {
        if let Some(inside) = self.members.get(id) {
            return inside;
        }
        let rules = self.rules;
        let Some(cohort) = rules.cohorts.get(id.0 as usize) else { return false };
        let inside = self.is_kind(&cohort.kind, id) && !cohort.except.iter().any(|&other| self.in_earlier(other, id));
        self.members.put(id, inside);
        inside
    }

    fn is_kind(&mut self, kind: &CohortKind, id: CohortId) -> bool {
        match kind {
            CohortKind::Tenants(tenants) => self.has_tenant(tenants),
            CohortKind::Header { condition, trusted } => {
                (!trusted || self.view.trusted) && condition.holds(self.headers())
            }
            CohortKind::Percent { percent, by, salt } => {
                self.bucket(salt, *by, *percent).is_some_and(|(_, inside)| inside)
            }
            CohortKind::Networks(networks) => {
                let client = self.view.client.to_canonical();
                networks.iter().any(|network| network.contains(&client))
            }
            CohortKind::Any(cohorts) => cohorts.iter().any(|&other| self.in_earlier(other, id)),
            // All of nothing is nobody: an empty list must not let everybody in.
            CohortKind::All(cohorts) => !cohorts.is_empty() && cohorts.iter().all(|&other| self.in_earlier(other, id)),
        }
    }

    /// A cohort refers only to those before it, so this ends; a reference forward finds nobody.
    fn in_earlier(&mut self, other: CohortId, id: CohortId) -> bool {
        other < id && self.in_cohort(other)
    }
}
