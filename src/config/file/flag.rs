//! Flags of the migration.

use crate::config::read::{At, Names, Percentage, Switch, Text, Word, record};
use crate::names::Key;

record! {
    /// A flag, layered: override, tenants, users, percent, default; the first that speaks wins.
    pub struct Flag("a flag") {
        /// Speaks for everybody when set.
        pub r#override: Option<At<Switch>>,
        /// Speaks for these tenants.
        pub tenants: Option<At<Names<Switch>>>,
        /// Speaks for these users.
        pub users: Option<At<Names<Switch>>>,
        /// On for this share.
        pub percent: Option<At<Percentage>>,
        /// What the percentage is counted by.
        pub by: Option<At<Word<Key>>>,
        /// What the percentage is salted with; the flag's name by default.
        pub salt: Option<At<Text>>,
        /// What holds when no layer spoke; off by default.
        pub default: Option<At<Switch>>,
    }
}
