//! A route, as its row says it.

use super::line::Line;
use crate::console::chart::{Svg, Unit, share_bar};
use crate::console::frame::Frame;
use crate::console::link::{self, link};
use crate::control::overview::{RouteStatus, SideStatus};
use crate::diff::Share;
use crate::names::Stage;
use crate::report;

/// A route, as its row says it.
#[derive(Debug, Clone)]
pub(super) struct Row {
    /// Its place in the files.
    pub(super) id: usize,
    /// Empty for what no route takes.
    pub(super) name: String,
    pub(super) href: String,
    pub(super) group: Option<(String, String)>,
    pub(super) owner: Option<(String, String)>,
    pub(super) stage: String,
    /// How many of the five steps it has taken.
    pub(super) steps: usize,
    pub(super) is_pinned: bool,
    pub(super) bar: Svg,
    pub(super) share: String,
    pub(super) rate: String,
    pub(super) matches: Option<Matches>,
    pub(super) found: Option<FoundHere>,
    pub(super) legacy: Option<Times>,
    pub(super) new: Option<Times>,
    pub(super) errors: Told,
    pub(super) hit: Told,
    pub(super) pills: Vec<Pill>,
    pub(super) action: Action,
}

/// How comparisons came out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Matches {
    pub(super) share: String,
    pub(super) detail: String,
    pub(super) href: String,
}

/// Differences that wait for somebody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct FoundHere {
    pub(super) new: u64,
    pub(super) open: u64,
    pub(super) href: String,
}

/// How long answers took.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Times {
    pub(super) p50: String,
    pub(super) p99: String,
}

/// A text with what it is made from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Told {
    pub(super) text: String,
    pub(super) title: String,
    pub(super) class: &'static str,
}

/// Something that is so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pill {
    pub(super) class: &'static str,
    pub(super) text: String,
    pub(super) title: String,
    pub(super) href: String,
}

/// What may be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Action {
    /// Nothing: nothing of it is on new.
    None,
    /// To legacy, asked for here.
    RollBack(String),
    /// Back to its stage, asked for here.
    Resume(String),
    /// Not by who asks, or not at all.
    Refused(&'static str),
}

impl Row {
    pub(super) fn of(line: &Line<'_>, frame: &Frame) -> Row {
        let route = line.route;
        let is_route = !route.name.is_empty();
        let href = link::route(&route.name);
        let term = |name: &str, value: &String| (value.clone(), link("/", &[("q", &quoted(name, value))]));
        Row {
            id: line.id,
            name: route.name.clone(),
            group: route.group.as_ref().map(|group| term("group", group)),
            owner: route.owner.as_ref().map(|owner| term("owner", owner)),
            stage: route.stage.clone(),
            steps: Stage::ALL.iter().position(|stage| stage.as_str() == route.stage).map_or(0, |place| place + 1),
            is_pinned: !route.pins.is_empty(),
            bar: share_bar(if route.is_held() { Some(0.0) } else { route.new_share }),
            share: share(route),
            rate: rate(route.rate),
            matches: matches(route),
            found: (line.found.open > 0).then(|| FoundHere {
                new: line.found.new,
                open: line.found.open,
                href: link("/differences", &[("route", &route.name)]),
            }),
            legacy: times(&route.legacy),
            new: times(&route.new),
            errors: errors(route, line.gap()),
            hit: hit(route, line.idle_s),
            pills: pills(route, &href),
            action: if is_route { action(route, frame) } else { Action::None },
            href,
        }
    }
}

/// A term of the filter.
fn quoted(name: &str, value: &str) -> String {
    if value.contains(char::is_whitespace) { format!("{name}:\"{value}\"") } else { format!("{name}:{value}") }
}

fn rate(rate: f64) -> String {
    match rate {
        0.0 => String::new(),
        ..0.05 => "<0.1".to_owned(),
        ..100.0 => format!("{rate:.1}"),
        _ => format!("{rate:.0}"),
    }
}

/// What goes to new: as it is now where that is sure, else as it was counted of late.
fn share(route: &RouteStatus) -> String {
    match route.new_share {
        _ if route.is_held() => Unit::Share.text(0.0),
        Some(share) => Unit::Share.text(share),
        None => String::new(),
    }
}

