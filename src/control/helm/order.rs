//! Rolling back, killing, resuming, and holding a generation of before.

use std::sync::Arc;
use std::time::Duration;

use super::{Caller, Done, Helm, Inner, MadeFrom, Move, Refused};
use crate::clock::now_ms;
use crate::config::diagnostic::nearest;
use crate::directives::{Hold, Pin, Scope, Standing, Target, Unit, targets, without_legacy};
use crate::ledger::Change;
use crate::routing::Rules;

/// A rollback.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    /// What goes to legacy.
    pub scope: Scope,
    /// For how long; `None`: until it is resumed.
    pub hold_for: Option<Duration>,
    /// Why.
    pub why: String,
}

/// What is to be resumed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ResumeOrder {
    /// The pin of this scope; the kill switch is one.
    Pin(Scope),
    /// All pins and the kill switch.
    All,
}

impl Helm {
    /// Pins a scope to legacy. The same rollback again changes nothing, and none shortens a pin that holds longer.
    ///
    /// # Errors
    /// There is no such route or group, or one of its routes has no legacy backend to go back to. A pin on everything, or on a
    /// tenant everywhere, leaves such routes alone instead and names them.
    pub fn rollback(&self, order: Order, caller: &Caller) -> Result<Done, Refused> {
        let mut inner = self.inner();
        self.is_still(caller)?;
        let live = Arc::clone(&self.live.current());
        let Order { scope, hold_for, why } = order;
        let rules = &live.snapshot.rules;
        if !targets(rules, &scope.target) && scope.target != Target::Everything {
            return Err(unknown(&scope.target, rules));
        }
        let mut left_alone = without_legacy(&scope.target, rules);
        if scope.target != Target::Everything && !left_alone.is_empty() {
            return Err(Refused::WithoutLegacy(left_alone));
        }
        left_alone.dedup();
        let for_ms = hold_for.map(|time| u64::try_from(time.as_millis()).unwrap_or(u64::MAX));
        // Whoever rolls back a second time never shortens what somebody else counts on: `resume` does.
        let now = now_ms();
        let left = |pin: &Pin| pin.for_ms.map(|for_ms| pin.at_ms.saturating_add(for_ms).saturating_sub(now));
        if live.standing.pin(&scope).is_some_and(|pin| match (left(pin), for_ms) {
            (None, _) => true,
            (Some(_), None) => false,
            (Some(left), Some(more)) => more <= left,
        }) {
            return Ok(Done { left_alone, ..self.unchanged() });
        }
        let pin = Pin { scope, by: caller.by.clone(), why, at_ms: now, for_ms };
        Ok(Done { left_alone, ..self.pin(&mut inner, pin, "rollback", caller, Vec::new()) })
    }

    /// Lifts pins. What is not pinned stays as it is.
    ///
    /// # Errors
    /// There is neither such a pin nor such a route or group.
    pub fn resume(&self, order: &ResumeOrder, why: &str, caller: &Caller) -> Result<Done, Refused> {
        let mut inner = self.inner();
        self.is_still(caller)?;
        let live = Arc::clone(&self.live.current());
        let scopes: Vec<Scope> = match order {
            ResumeOrder::All => live.standing.pins.iter().map(|pin| pin.scope.clone()).collect(),
            ResumeOrder::Pin(scope) if live.standing.pin(scope).is_some() => vec![scope.clone()],
            ResumeOrder::Pin(scope) => {
                if scope.target != Target::Everything && !targets(&live.snapshot.rules, &scope.target) {
                    return Err(unknown(&scope.target, &live.snapshot.rules));
                }
                Vec::new()
            }
        };
        if scopes.is_empty() {
            return Ok(self.unchanged());
        }
        Ok(self.lift(&mut inner, &scopes, caller, why))
    }

    /// Puts a generation of before back and holds it, whatever the files say, until [`Helm::unhold`].
    ///
    /// # Errors
    /// Another generation is live than the caller thought.
    pub fn hold(&self, number: u64, made_from: MadeFrom, why: String, caller: &Caller) -> Result<Done, Refused> {
        let mut inner = self.inner();
        self.is_still(caller)?;
        let live = Arc::clone(&self.live.current());
        if live.standing.hold.as_ref().is_some_and(|hold| hold.generation == number) {
            return Ok(self.unchanged());
        }
        let hold = Hold { generation: number, by: caller.by.clone(), why: why.clone(), at_ms: now_ms() };
        let mut words =
            vec![format!("the configuration of generation {number} is back and held; pins stay as they are")];
        words.extend(crate::config::changes(&live.snapshot, &made_from.snapshot));
        let (from, to) = (format!("generation {}", live.number), format!("generation {number}, held"));
        let act = self.act(caller, "hold", "", from, to, why);
        let changes = vec![Change::Hold(hold.clone(), Arc::clone(&made_from.text))];
        let standing = Standing { hold: Some(hold), ..Standing::clone(&live.standing) };
        Ok(self.apply(&mut inner, Move { standing, made_from: Some(made_from), changes, words, act }))
    }

