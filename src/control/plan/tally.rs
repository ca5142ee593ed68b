//! Who moves, by route.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use xxhash_rust::xxh3::xxh3_64;

use super::forecast::{Forecast, Moved, RouteForecast, TenantMove, Weights};
use crate::names::Side;

/// How many tenants a route names.
const TENANTS: usize = 10;

/// Where a request goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    /// The route; `None` where none takes it.
    pub(super) route: Option<Arc<str>>,
    pub(super) side: Side,
}

/// One request, decided by both.
#[derive(Debug, Clone)]
pub(super) struct Verdict<'i> {
    pub(super) before: Place,
    pub(super) after: Place,
    /// Whether a key is missing without which no percentage ever took it to new.
    pub(super) is_keyless: bool,
    pub(super) tenant: Option<&'i str>,
    pub(super) user: Option<&'i str>,
    pub(super) weight: f64,
}

/// Whether it could be decided by both.
#[derive(Debug, Clone)]
pub(super) enum Judged<'i> {
    Told(Verdict<'i>),
    /// What is known of it is not enough.
    Untold,
    /// It says nothing of rules.
    LeftOut,
}

/// What was counted so far.
#[derive(Debug, Default)]
pub(super) struct Tally {
    all: Counts,
    routes: HashMap<Arc<str>, Counts>,
    untold: u64,
    left_out: u64,
}

/// What was counted of one route, or of all.
#[derive(Debug, Default)]
struct Counts {
    requests: Weights,
    new_before: Weights,
    new_after: Weights,
    arriving: Weights,
    leaving: u64,
    /// Requests that no percentage ever took to new, and that go there now.
    keyless: Weights,
    /// To legacy, to new.
    moved: [Movers; 2],
    either: Weights,
}

/// Who moves to one side.
#[derive(Debug, Default)]
struct Movers {
    requests: Weights,
    tenants: HashMap<Box<str>, u64>,
    /// By hash: of users, nothing else is kept.
    users: HashSet<u64>,
}

impl Tally {
    pub(super) fn count(&mut self, judged: Judged<'_>) {
        let verdict = match judged {
            Judged::Told(verdict) => verdict,
            Judged::Untold => return self.untold += 1,
            Judged::LeftOut => return self.left_out += 1,
        };
        self.all.count(&verdict);
        let (before, after) = (&verdict.before.route, &verdict.after.route);
        let route = after.as_ref().or(before.as_ref()).cloned().unwrap_or_else(|| Arc::from(""));
        if let Some(before) = before.as_ref().filter(|before| **before != route) {
            self.routes.entry(Arc::clone(before)).or_default().leaving += 1;
        }
        self.routes.entry(route).or_default().count(&verdict);
    }

    /// How many requests both have decided.
    pub(super) fn requests(&self) -> u64 {
        self.all.requests.n()
    }

    /// How many could not be decided by both.
    pub(super) fn untold(&self) -> u64 {
        self.untold
    }

    /// The share of a route's requests that go to new although no percentage ever took them there, and their number.
    pub(super) fn keyless(&self, route: &str) -> Option<(super::Portion, u64)> {
        let counts = self.routes.get(route).filter(|counts| counts.keyless.n() > 0)?;
        Some((counts.keyless.of(&counts.requests), counts.keyless.n()))
    }

    pub(super) fn finish(self) -> Forecast {
        let mut routes: Vec<RouteForecast> =
            self.routes.iter().map(|(route, counts)| counts.forecast(route.to_string())).collect();
        // By what moves of all, so that the same share of a busier route comes first.
        let moving = |row: &RouteForecast| row.moved.either.share * row.requests as f64;
        routes.sort_by(|one, other| moving(other).total_cmp(&moving(one)).then_with(|| one.route.cmp(&other.route)));
        let (requests, moved) = (self.all.requests.n(), self.all.moved());
        let (untold, left_out) = (self.untold, self.left_out);
        Forecast { requests, untold, left_out, moved, routes, ..Forecast::default() }
    }
}

impl Counts {
    fn count(&mut self, verdict: &Verdict<'_>) {
        let weight = verdict.weight;
        self.requests.add(weight);
        let to_new = verdict.after.side == Side::New;
        if verdict.before.side == Side::New {
            self.new_before.add(weight);
        }
        if to_new {
            self.new_after.add(weight);
        }
        if verdict.before.route != verdict.after.route {
            self.arriving.add(weight);
        }
        if verdict.before.side == verdict.after.side {
            return;
        }
        if to_new && verdict.is_keyless {
            self.keyless.add(weight);
        }
        self.either.add(weight);
        let movers = &mut self.moved[usize::from(to_new)];
        movers.requests.add(weight);
        if let Some(tenant) = verdict.tenant {
            match movers.tenants.get_mut(tenant) {
                Some(count) => *count += 1,
                None => drop(movers.tenants.insert(tenant.into(), 1)),
            }
        }
        movers.users.extend(verdict.user.map(|user| xxh3_64(user.as_bytes())));
    }

    fn moved(&self) -> Moved {
        let [legacy, new] = &self.moved;
        Moved {
            to_new: new.requests.of(&self.requests),
            to_legacy: legacy.requests.of(&self.requests),
            either: self.either.of(&self.requests),
            tenants_to_new: new.tenants.len() as u64,
            tenants_to_legacy: legacy.tenants.len() as u64,
            users_to_new: new.users.len() as u64,
            users_to_legacy: legacy.users.len() as u64,
        }
    }

    fn forecast(&self, route: String) -> RouteForecast {
        RouteForecast {
            route,
            requests: self.requests.n(),
            new_before: self.new_before.of(&self.requests),
            new_after: self.new_after.of(&self.requests),
            moved: self.moved(),
            arriving: self.arriving.of(&self.requests),
            leaving: self.leaving,
            tenants: self.tenants(),
        }
    }

    fn tenants(&self) -> Vec<TenantMove> {
        let [legacy, new] = &self.moved;
        let names: HashSet<&str> = legacy.tenants.keys().chain(new.tenants.keys()).map(|name| &**name).collect();
        let count = |movers: &Movers, name: &str| movers.tenants.get(name).copied().unwrap_or(0);
        let moves = names.into_iter().map(|name| TenantMove {
            tenant: name.to_owned(),
            to_new: count(new, name),
            to_legacy: count(legacy, name),
        });
        let mut moves: Vec<TenantMove> = moves.collect();
        let key = |one: &TenantMove| std::cmp::Reverse(one.to_new + one.to_legacy);
        moves.sort_by(|one, other| key(one).cmp(&key(other)).then_with(|| one.tenant.cmp(&other.tenant)));
        moves.truncate(TENANTS);
        moves
    }
}