fn matches(route: &RouteStatus) -> Option<Matches> {
    let compared = &route.compared;
    let (good, n) = (compared.r#match + compared.noise, compared.r#match + compared.noise + compared.mismatch);
    let share = Share::new(good, n);
    let (low, high) = share.interval();
    let [low, high] = [low, high].map(|bound| Unit::Share.text(bound).replace(" %", ""));
    Some(Matches {
        // One mismatch of many is no 100 %, whatever rounding makes of it.
        share: report::percent(share.rate()?),
        detail: format!("n {n} · {low}–{high} %"),
        href: link("/differences", &[("route", &route.name)]),
    })
}

fn times(side: &SideStatus) -> Option<Times> {
    Some(Times { p50: millis(side.p50_ms?).replace(" ms", ""), p99: millis(side.p99_ms?) })
}

/// Rounder than elsewhere: in a column of them sizes are compared, not digits.
fn millis(ms: f64) -> String {
    match ms {
        ..9.95 => format!("{ms:.1} ms"),
        ..999.5 => format!("{ms:.0} ms"),
        _ => format!("{:.1} s", ms / 1e3),
    }
}

/// By how much new fails more often; where only one side was asked, how often that one fails.
fn errors(route: &RouteStatus, gap: Option<f64>) -> Told {
    let side = |name: &str, side: &SideStatus| {
        let share = Share::new(side.errors, side.requests);
        share
            .rate()
            .map(|rate| format!("{name}: {} of {} failed ({})", side.errors, side.requests, report::percent(rate)))
    };
    let title =
        [side("legacy", &route.legacy), side("new", &route.new)].into_iter().flatten().collect::<Vec<_>>().join("; ");
    let [legacy, new] = [&route.legacy, &route.new].map(|side| Share::new(side.errors, side.requests));
    match gap {
        Some(gap) => {
            // Worse beyond what chance explains: the intervals do not even touch.
            let is_sure = new.interval().0 > legacy.interval().1;
            let class = if gap <= 0.0 {
                "quiet"
            } else if is_sure {
                "danger"
            } else {
                "warn"
            };
            Told { text: points(gap), title, class }
        }
        None => {
            let alone = new.rate().or(legacy.rate()).filter(|rate| *rate > 0.0);
            Told {
                text: alone.map_or_else(String::new, |rate| format!("({})", Unit::Share.text(rate))),
                title,
                class: "quiet",
            }
        }
    }
}

/// Percentage points, with their sign.
fn points(gap: f64) -> String {
    let points = gap * 100.0;
    match points.abs() {
        ..0.005 => "0".to_owned(),
        ..1.0 => format!("{points:+.2} pp").replace('-', "−"),
        _ => format!("{points:+.1} pp").replace('-', "−"),
    }
}

fn hit(route: &RouteStatus, idle_s: Option<f64>) -> Told {
    match (&route.last_hit, idle_s) {
        (Some(at), Some(idle)) => Told { text: ago(idle), title: at.clone(), class: "" },
        _ => Told { text: String::new(), title: "not since the start".to_owned(), class: "quiet" },
    }
}

fn ago(seconds: f64) -> String {
    match seconds {
        // It is looked at once a second.
        ..2.0 => "now".to_owned(),
        ..60.0 => format!("{seconds:.0} s"),
        ..3600.0 => format!("{:.0} min", seconds / 60.0),
        ..86_400.0 => format!("{:.0} h", seconds / 3600.0),
        _ => format!("{:.0} d", seconds / 86_400.0),
    }
}

fn pills(route: &RouteStatus, href: &str) -> Vec<Pill> {
    let mut pills = Vec::new();
    let mut tell = |class: &'static str, text: String, title: String| {
        pills.push(Pill { class, text, title, href: href.to_owned() });
    };
    for pin in &route.pins {
        let text = if pin == "all" {
            "killed".to_owned()
        } else if *pin == route.name {
            "pinned".to_owned()
        } else {
            format!("pinned by {pin}")
        };
        tell("danger", text, format!("On legacy, whatever its stage: {pin}"));
    }
    if let Some(guard) = &route.guard {
        let (class, text) = match guard.state.as_str() {
            "breached" => ("danger", "guard breached"),
            "holds" => ("good", "guard holds"),
            "too_few" => ("", "guard: too few"),
            "pinned" => ("", "guard waits"),
            _ => ("", "guard off"),
        };
        tell(class, text.to_owned(), guard.measures.join("\n"));
    }
    if let Some(ramp) = &route.ramp {
        let left = ramp.left_s.map_or_else(String::new, |left| format!(", {} left", ago(left.max(2.0))));
        let text = format!("ramp {}/{}", ramp.step, ramp.steps.len());
        let title = format!(
            "At {} %{left}; waits for: {}. {} of {} answers.",
            ramp.percent, ramp.waits, ramp.answers, ramp.min_requests
        );
        tell("new", text, title);
    }
    if route.streams_left > 0 {
        let title = "Streams on the side that lost the route; they end after stream_grace".to_owned();
        tell("warn", format!("{} streams left", route.streams_left), title);
    }
    pills
}

