//! What a new configuration changes, in words, and whether it looks like a file that was cut short.

use std::collections::HashMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use crate::directives::Pin;
use crate::names::Stage;
use crate::routing::{Canary, Route, Rules};
use crate::snapshot::Snapshot;

/// Something that vanishes and that traffic depends on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Removal {
    /// A route that new answers at least in part, or that is pinned: its traffic would go back to a system that may be gone.
    Route {
        /// The route.
        name: String,
        /// How far it had migrated.
        stage: Stage,
        /// Whether a pin is on it.
        pinned: bool,
    },
    /// A file of tenants that lost over a tenth of its lines.
    Tenants {
        /// The file.
        file: PathBuf,
        /// How many tenants it had.
        before: usize,
        /// How many it has.
        after: usize,
    },
}

impl fmt::Display for Removal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Removal::Route { name, stage, pinned } => {
                let pinned = if *pinned { " and pinned" } else { "" };
                write!(f, "route `{name}` is in stage {stage}{pinned} and would vanish: ")?;
                f.write_str("its traffic would go back to legacy")
            }
            Removal::Tenants { file, before, after } => {
                write!(f, "{} had {before} tenants and would have {after}", file.display())
            }
        }
    }
}

/// What must be confirmed before `new` replaces `old`, on which these pins are; empty where `new` says
/// `reload: { confirm_removals: false }`.
#[must_use]
pub fn needs_confirming(old: &Snapshot, new: &Snapshot, pins: &[Pin]) -> Vec<Removal> {
    if !new.confirm_removals {
        return Vec::new();
    }
    let kept = by_name(&new.rules);
    let is_pinned = |route: &Route| pins.iter().any(|pin| pin.scope.target.names(route));
    let matters =
        |route: &Route| matches!(route.stage, Stage::Canary | Stage::Live | Stage::Complete) || is_pinned(route);
    let routes = old.rules.routes.iter().filter(|route| matters(route) && !kept.contains_key(&*route.name));
    let removal =
        |route: &Route| Removal::Route { name: route.name.to_string(), stage: route.stage, pinned: is_pinned(route) };
    let mut removals: Vec<Removal> = routes.map(removal).collect();
    for (file, before) in &old.tenant_files {
        let after = new.tenant_files.iter().find(|(path, _)| path == file).map(|(_, after)| *after);
        if let Some(after) = after.filter(|after| (before - before.min(after)) * 10 > *before) {
            removals.push(Removal::Tenants { file: file.clone(), before: *before, after });
        }
    }
    removals
}

/// What `new` changes of `old`, a line for each thing; empty where nothing is different.
#[must_use]
pub fn changes(old: &Snapshot, new: &Snapshot) -> Vec<String> {
    let mut lines = Vec::new();
    routes(old, new, &mut lines);
    beside("shadow", old, new, |snapshot| &snapshot.shadows, &mut lines);
    beside("guard", old, new, |snapshot| &snapshot.guards, &mut lines);
    beside("ramp", old, new, |snapshot| &snapshot.ramps, &mut lines);
    beside("fallback", old, new, |snapshot| &snapshot.fallbacks, &mut lines);
    beside("rate_limit", old, new, |snapshot| &snapshot.rate_limits, &mut lines);
    backends(old, new, &mut lines);
    cohorts(old, new, &mut lines);
    flags(old, new, &mut lines);
    tokens(old, new, &mut lines);
    settings(old, new, &mut lines);
    restarts(old, new, &mut lines);
    lines
}

fn by_name(rules: &Rules) -> HashMap<&str, &Route> {
    rules.routes.iter().map(|route| (&*route.name, route)).collect()
}

fn routes(old: &Snapshot, new: &Snapshot, lines: &mut Vec<String>) {
    let (before, after) = (by_name(&old.rules), by_name(&new.rules));
    for route in &new.rules.routes {
        match before.get(&*route.name) {
            None => lines.push(format!("{}: added, stage {}", route.name, route.stage)),
            Some(was) => {
                let (was, is) = (describe(was, old), describe(route, new));
                for ((key, was), (_, is)) in was.into_iter().zip(is).filter(|(was, is)| was.1 != is.1) {
                    lines.push(match key {
                        "match" | "rewrite" => format!("{}: {key} changed", route.name),
                        _ => format!("{}: {key} {was} → {is}", route.name),
                    });
                }
            }
        }
    }
    for route in old.rules.routes.iter().filter(|route| !after.contains_key(&*route.name)) {
        lines.push(format!("{}: removed, was {}", route.name, route.stage));
    }
    let order = |rules: &Rules, other: &HashMap<&str, &Route>| -> Vec<String> {
        let shared = rules.routes.iter().filter(|route| other.contains_key(&*route.name));
        shared.map(|route| route.name.to_string()).collect()
    };
    if order(&old.rules, &after) != order(&new.rules, &before) {
        lines.push("routes: their order changed".to_owned());
    }
    let legacy = |snapshot: &Snapshot| {
        snapshot.rules.fallthrough.map_or("none".to_owned(), |id| snapshot.backend(id).name.to_string())
    };
    differ("defaults.legacy", &legacy(old), &legacy(new), lines);
}

