//! A row for each route.

use std::collections::HashMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tokio::time::Instant;
use utoipa::ToSchema;

use super::{Inner, Overview};
use crate::clock::exact_moment;
use crate::control::guard::{GuardState, GuardView};
use crate::diff::Verdict;
use crate::directives::{Scope, Target, Unit, without_legacy};
use crate::names::Side;
use crate::routing::{Route, RouteId};
use crate::state::{Generation, ReloadStatus};
use crate::telemetry::RouteMeter;
use crate::upstream::Backend;

/// How the facade stands.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Status {
    /// The live generation.
    pub generation: u64,
    /// Of the files that are live: the same on every instance that has the same.
    pub configuration: String,
    /// Whether the kill switch is on.
    pub killed: bool,
    /// While it is on: the routes that stay with new, since they have no legacy backend to go back to.
    pub left_alone: Vec<String>,
    /// The generation of before that is held.
    pub held: Option<u64>,
    /// Whether every directive is on the disk.
    pub durable: bool,
    /// What became of the last reload.
    pub reload: ReloadStatus,
    /// Everything that is pinned.
    pub pins: Vec<PinStatus>,
    /// Over how many seconds rates and times are.
    pub span_s: f64,
    /// The routes in file order; last, without a name, what no route takes.
    pub routes: Vec<RouteStatus>,
    /// The backends, by name.
    #[serde(default)]
    pub backends: Vec<BackendStatus>,
    /// The other instances, where `admin.peers` names any.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub peers: Vec<PeerStatus>,
}

/// How a backend stands.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct BackendStatus {
    /// Its name.
    pub name: String,
    /// Its endpoints, in the order of the configuration.
    pub endpoints: Vec<EndpointStatus>,
    /// Requests in flight to it, over all endpoints; `limits.requests` bounds them.
    pub requests: u64,
    /// Open connections; `limits.connections` bounds them.
    pub connections: u64,
    /// Requests that wait for a connection; `limits.pending` bounds them.
    pub waiting: u64,
    /// How many requests to it were sent again, since the start.
    pub retries: u64,
}

/// How an endpoint stands.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct EndpointStatus {
    /// Its address, as its own Host header would say it.
    pub address: String,
    /// Whether it is healthy; so where it is not checked.
    pub healthy: bool,
    /// Whether it is left out at present for what it answered.
    pub ejected: bool,
    /// How often it was, since it was configured.
    pub ejections: u64,
    /// Whether its name has an address.
    pub resolved: bool,
    /// Requests in flight to it.
    pub in_flight: u64,
}

impl BackendStatus {
    fn of(backend: &Backend) -> BackendStatus {
        let endpoints = backend.endpoints.iter().map(|endpoint| EndpointStatus {
            address: endpoint.address.authority.to_string(),
            healthy: endpoint.is_healthy(),
            ejected: endpoint.is_ejected(),
            ejections: endpoint.ejections(),
            resolved: endpoint.is_known(),
            in_flight: endpoint.in_flight() as u64,
        });
        let name = backend.settings.name.to_string();
        let bulkhead = &backend.bulkhead;
        BackendStatus {
            name,
            endpoints: endpoints.collect(),
            requests: bulkhead.requests() as u64,
            connections: bulkhead.connections() as u64,
            waiting: bulkhead.waiting() as u64,
            retries: backend.meter.retries(),
        }
    }
}

/// How another instance stands beside this one.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct PeerStatus {
    /// Its address, as `admin.peers` has it.
    pub address: String,
    /// Whether it has the same configuration, pins, hold and kill switch.
    pub agrees: bool,
    /// Where it differs, or why it cannot be asked.
    pub differences: Vec<String>,
}

/// A pin.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct PinStatus {
    /// What is on legacy: `all`, a route, `group:NAME`, `tenant:NAME`, or a route or group with a tenant.
    pub scope: String,
    /// Who pinned it.
    pub by: String,
    /// Why.
    pub why: String,
    /// Since when (RFC 3339).
    pub since: String,
    /// In how many seconds it ends by itself.
    pub ends_in_s: Option<f64>,
    /// Whether the configuration has what it is on.
    pub known: bool,
}

