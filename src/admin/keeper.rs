//! What the admin API remembers of its callers, and how much room it has.

use std::sync::Arc;

use tokio::sync::Semaphore;

use super::failures::Failures;
use super::refusal::Refusals;
use super::tokens::Token;
use super::{check, events};
use crate::snapshot::TokenEntry;

/// What the admin API remembers of its callers, and how much room it has.
#[derive(Debug)]
pub struct Keeper {
    /// The token of the state directory.
    pub(super) owner: TokenEntry,
    pub(super) failures: Failures,
    pub(super) refusals: Refusals,
    /// Those who may listen to events.
    pub(super) seats: Arc<Semaphore>,
    /// Checks that may run.
    pub(super) checks: Semaphore,
}

impl Keeper {
    /// Lets in who shows this token, besides those of the configuration.
    #[must_use]
    pub fn new(token: &Token) -> Keeper {
        Keeper {
            owner: token.owner(),
            failures: Failures::default(),
            refusals: Refusals::default(),
            seats: events::seats(),
            checks: check::turns(),
        }
    }
}
