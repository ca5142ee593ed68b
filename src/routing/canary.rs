//! `canary:` of a route: who goes to new while the rest stays with legacy.

use super::asker::Asker;
use super::index::Leaf;
use super::{Bucket, CohortId, FlagId, KeySet, Overrides, Percent, Reason, Route, Rules, Trace, TraceStep};
use crate::names::Key;

/// To new when any of these holds, unless `except` does.
#[derive(Debug, Clone, Default)]
pub struct Canary {
    /// Members of any of these cohorts.
    pub cohorts: Vec<CohortId>,
    /// These tenants.
    pub tenants: KeySet,
    /// Those for whom any of these flags is on.
    pub flags: Vec<FlagId>,
    /// A share, by bucket with the route's salt.
    pub share: Option<Share>,
    /// Who stays with legacy whatever the rest says.
    pub except: Except,
}

/// The percentage of a canary.
#[derive(Debug, Clone, Copy)]
pub struct Share {
    /// How many; where it is ramped, that is said by [`Overrides`].
    pub percent: Percent,
    /// Counted by.
    pub by: Key,
    /// Of this cohort only; `None`: of everybody.
    pub of: Option<CohortId>,
    /// Whether a ramp sets the percentage.
    pub ramped: bool,
}

/// Who stays with legacy whatever else a canary says.
#[derive(Debug, Clone, Default)]
pub struct Except {
    /// Members of any of these cohorts.
    pub cohorts: Vec<CohortId>,
    /// These tenants.
    pub tenants: KeySet,
}

/// A canary as a row of questions, in the order of asking: first who stays with legacy, then who goes to new. What differs
/// from route to route, the sets of tenants and the salt, is not in it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Plan {
    rules: Box<[Rule]>,
    percent: Percent,
    ramped: bool,
}

impl Plan {
    pub(super) fn rules(&self) -> &[Rule] {
        &self.rules
    }
}

/// One question of a canary.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Rule {
    /// `except.tenants`
    ExceptTenants,
    /// One of `except.cohorts`
    ExceptCohort(CohortId),
    /// `tenants`
    Tenants,
    /// One of `cohorts`
    Cohort(CohortId),
    /// One of `flags`
    Flag(FlagId),
    /// `percent` of everybody
    Share(Key),
    /// `percent` of a cohort
    ShareOf(Key, CohortId),
}

/// What the questions of one canary are asked about. The route is looked into only for what index and plan do not hold.
pub(super) struct Terms<'d> {
    plan: &'d Plan,
    leaf: Leaf<'d>,
    route: &'d Route,
    /// The percentage in force.
    percent: Percent,
}

impl<'d> Terms<'d> {
    pub(super) fn new(plan: &'d Plan, leaf: Leaf<'d>, route: &'d Route, overrides: &Overrides) -> Terms<'d> {
        let percent = if plan.ramped { overrides.ramped(leaf.route()) } else { plan.percent };
        Terms { plan, leaf, route, percent }
    }

    fn salt(&self) -> &str {
        self.leaf.salt().unwrap_or_else(|| &self.route.salt)
    }

    fn tenants(&self) -> Option<&KeySet> {
        self.route.canary.as_ref().map(|canary| &canary.tenants)
    }

    fn except_tenants(&self) -> Option<&KeySet> {
        self.route.canary.as_ref().map(|canary| &canary.except.tenants)
    }
}

impl Canary {
    /// The questions of this canary.
    pub(super) fn plan(&self) -> Plan {
        let mut rules = Vec::new();
        if !self.except.tenants.is_empty() {
            rules.push(Rule::ExceptTenants);
        }
        rules.extend(self.except.cohorts.iter().copied().map(Rule::ExceptCohort));
        if !self.tenants.is_empty() {
            rules.push(Rule::Tenants);
        }
        rules.extend(self.cohorts.iter().copied().map(Rule::Cohort));
        rules.extend(self.flags.iter().copied().map(Rule::Flag));
        rules.extend(self.share.map(|share| match share.of {
            None => Rule::Share(share.by),
            Some(cohort) => Rule::ShareOf(share.by, cohort),
        }));
        Plan {
            rules: rules.into(),
            percent: self.share.map_or(Percent::ZERO, |share| share.percent),
            ramped: self.share.is_some_and(|share| share.ramped),
        }
    }
}

/// What a canary answers: whether the request goes to new, why, and its bucket if the percentage was computed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Answer {
    pub(super) to_new: bool,
    pub(super) reason: Reason,
    pub(super) bucket: Option<Bucket>,
}

