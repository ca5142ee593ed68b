//! A route as the page shows it.

use super::Asked;
use super::advice::{self, Advice, Known};
use super::ask::Typed;
use super::facts::Facts;
use super::guard::{Guarded, ramp};
use super::plots::plots;
use super::step::{How, Step};
use super::yaml::Written;
use crate::clock::moment;
use crate::console::chart::{Mark, Svg, Unit, share_bar};
use crate::console::flip::Flip;
use crate::console::link::{self, link};
use crate::console::number::{count, counted, span};
use crate::control::overview::{Period, SideStatus};
use crate::names::Stage;
use crate::report::explain::Explanation;
use crate::report::route::{PinView, RouteView};
use crate::report::{percent, share};
use crate::routing::Percent;
use crate::store::read::SignatureRow;

/// The most signatures and changes that are listed; the rest is behind a link.
const LISTED: usize = 8;
const FLIPS: usize = 8;

/// A route as the page shows it.
pub(super) struct View {
    pub(super) name: String,
    pub(super) owner: Option<String>,
    pub(super) group: Option<String>,
    /// The board with the routes of the group.
    pub(super) group_board: String,
    pub(super) rungs: Vec<Rung>,
    /// Whether all of it is on legacy by a pin or the kill switch.
    pub(super) is_pinned: bool,
    /// Whether new may answer some of its requests.
    pub(super) is_on_new: bool,
    /// Whether the next step is one that a gate is asked about.
    pub(super) asks_gate: bool,
    pub(super) rollback: String,
    pub(super) rollback_group: Option<String>,
    pub(super) resume: String,
    pub(super) of_tenant: String,
    pub(super) bar: Svg,
    pub(super) stats: Vec<Stat>,
    pub(super) step: String,
    pub(super) advice: Advice,
    pub(super) choices: Vec<Choice>,
    pub(super) how: Option<How>,
    pub(super) gate: GateTyped,
    pub(super) guarded: Option<Guarded>,
    pub(super) ramp: Option<String>,
    pub(super) pins: Vec<Pinned>,
    pub(super) is_day: bool,
    pub(super) here: String,
    pub(super) plots: Vec<Svg>,
    pub(super) signatures: Vec<Difference>,
    pub(super) differences: String,
    pub(super) differences_note: String,
    pub(super) rules: Vec<(&'static str, Vec<String>)>,
    pub(super) yaml: Option<Written>,
    pub(super) typed: Typed,
    pub(super) explained: Option<Result<Explanation, String>>,
    pub(super) flips: Vec<Flip>,
    pub(super) more_flips: usize,
    pub(super) flips_note: Option<String>,
}

/// A stage on the way.
pub(super) struct Rung {
    pub(super) name: &'static str,
    pub(super) is_here: bool,
    pub(super) is_behind: bool,
}

/// A number with what it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Stat {
    pub(super) label: &'static str,
    pub(super) value: String,
    pub(super) note: String,
    /// Where its rows are.
    pub(super) href: String,
}

/// A step that can be asked about.
pub(super) struct Choice {
    pub(super) key: String,
    pub(super) label: String,
    pub(super) is_chosen: bool,
}

/// What the gate asks for.
pub(super) struct GateTyped {
    pub(super) min_match: String,
    pub(super) min_n: String,
    /// The same as a command.
    pub(super) command: String,
}

/// A pin with the way to lift it.
pub(super) struct Pinned {
    pub(super) view: PinView,
    pub(super) resume: String,
}

/// A difference in short.
pub(super) struct Difference {
    pub(super) href: String,
    pub(super) path: String,
    pub(super) kind: &'static str,
    pub(super) judgement: &'static str,
    pub(super) class: &'static str,
    pub(super) share: String,
    pub(super) last_seen: String,
}

