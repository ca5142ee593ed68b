//! What is known of a route.

use std::cmp::Ordering;

use super::column::{Column, Known};
use super::findings::{Found, FoundAll};
use crate::control::overview::{RouteStatus, SideStatus};
use crate::diff::Share;

/// What is known of a route, to be sorted and filtered by.
#[derive(Debug, Clone)]
pub(super) struct Line<'s> {
    /// Its place in the files.
    pub(super) id: usize,
    pub(super) route: &'s RouteStatus,
    pub(super) found: Found,
    /// How old its last request is, in seconds.
    pub(super) idle_s: Option<f64>,
    /// What it is in, in words: `pinned`, `breached`, `ramp` …
    pub(super) states: Vec<&'static str>,
}

impl<'s> Line<'s> {
    pub(super) fn of(id: usize, route: &'s RouteStatus, found: &FoundAll, now_ms: u64) -> Line<'s> {
        let found = found.of(&route.name);
        let hit = route.last_hit.as_deref().and_then(|text| humantime::parse_rfc3339(text).ok());
        let hit_ms = hit.and_then(|hit| hit.duration_since(std::time::SystemTime::UNIX_EPOCH).ok());
        let idle_s = hit_ms.map(|at| (now_ms as f64 / 1e3 - at.as_secs_f64()).max(0.0));
        Line { id, route, found, idle_s, states: states(route, found) }
    }

    /// What is known of it in this respect.
    pub(super) fn known(&self, column: Column) -> Known<'_> {
        let route = self.route;
        let text = |text: &'s Option<String>| Known::Text(text.as_deref().unwrap_or_default());
        match column {
            Column::Route => Known::Text(&route.name),
            Column::Group => text(&route.group),
            Column::Owner => text(&route.owner),
            Column::Stage => Known::Place(stage(&route.stage), &route.stage),
            Column::Share => Known::Number(route.new_share.map(|share| share * 100.0)),
            Column::Rate => Known::Number(Some(route.rate)),
            Column::Match => Known::Number(route.compared.match_share.map(|share| share * 100.0)),
            Column::New => Known::Number(Some(self.found.new as f64)),
            Column::Open => Known::Number(Some(self.found.open as f64)),
            Column::LegacyP99 => Known::Number(route.legacy.p99_ms),
            Column::P99 => Known::Number(route.new.p99_ms),
            Column::Errors => Known::Number(self.gap().map(|gap| gap * 100.0)),
            Column::Idle => Known::Number(self.idle_s),
            Column::State => Known::States(&self.states),
        }
    }

    /// By how much new fails more often than legacy, as a fraction of all; `None` unless both were asked.
    pub(super) fn gap(&self) -> Option<f64> {
        let rate = |side: &SideStatus| Share::new(side.errors, side.requests).rate();
        Some(rate(&self.route.new)? - rate(&self.route.legacy)?)
    }

    /// Before or after another by this, ascending. What is not known comes last whichever way one sorts.
    pub(super) fn compare(&self, other: &Line<'_>, column: Column, is_descending: bool) -> Ordering {
        let turned = |order: Ordering| if is_descending { order.reverse() } else { order };
        let order = match (self.known(column), other.known(column)) {
            (Known::Number(Some(one)), Known::Number(Some(two))) => turned(one.total_cmp(&two)),
            (Known::Number(one), Known::Number(two)) => two.is_some().cmp(&one.is_some()),
            (Known::Place(one, _), Known::Place(two, _)) => turned(one.cmp(&two)),
            (Known::States(one), Known::States(two)) => turned(one.len().cmp(&two.len()).then_with(|| one.cmp(two))),
            (Known::Text(one), Known::Text(two)) => {
                two.is_empty().cmp(&one.is_empty()).reverse().then(turned(one.cmp(two)))
            }
            _ => Ordering::Equal,
        };
        order.then(self.id.cmp(&other.id))
    }
}

/// What a route is in, the gravest first.
fn states(route: &RouteStatus, found: Found) -> Vec<&'static str> {
    let guard = route.guard.as_ref().map_or("", |guard| guard.state.as_str());
    let all = [
        ("pinned", !route.pins.is_empty()),
        ("breached", guard == "breached"),
        ("guarded", matches!(guard, "holds" | "too_few" | "breached")),
        ("ramp", route.ramp.is_some()),
        ("differs", found.open > 0),
        ("silent", route.last_hit.is_none()),
        ("streams", route.streams_left > 0),
    ];
    all.into_iter().filter(|(_, is_so)| *is_so).map(|(state, _)| state).collect()
}

fn stage(name: &str) -> usize {
    crate::names::Stage::ALL.iter().position(|stage| stage.as_str() == name).unwrap_or_default()
}