impl Answer {
    fn legacy(reason: Reason) -> Answer {
        Answer { to_new: false, reason, bucket: None }
    }

    fn new(reason: Reason) -> Answer {
        Answer { to_new: true, reason, bucket: None }
    }
}

impl<T: Trace> Asker<'_, '_, T> {
    /// Asks the rules one after the other; the first that holds decides.
    pub(super) fn ask_canary(&mut self, terms: &Terms<'_>) -> Answer {
        for &rule in &terms.plan.rules {
            let answer = match rule {
                Rule::Share(by) => Some(self.ask_share(by, terms)),
                Rule::ShareOf(by, cohort) if self.in_cohort(cohort) => Some(self.ask_share(by, terms)),
                Rule::ShareOf(_, cohort) => Some(Answer::legacy(Reason::OutsideCohort(cohort))),
                other => self.ask_rule(other, terms),
            };
            self.trace.record(|| {
                let holds = answer.is_some_and(|answer| answer.to_new || rule.excepts());
                TraceStep::Rule { rule: rule.describe(self.rules, terms.percent), holds }
            });
            if let Some(answer) = answer {
                return answer;
            }
        }
        Answer::legacy(Reason::NotInCanary)
    }

    fn ask_rule(&mut self, rule: Rule, terms: &Terms<'_>) -> Option<Answer> {
        match rule {
            Rule::ExceptTenants => {
                self.has_tenant(terms.except_tenants()?).then_some(Answer::legacy(Reason::ExceptTenant))
            }
            Rule::ExceptCohort(id) => self.in_cohort(id).then_some(Answer::legacy(Reason::ExceptCohort(id))),
            Rule::Tenants => {
                let may_be = self.key(Key::Tenant).is_some_and(|tenant| terms.leaf.may_list(tenant));
                (may_be && self.has_tenant(terms.tenants()?)).then_some(Answer::new(Reason::Tenant))
            }
            Rule::Cohort(id) => self.in_cohort(id).then_some(Answer::new(Reason::Cohort(id))),
            Rule::Flag(id) => self.flag_is_on(id).then_some(Answer::new(Reason::Flag(id))),
            Rule::Share(_) | Rule::ShareOf(..) => None,
        }
    }

    /// The percentage comes last, so it always has an answer.
    fn ask_share(&mut self, by: Key, terms: &Terms<'_>) -> Answer {
        match self.bucket(terms.salt(), by, terms.percent) {
            None => Answer::legacy(Reason::MissingKey(by)),
            Some((bucket, true)) => Answer { bucket: Some(bucket), ..Answer::new(Reason::Percent) },
            Some((bucket, false)) => Answer { bucket: Some(bucket), ..Answer::legacy(Reason::OutsidePercent) },
        }
    }
}

impl Rule {
    fn excepts(self) -> bool {
        matches!(self, Rule::ExceptTenants | Rule::ExceptCohort(_))
    }

    fn describe(self, rules: &Rules, percent: Percent) -> String {
        match self {
            Rule::ExceptTenants => "except tenants".to_owned(),
            Rule::ExceptCohort(id) => format!("except cohort {}", rules.cohort_name(id)),
            Rule::Tenants => "tenants".to_owned(),
            Rule::Cohort(id) => format!("cohort {}", rules.cohort_name(id)),
            Rule::Flag(id) => format!("flag {}", rules.flag_name(id)),
            Rule::Share(by) => format!("{percent} % by {by}"),
            Rule::ShareOf(by, id) => format!("{percent} % of cohort {} by {by}", rules.cohort_name(id)),
        }
    }
}