/// What stands beside the routes that are in both: shadows, guards, ramps, fallbacks, rate limits.
fn beside<T: PartialEq>(
    what: &str,
    old: &Snapshot,
    new: &Snapshot,
    of: impl Fn(&Snapshot) -> &Vec<Option<Arc<T>>>,
    lines: &mut Vec<String>,
) {
    let names = old.rules.routes.iter().map(|route| &route.name);
    let before: HashMap<&Arc<str>, &Option<Arc<T>>> = names.zip(of(old)).collect();
    for (route, is) in new.rules.routes.iter().zip(of(new)) {
        match before.get(&route.name) {
            Some(was) if *was == is => {}
            Some(was) => lines.push(format!("{}: {what} {}", route.name, turned(was.is_some(), is.is_some()))),
            None => {}
        }
    }
}

fn turned(was: bool, is: bool) -> &'static str {
    match (was, is) {
        (false, true) => "added",
        (true, false) => "removed",
        _ => "changed",
    }
}

/// A route's keys in words; what cannot be said in short is told apart by its debug form.
fn describe(route: &Route, snapshot: &Snapshot) -> Vec<(&'static str, String)> {
    let text = |text: Option<&std::sync::Arc<str>>| text.map_or("none".to_owned(), |text| text.to_string());
    let backend = |id: Option<crate::routing::BackendId>| {
        id.map_or("none".to_owned(), |id| snapshot.backend(id).name.to_string())
    };
    vec![
        ("stage", route.stage.to_string()),
        ("canary", route.canary.as_ref().map_or("none".to_owned(), |canary| canary_in_words(canary, &snapshot.rules))),
        ("legacy", backend(route.legacy)),
        ("new", backend(route.new)),
        ("match", format!("{:?}", route.matches)),
        ("rewrite", route.rewrite.as_ref().map_or("none".to_owned(), |rewrite| format!("{rewrite:?}"))),
        ("timeout", humantime::format_duration(route.timeout).to_string()),
        ("salt", route.salt.to_string()),
        ("group", text(route.group.as_ref())),
        ("owner", text(route.owner.as_ref())),
    ]
}

/// A canary in words: `5 % by user; tenants acme`.
#[must_use]
pub fn canary_in_words(canary: &Canary, rules: &Rules) -> String {
    let cohort = |id: &crate::routing::CohortId| rules.cohorts[id.0 as usize].name.to_string();
    let list = |what: &str, mut names: Vec<String>| {
        names.sort();
        (!names.is_empty()).then(|| format!("{what} {}", names.join(", ")))
    };
    let tenants = |set: &crate::routing::KeySet| set.iter().map(ToString::to_string).collect();
    let share = canary.share.map(|share| {
        let of = share.of.map_or(String::new(), |id| format!(" of {}", cohort(&id)));
        let how_many = if share.ramped { "ramp".to_owned() } else { percent(share.percent) };
        format!("{how_many} by {}{of}", share.by)
    });
    let flags = canary.flags.iter().map(|id| rules.flags[id.0 as usize].name.to_string()).collect();
    let parts = [
        share,
        list("cohorts", canary.cohorts.iter().map(cohort).collect()),
        list("tenants", tenants(&canary.tenants)),
        list("flags", flags),
        list("except cohorts", canary.except.cohorts.iter().map(cohort).collect()),
        list("except tenants", tenants(&canary.except.tenants)),
    ];
    let said: Vec<String> = parts.into_iter().flatten().collect();
    if said.is_empty() { "nobody".to_owned() } else { said.join("; ") }
}

fn percent(percent: crate::routing::Percent) -> String {
    format!("{} %", f64::from(percent.thousandths()) / 1000.0)
}

fn differ(key: &str, was: &str, is: &str, lines: &mut Vec<String>) {
    if was != is {
        lines.push(format!("{key}: {was} → {is}"));
    }
}

/// Names that came, went, or whose value is another.
fn compare<T>(
    what: &str,
    old: &[(String, T)],
    new: &[(String, T)],
    same: impl Fn(&T, &T) -> bool,
    lines: &mut Vec<String>,
) {
    let before: HashMap<&str, &T> = old.iter().map(|(name, value)| (name.as_str(), value)).collect();
    let after: HashMap<&str, &T> = new.iter().map(|(name, value)| (name.as_str(), value)).collect();
    for (name, value) in new {
        match before.get(name.as_str()) {
            None => lines.push(format!("{what} {name}: added")),
            Some(was) if !same(was, value) => lines.push(format!("{what} {name}: changed")),
            Some(_) => {}
        }
    }
    for (name, _) in old.iter().filter(|(name, _)| !after.contains_key(name.as_str())) {
        lines.push(format!("{what} {name}: removed"));
    }
}