    /// Ends the hold; this configuration is live instead.
    pub(in crate::control) fn unhold(
        &self,
        made_from: MadeFrom,
        why: String,
        caller: &Caller,
    ) -> Result<Done, Refused> {
        let mut inner = self.inner();
        self.is_still(caller)?;
        let live = Arc::clone(&self.live.current());
        let Some(hold) = &live.standing.hold else { return Ok(self.unchanged()) };
        let mut words = vec![format!("generation {} is held no more", hold.generation)];
        words.extend(crate::config::changes(&live.snapshot, &made_from.snapshot));
        let from = format!("generation {}, held", hold.generation);
        let act = self.act(caller, "resume", "file", from, "the files".to_owned(), why);
        let standing = Standing { hold: None, ..Standing::clone(&live.standing) };
        let changes = vec![Change::Unhold];
        Ok(self.apply(&mut inner, Move { standing, made_from: Some(made_from), changes, words, act }))
    }

    /// What a guard found bad goes to legacy, and its ramp steps back with the same record.
    pub(in crate::control) fn trip(&self, unit: &Unit, ramp_back_to: Option<u32>, evidence: String, caller: &Caller) {
        let mut inner = self.inner();
        let live = Arc::clone(&self.live.current());
        let scope = Scope::of(unit.target());
        // An operator may have been faster.
        if live.standing.is_pinned(unit) || !targets(&live.snapshot.rules, &scope.target) {
            return;
        }
        let ramp = live.standing.ramp(unit).zip(ramp_back_to);
        let ramps = ramp.map(|(ramp, percent)| Change::Ramp(crate::directives::RampState { percent, ..ramp.clone() }));
        let pin = Pin { scope, by: caller.by.clone(), why: evidence, at_ms: now_ms(), for_ms: None };
        let _ = self.pin(&mut inner, pin, "trip", caller, ramps.into_iter().collect());
    }

    /// Sets a pin, and whatever else changes with it.
    fn pin(&self, inner: &mut Inner, pin: Pin, what: &str, caller: &Caller, more: Vec<Change>) -> Done {
        let live = Arc::clone(&self.live.current());
        let from = live.standing.pin(&pin.scope).map_or("the rules", |_| "legacy").to_owned();
        let until = pin
            .for_ms
            .map_or(String::new(), |ms| format!(" for {}", humantime::format_duration(Duration::from_millis(ms))));
        let on = pin.scope.to_string();
        let words = vec![match pin.scope.is_kill() {
            true => format!("the kill switch is on{until}: everything goes to legacy"),
            false => format!("{on}: pinned to legacy{until}"),
        }];
        let what = if pin.scope.is_kill() && what == "rollback" { "kill" } else { what };
        let act = self.act(caller, what, &on, from, format!("legacy{until}"), pin.why.clone());
        let mut standing = Standing::clone(&live.standing);
        standing.pins.retain(|other| other.scope != pin.scope);
        standing.pins.push(pin.clone());
        for change in &more {
            if let Change::Ramp(ramp) = change {
                standing.ramps.retain(|other| other.unit != ramp.unit);
                standing.ramps.push(ramp.clone());
            }
        }
        let changes = [vec![Change::Pin(pin)], more].concat();
        self.apply(inner, Move { standing, made_from: None, changes, words, act })
    }

    /// Lifts these pins, all of which are there, as one change.
    pub(super) fn lift(&self, inner: &mut Inner, scopes: &[Scope], caller: &Caller, why: &str) -> Done {
        let live = Arc::clone(&self.live.current());
        let mut standing = Standing::clone(&live.standing);
        standing.pins.retain(|pin| !scopes.contains(&pin.scope));
        inner.lifted.extend(scopes.iter().filter(|scope| scope.tenant.is_none()).map(|scope| scope.target.clone()));
        let names: Vec<String> = scopes.iter().map(ToString::to_string).collect();
        let words = scopes.iter().map(|scope| match scope.is_kill() {
            true => "the kill switch is off".to_owned(),
            false => format!("{scope}: pinned no more"),
        });
        let act =
            self.act(caller, "resume", &names.join(", "), "legacy".to_owned(), "the rules".to_owned(), why.into());
        let changes = scopes.iter().cloned().map(Change::Unpin).collect();
        self.apply(inner, Move { standing, made_from: None, changes, words: words.collect(), act })
    }
}

/// There is no such target; a near name, or the same name of the other kind, is what was probably meant.
fn unknown(target: &Target, rules: &Rules) -> Refused {
    let routes = || rules.routes.iter().map(|route| &*route.name);
    let groups = || rules.routes.iter().filter_map(|route| route.group.as_deref());
    let (what, hint) = match target {
        Target::Everything => ("route".to_owned(), None),
        Target::Route(name) => {
            let group = groups().find(|group| *group == &**name).map(|group| format!("group:{group}"));
            let tenant = name.strip_prefix("tenant:").map(|tenant| format!("--tenant {tenant}"));
            let near = || nearest(name, routes()).map(str::to_owned);
            (format!("route `{name}`"), group.or(tenant).or_else(near))
        }
        Target::Group(name) => {
            let route = routes().find(|route| *route == &**name).map(|route| format!("{route}, without `group:`,"));
            let near = || nearest(name, groups()).map(|group| format!("group:{group}"));
            (format!("group `{name}`"), route.or_else(near))
        }
    };
    Refused::Unknown(hint.map_or_else(|| what.clone(), |hint| format!("{what}; did you mean {hint}?")))
}