/// How a route stands. Rates and times are over the last [`Status::span_s`].
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct RouteStatus {
    /// Its name; empty for what no route takes.
    pub name: String,
    /// Its group.
    pub group: Option<String>,
    /// Who to ask about it.
    pub owner: Option<String>,
    /// How far it has migrated.
    pub stage: String,
    /// Its legacy backend.
    pub legacy_backend: Option<String>,
    /// Its new backend.
    pub new_backend: Option<String>,
    /// Which share of its requests went to new, 0 to 1; `null` without any.
    pub new_share: Option<f64>,
    /// Requests a second.
    pub rate: f64,
    /// Requests to legacy.
    pub legacy: SideStatus,
    /// Requests to new.
    pub new: SideStatus,
    /// Comparisons since the start.
    pub compared: Compared,
    /// Streams and upgraded connections on a side that has lost the route; each ends `stream_grace` after that.
    pub streams_left: u64,
    /// What pins it, as [`PinStatus::scope`] says it; the kill switch too, but no tenants that are pinned everywhere.
    pub pins: Vec<String>,
    /// Its guard.
    pub guard: Option<GuardStatus>,
    /// Its ramp.
    pub ramp: Option<RampStatus>,
    /// When it was last asked for, within a second (RFC 3339); `null` if not since the start.
    pub last_hit: Option<String>,
}

impl RouteStatus {
    /// Whether it is on legacy as a whole now, whatever its stage and whatever was counted of late.
    #[must_use]
    pub fn is_held(&self) -> bool {
        let of_group = |pin: &str| pin.strip_prefix("group:").is_some_and(|group| self.group.as_deref() == Some(group));
        self.pins.iter().any(|pin| pin == "all" || *pin == self.name || of_group(pin))
    }
}

/// The requests to a side.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct SideStatus {
    /// How many.
    pub requests: u64,
    /// Those of them that were answered 5xx, not at all, or not to the end.
    pub errors: u64,
    /// Half of the answers took at most so many milliseconds.
    pub p50_ms: Option<f64>,
    /// 99 of 100 took at most so many.
    pub p99_ms: Option<f64>,
}

/// Comparisons, by verdict.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Compared {
    /// Equal.
    pub r#match: u64,
    /// Different.
    pub mismatch: u64,
    /// Different as the authoritative system is from itself.
    pub noise: u64,
    /// Not comparable.
    pub unknown: u64,
    /// Which share is not a mismatch, of those that say something; `null` without any.
    pub match_share: Option<f64>,
}

/// How a guard stands.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct GuardStatus {
    /// `off`, `pinned`, `too_few`, `holds` or `breached`.
    pub state: String,
    /// Whether a breach rolls back; else it is only told.
    pub trips: bool,
    /// What was last measured, a line for each threshold.
    pub measures: Vec<String>,
}

/// How a ramp stands.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct RampStatus {
    /// The percentage in force.
    pub percent: f64,
    /// Which step that is, from 1.
    pub step: usize,
    /// All steps, as percentages.
    pub steps: Vec<f64>,
    /// What it waits for.
    pub waits: String,
    /// How long the step lasts at least from now on; `null` while its clock stands.
    pub left_s: Option<f64>,
    /// Answers of new since the step began, and how many it takes.
    pub answers: u64,
    /// How many answers of new a step takes.
    pub min_requests: u64,
}

