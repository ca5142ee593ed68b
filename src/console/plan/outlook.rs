//! Whom a configuration would move, as the page tells it.

use crate::console::chart::{Svg, share_bar};
use crate::control::plan::{Forecast, Moved, Portion, RouteForecast, Warning};
use crate::report::{counted, percent};

/// The most routes that are listed.
const ROUTES: usize = 100;
/// The most lines of changes and warnings.
const LINES: usize = 100;
/// The most tenants of a route.
const TENANTS: usize = 5;

/// Whom it would move.
#[derive(Debug)]
pub(crate) struct Outlook {
    /// The main thing, a sentence each.
    pub(crate) sentences: Vec<String>,
    pub(crate) warnings: Vec<Warning>,
    pub(crate) changes: Vec<String>,
    pub(crate) more_changes: usize,
    pub(crate) routes: Vec<Route>,
    pub(crate) more_routes: usize,
}

/// Whom it would move of a route.
#[derive(Debug)]
pub(crate) struct Route {
    /// Its name; empty for what no route takes.
    pub(crate) name: String,
    pub(crate) requests: String,
    pub(crate) before: (String, Svg),
    pub(crate) after: (String, Svg),
    pub(crate) to_new: Share,
    pub(crate) to_legacy: Share,
    /// `acme 12 to new`.
    pub(crate) tenants: Vec<String>,
    /// What else there is to say.
    pub(crate) notes: Vec<String>,
}

/// A share with its interval.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Share {
    pub(crate) text: String,
    /// `95 % interval 1.2–3.4 % of 1,234`; empty where nothing moves.
    pub(crate) interval: String,
    pub(crate) is_none: bool,
}

impl Outlook {
    /// Whether a reload wants to hear that what it takes away is meant.
    pub(crate) fn has_removals(&self) -> bool {
        self.warnings.iter().any(|warning| matches!(&*warning.code, "route-vanishes" | "tenants-shrink"))
    }

    /// What is told of a forecast.
    pub(crate) fn of(mut forecast: Forecast) -> Outlook {
        let sentences = sentences(&forecast);
        forecast.warnings.truncate(LINES);
        let more_changes = forecast.changes.len().saturating_sub(LINES);
        forecast.changes.truncate(LINES);
        Outlook {
            sentences,
            warnings: forecast.warnings,
            changes: forecast.changes,
            more_changes,
            more_routes: forecast.routes.len().saturating_sub(ROUTES),
            routes: forecast.routes.iter().take(ROUTES).map(Route::of).collect(),
        }
    }
}

fn sentences(forecast: &Forecast) -> Vec<String> {
    if forecast.requests == 0 {
        return vec!["No request was at hand to decide by both: there was no traffic of late.".to_owned()];
    }
    let moved = &forecast.moved;
    let of = format!("of {} requests of late that were decided by both", counted(forecast.requests));
    let mut sentences = vec![if moved.either.share <= 0.0 {
        format!("Nobody moves, {of} (at most {} by the 95 % interval).", percent(moved.either.high))
    } else {
        format!("{} {of} change sides: {}.", percent(moved.either.share), sides(moved))
    }];
    if forecast.left_out > 0 {
        sentences.push(format!("{} say nothing, since their side was forced.", counted(forecast.left_out)));
    }
    sentences
}

fn sides(moved: &Moved) -> String {
    let part = |portion: &Portion, tenants: u64, users: u64, to: &str| {
        let whom = match (tenants, users) {
            (0, 0) => String::new(),
            (0, users) => format!(" ({} users)", counted(users)),
            (tenants, 0) => format!(" ({} tenants)", counted(tenants)),
            (tenants, users) => format!(" ({} tenants, {} users)", counted(tenants), counted(users)),
        };
        (portion.share > 0.0).then(|| format!("{} to {to}{whom}", percent(portion.share)))
    };
    let to_new = part(&moved.to_new, moved.tenants_to_new, moved.users_to_new, "new");
    let to_legacy = part(&moved.to_legacy, moved.tenants_to_legacy, moved.users_to_legacy, "legacy");
    [to_new, to_legacy].into_iter().flatten().collect::<Vec<_>>().join(", ")
}

impl Share {
    fn of(portion: &Portion) -> Share {
        let interval = format!(
            "95 % interval {}–{} of {}",
            percent(portion.low).trim_end_matches(" %"),
            percent(portion.high),
            counted(portion.n)
        );
        let is_none = portion.share <= 0.0;
        Share { text: if is_none { "–".to_owned() } else { percent(portion.share) }, interval, is_none }
    }
}

impl Route {
    fn of(route: &RouteForecast) -> Route {
        let share = |portion: &Portion| {
            let known = (portion.n > 0).then_some(portion.share);
            (known.map_or_else(|| "–".to_owned(), percent), share_bar(known))
        };
        let tenant = |tenant: &crate::control::plan::TenantMove| {
            let parts = [(tenant.to_new, "to new"), (tenant.to_legacy, "to legacy")];
            let parts: Vec<String> = parts
                .iter()
                .filter(|(count, _)| *count > 0)
                .map(|(count, to)| format!("{} {to}", counted(*count)))
                .collect();
            format!("{}: {}", tenant.tenant, parts.join(", "))
        };
        let mut notes = Vec::new();
        if route.arriving.share > 0.0 {
            notes.push(format!("{} come from another route, or none", percent(route.arriving.share)));
        }
        if route.leaving > 0 {
            notes.push(format!("{} requests go to another route", counted(route.leaving)));
        }
        Route {
            name: route.route.clone(),
            requests: counted(route.requests),
            before: share(&route.new_before),
            after: share(&route.new_after),
            to_new: Share::of(&route.moved.to_new),
            to_legacy: Share::of(&route.moved.to_legacy),
            tenants: route.tenants.iter().take(TENANTS).map(tenant).collect(),
            notes,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn portion(share: f64) -> Portion {
        Portion { share, low: share / 2.0, high: (share * 2.0).min(1.0), n: 1000 }
    }

    #[test]
    fn who_moves_is_said_with_its_interval() {
        let moved = Moved { to_new: portion(0.25), either: portion(0.25), tenants_to_new: 3, ..Moved::default() };
        let route =
            RouteForecast { route: "a".to_owned(), requests: 1000, moved: moved.clone(), ..RouteForecast::default() };
        let outlook = Outlook::of(Forecast { requests: 1000, moved, routes: vec![route], ..Forecast::default() });
        assert_eq!(
            outlook.sentences,
            ["25.0 % of 1,000 requests of late that were decided by both change sides: 25.0 % to new (3 tenants)."]
        );
        assert_eq!(outlook.routes[0].to_new.interval, "95 % interval 12.5–50.0 % of 1,000");
        assert!(outlook.routes[0].to_legacy.is_none);
        assert!(Outlook::of(Forecast::default()).sentences[0].contains("no traffic"));
    }
}