impl View {
    /// What the page shows of these facts.
    pub(super) fn of(facts: &Facts, asked: &Asked) -> View {
        let (status, route) = (&facts.status, &facts.view);
        let name = route.name.clone();
        let here = link::route(&name);
        let step = Step::of(&facts.rule, asked.to.trim());
        let chosen = step.key();
        let choices = Step::choices(&facts.rule);
        let is_own = !chosen.is_empty() && choices.iter().all(|choice| choice.key() != chosen);
        let choices = choices.into_iter().chain(is_own.then(|| step.clone()));
        let marks: Vec<Mark> = facts.flips.iter().rev().map(Flip::mark).collect();
        let scoped = |path: &str, scope: &str| link(path, &[("scope", scope), ("back", &here)]);
        let together = route.group.as_ref().filter(|_| facts.in_group > 1);
        let is_pinned = status.pins.iter().any(|scope| !scope.contains("tenant:"));
        View {
            rungs: rungs(facts.rule.stage),
            is_pinned,
            is_on_new: matches!(facts.rule.stage, Stage::Canary | Stage::Live | Stage::Complete),
            asks_gate: !matches!(step, Step::Nowhere(_) | Step::Shadow),
            rollback: scoped("/rollback", &name),
            rollback_group: together.map(|group| scoped("/rollback", &format!("group:{group}"))),
            resume: scoped("/resume", pinned_by(&status.pins).unwrap_or(&name)),
            of_tenant: format!("{here}/rollback"),
            bar: share_bar(if status.is_held() { Some(0.0) } else { status.new_share }),
            stats: stats(facts),
            step: step.label(),
            advice: advice::advise(&step, &known(facts)),
            choices: choices
                .map(|choice| Choice { label: choice.label(), is_chosen: choice.key() == chosen, key: choice.key() })
                .filter(|choice| !choice.key.is_empty())
                .collect(),
            how: step.how(&facts.rule, facts.is_copied),
            gate: GateTyped::of(facts),
            guarded: facts.guard_settings.as_ref().map(|settings| Guarded::of(settings, facts.guard.as_ref())),
            ramp: status.ramp.as_ref().map(ramp),
            pins: route
                .pins
                .iter()
                .map(|pin| Pinned { view: pin.clone(), resume: scoped("/resume", &pin.scope) })
                .collect(),
            is_day: facts.period == Period::Day,
            plots: plots(facts.series.as_ref(), facts.period, &marks, facts.now_ms),
            signatures: signatures(facts),
            differences: link("/differences", &[("route", &name)]),
            differences_note: differences_note(facts),
            rules: rules(route),
            yaml: facts.yaml.clone(),
            typed: if asked.typed == Typed::default() { Typed::example(&facts.rule) } else { asked.typed.clone() },
            explained: facts.explained.clone(),
            flips: facts.flips.iter().take(FLIPS).cloned().collect(),
            more_flips: facts.flips.len().saturating_sub(FLIPS),
            flips_note: facts.unreadable.clone(),
            group_board: link(
                "/",
                &[("q", &route.group.as_ref().map_or_else(String::new, |group| format!("group:{group}")))],
            ),
            owner: route.owner.clone(),
            group: route.group.clone(),
            here,
            name,
        }
    }
}

/// The pin to lift first: the widest one holds it longest.
fn pinned_by(pins: &[String]) -> Option<&String> {
    let rank = |scope: &&String| match scope.as_str() {
        "all" => 0,
        scope if scope.starts_with("group:") => 1,
        _ => 2,
    };
    pins.iter().filter(|scope| !scope.contains("tenant:")).min_by_key(rank)
}

fn rungs(stage: Stage) -> Vec<Rung> {
    const STAGES: [Stage; 5] = [Stage::Legacy, Stage::Shadow, Stage::Canary, Stage::Live, Stage::Complete];
    let at = STAGES.iter().position(|other| *other == stage).unwrap_or_default();
    let rung =
        |(place, stage): (usize, &Stage)| Rung { name: stage.as_str(), is_here: place == at, is_behind: place < at };
    STAGES.iter().enumerate().map(rung).collect()
}

