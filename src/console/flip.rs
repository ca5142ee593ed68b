//! What was changed on a route: in lists, and as marks in plots.

use super::chart::Mark;
use super::link;
use crate::clock::moment;
use crate::directives::{Act, Scope, Target};
use crate::routing::Route;

/// Something that was changed on a route.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Flip {
    /// When, in milliseconds since 1970.
    pub(super) at_ms: u64,
    /// When (RFC 3339).
    pub(super) at: String,
    /// The class that gives its mark a colour.
    pub(super) class: &'static str,
    /// What, in words.
    pub(super) words: String,
    /// Who.
    pub(super) by: String,
    /// Why; empty where nobody said.
    pub(super) why: String,
    /// The generation that was live with it.
    pub(super) generation: u64,
    /// Where more is told of it.
    pub(super) href: String,
}

/// The records that concern a route, or everything, in the order that they are in.
pub(super) fn of_route(acts: &[Act], route: &Route) -> Vec<Flip> {
    acts.iter().filter_map(|act| Flip::of(act, route)).collect()
}

impl Flip {
    fn of(act: &Act, route: &Route) -> Option<Flip> {
        let (class, words) = match &*act.what {
            "start" => ("mark-change", "the facade started".to_owned()),
            "reload" => {
                let own = format!("{}: ", route.name);
                let words: Vec<&str> = act.to.split("; ").filter_map(|words| words.strip_prefix(&*own)).collect();
                ("mark-change", if words.is_empty() { return None } else { words.join("; ") })
            }
            "hold" => ("mark-change", format!("{} was put back", act.to)),
            "resume" if act.on == "file" => ("mark-change", "the files count again".to_owned()),
            "accept" | "reopen" => return None,
            what => {
                // Several pins may be lifted as one.
                let mut scopes = act.on.split(", ").filter_map(|text| Scope::parse(text).ok());
                let scope = scopes.find(|scope| scope.target == Target::Everything || scope.target.names(route))?;
                told(what, &scope, act)
            }
        };
        Some(Flip {
            at_ms: act.at_ms,
            at: moment(act.at_ms),
            class,
            words,
            by: act.by.to_string(),
            why: act.why.clone(),
            generation: act.generation,
            href: link::generation(act.generation),
        })
    }

    /// The same in a plot.
    pub(super) fn mark(&self) -> Mark {
        let why = if self.why.is_empty() { String::new() } else { format!(" ({})", self.why) };
        let title = format!("{}: {}, by {}{why}", self.at, self.words, self.by);
        Mark { at_ms: self.at_ms, class: self.class, title, href: Some(self.href.clone()) }
    }
}

fn told(what: &str, scope: &Scope, act: &Act) -> (&'static str, String) {
    let tenant = scope.tenant.as_ref().map_or(String::new(), |tenant| format!(" for the tenant {tenant}"));
    let with = match &scope.target {
        Target::Group(name) => format!(" with its group {name}"),
        Target::Everything if scope.tenant.is_none() && what != "kill" => " with everything".to_owned(),
        Target::Everything | Target::Route(_) => String::new(),
    };
    match what {
        "kill" => ("mark-pin", "the kill switch sent everything to legacy".to_owned()),
        "rollback" => ("mark-pin", format!("rolled back{tenant}{with}")),
        "trip" => ("mark-trip", format!("the guard rolled it back{with}")),
        "resume" => ("mark-resume", format!("resumed{tenant}{with}")),
        "step" if act.from.is_empty() => ("mark-ramp", format!("ramp: {}", act.to)),
        "step" => ("mark-ramp", format!("ramp: {} → {}", act.from, act.to)),
        other => ("mark-change", format!("{other}{tenant}{with}: {}", act.to)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::directives::{Author, Source};

    fn act(what: &str, on: &str, from: &str, to: &str) -> Act {
        Act {
            at_ms: 1_000,
            by: Author { source: Source::Api, name: "alice".to_owned() },
            what: what.to_owned(),
            on: on.to_owned(),
            from: from.to_owned(),
            to: to.to_owned(),
            why: "slow".to_owned(),
            request_id: String::new(),
            generation: 7,
        }
    }

    fn words(act: Act) -> Option<String> {
        Flip::of(&act, &route()).map(|flip| flip.words)
    }

    fn route() -> Route {
        use super::super::route::tests::{ROUTES, snapshot};
        snapshot(ROUTES).rules.routes[0].clone()
    }

    #[test]
    fn only_what_concerns_the_route_is_told() {
        for (told, expected) in [
            (act("rollback", "orders-read", "", "legacy"), Some("rolled back")),
            (act("rollback", "orders-write", "", "legacy"), None),
            (act("rollback", "group:orders", "", "legacy"), Some("rolled back with its group orders")),
            (act("rollback", "orders-read tenant:acme", "", "legacy"), Some("rolled back for the tenant acme")),
            (act("rollback", "tenant:acme", "", "legacy"), Some("rolled back for the tenant acme")),
            (act("kill", "all", "", "legacy"), Some("the kill switch sent everything to legacy")),
            (act("resume", "x, group:orders", "legacy", "the rules"), Some("resumed with its group orders")),
            (act("step", "group:orders", "5 %", "25 %"), Some("ramp: 5 % → 25 %")),
            (act("step", "other", "5 %", "25 %"), None),
            (act("trip", "orders-read", "", "legacy"), Some("the guard rolled it back")),
            (act("reload", "", "", "a: x; orders-read: stage canary → live; b: y"), Some("stage canary → live")),
            (act("reload", "", "", "orders-read-2: stage canary → live"), None),
            (act("accept", "0123456789abcdef", "", "accepted"), None),
        ] {
            assert_eq!(words(told.clone()).as_deref(), expected, "{told:?}");
        }
    }

    #[test]
    fn a_mark_says_when_what_who_and_why() {
        let flip = Flip::of(&act("rollback", "all tenant:x", "", ""), &route())
            .or(Flip::of(&act("kill", "all", "", ""), &route()))
            .unwrap();
        assert!(
            flip.mark().title.starts_with("1970-01-01T00:00:01Z: ")
                && flip.mark().title.ends_with("by api alice (slow)")
        );
        assert_eq!(flip.mark().href.as_deref(), Some("/changes/7"));
    }
}
