//! What beats the rules while it holds: the kill switch, pins, and the percentages that ramps have reached.
//!
//! Compiled against one [`Rules`](super::Rules), since it counts by [`RouteId`]. Plain data; an empty one costs a decision one
//! look.

use std::collections::{HashMap, HashSet};

use super::asker::Asker;
use super::{Percent, Reason, RouteId, Trace};

/// What beats the rules while it holds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Overrides {
    pins: Option<Box<Pins>>,
    ramps: HashMap<RouteId, Percent>,
}

/// The kill switch and all pins.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Pins {
    killed: bool,
    routes: HashMap<RouteId, PinOn>,
    tenants: HashMap<Box<str>, TenantPins>,
}

/// Where a tenant is pinned.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct TenantPins {
    everywhere: bool,
    routes: HashSet<RouteId>,
}

/// What a pin that decided is on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PinOn {
    /// A route or group, for one tenant.
    RouteAndTenant,
    /// A tenant, on all routes.
    Tenant,
    /// A route.
    Route,
    /// The route's group.
    Group,
}

impl PinOn {
    /// The name within a reason: `pin:route`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            PinOn::RouteAndTenant => "route-tenant",
            PinOn::Tenant => "tenant",
            PinOn::Route => "route",
            PinOn::Group => "group",
        }
    }
}

impl Overrides {
    /// Everything goes to legacy.
    pub fn kill(&mut self) {
        self.pins().killed = true;
    }

    /// A route goes to legacy; `on` says whether it was pinned itself or its group was.
    pub fn pin_route(&mut self, route: RouteId, on: PinOn) {
        // The narrower pin is the one to tell of.
        let known = self.pins().routes.entry(route).or_insert(on);
        if on == PinOn::Route {
            *known = on;
        }
    }

    /// A tenant goes to legacy on all routes.
    pub fn pin_tenant(&mut self, tenant: &str) {
        self.pins().tenants.entry(tenant.into()).or_default().everywhere = true;
    }

    /// A tenant goes to legacy on one route.
    pub fn pin_tenant_on(&mut self, tenant: &str, route: RouteId) {
        self.pins().tenants.entry(tenant.into()).or_default().routes.insert(route);
    }

    /// A ramp has reached this percentage on a route.
    pub fn ramp(&mut self, route: RouteId, percent: Percent) {
        self.ramps.insert(route, percent);
    }

    /// Whether everything goes to legacy.
    #[must_use]
    pub fn is_killed(&self) -> bool {
        self.pins.as_ref().is_some_and(|pins| pins.killed)
    }

    /// Whether a route goes to legacy for everybody, by a pin on it or on its group, or by the kill switch.
    #[must_use]
    pub fn is_pinned(&self, route: RouteId) -> bool {
        self.pins.as_ref().is_some_and(|pins| pins.killed || pins.routes.contains_key(&route))
    }

    /// Whether a tenant goes to legacy on a route, by any pin or by the kill switch.
    #[must_use]
    pub fn pins_tenant(&self, route: RouteId, tenant: &str) -> bool {
        let by_tenant = |pins: &Pins| {
            pins.tenants.get(tenant).is_some_and(|tenant| tenant.everywhere || tenant.routes.contains(&route))
        };
        self.is_pinned(route) || self.pins.as_deref().is_some_and(by_tenant)
    }

    /// The percentage that a ramp has reached on a route; nobody where no ramp has begun.
    #[must_use]
    pub fn ramped(&self, route: RouteId) -> Percent {
        self.ramps.get(&route).copied().unwrap_or(Percent::ZERO)
    }

    fn pins(&mut self) -> &mut Pins {
        self.pins.get_or_insert_default()
    }
}

impl<T: Trace> Asker<'_, '_, T> {
    /// What sends the asker to legacy on this route whatever the rules say; the first that speaks.
    pub(super) fn overridden(&mut self, overrides: &Overrides, route: RouteId) -> Option<Reason> {
        let pins = overrides.pins.as_deref()?;
        if pins.killed {
            return Some(Reason::Kill);
        }
        if !pins.tenants.is_empty()
            && let Some(tenant) = self.key(crate::names::Key::Tenant).and_then(|tenant| pins.tenants.get(tenant))
        {
            if tenant.routes.contains(&route) {
                return Some(Reason::Pin(PinOn::RouteAndTenant));
            }
            if tenant.everywhere {
                return Some(Reason::Pin(PinOn::Tenant));
            }
        }
        pins.routes.get(&route).map(|&on| Reason::Pin(on))
    }
}
