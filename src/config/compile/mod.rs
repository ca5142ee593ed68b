//! From the file to a [`Snapshot`]: names become ids, texts become patterns, and everything that does not fit is
//! reported where it stands.

mod admin;
mod backend_tls;
mod backends;
mod canary;
mod cohorts;
mod comparisons;
mod directory;
mod flags;
mod guard;
mod keys;
mod listeners;
mod matches;
mod resilience;
mod retention;
mod routes;
mod subjects;
mod tests;
mod tls;

use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

pub use admin::token_entry;
use directory::Directory;
pub use tests::TestResult;
pub(super) use tests::run as run_tests;

use super::Options;
use super::file::{Backend, Cohort, Comparison, Flag, Test};
use super::gather::Gathered;
use super::place::Place;
use super::read::{At, Cx, Filled, Text, Time};
use crate::routing::{BackendId, CohortId, FlagId, Route, Rules, RulesParts, SubjectRules};
use crate::snapshot::{Snapshot, Trust};

/// A snapshot, and what is still needed of the file to run its tests.
#[derive(Debug)]
pub(super) struct Compiled {
    pub(super) snapshot: Snapshot,
    pub(super) tests: Vec<At<Test>>,
}

/// What the parts of the compilation share: where names lead, and what was found on the way.
struct Build<'b> {
    backends: Directory<'b, Backend>,
    cohorts: Directory<'b, Cohort>,
    flags: Directory<'b, Flag>,
    comparisons: Directory<'b, Comparison>,
    /// In the order of their ids, the built-in one behind them.
    compiled_comparisons: Vec<Arc<crate::snapshot::Comparison>>,
    subjects: SubjectRules,
    trust: Trust,
    tenant_files: Vec<(PathBuf, usize)>,
}

/// Compiles everything; `None` where anything is an error.
pub(super) fn compile(gathered: Gathered, main: &Path, options: &Options, cx: &mut Cx<'_>) -> Option<Compiled> {
    let Gathered { main: file, backends, cohorts, flags, comparisons, routes, tests } = gathered;
    let subject = file.subject.as_ref().and_then(At::get);
    let mut build = Build {
        backends: Directory::new("backend", &backends),
        cohorts: cohorts::in_order(&cohorts, cx),
        flags: Directory::new("flag", &flags),
        comparisons: Directory::new("comparison", &comparisons),
        compiled_comparisons: Vec::new(),
        subjects: SubjectRules::default(),
        trust: Trust::default(),
        tenant_files: Vec::new(),
    };
    let jwt = subjects::compile(subject, &mut build, cx);
    build.trust.force = subjects::force(file.force.as_ref(), cx);
    let compiled_cohorts = cohorts::compile(&mut build, cx);
    let compiled_flags = flags::compile(&build, cx);
    let compiled_backends = backends::compile(&build, options.without_tls && !options.with_tls_of_backends, cx);
    build.compiled_comparisons = comparisons::compile(&build, cx);
    let (listeners, admin_address) = listeners::compile(&file, options.without_tls, cx);
    backends::check_loops(&backends, &compiled_backends, &listeners, admin_address, cx);
    let admin = Arc::new(admin::compile(&file, admin_address, options.without_tls, cx));
    let shadowing = comparisons::shadowing(&file, cx);
    let retention = retention::compile(&file, cx);
    let compiled_routes = routes::compile(&routes, &file, &build, cx);
    if cx.report.has_errors() {
        return None;
    }
    // Only now: a mistyped name would make the one that was meant look unused.
    listeners::check_none_unused(&build, cx);
    let routes::Compiled { routes, shadows, guards, ramps, fallbacks, rate_limits, fallthrough, timeout, places } =
        compiled_routes;
    let rules = Rules::build(RulesParts {
        routes,
        cohorts: compiled_cohorts,
        flags: compiled_flags,
        subjects: build.subjects,
        fallthrough,
    });
    routes::warn_unreachable(&rules, &places, cx);
    let (state_dir, access_log, drain) = listeners::process(&file, main, options.state_dir.as_deref(), cx);
    let confirm_removals = listeners::confirm_removals(&file);
    let stream_grace = listeners::stream_grace(&file);
    let snapshot = Snapshot {
        rules,
        backends: compiled_backends.into_iter().flatten().collect(),
        shadows,
        guards,
        ramps,
        fallbacks,
        rate_limits,
        shadowing,
        default_timeout: timeout,
        listeners,
        admin,
        state_dir,
        trust: build.trust,
        jwt,
        drain,
        stream_grace,
        access_log,
        retention,
        confirm_removals,
        tenant_files: build.tenant_files,
    };
    Some(Compiled { snapshot, tests })
}

/// A duration or its default; zero is refused where it makes no sense.
fn positive(time: Option<&At<Time>>, default: Duration, cx: &mut Cx<'_>) -> Duration {
    let Some((time, place)) = time.and_then(|time| Some((time.get()?.0, time.place))) else { return default };
    if time.is_zero() {
        cx.report.error(place, "zero-duration", "zero would let nothing pass");
    }
    time
}

/// A time within bounds, or its default.
fn within(
    time: Option<&At<Time>>,
    default: Duration,
    bounds: RangeInclusive<Duration>,
    message: &str,
    cx: &mut Cx<'_>,
) -> Duration {
    let Some((time, place)) = time.and_then(|at| Some((at.get()?.0, at.place))) else { return default };
    if !bounds.contains(&time) {
        cx.report.error(place, "out-of-range", message);
    }
    time
}

/// The values of a list that were good.
fn values<'l, T: 'l>(list: Option<&'l At<impl AsRef<[At<T>]>>>) -> impl Iterator<Item = (&'l T, Place)> {
    let items = list.and_then(At::get).map_or(&[][..], AsRef::as_ref);
    items.iter().filter_map(|item| Some((item.get()?, item.place)))
}
