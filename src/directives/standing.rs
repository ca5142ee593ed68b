//! All directives that are in force together.

use std::sync::Arc;

use super::{Hold, Pin, RampState, Scope, Target, Unit};
use crate::names::Stage;
use crate::routing::{Overrides, PinOn, Route, RouteId, Rules};

/// All directives that are in force together.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Standing {
    /// The pins, the kill switch among them; at most one for each scope.
    pub pins: Vec<Pin>,
    /// The generation that is held.
    pub hold: Option<Hold>,
    /// How far the ramps have come; at most one for each unit.
    pub ramps: Vec<RampState>,
}

impl Standing {
    /// What a decision by these rules looks at. A pin on what the rules do not have is kept and does nothing.
    #[must_use]
    pub fn overrides(&self, rules: &Rules) -> Overrides {
        let mut overrides = Overrides::default();
        for pin in &self.pins {
            match (&pin.scope.target, &pin.scope.tenant) {
                (Target::Everything, None) => overrides.kill(),
                (Target::Everything, Some(tenant)) => overrides.pin_tenant(tenant),
                (target, Some(tenant)) => {
                    routes_of(target, rules).for_each(|(id, _)| overrides.pin_tenant_on(tenant, id));
                }
                (target, None) => {
                    let on = if matches!(target, Target::Group(_)) { PinOn::Group } else { PinOn::Route };
                    routes_of(target, rules).for_each(|(id, _)| overrides.pin_route(id, on));
                }
            }
        }
        for ramp in &self.ramps {
            routes_of(&ramp.unit.target(), rules).for_each(|(id, _)| overrides.ramp(id, ramp.percent()));
        }
        overrides
    }

    /// The pin of this scope.
    #[must_use]
    pub fn pin(&self, scope: &Scope) -> Option<&Pin> {
        self.pins.iter().find(|pin| pin.scope == *scope)
    }

    /// The ramp of this unit.
    #[must_use]
    pub fn ramp(&self, unit: &Unit) -> Option<&RampState> {
        self.ramps.iter().find(|ramp| ramp.unit == *unit)
    }

    /// Whether a unit goes to legacy for everybody.
    #[must_use]
    pub fn is_pinned(&self, unit: &Unit) -> bool {
        let target = unit.target();
        self.pins.iter().any(|pin| {
            pin.scope.tenant.is_none() && (pin.scope.target == Target::Everything || pin.scope.target == target)
        })
    }

    /// The pins on routes and groups that these rules do not have.
    #[must_use]
    pub fn orphans(&self, rules: &Rules) -> Vec<Scope> {
        let has = |pin: &&Pin| pin.scope.target == Target::Everything || targets(rules, &pin.scope.target);
        self.pins.iter().filter(|pin| !has(pin)).map(|pin| pin.scope.clone()).collect()
    }
}

/// Whether these rules have such a route or group.
#[must_use]
pub fn targets(rules: &Rules, target: &Target) -> bool {
    routes_of(target, rules).next().is_some()
}

/// The routes of a target, in file order.
pub fn routes_of<'r>(target: &'r Target, rules: &'r Rules) -> impl Iterator<Item = (RouteId, &'r Route)> {
    let is_meant = move |route: &Route| *target == Target::Everything || target.names(route);
    let numbered = rules.routes.iter().zip(0_u32..);
    numbered.filter(move |(route, _)| is_meant(route)).map(|(route, id)| (RouteId(id), route))
}

/// Those of a target that cannot be rolled back, since they have new and no legacy to go back to.
#[must_use]
pub fn without_legacy(target: &Target, rules: &Rules) -> Vec<Arc<str>> {
    let answers_new = |route: &&Route| matches!(route.stage, Stage::Canary | Stage::Live | Stage::Complete);
    let routes = routes_of(target, rules).map(|(_, route)| route);
    routes.filter(|route| route.legacy.is_none()).filter(answers_new).map(|route| Arc::clone(&route.name)).collect()
}
