//! What an action will do, in words: asked before it is done.

use std::collections::HashSet;

use super::link::link;
use super::question::{List, Other, Question};
use crate::control::overview::{RouteStatus, Status};
use crate::directives::{Pin, Scope, Standing, Target, routes_of, targets, without_legacy};
use crate::names::Stage;
use crate::report::{moment, percent};
use crate::routing::{Route, Rules};

/// What the words are made from.
#[derive(Debug, Clone, Copy)]
pub(super) struct Consequence<'c> {
    /// The live rules.
    pub(super) rules: &'c Rules,
    /// What is pinned.
    pub(super) standing: &'c Standing,
    /// How everything stands, with its routes.
    pub(super) status: &'c Status,
}

/// What a rollback will do; `None` if there is nothing of this name.
pub(super) fn rolled_back(seen: &Consequence<'_>, scope: &Scope) -> Option<Question> {
    if scope.target != Target::Everything && !targets(seen.rules, &scope.target) {
        return None;
    }
    let routes: Vec<_> = routes_of(&scope.target, seen.rules).map(|(_, route)| route).collect();
    let left_alone = without_legacy(&scope.target, seen.rules);
    let whose = scope.tenant.as_ref().map_or(String::new(), |tenant| format!(" of the tenant {tenant}"));
    let mut says = vec![match &scope.target {
        Target::Route(name) => {
            format!("All requests{whose} to {name} are answered by legacy{}, at once.", legacy_of(seen, &routes))
        }
        Target::Group(name) => {
            format!(
                "All requests{whose} to the {} of group {name} are answered by legacy, at once.",
                counted(routes.len())
            )
        }
        Target::Everything => format!("All requests{whose} are answered by legacy, on every route, at once."),
    }];
    says.extend(scope.tenant.is_none().then(|| seen.traffic(&routes)).flatten());
    says.push(
        "It holds, whatever the files say and across restarts, until it is resumed or the time is over.".to_owned(),
    );
    says.extend(seen.standing.pin(scope).map(|pin| format!("It is pinned already: {}.", pinned(pin))));
    if scope.target != Target::Everything && !left_alone.is_empty() {
        says = vec![format!("Not possible: {} has no legacy backend to go back to.", left_alone.join(", "))];
    }
    let names = if routes.len() > 1 { routes.iter().map(|route| route.name.to_string()).collect() } else { Vec::new() };
    Some(Question {
        title: format!("Roll back {scope}"),
        says,
        list: List::of(counted(names.len()), names),
        other: instead(seen, scope),
        action: "/act/rollback",
        hidden: vec![("scope", scope.to_string())],
        button: "Roll back",
        is_danger: true,
        asks_time: true,
        ..Question::default()
    })
}

/// What the kill switch will do.
pub(super) fn killed(seen: &Consequence<'_>) -> Option<Question> {
    let left_alone = without_legacy(&Target::Everything, seen.rules);
    let moved: Vec<_> = seen.rules.routes.iter().filter(|route| route.legacy.is_some() && answers_new(route)).collect();
    let mut says = vec![format!(
        "Everything goes to legacy at once: {} of {} answer from new, in part or in full, and no longer will.",
        moved.len(),
        counted(seen.rules.routes.len()),
    )];
    says.extend(seen.traffic(&moved));
    says.push(match left_alone.len() {
        0 => "No route is left alone: each has a legacy backend.".to_owned(),
        1 => "1 route stays with new, since it has no legacy backend to go back to.".to_owned(),
        some => format!("{some} routes stay with new, since they have no legacy backend to go back to."),
    });
    says.push("It holds across restarts until it is resumed. Pins of before stay as they are.".to_owned());
    Some(Question {
        title: "Send everything to legacy?".to_owned(),
        says,
        list: List::of("Routes that stay with new", left_alone.iter().map(ToString::to_string).collect()),
        action: "/act/kill",
        button: "Send everything to legacy",
        is_danger: true,
        asks_time: true,
        ..Question::default()
    })
}