fn action(route: &RouteStatus, frame: &Frame) -> Action {
    let own = route.pins.iter().find(|pin| !pin.contains("tenant:") && *pin != "all");
    match own {
        _ if !frame.may_operate => Action::Refused(frame.needs_operator()),
        Some(pin) => Action::Resume(link("/resume", &[("scope", pin)])),
        None if !matches!(route.stage.as_str(), "canary" | "live" | "complete") => Action::None,
        None if route.legacy_backend.is_none() => {
            Action::Refused("it has no legacy backend to go back to; give the route its own `legacy:` first")
        }
        None => Action::RollBack(link("/rollback", &[("scope", &route.name)])),
    }
}

#[cfg(test)]
mod tests {
    use super::super::findings::FoundAll;
    use super::*;
    use crate::control::overview::{Compared, GuardStatus};

    fn row(route: &RouteStatus) -> Row {
        let frame = Frame { may_operate: true, ..Frame::default() };
        Row::of(&Line::of(3, route, &FoundAll::default(), 1_800_000_060_000), &frame)
    }

    fn route() -> RouteStatus {
        RouteStatus {
            name: "orders read".to_owned(),
            stage: "canary".to_owned(),
            legacy_backend: Some("monolith".to_owned()),
            ..RouteStatus::default()
        }
    }

    #[test]
    fn nothing_known_is_nothing_said() {
        let row = row(&RouteStatus { stage: "legacy".to_owned(), ..RouteStatus::default() });
        assert_eq!((row.rate.as_str(), row.share.as_str(), row.hit.text.as_str()), ("", "", ""));
        assert_eq!((row.matches, row.found, row.legacy, row.action), (None, None, None, Action::None));
    }

    #[test]
    fn a_share_stands_with_its_n_and_its_interval() {
        let compared = Compared { r#match: 990, noise: 5, mismatch: 5, unknown: 9, match_share: Some(0.995) };
        let matches = row(&RouteStatus { compared, ..route() }).matches.unwrap();
        assert_eq!((&*matches.share, &*matches.detail), ("99.50 %", "n 1000 · 98.8–99.79 %"));
        assert_eq!(matches.href, "/differences?route=orders+read");
    }

    #[test]
    fn errors_of_new_are_grave_only_where_chance_does_not_explain_them() {
        let told = |legacy: (u64, u64), new: (u64, u64)| {
            let side = |(errors, requests)| SideStatus { errors, requests, ..SideStatus::default() };
            row(&RouteStatus { legacy: side(legacy), new: side(new), ..route() }).errors
        };
        assert_eq!((&*told((1, 100), (2, 100)).text, told((1, 100), (2, 100)).class), ("+1.0 pp", "warn"));
        assert_eq!((&*told((1, 1000), (90, 1000)).text, told((1, 1000), (90, 1000)).class), ("+8.9 pp", "danger"));
        assert_eq!((&*told((9, 100), (1, 100)).text, told((9, 100), (1, 100)).class), ("−8.0 pp", "quiet"));
        assert_eq!(told((0, 0), (1, 100)).text, "(1 %)");
        assert_eq!(told((0, 0), (0, 100)).text, "");
    }

    #[test]
    fn what_may_be_done_follows_from_pins_and_stage() {
        let rolled = |change: fn(&mut RouteStatus)| {
            let mut route = route();
            change(&mut route);
            row(&route).action
        };
        assert_eq!(rolled(|_| {}), Action::RollBack("/rollback?scope=orders+read".to_owned()));
        assert_eq!(rolled(|route| route.stage = "shadow".to_owned()), Action::None);
        assert!(matches!(rolled(|route| route.legacy_backend = None), Action::Refused(_)));
        let pinned = rolled(|route| route.pins = vec!["all".to_owned(), "group:orders".to_owned()]);
        assert_eq!(pinned, Action::Resume("/resume?scope=group%3Aorders".to_owned()));
        let killed = rolled(|route| route.pins = vec!["all".to_owned()]);
        assert!(matches!(killed, Action::RollBack(_)));
    }

    #[test]
    fn what_is_so_is_said_the_gravest_first() {
        let guard =
            GuardStatus { state: "breached".to_owned(), trips: true, measures: vec!["error_rate 3 %".to_owned()] };
        let row = row(&RouteStatus {
            pins: vec!["all".to_owned()],
            guard: Some(guard),
            last_hit: Some("2027-01-15T08:00:00Z".to_owned()),
            ..route()
        });
        let texts: Vec<_> = row.pills.iter().map(|pill| (pill.class, &*pill.text)).collect();
        assert_eq!(texts, [("danger", "killed"), ("danger", "guard breached")]);
        assert_eq!((row.hit.text.as_str(), row.steps), ("1 min", 3));
    }
}
