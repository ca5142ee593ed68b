//! How much is kept of comparisons.

use std::time::Duration;

use super::{At, Cx};
use crate::config::file::File;
use crate::snapshot::Retention;

/// Less would hold nothing beside the write-ahead log.
const SMALLEST: u64 = 16 << 20;
/// More of one signature tells nothing new.
const MOST_SAMPLES: u32 = 1000;
/// What is too old goes by the hour.
const SHORTEST: Duration = Duration::from_secs(3600);

/// What the file says of it, and the defaults.
pub(super) fn compile(file: &File, cx: &mut Cx<'_>) -> Retention {
    let mut retention = Retention::default();
    let Some(given) = file.retention.as_ref().and_then(At::get) else { return retention };
    if let Some((size, place)) = given.size.as_ref().and_then(|at| Some((at.get()?.0, at.place))) {
        if size < SMALLEST {
            cx.report.error(place, "out-of-range", "less than 16MiB");
        }
        retention.size = size;
    }
    if let Some((age, place)) = given.age.as_ref().and_then(|at| Some((at.get()?.0, at.place))) {
        if age < SHORTEST {
            cx.report.error(place, "out-of-range", "less than an hour");
        }
        retention.age = age;
    }
    if let Some((samples, place)) = given.samples.as_ref().and_then(|at| Some((at.get()?.0, at.place))) {
        if samples > MOST_SAMPLES {
            cx.report.error(place, "out-of-range", format!("more than {MOST_SAMPLES}"));
        }
        retention.samples = samples;
    }
    retention
}
