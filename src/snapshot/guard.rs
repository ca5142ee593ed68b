//! What new must keep to, and how its share grows while it does.

use std::fmt;
use std::time::Duration;

use serde::{Serialize, Serializer};

use crate::routing::Percent;

/// What new must keep to.
#[derive(Debug, Clone, PartialEq)]
pub struct GuardSettings {
    /// How far back answers are looked at.
    pub window: Duration,
    /// With fewer answers, or comparisons, a threshold says nothing; at least 1.
    pub min_requests: u64,
    /// The thresholds and their limits, in the order of [`Threshold::ALL`], each at most once; never empty. Rates and their
    /// differences are fractions (0.01 is 1 %).
    pub limits: Vec<(Threshold, f64)>,
}

/// What is measured of new, and held against a limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Threshold {
    /// Which share of new's answers are errors.
    ErrorRate,
    /// New's share of errors less legacy's.
    ErrorsOverLegacy,
    /// New's share of 4xx less legacy's.
    ClientErrorsOverLegacy,
    /// New's p99 latency as a multiple of legacy's.
    LatencyP99Ratio,
    /// Which share of the judged comparisons are mismatches.
    MismatchRate,
}

/// Percentages that follow each other while the guard holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RampSettings {
    /// Strictly rising and above zero; never empty.
    pub steps: Vec<Percent>,
    /// How long each lasts at least.
    pub every: Duration,
}

impl Threshold {
    /// All of them.
    pub const ALL: [Threshold; 5] = [
        Threshold::ErrorRate,
        Threshold::ErrorsOverLegacy,
        Threshold::ClientErrorsOverLegacy,
        Threshold::LatencyP99Ratio,
        Threshold::MismatchRate,
    ];

    /// Its key in routes.yaml.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Threshold::ErrorRate => "error_rate",
            Threshold::ErrorsOverLegacy => "errors_over_legacy",
            Threshold::ClientErrorsOverLegacy => "client_errors_over_legacy",
            Threshold::LatencyP99Ratio => "latency_p99_ratio",
            Threshold::MismatchRate => "mismatch_rate",
        }
    }
}

impl fmt::Display for Threshold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for Threshold {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl RampSettings {
    /// The step that a ramp with this percentage stands at, from 0: the largest that is not above it, else the first.
    #[must_use]
    pub fn step_of(&self, percent: Percent) -> usize {
        self.steps.partition_point(|step| *step <= percent).saturating_sub(1)
    }
}
