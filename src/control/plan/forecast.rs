//! What is told of a plan. Every share comes with its n and its 95 % interval.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::diff::stats::Share;

/// What would change.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, ToSchema)]
pub struct Forecast {
    /// How many requests were decided by both configurations.
    pub requests: u64,
    /// How many could not be: what is known of them does not say what a configuration asks for.
    pub untold: u64,
    /// How many say nothing of rules: somebody had forced their side, or, in a log, pinned it.
    pub left_out: u64,
    /// How many lines of the log were no records.
    pub broken: u64,
    /// Who moves, of all.
    pub moved: Moved,
    /// The routes with requests, those that move most first.
    pub routes: Vec<RouteForecast>,
    /// What is different, in words.
    pub changes: Vec<String>,
    /// What should make somebody look twice.
    pub warnings: Vec<Warning>,
}

/// What would change of one route.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, ToSchema)]
pub struct RouteForecast {
    /// The candidate's route; the live one where the candidate has none; empty: no route in either.
    pub route: String,
    /// How many requests it is about.
    pub requests: u64,
    /// The share that new answers now.
    pub new_before: Portion,
    /// The share that new would answer.
    pub new_after: Portion,
    /// Who moves.
    pub moved: Moved,
    /// The share that another route, or none, takes now.
    pub arriving: Portion,
    /// How many requests of this route another route would take; they are counted there.
    pub leaving: u64,
    /// The tenants with most moving requests.
    pub tenants: Vec<TenantMove>,
}

/// Who moves between the sides.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, ToSchema)]
pub struct Moved {
    /// The share of requests that goes from legacy to new.
    pub to_new: Portion,
    /// The share of requests that goes from new to legacy.
    pub to_legacy: Portion,
    /// The share of both.
    pub either: Portion,
    /// How many tenants have requests that go to new.
    pub tenants_to_new: u64,
    /// How many tenants have requests that go to legacy.
    pub tenants_to_legacy: u64,
    /// How many users have requests that go to new.
    pub users_to_new: u64,
    /// How many users have requests that go to legacy.
    pub users_to_legacy: u64,
}

/// A share of requests. A request of a sample stands for others, so the share is of those, and the interval is as wide as
/// the sample makes it.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize, ToSchema)]
pub struct Portion {
    /// The share, 0 to 1.
    pub share: f64,
    /// The lower end of its 95 % interval.
    pub low: f64,
    /// The upper end.
    pub high: f64,
    /// How many requests were looked at.
    pub n: u64,
}

/// A tenant that moves.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct TenantMove {
    /// The tenant.
    pub tenant: String,
    /// How many of its requests go to new.
    pub to_new: u64,
    /// How many of its requests go to legacy.
    pub to_legacy: u64,
}

/// Something that should make somebody look twice.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Warning {
    /// What kind, in a word that stays.
    pub code: String,
    /// The route it is about, if it is about one.
    pub route: Option<String>,
    /// It in a sentence.
    pub message: String,
}

/// Weights that add up to a [`Portion`].
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct Weights {
    n: u64,
    sum: f64,
    squares: f64,
}

impl Weights {
    pub(super) fn add(&mut self, weight: f64) {
        self.n += 1;
        self.sum += weight;
        self.squares += weight * weight;
    }

    pub(super) fn n(&self) -> u64 {
        self.n
    }

    /// This part of those. Unequal weights tell less than their number; so many equal ones would tell as much (Kish,
    /// "Survey Sampling", 1965, section 11.7).
    pub(super) fn of(&self, all: &Weights) -> Portion {
        if all.sum <= 0.0 {
            return Portion { high: 1.0, ..Portion::default() };
        }
        let share = (self.sum / all.sum).clamp(0.0, 1.0);
        let effective = (all.sum * all.sum / all.squares).max(1.0);
        let (low, high) = Share::new((share * effective).round() as u64, effective.round() as u64).interval();
        // Rounding to whole requests may push the share out of a narrow interval.
        Portion { share, low: low.min(share), high: high.max(share), n: all.n }
    }
}
