//! What the admin API remembers of its callers, and how much room it has.

use std::io;
use std::sync::Arc;

use axum::http::HeaderValue;
use tokio::sync::Semaphore;
use tokio::time::Instant;

use super::codes::Codes;
use super::failures::Failures;
use super::refusal::Refusals;
use super::sessions::Sessions;
use super::tokens::Token;
use super::{check, events};
use crate::snapshot::TokenEntry;

/// What the admin API remembers of its callers, and how much room it has.
#[derive(Debug)]
pub struct Keeper {
    /// The token of the state directory.
    pub(super) owner: TokenEntry,
    /// The header that shows it.
    pub(super) authorization: HeaderValue,
    pub(super) sessions: Sessions,
    pub(super) codes: Codes,
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
            authorization: shown(token),
            sessions: Sessions::default(),
            codes: Codes::default(),
            failures: Failures::default(),
            refusals: Refusals::default(),
            seats: events::seats(),
            checks: check::turns(),
        }
    }

    /// The path of a link that logs in as the holder of the state directory's token: once, within a quarter of an hour.
    ///
    /// # Errors
    /// The system gives no randomness.
    pub fn link(&self) -> io::Result<String> {
        Ok(format!("/login/once/{}", self.codes.make(Instant::now())?.text()))
    }
}

/// A token with a line break in it can be shown by nobody, and is passed on by nobody.
fn shown(token: &Token) -> HeaderValue {
    let mut value = HeaderValue::try_from(token.authorization()).unwrap_or(HeaderValue::from_static(""));
    value.set_sensitive(true);
    value
}
