//! A route as the live generation has it, in words.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::moment;
use crate::config::canary_in_words;
use crate::directives::{Pin, Target, Unit};
use crate::routing::{Match, Rewrite, RouteId};
use crate::snapshot::{GuardSettings, RampSettings, ShadowPlan};
use crate::state::Generation;

/// A route as the live generation has it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct RouteView {
    /// Its name.
    pub name: String,
    /// Who to ask about it.
    pub owner: Option<String>,
    /// The group it moves with.
    pub group: Option<String>,
    /// How far it has migrated: `legacy`, `shadow`, `canary`, `live` or `complete`.
    pub stage: String,
    /// What it matches, in words; any of these.
    pub matches: Vec<String>,
    /// Its legacy backend.
    pub legacy: Option<String>,
    /// Its new backend.
    pub new: Option<String>,
    /// Who goes to new, in words.
    pub canary: Option<String>,
    /// What its percentage is salted with.
    pub salt: String,
    /// The path for new.
    pub rewrite: Option<String>,
    /// How long the response head may take: `30s`.
    pub timeout: String,
    /// What is copied to the other side, in words.
    pub shadow: Option<String>,
    /// What new must keep to.
    pub guard: Option<GuardView>,
    /// How new's share grows.
    pub ramp: Option<RampView>,
    /// The pins that send it to legacy, the kill switch among them.
    pub pins: Vec<PinView>,
}

/// What new must keep to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct GuardView {
    /// How far back answers are looked at: `60s`.
    pub window: String,
    /// With fewer answers a threshold says nothing.
    pub min_requests: u64,
    /// The limits by threshold; rates are fractions.
    pub limits: BTreeMap<String, f64>,
}

/// How new's share grows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct RampView {
    /// The percentages.
    pub steps: Vec<f64>,
    /// How long each lasts at least: `10m`.
    pub every: String,
    /// The percentage in force.
    pub percent: f64,
    /// Whether an operator has stopped its clock.
    pub paused: bool,
}

/// A pin.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PinView {
    /// What is on legacy: `all`, a route, `group:NAME`, `tenant:NAME`, or a route or group with a tenant.
    pub scope: String,
    /// Who pinned it.
    pub by: String,
    /// Why.
    pub why: String,
    /// Since when (RFC 3339).
    pub at: String,
    /// When it ends by itself, if it does.
    pub until: Option<String>,
}

impl RouteView {
    /// The route with this id, which the generation has.
    #[must_use]
    pub fn of(generation: &Generation, id: RouteId) -> RouteView {
        let snapshot = &generation.snapshot;
        let route = snapshot.rules.route(id);
        let backend = |id: Option<_>| id.map(|id| snapshot.backend(id).name.to_string());
        let on_it = |pin: &&Pin| pin.scope.target == Target::Everything || pin.scope.target.names(route);
        let unit = route.group.clone().map_or_else(|| Unit::Route(route.name.clone()), Unit::Group);
        RouteView {
            name: route.name.to_string(),
            owner: route.owner.as_ref().map(ToString::to_string),
            group: route.group.as_ref().map(ToString::to_string),
            stage: route.stage.to_string(),
            matches: route.matches.iter().map(match_in_words).collect(),
            legacy: backend(route.legacy),
            new: backend(route.new),
            canary: route.canary.as_ref().map(|canary| canary_in_words(canary, &snapshot.rules)),
            salt: route.salt.to_string(),
            rewrite: route.rewrite.as_ref().map(Rewrite::template).map(str::to_owned),
            timeout: humantime::format_duration(route.timeout).to_string(),
            shadow: snapshot.shadow(id).map(|plan| shadow_in_words(plan)),
            guard: snapshot.guard(id).map(|guard| GuardView::of(guard)),
            ramp: snapshot.ramp(id).map(|ramp| RampView::of(ramp, generation, &unit)),
            pins: generation.standing.pins.iter().filter(on_it).map(PinView::from).collect(),
        }
    }
}

impl GuardView {
    fn of(guard: &GuardSettings) -> GuardView {
        GuardView {
            window: humantime::format_duration(guard.window).to_string(),
            min_requests: guard.min_requests,
            limits: guard.limits.iter().map(|(threshold, limit)| (threshold.to_string(), *limit)).collect(),
        }
    }
}

impl RampView {
    fn of(ramp: &RampSettings, generation: &Generation, unit: &Unit) -> RampView {
        let percent = |thousandths: u32| f64::from(thousandths) / 1000.0;
        let state = generation.standing.ramp(unit);
        RampView {
            steps: ramp.steps.iter().map(|step| percent(step.thousandths())).collect(),
            every: humantime::format_duration(ramp.every).to_string(),
            percent: state.map_or(0.0, |state| percent(state.percent)),
            paused: state.is_some_and(|state| state.paused),
        }
    }
}

impl From<&Pin> for PinView {
    fn from(pin: &Pin) -> PinView {
        PinView {
            scope: pin.scope.to_string(),
            by: pin.by.to_string(),
            why: pin.why.clone(),
            at: moment(pin.at_ms),
            until: pin.for_ms.map(|for_ms| moment(pin.at_ms.saturating_add(for_ms))),
        }
    }
}

/// `GET, HEAD shop.example/orders/{id}, header x-api-version "2", query full "1"`.
fn match_in_words(entry: &Match) -> String {
    let methods: Vec<&str> = entry.methods.iter().map(http::Method::as_str).collect();
    let methods = if methods.is_empty() { "any method".to_owned() } else { methods.join(", ") };
    let host = entry.host.as_ref().map(ToString::to_string).unwrap_or_default();
    let path = entry.path.as_ref().map_or("/{*rest}".to_owned(), ToString::to_string);
    let headers = entry.headers.iter().map(|condition| format!("header {} {}", condition.name, condition.value));
    let query = entry.query.iter().map(|condition| format!("query {} {}", condition.name, condition.value));
    let parts = [format!("{methods} {host}{path}")].into_iter().chain(headers).chain(query);
    parts.collect::<Vec<_>>().join(", ")
}

fn shadow_in_words(plan: &ShadowPlan) -> String {
    let methods: Vec<&str> = plan.methods.iter().map(http::Method::as_str).collect();
    let compared = plan
        .comparison
        .as_ref()
        .map_or_else(|| "not compared".to_owned(), |comparison| format!("compared by `{}`", comparison.name));
    format!("{} % of {}, {compared}", plan.sample, methods.join(", "))
}
