//! What is done about faults, and about subjects that ask too often.

use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use super::{At, Cx, values, within};
use crate::config::diagnostic::Finding;
use crate::config::file;
use crate::config::read::{Boxed, Count, Percentage, Text, Time};
use crate::snapshot::{
    FallbackOn, FallbackSettings, HealthSettings, OutlierSettings, RateLimit, RetryOn, RetrySettings,
};

const CHECK_EVERY: Duration = Duration::from_secs(2);
const CHECKS: RangeInclusive<Duration> = Duration::from_millis(100)..=Duration::from_secs(3600);
const CHECK_TIMEOUT: Duration = Duration::from_secs(1);
const EJECT_FOR: Duration = Duration::from_secs(10);
const EJECTIONS: RangeInclusive<Duration> = Duration::from_millis(100)..=Duration::from_secs(3600);
/// In thousandths of a percent.
const MAX_EJECTED: u32 = 50_000;
const BUDGET: u32 = 20_000;
/// How long an endpoint that returns takes to get its full share, where anything can take it out.
const SLOW_START: Duration = Duration::from_secs(10);
const LIMIT_PER: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_secs(24 * 3600);

pub(super) fn health(given: Option<&At<file::Health>>, cx: &mut Cx<'_>) -> Option<HealthSettings> {
    let given = given?.get()?;
    let path = path(&given.path, cx);
    let every = within(given.every.as_ref(), CHECK_EVERY, CHECKS, "checks are 100ms to 1h apart", cx);
    let shortest = Duration::from_millis(1);
    let timeout = shortest..=*CHECKS.end();
    let timeout = within(given.timeout.as_ref(), CHECK_TIMEOUT, timeout, "an answer may take from 1ms to 1h", cx);
    let unhealthy_after = count(given.unhealthy_after.as_ref(), 3, 1..=1000, cx);
    let healthy_after = count(given.healthy_after.as_ref(), 2, 1..=1000, cx);
    Some(HealthSettings { path: path?, every, timeout, unhealthy_after, healthy_after })
}

/// The bytes of a target that can be sent as they are.
fn path(given: &At<Text>, cx: &mut Cx<'_>) -> Option<Arc<str>> {
    let text = &*given.get()?.0;
    if text.starts_with('/') && text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'#') {
        return Some(text.into());
    }
    let finding = Finding::error(given.place, "bad-path", format!("`{text}` is no path that can be asked for"));
    cx.report.add(finding.help("such as `/healthz`"));
    None
}

pub(super) fn outlier(given: Option<&At<file::Outlier>>, cx: &mut Cx<'_>) -> Option<OutlierSettings> {
    let given = given?.get()?;
    let eject_for =
        within(given.eject_for.as_ref(), EJECT_FOR, EJECTIONS, "an ejection lasts from 100ms to 1h at first", cx);
    let max_ejected = share(given.max_ejected.as_ref(), MAX_EJECTED, "0 % would leave none out", cx);
    let consecutive_failures = count(given.consecutive_failures.as_ref(), 5, 1..=1000, cx);
    Some(OutlierSettings { consecutive_failures, eject_for, max_ejected })
}

pub(super) fn retries(given: Option<&At<file::Retries>>, cx: &mut Cx<'_>) -> Option<RetrySettings> {
    let given = given?.get()?;
    let attempts = count(given.attempts.as_ref(), 2, 2..=10, cx);
    let budget = share(given.budget.as_ref(), BUDGET, "0 % would let none be sent again", cx);
    let when = match &given.when {
        Some(when) => values(Some(when)).map(|(after, _)| after.0).collect(),
        None => vec![RetryOn::Connect, RetryOn::Reset],
    };
    Some(RetrySettings { attempts, budget, when })
}

/// `can_return`: whether anything can take an endpoint out.
pub(super) fn slow_start(given: Option<&At<Time>>, can_return: bool) -> Duration {
    let default = if can_return { SLOW_START } else { Duration::ZERO };
    given.and_then(At::get).map_or(default, |time| time.0)
}

pub(super) fn fallback(given: Option<&At<Boxed<file::Fallback>>>) -> Option<Arc<FallbackSettings>> {
    let when = match &given?.get()?.when {
        Some(when) => values(Some(when)).map(|(word, _)| word.0).collect(),
        None => FallbackOn::ALL.to_vec(),
    };
    Some(Arc::new(FallbackSettings { when }))
}

pub(super) fn rate_limit(given: Option<&At<Boxed<file::RateLimit>>>, cx: &mut Cx<'_>) -> Option<Arc<RateLimit>> {
    let given = given?.get()?;
    let requests = count(Some(&given.requests), 1, 1..=1_000_000, cx);
    let per = within(Some(&given.per), *LIMIT_PER.start(), LIMIT_PER, "a rate is counted over 1s to one day", cx);
    if per.subsec_nanos() != 0 {
        cx.report.error(given.per.place, "out-of-range", "a rate is counted over whole seconds");
    }
    let burst = count(given.burst.as_ref(), requests, 1..=1_000_000, cx);
    Some(Arc::new(RateLimit { requests, per, burst, by: given.by.get()?.0 }))
}

fn count(given: Option<&At<Count>>, default: u32, bounds: RangeInclusive<u32>, cx: &mut Cx<'_>) -> u32 {
    let Some((count, place)) = given.and_then(|at| Some((at.get()?.0, at.place))) else { return default };
    if !bounds.contains(&count) {
        let message = format!("{} to {} is possible here", bounds.start(), bounds.end());
        cx.report.error(place, "out-of-range", message);
    }
    count
}

/// A share above zero, in thousandths of a percent.
fn share(given: Option<&At<Percentage>>, default: u32, none: &str, cx: &mut Cx<'_>) -> u32 {
    let Some((share, place)) = given.and_then(|at| Some((at.get()?.0.thousandths(), at.place))) else { return default };
    if share == 0 {
        cx.report.error(place, "out-of-range", none);
    }
    share
}
