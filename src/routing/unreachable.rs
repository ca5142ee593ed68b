//! Alternatives that can never win.

use super::{Route, RouteId, Rules};

/// An alternative that can never win, because one in front of it takes everything it takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unreachable {
    /// The route that can never win by this alternative.
    pub route: RouteId,
    /// Which alternative of its `match:`, from 0.
    pub alternative: u16,
    /// The route in front of it.
    pub by: RouteId,
}

impl Rules {
    /// The alternatives that can never win, in file order. Only certain ones: a request that none of them takes may
    /// still exist for those that are not listed, and does not for those that are.
    #[must_use]
    pub fn unreachable(&self) -> Vec<Unreachable> {
        self.index.unreachable(&self.routes)
    }
}

/// Those among the alternatives of one host and path shape, given best first.
pub(super) fn in_run(_routes: &[Route], _run: impl Iterator<Item = (RouteId, u16)>) -> Vec<Unreachable> {
    Vec::new()
}
