//! The facade held against a simple model of it, through requests, reloads, rollbacks, kills, guard trips, crashes and restarts in any
//! order.
//!
//! `BANYAN_STEPS` says how many steps are taken (2,000 if unsaid) and `BANYAN_SEED` which; a failure prints both.

use std::collections::{BTreeMap, BTreeSet};

use banyan::routing::bucket_of;
use serde_json::{Value, json};

use crate::harness::{Pair, Script, until};

const STEPS: u32 = 2_000;
const ROUTES: [&str; 5] = ["read", "write", "carts", "done", "shaky"];
const TENANTS: [&str; 3] = ["acme", "globex", ""];

/// A configuration: the stage of each route; `None`: it is not there.
type Stages = [Option<&'static str>; ROUTES.len()];

const CONFIGURATIONS: [Stages; 5] = [
    [Some("live"), Some("live"), Some("canary"), Some("complete"), Some("live")],
    [Some("canary"), Some("canary"), Some("live"), Some("complete"), Some("live")],
    [Some("legacy"), Some("live"), None, Some("complete"), Some("canary")],
    [Some("shadow"), Some("complete"), Some("live"), None, Some("live")],
    [None, Some("canary"), Some("legacy"), Some("live"), Some("complete")],
];

fn yaml(stages: &Stages) -> String {
    let route = |(name, stage): (&&str, &Option<&str>)| {
        let stage = (*stage)?;
        let group = if matches!(*name, "read" | "write") { "group: orders, " } else { "" };
        // Only these can go back to legacy once they are complete.
        let legacy = if matches!(*name, "write" | "shaky") { "legacy: legacy, " } else { "" };
        let guard = if *name == "shaky" { ", guard: { window: 1s, min_requests: 10, error_rate: 50% }" } else { "" };
        let canary = if stage == "canary" { ", canary: { percent: 40, by: user }" } else { "" };
        Some(format!(
            "  - {{ name: {name}, {group}{legacy}match: {{ path: /{name} }}, new: new, stage: {stage}{canary}{guard} }}\n"
        ))
    };
    let routes: String = ROUTES.iter().zip(stages).filter_map(route).collect();
    format!(
        "force: {{ networks: [127.0.0.0/8] }}\nsubject: {{ tenant: [{{ header: X-Tenant }}], user: [{{ header: X-User }}] }}\n\
         routes:\n{routes}"
    )
}

/// What the facade must be.
#[derive(Debug, Clone)]
struct Model {
    /// Which configuration is in the file; `None`: a broken one.
    file: Option<usize>,
    /// Which was last taken from the file.
    accepted: usize,
    /// Whether that was kept from before, since the file was broken at the start: the file goes live even if it says the same.
    kept: bool,
    /// Which generation is held, and its configuration.
    held: Option<(u64, usize)>,
    pins: BTreeSet<String>,
    generation: u64,
    /// The configuration of each generation.
    past: BTreeMap<u64, usize>,
    /// How many changes the audit must tell of.
    changes: usize,
}

impl Model {
    fn live(&self) -> usize {
        self.held.map_or(self.accepted, |(_, configuration)| configuration)
    }

    fn changed(&mut self) {
        self.generation += 1;
        self.changes += 1;
        self.past.insert(self.generation, self.live());
    }

    /// Side and reason of a request.
    fn decide(&self, route: usize, tenant: &str, user: &str, force: Option<&str>) -> (&'static str, String) {
        let name = ROUTES[route];
        let Some(stage) = CONFIGURATIONS[self.live()][route] else { return ("legacy", "no-route".to_owned()) };
        let group = matches!(name, "read" | "write");
        let has_legacy = stage != "complete" || matches!(name, "write" | "shaky");
        let pinned = |scope: &str| self.pins.contains(scope);
        let by_tenant = |target: &str| !tenant.is_empty() && pinned(&format!("{target} tenant:{tenant}"));
        let reasons = [
            (pinned("all"), "kill"),
            (by_tenant(name) || group && by_tenant("group:orders"), "pin:route-tenant"),
            (!tenant.is_empty() && pinned(&format!("tenant:{tenant}")), "pin:tenant"),
            (pinned(name), "pin:route"),
            (group && pinned("group:orders"), "pin:group"),
        ];
        if let Some((_, reason)) = reasons.into_iter().find(|(holds, _)| *holds && has_legacy) {
            return ("legacy", reason.to_owned());
        }
        match force {
            Some("legacy") if has_legacy => return ("legacy", "force".to_owned()),
            Some("new") => return ("new", "force".to_owned()),
            _ => {}
        }
        let salt = if group { "orders" } else { name };
        match stage {
            "canary" if user.is_empty() => ("legacy", "missing-key:user".to_owned()),
            "canary" if bucket_of(salt, user).0 < 40_000 => ("new", "percent".to_owned()),
            "canary" => ("legacy", "outside-percent".to_owned()),
            "live" | "complete" => ("new", format!("stage:{stage}")),
            _ => ("legacy", format!("stage:{stage}")),
        }
    }

    /// Whether a rollback of this scope is obeyed.
    fn may_pin(&self, scope: &str) -> bool {
        let stages = &CONFIGURATIONS[self.live()];
        let target = scope.split(" tenant:").next().unwrap_or_default();
        let cannot = |route: usize| stages[route] == Some("complete") && !matches!(ROUTES[route], "write" | "shaky");
        match target {
            "all" => true,
            tenant if tenant.starts_with("tenant:") => true,
            "group:orders" => (stages[0].is_some() || stages[1].is_some()) && !cannot(0) && !cannot(1),
            name => {
                let route = ROUTES.iter().position(|route| *route == name).unwrap();
                stages[route].is_some() && !cannot(route)
            }
        }
    }

    /// Whether a scope names something that the live configuration has.
    fn knows(&self, scope: &str) -> bool {
        let stages = &CONFIGURATIONS[self.live()];
        match scope.split(" tenant:").next().unwrap_or_default() {
            "group:orders" => stages[0].is_some() || stages[1].is_some(),
            name => ROUTES.iter().position(|route| *route == name).is_none_or(|route| stages[route].is_some()),
        }
    }
}

/// The facade and what it must be.
struct Run {
    pair: Pair,
    model: Model,
    random: fastrand::Rng,
}

#[test]
// Without its seed a failure could not be seen again.
#[allow(clippy::print_stdout)]
fn whatever_happens_in_whatever_order_the_facade_is_what_the_model_says() {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let steps = number("BANYAN_STEPS").unwrap_or(u64::from(STEPS));
    let seed = number("BANYAN_SEED").unwrap_or_else(|| fastrand::u64(..));
    println!("BANYAN_STEPS={steps} BANYAN_SEED={seed}");
    let pair = Pair::start(&yaml(&CONFIGURATIONS[0]));
    pair.new.on("/fail", Script::raw("HTTP/1.1 500 Broken\r\nContent-Length: 0\r\n\r\n"));
    let model = Model {
        file: Some(0),
        accepted: 0,
        kept: false,
        held: None,
        pins: BTreeSet::new(),
        generation: 1,
        past: BTreeMap::from([(1, 0)]),
        changes: 1,
    };
    let mut run = Run { pair, model, random: fastrand::Rng::with_seed(seed) };
    for step in 0..steps {
        run = run.step();
        if step % 100 == 99 {
            run.look();
        }
    }
    run.look();
}

impl Run {
    fn step(mut self) -> Run {
        match self.random.u32(..1000) {
            0..640 => self.request(),
            640..760 => self.roll_back(),
            760..880 => self.resume(),
            880..900 => self.stale(),
            900..940 => self.reload(),
            940..960 => self.break_file(),
            960..970 => self.hold(),
            970..980 => self.unhold(),
            980..984 => self.trip(),
            984..992 => return self.restart(Pair::restart),
            _ => return self.restart(Pair::crash),
        }
        self
    }

    fn request(&mut self) {
        let (route, tenant) = (self.random.usize(..ROUTES.len()), *self.random.choice(&TENANTS).unwrap());
        let user = if self.random.bool() { format!("u-{}", self.random.u8(..)) } else { String::new() };
        let force = *self.random.choice(&[None, None, None, Some("legacy"), Some("new")]).unwrap();
        let mut lines = "Banyan-Explain: 1\r\n".to_owned();
        for (name, value) in [("X-Tenant", tenant), ("X-User", &user), ("Banyan-Force", force.unwrap_or_default())] {
            if !value.is_empty() {
                lines += &format!("{name}: {value}\r\n");
            }
        }
        let answer = self.pair.site.get_with(&format!("/{}", ROUTES[route]), &lines);
        let (side, reason) = self.model.decide(route, tenant, &user, force);
        let said = answer.field("banyan-decision").unwrap();
        let wanted = format!("side={side}; reason={reason};");
        assert!(said.contains(&wanted) && answer.served_by() == side, "{said} is not {wanted}\n{:?}", self.model);
        let generation = format!("generation={}", self.model.generation);
        assert!(said.ends_with(&generation), "{said} is not {generation}");
    }

    fn scope(&mut self) -> (Value, String) {
        let tenant = self.random.choice(&[None, None, Some("acme"), Some("globex")]).copied().flatten();
        let route = *self.random.choice(&ROUTES).unwrap();
        let (told, target) = match self.random.u32(..6) {
            0 => (json!({}), "all".to_owned()),
            1 => (json!({ "group": "orders" }), "group:orders".to_owned()),
            _ => (json!({ "route": route }), route.to_owned()),
        };
        let Some(tenant) = tenant else { return (told, target) };
        let mut told = told;
        told["tenant"] = tenant.into();
        let scope = if target == "all" { format!("tenant:{tenant}") } else { format!("{target} tenant:{tenant}") };
        (told, scope)
    }

    fn roll_back(&mut self) {
        let (told, scope) = self.scope();
        let path = if scope == "all" { "kill" } else { "rollback" };
        let answer = self.pair.site.change(path, &told);
        if !self.model.may_pin(&scope) {
            assert!(
                matches!(answer.status, 404 | 409),
                "{scope}: {} {}\n{:?}",
                answer.status,
                answer.text(),
                self.model
            );
            return;
        }
        let fresh = self.model.pins.insert(scope);
        self.obeyed(&answer.json(), answer.status, fresh);
    }

    fn resume(&mut self) {
        if self.random.u32(..5) == 0 {
            let any = !self.model.pins.is_empty();
            self.model.pins.clear();
            let answer = self.pair.site.change("resume", &json!({ "all": true }));
            return self.obeyed(&answer.json(), answer.status, any);
        }
        let (told, scope) = self.scope();
        let answer = self.pair.site.change("resume", &told);
        let there = self.model.pins.remove(&scope);
        if !there && !self.model.knows(&scope) {
            assert_eq!(answer.status, 404, "{scope}: {}", answer.text());
            return;
        }
        self.obeyed(&answer.json(), answer.status, there);
    }

    /// A change that is meant for a generation that is gone changes nothing.
    fn stale(&mut self) {
        let answer = self.pair.site.command_if("kill", &json!({}), self.model.generation + 1);
        assert_eq!(answer.status, 409, "{}", answer.text());
    }

    fn reload(&mut self) {
        let next = self.random.usize(..CONFIGURATIONS.len());
        self.pair.save(&yaml(&CONFIGURATIONS[next]));
        let answer = self.pair.site.change("reload?confirm=true", &Value::Null);
        let same = self.model.accepted == next && !self.model.kept;
        self.model.file = Some(next);
        if self.model.held.is_some() {
            assert_eq!(answer.status, 409, "{}", answer.text());
            return;
        }
        assert_eq!(answer.status, 200, "{}", answer.text());
        (self.model.accepted, self.model.kept) = (next, false);
        if !same {
            self.model.changed();
        }
        assert_eq!(answer.json()["generation"], self.model.generation, "{}", answer.text());
    }

    fn break_file(&mut self) {
        self.pair.site.save("routes: [");
        self.model.file = None;
        let answer = self.pair.site.change("reload?confirm=true", &Value::Null);
        assert_eq!(answer.status, 422, "{}", answer.text());
    }

    fn hold(&mut self) {
        let numbers: Vec<u64> = self.model.past.keys().copied().rev().take(20).collect();
        let number = *self.random.choice(&numbers).unwrap();
        let configuration = self.model.past[&number];
        let fresh = self.model.held.is_none_or(|(held, _)| held != number);
        let answer = self.pair.site.change("rollback", &json!({ "generation": number }));
        self.model.held = Some((number, configuration));
        self.obeyed(&answer.json(), answer.status, fresh);
    }

    fn unhold(&mut self) {
        let answer = self.pair.site.change("resume", &json!({ "file": true }));
        match (self.model.held, self.model.file) {
            (None, _) => assert_eq!(answer.status, 200, "{}", answer.text()),
            (Some(_), None) => assert_eq!(answer.status, 422, "{}", answer.text()),
            (Some(_), Some(file)) => {
                (self.model.held, self.model.accepted, self.model.kept) = (None, file, false);
                self.model.changed();
                assert_eq!(answer.json()["generation"], self.model.generation, "{}", answer.text());
            }
        }
    }

    /// New fails on the guarded route, if it is asked there at all: the guard pins it.
    fn trip(&mut self) {
        let shaky = ROUTES.len() - 1;
        let (side, _) = self.model.decide(shaky, "", "", None);
        let stage = CONFIGURATIONS[self.model.live()][shaky];
        // In stage complete a guard only warns.
        if side != "new" || stage != Some("live") || self.model.pins.iter().any(|pin| pin == "all" || pin == "shaky") {
            return;
        }
        self.pair.new.on("/shaky", Script::raw("HTTP/1.1 500 Broken\r\nContent-Length: 0\r\n\r\n"));
        until("the guard to trip", || {
            (0..5).for_each(|_| drop(self.pair.site.get("/shaky")));
            (self.pair.site.generation() > self.model.generation).then_some(())
        });
        self.pair.new.on("/shaky", Script::ok("well"));
        self.pair.site.get("/elsewhere");
        self.pair.site.await_written();
        self.model.pins.insert("shaky".to_owned());
        self.model.changed();
    }

    fn restart(mut self, restart: impl FnOnce(Pair) -> Pair) -> Run {
        self.pair = restart(self.pair);
        self.model.kept = self.model.file.is_none();
        if let (Some(file), None) = (self.model.file, self.model.held) {
            // What is taken away at a start must be confirmed, as at a reload.
            let (old, new) = (&CONFIGURATIONS[self.model.accepted], &CONFIGURATIONS[file]);
            let vanishes = |(old, new): (&Option<&str>, &Option<&str>)| old.is_some() && new.is_none();
            assert!(file == self.model.accepted || !old.iter().zip(new).any(vanishes), "the file was taken before");
            self.model.accepted = file;
        }
        self.model.changed();
        assert_eq!(self.pair.site.generation(), self.model.generation);
        self
    }

    fn obeyed(&mut self, said: &Value, status: u16, changed: bool) {
        assert_eq!(status, 200, "{said}");
        if changed {
            self.model.changed();
        }
        let wanted = json!([self.model.generation, changed]);
        assert_eq!(json!([said["generation"], said["changed"]]), wanted, "{said}\n{:?}", self.model);
    }

    /// Everything that is told of it agrees.
    fn look(&self) {
        let status = self.pair.site.read("status").json();
        let pins: BTreeSet<String> =
            status["pins"].as_array().unwrap().iter().map(|pin| pin["scope"].as_str().unwrap().to_owned()).collect();
        assert_eq!(pins, self.model.pins);
        assert_eq!(status["generation"], self.model.generation);
        assert_eq!(status["held"].as_u64(), self.model.held.map(|(number, _)| number));
        assert_eq!(status["killed"], self.model.pins.contains("all"));
        // One record for each change, and none for what changed nothing.
        let audit = self.pair.site.read(&format!("audit?limit={}", 1000.min(self.model.changes + 1))).json();
        let generations: Vec<u64> =
            audit["records"].as_array().unwrap().iter().map(|record| record["generation"].as_u64().unwrap()).collect();
        let last = self.model.generation;
        let wanted: Vec<u64> = (1..=last).rev().take(generations.len()).collect();
        assert_eq!((generations.len(), generations), (1000.min(self.model.changes), wanted));
        assert_eq!(self.pair.site.metric("banyan_killed"), u64::from(self.model.pins.contains("all")));
    }
}
