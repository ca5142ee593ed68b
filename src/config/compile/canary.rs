//! `canary:`: who goes to new.

use std::collections::HashSet;

use super::{At, Build, Cx, Text, keys, not_empty, values};
use crate::config::file;
use crate::names::Key;
use crate::routing::{Canary, Except, Share};

/// A canary, of a route or of `defaults:`.
pub(super) fn compile(canary: &file::Canary, build: &Build<'_>, cx: &mut Cx<'_>) -> Canary {
    let except = canary.except.as_ref().and_then(At::get);
    for (list, what) in [(&canary.cohorts, "cohorts"), (&canary.tenants, "tenants"), (&canary.flags, "flags")] {
        not_empty(list.as_ref(), what, cx);
    }
    let excepted = except.and_then(|except| except.tenants.as_ref());
    for tenants in [canary.tenants.as_ref(), excepted].into_iter().flatten() {
        keys::warn_without_source(Key::Tenant, tenants.place, build, cx);
    }
    Canary {
        cohorts: build.cohorts.cohorts(canary.cohorts.as_ref(), cx),
        tenants: tenants(canary.tenants.as_ref()),
        flags: build.flags.flags(canary.flags.as_ref(), cx),
        share: share(canary, build, cx),
        except: Except {
            cohorts: build.cohorts.cohorts(except.and_then(|except| except.cohorts.as_ref()), cx),
            tenants: tenants(excepted),
        },
    }
}

/// Whether it can send anybody to new.
pub(super) fn is_nobody(canary: &Canary) -> bool {
    let share = canary.share.is_some_and(|share| share.percent.thousandths() > 0);
    canary.cohorts.is_empty() && canary.tenants.is_empty() && canary.flags.is_empty() && !share
}

fn share(canary: &file::Canary, build: &Build<'_>, cx: &mut Cx<'_>) -> Option<Share> {
    let of = canary.of.as_ref().map(|of| build.cohorts.cohort(of, cx));
    if let (Some(of), None) = (&canary.of, &canary.percent) {
        cx.report.error(of.place, "missing-percent", "`of` says nothing without `percent`");
    }
    let (percent, by) = keys::share(canary.percent.as_ref(), canary.by.as_ref(), build, cx)?;
    Some(Share { percent, by, of: of.flatten() })
}

fn tenants(list: Option<&At<Vec<At<Text>>>>) -> HashSet<Box<str>> {
    values(list).map(|(tenant, _)| tenant.0.clone()).collect()
}
