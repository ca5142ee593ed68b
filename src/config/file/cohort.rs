//! Cohorts: named sets of subjects.

use super::ValueMatch;
use super::subject::From;
use crate::config::read::{At, Filled, HeaderKey, Network, Percentage, Text, Word, record};
use crate::names::Key;

record! {
    /// A named set of subjects: tenants (or a file of them), a header, a percentage, networks, or other cohorts.
    pub struct Cohort("a cohort") {
        /// These tenants.
        pub tenants: Option<At<Filled<Text>>>,
        /// A file with one tenant per line, relative to this one; watched like it.
        pub tenants_file: Option<At<Text>>,
        /// Requests with this header.
        pub header: Option<At<HeaderMatch>>,
        /// A share of all subjects.
        pub percent: Option<At<Percentage>>,
        /// What the percentage is counted by.
        pub by: Option<At<Word<Key>>>,
        /// What the percentage is salted with; the cohort's name by default.
        pub salt: Option<At<Text>>,
        /// Clients in one of these networks.
        pub networks: Option<At<Filled<Network>>>,
        /// Members of any of these cohorts.
        pub any: Option<At<Filled<Text>>>,
        /// Members of all of these cohorts.
        pub all: Option<At<Filled<Text>>>,
        /// Whoever is in one of these cohorts is not in this one.
        pub except: Option<At<Filled<Text>>>,
    }
}

record! {
    /// A condition on a header.
    pub struct HeaderMatch("the header of a cohort") {
        /// The header.
        pub name: At<HeaderKey>,
        /// What its value must be.
        pub value: At<ValueMatch>,
        /// Only a trusted proxy may set it.
        pub from: Option<At<Word<From>>>,
    }
}