/// What a resume will do; `None` if this is neither pinned nor anything that is there.
pub(super) fn resumed(seen: &Consequence<'_>, scope: &Scope) -> Option<Question> {
    let pin = seen.standing.pin(scope);
    if pin.is_none() && scope.target != Target::Everything && !targets(seen.rules, &scope.target) {
        return None;
    }
    let others: Vec<String> =
        seen.standing.pins.iter().filter(|other| other.scope != *scope).map(|pin| pin.scope.to_string()).collect();
    let mut says = vec![match pin {
        Some(pin) => format!("On legacy: {}.", pinned(pin)),
        None => "It is not pinned.".to_owned(),
    }];
    says.push(match &scope.target {
        Target::Everything => "Every route goes back to its stage in the files, at once.".to_owned(),
        Target::Group(name) => format!("The routes of group {name} go back to their stages in the files, at once."),
        Target::Route(name) => {
            let stage = seen.rules.routes.iter().find(|route| route.name == *name).map(|route| route.stage.as_str());
            format!(
                "It goes back to its stage in the files{}, at once.",
                stage.map_or(String::new(), |stage| format!(" ({stage})"))
            )
        }
    });
    says.push("A ramp goes on one step before the one it was at; a guard begins to count anew.".to_owned());
    Some(Question {
        title: if scope.is_kill() { "Resume traffic to new?".to_owned() } else { format!("Resume {scope}") },
        says,
        list: List::of("Still pinned afterwards", others),
        action: "/act/resume",
        hidden: vec![("scope", scope.to_string())],
        button: "Resume",
        ..Question::default()
    })
}

impl Consequence<'_> {
    /// What of late went to new on these routes.
    fn traffic(&self, routes: &[&Route]) -> Option<String> {
        let names: HashSet<&str> = routes.iter().map(|route| &*route.name).collect();
        let of = |row: &&RouteStatus| names.contains(&*row.name);
        let (mut rate, mut new, mut all) = (0.0, 0, 0);
        for row in self.status.routes.iter().filter(of) {
            rate += row.rate;
            new += row.new.requests;
            all += row.new.requests + row.legacy.requests;
        }
        let share = (all > 0).then(|| percent(new as f64 / all as f64))?;
        Some(format!("Of late, {share} of {rate:.1} requests a second went to new."))
    }
}

/// Whether new may answer some of its requests.
fn answers_new(route: &Route) -> bool {
    matches!(route.stage, Stage::Canary | Stage::Live | Stage::Complete)
}

/// A group moves together, so its routes are mostly meant together.
fn instead(seen: &Consequence<'_>, scope: &Scope) -> Option<Other> {
    let Target::Route(name) = &scope.target else { return None };
    let route = seen.rules.routes.iter().find(|route| route.name == *name)?;
    let group = Target::Group(route.group.clone()?);
    let count = routes_of(&group, seen.rules).count();
    let meant = Scope { target: group, tenant: scope.tenant.clone() }.to_string();
    (count > 1).then(|| Other {
        why: format!("It is one of {} that move together.", counted(count)),
        href: link("/rollback", &[("scope", &meant)]),
        label: format!("Roll back {meant} instead"),
    })
}

fn legacy_of(seen: &Consequence<'_>, routes: &[&Route]) -> String {
    let row = routes.first().and_then(|route| seen.status.routes.iter().find(|row| *row.name == *route.name));
    let backend = row.and_then(|row| row.legacy_backend.as_ref()).filter(|backend| *backend != "legacy");
    backend.map_or(String::new(), |backend| format!(" ({backend})"))
}

fn pinned(pin: &Pin) -> String {
    let why = if pin.why.is_empty() { String::new() } else { format!(", “{}”", pin.why) };
    format!("by {} at {}{why}", pin.by, moment(pin.at_ms))
}

