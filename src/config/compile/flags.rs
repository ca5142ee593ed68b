//! Flags.

use std::sync::Arc;

use super::{At, Build, Cx, keys};
use crate::config::file;
use crate::config::read::{Named, Names, Switch};
use crate::names::Key;
use crate::routing::{Flag, KeyMap};

/// All flags, in the order of their ids.
pub(super) fn compile(build: &Build<'_>, cx: &mut Cx<'_>) -> Vec<Flag> {
    build.flags.entries.iter().filter_map(|entry| flag(entry, build, cx)).collect()
}

fn flag(entry: &Named<file::Flag>, build: &Build<'_>, cx: &mut Cx<'_>) -> Option<Flag> {
    let flag = entry.value.get()?;
    let percent = keys::share(flag.percent.as_ref(), flag.by.as_ref(), build, cx);
    if let (Some(salt), None) = (&flag.salt, &flag.percent) {
        cx.report.error(salt.place, "missing-percent", "`salt` says nothing without `percent`");
    }
    for (key, names) in [(Key::Tenant, &flag.tenants), (Key::User, &flag.users)] {
        if let Some(names) = names {
            keys::warn_without_source(key, names.place, build, cx);
        }
    }
    let salt = flag.salt.as_ref().and_then(At::get).map_or_else(|| Arc::clone(&entry.name), |salt| Arc::from(&*salt.0));
    let switch = |at: &Option<At<Switch>>| at.as_ref().and_then(At::get).and_then(|switch| switch.0);
    Some(Flag {
        name: Arc::clone(&entry.name),
        over: switch(&flag.r#override),
        tenants: layer(flag.tenants.as_ref()),
        users: layer(flag.users.as_ref()),
        percent,
        salt,
        default: switch(&flag.default).unwrap_or(false),
    })
}

/// A `null` in a layer is silent, as if it were not there.
fn layer(names: Option<&At<Names<Switch>>>) -> KeyMap<bool> {
    let entries = names.and_then(At::get).into_iter().flat_map(|names| &names.0);
    entries.filter_map(|entry| Some((Box::from(&*entry.name), entry.value.get()?.0?))).collect()
}