fn known(facts: &Facts) -> Known<'_> {
    let settings = facts.guard_settings.as_ref();
    let share = facts.rule.canary.as_ref().and_then(|canary| canary.share);
    Known {
        status: &facts.status,
        span_s: facts.span_s,
        hour: facts.hour.as_ref().map(advice::sums).unwrap_or_default(),
        guard: facts.guard.as_ref(),
        limits: settings.map(|settings| settings.limits.as_slice()).unwrap_or_default(),
        min_requests: advice::min_requests(settings),
        tally: facts.compared.as_ref().map(|compared| compared.tally).map_err(Clone::clone),
        gate: facts.gate,
        open: facts.compared.as_ref().map(super::facts::Compared::open).unwrap_or_default(),
        by: share.map(|share| share.by.to_string()),
    }
}

fn stats(facts: &Facts) -> Vec<Stat> {
    let status = &facts.status;
    let stat = |label, value: String, note: String| Stat { label, value, note, href: "#plots".to_owned() };
    let last = match status.last_hit.as_deref().map(|at| since(at, facts.now_ms)) {
        Some(seconds) => format!("last asked for {} ago", span(seconds)),
        None => "not asked for since the start".to_owned(),
    };
    let matching = facts.compared.as_ref().map(|compared| compared.tally.matching()).unwrap_or_default();
    let (low, high) = matching.interval();
    let matched = match matching.rate() {
        Some(rate) => {
            (percent(rate), format!("{} compared, 95 %: {} to {}", count(matching.of), percent(low), percent(high)))
        }
        None => ("–".to_owned(), "nothing was compared".to_owned()),
    };
    let of_late = status.new_share.map_or_else(|| "–".to_owned(), percent);
    let asked = counted(status.legacy.requests + status.new.requests, "request");
    vec![
        stat(
            "on new",
            if status.is_held() { percent(0.0) } else { of_late.clone() },
            match status.is_held() {
                true => format!("now; {of_late} of {asked} in the last {:.0} s", facts.span_s),
                false => format!("of {asked} in the last {:.0} s", facts.span_s),
            },
        ),
        stat("requests", Unit::PerSecond.text(status.rate), last),
        Stat { href: link("/differences", &[("route", &status.name)]), ..stat("match", matched.0, matched.1) },
        stat("errors of new", failed(&status.new), format!("legacy {}", failed(&status.legacy))),
        stat(
            "p99 of new",
            time(status.new.p99_ms),
            format!(
                "legacy {} · p50: {}, legacy {}",
                time(status.legacy.p99_ms),
                time(status.new.p50_ms),
                time(status.legacy.p50_ms)
            ),
        ),
    ]
}

/// How many seconds ago that was (RFC 3339).
fn since(at: &str, now_ms: u64) -> u64 {
    let at = humantime::parse_rfc3339(at).ok().and_then(|at| at.duration_since(std::time::UNIX_EPOCH).ok());
    at.map_or(0, |at| (now_ms / 1000).saturating_sub(at.as_secs()))
}

fn failed(side: &SideStatus) -> String {
    if side.requests == 0 { "–".to_owned() } else { percent(side.errors as f64 / side.requests as f64) }
}

fn time(millis: Option<f64>) -> String {
    millis.map_or_else(|| "–".to_owned(), |millis| Unit::Millis.text(millis))
}

impl GateTyped {
    fn of(facts: &Facts) -> GateTyped {
        let text = |percent: Percent| (f64::from(percent.thousandths()) / 1000.0).to_string();
        let (min_match, min_n) = (text(facts.gate.min_match), facts.gate.min_n.to_string());
        let command = format!("banyan gate {} --min-match {min_match}% --min-n {min_n}", facts.view.name);
        GateTyped { min_match, min_n, command }
    }
}

