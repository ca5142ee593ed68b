//! The step that a route may take next, and how it is taken.

use crate::names::Stage;
use crate::routing::{Percent, Route};

/// The percentages that one goes up by, unless another is asked for.
const LADDER: [u32; 8] = [1_000, 5_000, 10_000, 25_000, 50_000, 75_000, 90_000, 100_000];

/// The step that a route may take next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Step {
    /// Copies go to new.
    Shadow,
    /// New answers this share.
    Percent {
        /// What it answers now; `None` before stage canary, and where the canary has no percentage.
        from: Option<Percent>,
        /// What it will.
        to: Percent,
    },
    /// New answers everybody.
    Live,
    /// Legacy is let go.
    Complete,
    /// There is none, and why.
    Nowhere(String),
}

/// How a step is taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct How {
    /// The commands, one after the other; none where only the file can say it.
    pub(super) commands: Vec<String>,
    /// The same for the whole group, where there is one.
    pub(super) together: Vec<String>,
    /// What stands in the route then.
    pub(super) yaml: String,
}

impl Step {
    /// The step that is asked for (`50`, `live`, …) if it can be taken from here, else the one that comes next.
    pub(super) fn of(route: &Route, asked: &str) -> Step {
        let next = Step::next(route);
        let wanted = Step::choices(route).into_iter().find(|step| step.key() == asked);
        let percent = Percent::parse(asked.trim_end_matches('%').trim()).ok();
        match (wanted, &next, percent) {
            (Some(step), ..) => step,
            (None, Step::Percent { from, .. }, Some(to)) if to > from.unwrap_or(Percent::ZERO) => {
                Step::Percent { from: *from, to }
            }
            _ => next,
        }
    }

    /// Every step that can be taken from here.
    pub(super) fn choices(route: &Route) -> Vec<Step> {
        let next = Step::next(route);
        let Step::Percent { from, .. } = next else { return vec![next] };
        let higher =
            LADDER.into_iter().filter_map(Percent::from_thousandths).filter(|to| from.is_none_or(|from| *to > from));
        let mut choices: Vec<Step> = higher.map(|to| Step::Percent { from, to }).collect();
        choices.extend((route.stage == Stage::Canary).then_some(Step::Live));
        choices
    }

    fn next(route: &Route) -> Step {
        let share = route.canary.as_ref().and_then(|canary| canary.share);
        match route.stage {
            _ if route.new.is_none() => {
                Step::Nowhere("There is nowhere to go: the route has no `new:` backend. Give it one first.".to_owned())
            }
            Stage::Legacy => Step::Shadow,
            Stage::Shadow => {
                Step::Percent { from: None, to: Percent::from_thousandths(LADDER[0]).unwrap_or(Percent::ZERO) }
            }
            Stage::Canary if share.is_some_and(|share| share.ramped) => Step::Nowhere(
                "Its ramp takes the next step by itself, when its guard has held for long enough.".to_owned(),
            ),
            Stage::Canary => {
                let from = share.map(|share| share.percent);
                let higher = LADDER
                    .into_iter()
                    .filter_map(Percent::from_thousandths)
                    .find(|to| from.is_none_or(|from| *to > from));
                higher.map_or(Step::Live, |to| Step::Percent { from, to })
            }
            Stage::Live => Step::Complete,
            Stage::Complete => Step::Nowhere("It has arrived: the migration of this route is complete.".to_owned()),
        }
    }

    /// Its name in addresses.
    pub(super) fn key(&self) -> String {
        match self {
            Step::Shadow => "shadow".to_owned(),
            Step::Percent { to, .. } => number(*to),
            Step::Live => "live".to_owned(),
            Step::Complete => "complete".to_owned(),
            Step::Nowhere(_) => String::new(),
        }
    }

    /// Its name on the page.
    pub(super) fn label(&self) -> String {
        match self {
            Step::Percent { to, .. } => format!("{} %", number(*to)),
            Step::Nowhere(_) => "the next step".to_owned(),
            Step::Shadow | Step::Live | Step::Complete => format!("stage {}", self.key()),
        }
    }

