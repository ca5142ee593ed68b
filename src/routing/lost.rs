//! Whether a side has lost a route: what goes on there should come to an end.

use super::{Overrides, RouteId, Rules};
use crate::names::{Side, Stage};

impl Rules {
    /// Whether the stage, a pin or the kill switch has taken this tenant's requests on a route away from a side. A percentage
    /// that shrank takes nothing away: what began goes on.
    #[must_use]
    pub fn has_lost(&self, id: RouteId, overrides: &Overrides, tenant: Option<&str>, side: Side) -> bool {
        let route = self.route(id);
        let pinned = route.legacy.is_some()
            && match tenant {
                Some(tenant) => overrides.pins_tenant(id, tenant),
                None => overrides.is_pinned(id),
            };
        match side {
            Side::New => pinned || matches!(route.stage, Stage::Legacy | Stage::Shadow),
            Side::Legacy => !pinned && matches!(route.stage, Stage::Live | Stage::Complete),
        }
    }
}