impl Overview {
    /// How everything stands, now; with a row for each route if that is wanted, which takes some milliseconds with thousands.
    #[must_use]
    pub fn status(&self, with_routes: bool) -> Status {
        let live = self.helm.live();
        let generation = Arc::clone(&live.current());
        let (ends, now) = (self.helm.ends(), Instant::now());
        let standing = &generation.standing;
        let orphans = standing.orphans(&generation.snapshot.rules);
        let pins = standing.pins.iter().map(|pin| PinStatus {
            scope: pin.scope.to_string(),
            by: pin.by.to_string(),
            why: pin.why.clone(),
            since: exact_moment(pin.at_ms),
            ends_in_s: ends.get(&pin.scope).map(|left| left.as_secs_f64()),
            known: !orphans.contains(&pin.scope),
        });
        let inner = self.inner();
        Status {
            generation: generation.number,
            configuration: self.helm.adopted().digest.to_string(),
            killed: generation.overrides.is_killed(),
            left_alone: match generation.overrides.is_killed() {
                true => without_legacy(&Target::Everything, &generation.snapshot.rules)
                    .iter()
                    .map(ToString::to_string)
                    .collect(),
                false => Vec::new(),
            },
            held: standing.hold.as_ref().map(|hold| hold.generation),
            durable: !self.helm.ledger().is_behind(),
            reload: live.reload(),
            pins: pins.collect(),
            span_s: inner.recent.span(now).as_secs_f64(),
            routes: if with_routes { inner.routes(&generation, now) } else { Vec::new() },
            backends: generation.backends.iter().map(|backend| BackendStatus::of(backend)).collect(),
            peers: Vec::new(),
        }
    }
}

impl Overview {
    /// How one route stands, and over how many seconds rates and times are; `None` if the live generation has no such route.
    #[must_use]
    pub fn route(&self, name: &str) -> Option<(RouteStatus, f64)> {
        let generation = Arc::clone(&self.helm.live().current());
        let now = Instant::now();
        let (id, route) = (0_u32..).zip(&generation.snapshot.rules.routes).find(|(_, route)| *route.name == *name)?;
        let inner = self.inner();
        let mut row = inner.route(&generation, RouteId(id), route, now);
        if route.legacy.is_some() {
            row.pins = pinned(route, &by_target(&generation));
        }
        Some((row, inner.recent.span(now).as_secs_f64()))
    }

    /// How the guard of a route stands, with what was measured; `None` where it has none.
    #[must_use]
    pub fn guard(&self, name: &str) -> Option<GuardView> {
        let mut guard = self.inner().guards.guard(name)?;
        let generation = Arc::clone(&self.helm.live().current());
        let routes = &generation.snapshot.rules.routes;
        let is_pinned =
            |(id, route): &(u32, &Route)| generation.overrides.is_pinned(RouteId(*id)) && route.legacy.is_some();
        // A pin may be younger than the guard's last look.
        if (0_u32..).zip(routes).find(|(_, route)| *route.name == *name).is_some_and(|found| is_pinned(&found)) {
            guard.state = GuardState::Pinned;
        }
        Some(guard)
    }
}

impl Inner {
    fn routes(&self, generation: &Generation, now: Instant) -> Vec<RouteStatus> {
        let (rules, pins) = (&generation.snapshot.rules, by_target(generation));
        let rows = (0_u32..).zip(&rules.routes).map(|(id, route)| {
            let mut row = self.route(generation, RouteId(id), route, now);
            if !pins.is_empty() && route.legacy.is_some() {
                row.pins = pinned(route, &pins);
            }
            row
        });
        let unrouted = RouteStatus { stage: "legacy".to_owned(), ..self.measured(&generation.unrouted, now) };
        rows.chain([unrouted]).collect()
    }

