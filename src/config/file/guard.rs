//! Guards and ramps: what new must keep to, and how its share grows while it does.

use crate::config::read::{At, Count, Filled, Number, Percentage, Time, record};

record! {
    /// What new must keep to; if it does not, the route (or its group) goes back to legacy. At least one threshold.
    pub struct Guard("`guard`") {
        /// How far back answers are looked at, 1s to 1h; 60s by default.
        pub window: Option<At<Time>>,
        /// With fewer answers (of legacy too where the two are compared; or comparisons) nothing is said; 100 by default.
        pub min_requests: Option<At<Count>>,
        /// The most of new's answers that may be errors: 5xx, broken off, or none at all.
        pub error_rate: Option<At<Percentage>>,
        /// By how many percentage points new's error rate may be over legacy's.
        pub errors_over_legacy: Option<At<Percentage>>,
        /// By how many percentage points new's rate of 4xx may be over legacy's.
        pub client_errors_over_legacy: Option<At<Percentage>>,
        /// How many times legacy's p99 latency new's may be.
        pub latency_p99_ratio: Option<At<Number>>,
        /// The most of the judged comparisons that may be mismatches.
        pub mismatch_rate: Option<At<Percentage>>,
    }
}

record! {
    /// Percentages that follow each other while the guard holds, in place of `canary.percent`.
    pub struct Ramp("`ramp`") {
        /// The percentages, each larger than the one before.
        pub steps: At<Filled<Percentage>>,
        /// How long each lasts at least; 1s to seven days.
        pub every: At<Time>,
    }
}