fn signatures(facts: &Facts) -> Vec<Difference> {
    let rows = facts.compared.as_ref().map(|compared| compared.signatures.as_slice()).unwrap_or_default();
    rows.iter().take(LISTED).map(|row| Difference::of(row, facts.now_ms)).collect()
}

impl Difference {
    fn of(row: &SignatureRow, now_ms: u64) -> Difference {
        let judgement = row.judgement();
        let (words, class) = match judgement {
            crate::diff::Judgement::Real => ("real", "danger"),
            crate::diff::Judgement::Rare => ("rare", "warn"),
            crate::diff::Judgement::TooFew => ("too few to say", "warn"),
            crate::diff::Judgement::Transient => ("transient", "noise"),
            crate::diff::Judgement::Noise => ("noise", "noise"),
        };
        Difference {
            href: format!("/differences/{}", row.id),
            path: row.path.clone(),
            kind: row.kind.as_str(),
            judgement: words,
            class,
            share: share(row.share()),
            last_seen: format!("{} ago", span(now_ms.saturating_sub(row.seen_ms.1) / 1000)),
        }
    }
}

fn differences_note(facts: &Facts) -> String {
    let compared = match &facts.compared {
        Ok(compared) => compared,
        Err(why) => return format!("Differences cannot be read: {why}."),
    };
    let [noise, accepted] = compared.hidden;
    let more = compared.signatures.len().saturating_sub(LISTED);
    let told = |number: usize, what: &str| (number > 0).then(|| format!("{} {what}", count(number as u64)));
    let parts: Vec<String> =
        [told(more, "more"), told(noise, "hidden as noise or transient"), told(accepted, "accepted")]
            .into_iter()
            .flatten()
            .collect();
    match (parts.is_empty(), compared.signatures.is_empty(), compared.tally.matching().of) {
        (false, ..) => format!("{}.", parts.join(", ")),
        (true, true, 0) if facts.is_copied => "Nothing was compared yet: copies are compared as soon as requests come.".to_owned(),
        (true, true, 0) => "Nothing is compared: the route has no `shadow:`. `shadow: { sample: 100% }` would copy its requests to the other side and compare the answers.".to_owned(),
        (true, true, compared) => format!("No difference in {}.", counted(compared, "comparison")),
        (true, false, _) => String::new(),
    }
}

/// What the route says, in words.
fn rules(route: &RouteView) -> Vec<(&'static str, Vec<String>)> {
    let one = |text: &Option<String>, without: &str| vec![text.clone().unwrap_or_else(|| without.to_owned())];
    let mut rules = vec![
        ("takes", route.matches.clone()),
        ("legacy", one(&route.legacy, "none")),
        ("new", one(&route.new, "none")),
        (
            "to new goes",
            match (&route.canary, route.stage.as_str()) {
                (_, "live" | "complete") => vec!["everybody".to_owned()],
                (Some(canary), "canary") => canary.split("; ").map(str::to_owned).collect(),
                (Some(canary), _) => vec![format!("nobody in this stage; in canary: {canary}")],
                (None, _) => vec!["nobody".to_owned()],
            },
        ),
    ];
    rules.extend(route.canary.is_some().then(|| ("buckets are salted with", vec![route.salt.clone()])));
    rules.push(("copies", one(&route.shadow, "none")));
    rules.extend(route.rewrite.as_ref().map(|rewrite| ("path for new", vec![rewrite.clone()])));
    rules.push(("timeout", vec![route.timeout.clone()]));
    rules
}

/// Until when a pin holds.
impl Pinned {
    pub(super) fn until(&self) -> String {
        self.view.until.as_ref().map_or_else(|| "until it is resumed".to_owned(), |until| format!("until {until}"))
    }
}

/// `2026-11-21 14:05:30`.
impl View {
    pub(super) fn time(flip: &Flip) -> String {
        moment(flip.at_ms).trim_end_matches('Z').replacen('T', " ", 1)
    }
}
