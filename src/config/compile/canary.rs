//! `canary:`: who goes to new.

use super::{At, Build, Cx, Filled, Text, keys, values};
use crate::config::file;
use crate::names::Key;
use crate::routing::{Canary, Except, KeySet, Percent, Share};

/// A canary, of a route or of `defaults:`. With a ramp its percentage is not in it.
pub(super) fn compile(canary: &file::Canary, ramped: bool, build: &Build<'_>, cx: &mut Cx<'_>) -> Canary {
    let except = canary.except.as_ref().and_then(At::get);
    let excepted = except.and_then(|except| except.tenants.as_ref());
    for tenants in [canary.tenants.as_ref(), excepted].into_iter().flatten() {
        keys::warn_without_source(Key::Tenant, tenants.place, build, cx);
    }
    Canary {
        cohorts: build.cohorts.cohorts(canary.cohorts.as_ref(), cx),
        tenants: tenants(canary.tenants.as_ref()),
        flags: build.flags.flags(canary.flags.as_ref(), cx),
        share: share(canary, ramped, build, cx),
        except: Except {
            cohorts: build.cohorts.cohorts(except.and_then(|except| except.cohorts.as_ref()), cx),
            tenants: tenants(excepted),
        },
    }
}

/// Whether it can send nobody to new. What was bad about it has been reported, and is not counted as nobody.
pub(super) fn is_nobody(canary: &file::Canary, ramped: bool) -> bool {
    let share = canary.percent.as_ref().is_some_and(|at| at.get().is_none_or(|percent| percent.0.thousandths() > 0));
    canary.cohorts.is_none() && canary.tenants.is_none() && canary.flags.is_none() && !share && !ramped
}

fn share(canary: &file::Canary, ramped: bool, build: &Build<'_>, cx: &mut Cx<'_>) -> Option<Share> {
    let of = canary.of.as_ref().map(|of| build.cohorts.cohort(of, cx));
    if let (Some(at), None) = (&canary.by, &canary.percent) {
        let by = at.get()?.0;
        if !ramped {
            cx.report.error(at.place, "missing-percent", "`by` says nothing without `percent` or `ramp`");
        }
        keys::warn_without_source(by, at.place, build, cx);
        return Some(Share { percent: Percent::ZERO, by, of: of.flatten(), ramped });
    }
    if let (Some(of), None) = (&canary.of, &canary.percent) {
        cx.report.error(of.place, "missing-percent", "`of` says nothing without `percent` or `ramp`");
    }
    let (percent, by) = keys::share(canary.percent.as_ref(), canary.by.as_ref(), build, cx)?;
    Some(Share { percent, by, of: of.flatten(), ramped: false })
}

fn tenants(list: Option<&At<Filled<Text>>>) -> KeySet {
    values(list).map(|(tenant, _)| tenant.0.clone()).collect()
}