    fn route(&self, generation: &Generation, id: RouteId, route: &Route, now: Instant) -> RouteStatus {
        let snapshot = &generation.snapshot;
        let backend = |id: Option<_>| id.map(|id| snapshot.backend(id).name.to_string());
        let verdicts = generation.shadow_meter(id).map(|meter| meter.verdicts()).unwrap_or_default();
        let unit = route.group.clone().map_or_else(|| Unit::Route(Arc::clone(&route.name)), Unit::Group);
        let pinned = generation.overrides.is_pinned(id) && route.legacy.is_some();
        let ramp = generation.standing.ramp(&unit).filter(|_| snapshot.ramp(id).is_some());
        RouteStatus {
            group: route.group.as_ref().map(ToString::to_string),
            owner: route.owner.as_ref().map(ToString::to_string),
            stage: route.stage.to_string(),
            legacy_backend: backend(route.legacy),
            new_backend: backend(route.new),
            compared: Compared::of(verdicts),
            guard: self.guards.guard(&route.name).map(|guard| GuardStatus {
                // A pin may be younger than the guard's last look.
                state: if pinned { GuardState::Pinned } else { guard.state }.as_str().to_owned(),
                trips: guard.trips,
                measures: guard.measures.iter().map(ToString::to_string).collect(),
            }),
            ramp: ramp.and_then(|state| self.guards.ramp(state, now)).map(|ramp| RampStatus {
                percent: ramp.percent,
                step: ramp.step,
                steps: ramp.steps,
                waits: ramp.waits.as_str().to_owned(),
                left_s: ramp.left_s,
                answers: ramp.answers,
                min_requests: ramp.min_requests,
            }),
            ..self.measured(&generation.meters[id.0 as usize], now)
        }
    }

    fn measured(&self, meter: &RouteMeter, now: Instant) -> RouteStatus {
        let counted = self.recent.of(meter);
        let side = |side: Side| {
            let (place, ms) = (side.index(), |seconds: f64| seconds * 1e3);
            SideStatus {
                requests: counted.requests[place],
                errors: counted.errors[place],
                p50_ms: counted.times[place].quantile(0.5).map(ms),
                p99_ms: counted.times[place].quantile(0.99).map(ms),
            }
        };
        let requests: u64 = counted.requests.iter().sum();
        let span = self.recent.span(now).as_secs_f64().max(1e-3);
        RouteStatus {
            streams_left: meter.streams_left(),
            name: meter.name.to_string(),
            new_share: (requests > 0).then(|| counted.requests[Side::New.index()] as f64 / requests as f64),
            rate: counted.all as f64 / span,
            legacy: side(Side::Legacy),
            new: side(Side::New),
            last_hit: self.recent.last_hit(&meter.name).map(exact_moment),
            ..RouteStatus::default()
        }
    }
}

/// The pins by what they are on; a tenant that is pinned everywhere is no matter of each route.
fn by_target(generation: &Generation) -> HashMap<&Target, Vec<String>> {
    let mut pins: HashMap<&Target, Vec<String>> = HashMap::new();
    let everywhere = |scope: &Scope| scope.target == Target::Everything && scope.tenant.is_some();
    for pin in generation.standing.pins.iter().filter(|pin| !everywhere(&pin.scope)) {
        pins.entry(&pin.scope.target).or_default().push(pin.scope.to_string());
    }
    pins
}

/// Those that are on a route.
fn pinned(route: &Route, pins: &HashMap<&Target, Vec<String>>) -> Vec<String> {
    let own = Target::Route(Arc::clone(&route.name));
    let group = route.group.clone().map(Target::Group);
    let targets = [Some(own), group, Some(Target::Everything)].into_iter().flatten();
    targets.flat_map(|target| pins.get(&target).into_iter().flatten().cloned()).collect()
}

impl Compared {
    /// Counts as [`Verdict::ALL`] has them.
    pub(super) fn of(verdicts: [u64; Verdict::ALL.len()]) -> Compared {
        let of = |verdict: Verdict| verdicts[verdict as usize];
        let (matches, mismatch, noise) = (of(Verdict::Match), of(Verdict::Mismatch), of(Verdict::Noise));
        let judged = matches + mismatch + noise;
        Compared {
            r#match: matches,
            mismatch,
            noise,
            unknown: of(Verdict::Unknown),
            match_share: (judged > 0).then(|| (matches + noise) as f64 / judged as f64),
        }
    }
}