fn counted(routes: usize) -> String {
    if routes == 1 { "1 route".to_owned() } else { format!("{routes} routes") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::console::route::tests::snapshot;
    use crate::control::overview::SideStatus;
    use crate::directives::{Author, Source};

    const YAML: &str = "\
version: 1
listen: [{ address: 127.0.0.1:0 }]
admin: { address: 127.0.0.1:0 }
defaults: { legacy: monolith }
backends: { monolith: { endpoints: [\"http://127.0.0.1:1\"] }, v2: { endpoints: [\"http://127.0.0.1:2\"] } }
routes:
  - { name: read, group: orders, match: { methods: [GET], path: /orders }, new: v2, stage: canary, canary: { tenants: [acme] } }
  - { name: write, group: orders, match: { methods: [POST], path: /orders }, new: v2, stage: live }
  - { name: cart, match: { path: /cart }, new: v2, stage: shadow, shadow: {} }
  - { name: accounts, match: { path: /accounts }, legacy: none, new: v2, stage: complete }
";

    fn said(standing: &Standing, what: impl FnOnce(&Consequence<'_>) -> Option<Question>) -> Option<Question> {
        let snapshot = snapshot(YAML);
        let row = |name: &str, legacy: u64, new: u64| RouteStatus {
            name: name.to_owned(),
            rate: 2.0,
            legacy: SideStatus { requests: legacy, ..SideStatus::default() },
            new: SideStatus { requests: new, ..SideStatus::default() },
            legacy_backend: Some("monolith".to_owned()),
            ..RouteStatus::default()
        };
        let status =
            Status { routes: vec![row("read", 75, 25), row("write", 0, 100), row("cart", 9, 0)], ..Status::default() };
        what(&Consequence { rules: &snapshot.rules, standing, status: &status })
    }

    fn scope(text: &str) -> Scope {
        Scope::parse(text).unwrap()
    }

    #[test]
    fn a_rollback_says_how_much_it_takes_away_and_what_moves_with_it() {
        let asked = said(&Standing::default(), |seen| rolled_back(seen, &scope("read"))).unwrap();
        assert_eq!(asked.says[0], "All requests to read are answered by legacy (monolith), at once.");
        assert_eq!(asked.says[1], "Of late, 25.0 % of 2.0 requests a second went to new.");
        let other = asked.other.unwrap();
        assert_eq!((&*other.href, asked.list), ("/rollback?scope=group%3Aorders", None));
        let group = said(&Standing::default(), |seen| rolled_back(seen, &scope("group:orders"))).unwrap();
        assert!(group.says[0].contains("the 2 routes of group orders") && group.list.is_some(), "{group:?}");
        let tenant = said(&Standing::default(), |seen| rolled_back(seen, &scope("read tenant:acme"))).unwrap();
        assert_eq!(
            tenant.says[0],
            "All requests of the tenant acme to read are answered by legacy (monolith), at once."
        );
        assert!(said(&Standing::default(), |seen| rolled_back(seen, &scope("nothing"))).is_none());
        let none = said(&Standing::default(), |seen| rolled_back(seen, &scope("accounts"))).unwrap();
        assert_eq!(none.says, ["Not possible: accounts has no legacy backend to go back to."]);
    }

    #[test]
    fn the_kill_switch_names_what_it_leaves_alone() {
        let asked = said(&Standing::default(), killed).unwrap();
        assert!(asked.says[0].contains("2 of 4 routes answer from new"), "{asked:?}");
        assert_eq!(asked.says[1], "Of late, 62.5 % of 4.0 requests a second went to new.");
        assert_eq!(asked.list, List::of("Routes that stay with new", vec!["accounts".to_owned()]));
    }

    #[test]
    fn a_resume_says_who_pinned_it_and_what_stays_pinned() {
        let pin = |text: &str| Pin {
            scope: scope(text),
            by: Author { source: Source::Api, name: "ada".to_owned() },
            why: "5xx".to_owned(),
            at_ms: 0,
            for_ms: None,
        };
        let standing = Standing { pins: vec![pin("read"), pin("group:orders")], ..Standing::default() };
        let asked = said(&standing, |seen| resumed(seen, &scope("read"))).unwrap();
        assert_eq!(asked.says[0], "On legacy: by api ada at 1970-01-01T00:00:00Z, “5xx”.");
        assert!(asked.says[1].contains("(canary)"), "{asked:?}");
        assert_eq!(asked.list, List::of("Still pinned afterwards", vec!["group:orders".to_owned()]));
        assert!(said(&standing, |seen| resumed(seen, &scope("write"))).is_some());
        assert!(said(&standing, |seen| resumed(seen, &scope("nothing"))).is_none());
    }
}