fn backends(old: &Snapshot, new: &Snapshot, lines: &mut Vec<String>) {
    let list = |snapshot: &Snapshot| -> Vec<_> {
        snapshot.backends.iter().map(|backend| (backend.name.to_string(), backend.clone())).collect()
    };
    compare("backend", &list(old), &list(new), PartialEq::eq, lines);
}

fn cohorts(old: &Snapshot, new: &Snapshot, lines: &mut Vec<String>) {
    use crate::routing::CohortKind::{All, Any, Header, Networks, Percent, Tenants};
    let list = |snapshot: &Snapshot| -> Vec<_> {
        let rules = &snapshot.rules;
        let name = |id: &crate::routing::CohortId| rules.cohorts[id.0 as usize].name.to_string();
        let said = rules.cohorts.iter().map(|cohort| {
            let kind = match &cohort.kind {
                Tenants(set) => {
                    let mut tenants: Vec<&str> = set.iter().map(|tenant| &**tenant).collect();
                    tenants.sort_unstable();
                    format!("tenants {tenants:?}")
                }
                Any(ids) => format!("any {:?}", ids.iter().map(name).collect::<Vec<_>>()),
                All(ids) => format!("all {:?}", ids.iter().map(name).collect::<Vec<_>>()),
                kind @ (Header { .. } | Percent { .. } | Networks(_)) => format!("{kind:?}"),
            };
            let except: Vec<_> = cohort.except.iter().map(name).collect();
            (cohort.name.to_string(), format!("{kind} except {except:?}"))
        });
        said.collect()
    };
    compare("cohort", &list(old), &list(new), PartialEq::eq, lines);
}

fn flags(old: &Snapshot, new: &Snapshot, lines: &mut Vec<String>) {
    let list = |snapshot: &Snapshot| -> Vec<_> {
        snapshot.rules.flags.iter().map(|flag| (flag.name.to_string(), flag.clone())).collect()
    };
    let same = |a: &crate::routing::Flag, b: &crate::routing::Flag| {
        (a.over, &a.tenants, &a.users, a.percent, &a.salt, a.default)
            == (b.over, &b.tenants, &b.users, b.percent, &b.salt, b.default)
    };
    compare("flag", &list(old), &list(new), same, lines);
}

fn tokens(old: &Snapshot, new: &Snapshot, lines: &mut Vec<String>) {
    let list = |snapshot: &Snapshot| -> Vec<_> {
        snapshot.admin.tokens.iter().map(|token| (token.name.to_string(), token.clone())).collect()
    };
    compare("token", &list(old), &list(new), PartialEq::eq, lines);
}

/// What has no name of its own. Secrets are never shown.
fn settings(old: &Snapshot, new: &Snapshot, lines: &mut Vec<String>) {
    let mut changed = |what: &str, same: bool| {
        if !same {
            lines.push(format!("{what}: changed"));
        }
    };
    changed("subject", format!("{:?}", old.rules.subjects) == format!("{:?}", new.rules.subjects));
    changed("subject.jwt", format!("{:?}", old.jwt) == format!("{:?}", new.jwt));
    changed("subject.trusted_proxies", old.trust.proxies == new.trust.proxies);
    changed("force", old.trust.force == new.trust.force);
    changed("admin.hosts", old.admin.hosts == new.admin.hosts);
    changed("admin.peers", old.admin.peers == new.admin.peers);
    changed("admin.tls", old.admin.tls == new.admin.tls);
    changed("drain", old.drain == new.drain);
    changed("stream_grace", old.stream_grace == new.stream_grace);
    changed("access_log", old.access_log == new.access_log);
    changed("retention", old.retention == new.retention);
    changed("reload.confirm_removals", old.confirm_removals == new.confirm_removals);
    let same_addresses =
        old.listeners.iter().map(|listener| listener.address).eq(new.listeners.iter().map(|l| l.address));
    changed("listen", !same_addresses || old.listeners == new.listeners);
}

/// What a reload cannot apply.
fn restarts(old: &Snapshot, new: &Snapshot, lines: &mut Vec<String>) {
    let addresses = |snapshot: &Snapshot| {
        let list: Vec<String> = snapshot.listeners.iter().map(|listener| listener.address.to_string()).collect();
        list.join(", ")
    };
    let mut restart = |key: &str, was: String, is: String| {
        if was != is {
            lines.push(format!("{key}: {was} → {is} takes a restart"));
        }
    };
    restart("listen", addresses(old), addresses(new));
    restart("shadowing", format!("{:?}", old.shadowing), format!("{:?}", new.shadowing));
    restart("admin", old.admin.address.to_string(), new.admin.address.to_string());
    // However it is written: `/var/lib/banyan/.` is where `/var/lib/banyan` is.
    if old.state_dir != new.state_dir {
        restart("state_dir", old.state_dir.display().to_string(), new.state_dir.display().to_string());
    }
}
