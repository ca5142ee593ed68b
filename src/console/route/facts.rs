//! What is known of a route, gathered once for the page. It reads the disk.

use super::Asked;
use super::yaml::{Written, written};
use crate::admin::Admin;
use crate::clock::now_ms;
use crate::console::flip::{self, Flip};
use crate::control::guard::GuardView;
use crate::control::overview::{Period, RouteStatus, Series};
use crate::diff::Judgement;
use crate::ledger::{AuditFilter, Ledger};
use crate::report::gate::Gate;
use crate::report::route::RouteView;
use crate::report::top::{TopFilter, top};
use crate::routing::{Percent, Route, RouteId};
use crate::snapshot::GuardSettings;
use crate::state::Generation;
use crate::store::Reader;
use crate::store::read::{ReadError, SignatureRow, Tally};

/// How many records are looked through for those of the route.
const RECORDS: usize = 1000;

/// What is known of a route.
pub(super) struct Facts {
    pub(super) now_ms: u64,
    pub(super) rule: Route,
    pub(super) view: RouteView,
    pub(super) status: RouteStatus,
    /// Over how many seconds rates and times are.
    pub(super) span_s: f64,
    /// How many routes its group has; 1 without a group.
    pub(super) in_group: usize,
    pub(super) is_copied: bool,
    pub(super) period: Period,
    pub(super) series: Option<Series>,
    pub(super) hour: Option<Series>,
    pub(super) flips: Vec<Flip>,
    /// Why changes of before cannot be read.
    pub(super) unreadable: Option<String>,
    pub(super) guard_settings: Option<GuardSettings>,
    pub(super) guard: Option<GuardView>,
    pub(super) gate: Gate,
    pub(super) compared: Result<Compared, String>,
    pub(super) yaml: Option<Written>,
    pub(super) explained: Option<Result<crate::report::explain::Explanation, String>>,
}

/// What came of comparisons, as the store has it.
#[derive(Debug, Clone, Default)]
pub(super) struct Compared {
    pub(super) tally: Tally,
    /// Differences that are no noise and not accepted, those with the most impact first.
    pub(super) signatures: Vec<SignatureRow>,
    /// How many were left out: noise or transient ones, accepted ones.
    pub(super) hidden: [usize; 2],
}

impl Facts {
    /// Everything the page tells of a route; `None` if the generation does not have it.
    pub(super) fn gather(
        admin: &Admin,
        live: &Generation,
        name: &str,
        asked: &Asked,
        with_yaml: bool,
    ) -> Option<Facts> {
        let now_ms = now_ms();
        let rules = &live.snapshot.rules;
        let (id, rule) = (0_u32..).map(RouteId).zip(&rules.routes).find(|(_, route)| *route.name == *name)?;
        let (status, span_s) = admin.overview.route(name)?;
        let period = if asked.period == "day" { Period::Day } else { Period::Hour };
        let hour = admin.overview.series(Some(name), Period::Hour);
        let series = if period == Period::Hour { hour.clone() } else { admin.overview.series(Some(name), period) };
        let (flips, unreadable) = flips(admin.helm.ledger(), now_ms.saturating_sub(Period::Day.millis()), rule);
        let group = |other: &&Route| rule.group.is_some() && other.group == rule.group;
        Some(Facts {
            now_ms,
            view: RouteView::of(live, id),
            status,
            span_s,
            in_group: rules.routes.iter().filter(group).count().max(1),
            is_copied: live.snapshot.shadow(id).is_some(),
            period,
            series,
            hour,
            flips,
            unreadable,
            guard_settings: live.snapshot.guard(id).map(|guard| GuardSettings::clone(guard)),
            guard: admin.overview.guard(name),
            gate: asked.gate(),
            compared: compared(admin, name, now_ms),
            yaml: if with_yaml { written(&admin.helm.adopted().text, name) } else { None },
            explained: (!asked.typed.url.is_empty()).then(|| asked.typed.answer(&live.snapshot, &live.overrides)),
            rule: rule.clone(),
        })
    }
}

impl Asked {
    /// What `banyan gate` asks for, unless another one is asked for here.
    fn gate(&self) -> Gate {
        let percent = |text: &str, unsaid: u32| {
            let asked = Percent::parse(text.trim_end_matches('%').trim()).ok();
            asked.or(Percent::from_thousandths(unsaid)).unwrap_or(Percent::ALL)
        };
        Gate {
            min_match: percent(&self.min_match, 99_900),
            min_n: self.min_n.trim().parse().unwrap_or(10_000),
            max_unknown: percent("", 1_000),
        }
    }
}

/// The changes of the last day, newest first; those that are not on the disk yet as well.
fn flips(ledger: &Ledger, since_ms: u64, rule: &Route) -> (Vec<Flip>, Option<String>) {
    let filter = AuditFilter { since_ms, before: None, on: None, limit: RECORDS };
    let mut acts = ledger.unwritten();
    let unreadable = match ledger.audit(&filter) {
        Ok(found) => {
            // One that is written meanwhile would be told twice.
            let found = found.into_iter().map(|(_, act)| act);
            let found: Vec<_> = found.filter(|act| !acts.contains(act)).collect();
            acts.extend(found);
            None
        }
        Err(error) => Some(error.to_string()),
    };
    (flip::of_route(&acts, rule), unreadable)
}

fn compared(admin: &Admin, name: &str, now_ms: u64) -> Result<Compared, String> {
    let read = || -> Result<Compared, ReadError> {
        let reader = Reader::open(admin.store.state_dir())?;
        let filter = TopFilter { route: Some(name.to_owned()), ..TopFilter::default() };
        let found = top(&reader, &filter, now_ms)?;
        let mut tally = Tally::default();
        for summary in reader.routes(0)?.iter().filter(|summary| summary.route == name) {
            tally.merge(&summary.tally);
        }
        Ok(Compared { tally, signatures: found.rows, hidden: [found.noise, found.accepted] })
    };
    match read() {
        // No facade has compared anything here: that is no trouble.
        Err(ReadError::Missing(_)) => Ok(Compared::default()),
        found => found.map_err(|error| error.to_string()),
    }
}

impl Compared {
    /// How many differences are real and open, and how many nobody can judge yet.
    pub(super) fn open(&self) -> [usize; 2] {
        let of = |wanted: &[Judgement]| self.signatures.iter().filter(|row| wanted.contains(&row.judgement())).count();
        [of(&[Judgement::Real]), of(&[Judgement::Rare, Judgement::TooFew])]
    }
}