    /// Who moves, in words.
    pub(super) fn moves(&self, by: Option<&str>) -> Option<String> {
        let whom = by.unwrap_or("user");
        match self {
            Step::Percent { from: Some(from), to } => {
                let (from, to) = (percent(*from), percent(*to));
                Some(format!(
                    "From {from} % to {to} %: about {} of 100 {whom}s move to new; nobody moves back, and who has no {whom} stays on legacy.",
                    round(to - from)
                ))
            }
            Step::Percent { from: None, to } => Some(format!(
                "About {} of 100 {whom}s get new's answers for the first time; who has no {whom} stays on legacy.",
                number(*to)
            )),
            Step::Live => Some(format!(
                "Everybody moves, also who has no {whom} and so was in no percentage. Legacy is still there to roll back to."
            )),
            Step::Complete => Some(
                "Nothing is copied to legacy any more, and only a `legacy:` of the route's own can be rolled back to."
                    .to_owned(),
            ),
            Step::Shadow | Step::Nowhere(_) => None,
        }
    }

    /// How it is taken; `is_copied`: whether the route says already what is copied.
    pub(super) fn how(&self, route: &Route, is_copied: bool) -> Option<How> {
        let by = route.canary.as_ref().and_then(|canary| canary.share).map_or("user", |share| share.by.as_str());
        let (settings, yaml): (Vec<(&str, String)>, String) = match self {
            Step::Nowhere(_) => return None,
            Step::Shadow if is_copied => (vec![("stage", "shadow".to_owned())], "stage: shadow".to_owned()),
            Step::Shadow => (
                vec![("shadow", "{ sample: 100% }".to_owned()), ("stage", "shadow".to_owned())],
                "stage: shadow\nshadow: { sample: 100% }".to_owned(),
            ),
            Step::Percent { to, .. } if route.stage == Stage::Canary && has_share(route) => {
                let to = number(*to);
                (vec![("canary.percent", to.clone())], format!("canary:\n  percent: {to}"))
            }
            Step::Percent { to, .. } if route.stage == Stage::Canary => {
                // Neither is valid without the other, and the canary says more already: no command sets both.
                (
                    Vec::new(),
                    format!("canary:\n  # beside what it says already\n  percent: {}\n  by: {by}", number(*to)),
                )
            }
            Step::Percent { to, .. } => {
                let canary = format!("{{ percent: {}, by: {by} }}", number(*to));
                let yaml = format!("stage: canary\ncanary: {canary}");
                (vec![("canary", canary), ("stage", "canary".to_owned())], yaml)
            }
            Step::Live | Step::Complete => (vec![("stage", self.key())], format!("stage: {}", self.key())),
        };
        let commands = |target: &str| settings.iter().map(|(key, value)| command(target, key, value)).collect();
        let together = route
            .group
            .as_ref()
            .filter(|_| !settings.is_empty())
            .map(|group| commands(&format!("group:{group}")))
            .unwrap_or_default();
        Some(How { commands: commands(&route.name), together, yaml })
    }
}

fn has_share(route: &Route) -> bool {
    route.canary.as_ref().is_some_and(|canary| canary.share.is_some())
}

/// The command line that sets a key; what a shell would take apart is in quotes.
fn command(target: &str, key: &str, value: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_.:/%".contains(c);
    let quoted = |text: &str| match text.chars().all(is_plain) {
        true => text.to_owned(),
        false => format!("'{}'", text.replace('\'', r"'\''")),
    };
    format!("banyan set {} {key} {}", quoted(target), quoted(value))
}

fn percent(percent: Percent) -> f64 {
    f64::from(percent.thousandths()) / 1000.0
}

fn number(percent: Percent) -> String {
    self::percent(percent).to_string()
}

fn round(value: f64) -> f64 {
    (value * 1000.0).round() / 1000.0
}

#[cfg(test)]
mod tests;
