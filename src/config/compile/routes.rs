//! Routes: defaults filled in, names looked up, stages given what they need.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use super::{
    At, BackendId, Build, Cx, Place, Route, Rules, Text, Time, canary, comparisons, guard, matches, positive,
    resilience, values,
};
use crate::config::diagnostic::Finding;
use crate::config::file::route::Answer;
use crate::config::file::{self, File};
use crate::config::gather::check_name;
use crate::config::read::{Boxed, Word};
use crate::names::Stage;
use crate::routing::{Match, Rewrite};
use crate::snapshot::{FallbackSettings, GuardSettings, RampSettings, RateLimit, ShadowPlan};

/// How long a response head may take where nothing else is said.
const TIMEOUT: Duration = Duration::from_secs(30);

/// The routes, and what is left of their places.
pub(super) struct Compiled {
    pub(super) routes: Vec<Route>,
    /// What is copied to the other side, in the same order.
    pub(super) shadows: Vec<Option<Arc<ShadowPlan>>>,
    /// What new must keep to, in the same order.
    pub(super) guards: Vec<Option<Arc<GuardSettings>>>,
    /// How new's share grows, in the same order.
    pub(super) ramps: Vec<Option<Arc<RampSettings>>>,
    /// When legacy answers because new failed, in the same order.
    pub(super) fallbacks: Vec<Option<Arc<FallbackSettings>>>,
    /// How often one subject may ask, in the same order.
    pub(super) rate_limits: Vec<Option<Arc<RateLimit>>>,
    pub(super) fallthrough: Option<BackendId>,
    pub(super) timeout: Duration,
    pub(super) places: Vec<RoutePlaces>,
}

/// Where a route's name and its alternatives stand.
pub(super) struct RoutePlaces {
    name: Place,
    alternatives: Vec<Place>,
}

/// A backend that may be said to be none.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Choice {
    Unsaid,
    None,
    Some(BackendId),
    /// It leads nowhere, which has been reported.
    Bad,
}

impl Choice {
    fn id(self) -> Option<BackendId> {
        match self {
            Choice::Some(id) => Some(id),
            Choice::Unsaid | Choice::None | Choice::Bad => None,
        }
    }
}

/// One route, and what stands beside it.
struct One {
    route: Route,
    shadow: Option<Arc<ShadowPlan>>,
    guard: Option<Arc<GuardSettings>>,
    ramp: Option<Arc<RampSettings>>,
    fallback: Option<Arc<FallbackSettings>>,
    rate_limit: Option<Arc<RateLimit>>,
    places: RoutePlaces,
}

/// `defaults:`, looked up once.
struct Defaults<'d> {
    file: Option<&'d file::Defaults>,
    legacy: Choice,
    new: Choice,
    fallback: Option<Arc<FallbackSettings>>,
    rate_limit: Option<Arc<RateLimit>>,
}

/// All routes, in file order.
pub(super) fn compile(routes: &[At<file::Route>], file: &File, build: &Build<'_>, cx: &mut Cx<'_>) -> Compiled {
    let defaults = defaults(file, cx, build);
    let timeout = positive(defaults.file.and_then(|given| given.timeout.as_ref()), TIMEOUT, cx);
    let guards = guard::compile(routes, defaults.file, cx);
    let mut compiled = Compiled {
        routes: Vec::new(),
        shadows: Vec::new(),
        guards: Vec::new(),
        ramps: Vec::new(),
        fallbacks: Vec::new(),
        rate_limits: Vec::new(),
        fallthrough: defaults.legacy.id(),
        timeout,
        places: Vec::new(),
    };
    let mut groups: HashMap<Arc<str>, (Arc<str>, Place)> = HashMap::new();
    for route in routes.iter().filter_map(At::get) {
        let guarded = guards.of(route, cx);
        if let Some(one) = one(route, &defaults, guarded, &mut groups, build, cx) {
            compiled.routes.push(one.route);
            compiled.shadows.push(one.shadow);
            compiled.guards.push(one.guard);
            compiled.ramps.push(one.ramp);
            compiled.fallbacks.push(one.fallback);
            compiled.rate_limits.push(one.rate_limit);
            compiled.places.push(one.places);
        }
    }
    compiled
}

fn defaults<'d>(file: &'d File, cx: &mut Cx<'_>, build: &Build<'_>) -> Defaults<'d> {
    let at = file.defaults.as_ref();
    let defaults = at.and_then(|at| at.get()).map(|boxed| &**boxed);
    // What a default says must be right even where no route takes it.
    if let Some(canary) = defaults.and_then(|defaults| defaults.canary.as_ref()).and_then(|canary| canary.get()) {
        // Whether a route that takes it has a ramp is seen there.
        let ramped = canary.percent.is_none();
        canary::compile(canary, ramped, build, cx);
    }
    let legacy = backend(defaults.and_then(|defaults| defaults.legacy.as_ref()), true, build, cx);
    if legacy == Choice::Unsaid && at.is_none_or(|at| at.value.is_some()) {
        let place = at.map_or(file.version.place, |at| at.place);
        let finding = Finding::warning(place, "no-default-legacy", "what no route matches gets 404");
        cx.report.add(finding.help("`defaults: { legacy: NAME }`, or `legacy: none` if that is meant"));
    }
    let new = backend(defaults.and_then(|defaults| defaults.new.as_ref()), false, build, cx);
    let fallback = resilience::fallback(defaults.and_then(|defaults| defaults.fallback.as_ref()));
    let rate_limit = resilience::rate_limit(defaults.and_then(|defaults| defaults.rate_limit.as_ref()), cx);
    Defaults { file: defaults, legacy, new, fallback, rate_limit }
}

fn backend(name: Option<&At<Text>>, none: bool, build: &Build<'_>, cx: &mut Cx<'_>) -> Choice {
    let Some(name) = name else { return Choice::Unsaid };
    if none && name.get().is_some_and(|name| &*name.0 == "none") {
        return Choice::None;
    }
    build.backends.backend(name, cx).map_or(Choice::Bad, Choice::Some)
}

fn one(
    route: &file::Route,
    defaults: &Defaults<'_>,
    guarded: guard::Chosen,
    groups: &mut HashMap<Arc<str>, (Arc<str>, Place)>,
    build: &Build<'_>,
    cx: &mut Cx<'_>,
) -> Option<One> {
    let keys = Keys::of(route, defaults.file);
    let name_place = route.name.place;
    let stage = keys.stage.map_or(Some(Stage::Legacy), |stage| stage.get().map(|word| word.0));
    let (legacy, new) = sides(route, defaults, stage, build, cx);
    let ramp = guarded.ramp(keys.canary, stage, cx);
    let ramped = ramp.is_some();
    let canary = keys.canary.and_then(|at| at.get()).map(|canary| canary::compile(canary, ramped, build, cx));
    if let Some(stage) = stage {
        let place = keys.stage.map_or(name_place, |stage| stage.place);
        check_sides(stage, place, legacy, new, route, cx);
        check_canary(stage, place, keys.canary, ramped, cx);
    }
    check_fallback(legacy, route, cx);
    let fallback = resilience::fallback(route.fallback.as_ref()).or_else(|| defaults.fallback.clone());
    let rate_limit = resilience::rate_limit(route.rate_limit.as_ref(), cx).or_else(|| defaults.rate_limit.clone());
    let timeout = positive(keys.timeout, TIMEOUT, cx);
    let alternatives = matches::compile(&route.r#match, cx);
    let name: Arc<str> = Arc::from(&*route.name.get()?.0);
    let group = route.group.as_ref().and_then(At::get).map(|group| Arc::<str>::from(&*group.0));
    let salt = salt(route, keys.salt, &name, group.as_ref(), groups, cx);
    let (matches, places): (Vec<Match>, Vec<Place>) = alternatives?.into_iter().unzip();
    let rewrite = match keys.rewrite {
        Some(at) => Some(rewrite(at.get()?, &matches, route, cx)?),
        None => None,
    };
    let shadow = comparisons::plan(&name, keys.shadow.and_then(|at| at.get()).map(|boxed| &**boxed), stage?, build, cx);
    let owner = keys.owner.and_then(At::get).map(|owner| Arc::from(&*owner.0));
    let (legacy, new) = (legacy.id(), new.id());
    let route = Route { name, owner, group, salt, stage: stage?, matches, legacy, new, canary, rewrite, timeout };
    let places = RoutePlaces { name: name_place, alternatives: places };
    Some(One { route, shadow, guard: guarded.guard, ramp, fallback, rate_limit, places })
}

/// The keys that `defaults:` may give too: the route's own, else the default's.
struct Keys<'k> {
    owner: Option<&'k At<Text>>,
    salt: Option<&'k At<Text>>,
    stage: Option<&'k At<Word<Stage>>>,
    canary: Option<&'k At<Boxed<file::Canary>>>,
    rewrite: Option<&'k At<Boxed<file::Rewrite>>>,
    shadow: Option<&'k At<Boxed<file::Shadow>>>,
    timeout: Option<&'k At<Time>>,
}

impl<'k> Keys<'k> {
    fn of(route: &'k file::Route, defaults: Option<&'k file::Defaults>) -> Keys<'k> {
        macro_rules! keys {
            ($($key:ident),*) => {
                Keys { $($key: route.$key.as_ref().or(defaults.and_then(|defaults| defaults.$key.as_ref()))),* }
            };
        }
        keys!(owner, salt, stage, canary, rewrite, shadow, timeout)
    }
}

/// Legacy and new. In `complete` only the route's own legacy counts: the default's may not know the route any more.
fn sides(
    route: &file::Route,
    defaults: &Defaults<'_>,
    stage: Option<Stage>,
    build: &Build<'_>,
    cx: &mut Cx<'_>,
) -> (Choice, Choice) {
    let legacy = match backend(route.legacy.as_ref(), true, build, cx) {
        Choice::Unsaid if stage == Some(Stage::Complete) => Choice::None,
        Choice::Unsaid => defaults.legacy,
        own => own,
    };
    let new = match backend(route.new.as_ref(), false, build, cx) {
        Choice::Unsaid => defaults.new,
        own => own,
    };
    (legacy, new)
}

fn check_canary(stage: Stage, place: Place, canary: Option<&At<Boxed<file::Canary>>>, ramped: bool, cx: &mut Cx<'_>) {
    match canary {
        _ if stage != Stage::Canary => {}
        None => cx.report.error(place, "missing-canary", "stage `canary` needs `canary`: who goes to new"),
        Some(at) if at.get().is_some_and(|canary| canary::is_nobody(canary, ramped)) => {
            cx.report.warning(at.place, "empty-canary", "this canary sends nobody to new");
        }
        Some(_) => {}
    }
}

/// A stage has the sides that it sends requests to.
fn check_sides(stage: Stage, place: Place, legacy: Choice, new: Choice, route: &file::Route, cx: &mut Cx<'_>) {
    let missing = |choice| matches!(choice, Choice::Unsaid | Choice::None);
    if stage != Stage::Legacy && missing(new) {
        cx.report.error(place, "missing-new", format!("stage `{stage}` needs `new`: the backend to migrate to"));
    }
    if matches!(stage, Stage::Legacy | Stage::Shadow | Stage::Canary) && missing(legacy) {
        let finding = Finding::error(place, "missing-legacy", format!("stage `{stage}` needs a legacy backend"));
        cx.report.add(finding.help("`legacy:` of the route, or `defaults: { legacy: NAME }`"));
    }
    if let (Choice::Some(one), Choice::Some(other)) = (legacy, new)
        && one == other
    {
        let place = route.new.as_ref().map_or(place, |new| new.place);
        cx.report.warning(place, "same-backend", "both sides are the same backend");
    }
}

/// Where there is no legacy, it cannot answer. A fallback from `defaults:` passes over such a route.
fn check_fallback(legacy: Choice, route: &file::Route, cx: &mut Cx<'_>) {
    let Some(fallback) = &route.fallback else { return };
    if matches!(legacy, Choice::Unsaid | Choice::None) {
        let finding = Finding::error(fallback.place, "fallback-without-legacy", "there is no legacy to fall back on");
        cx.report.add(
            finding.help("`legacy:` of the route; in other stages than complete `defaults: { legacy: NAME }` too"),
        );
    }
}

/// Its own salt, else its group's, else its name. The routes of a group move together, so their salts are one.
fn salt(
    route: &file::Route,
    given: Option<&At<Text>>,
    name: &Arc<str>,
    group: Option<&Arc<str>>,
    groups: &mut HashMap<Arc<str>, (Arc<str>, Place)>,
    cx: &mut Cx<'_>,
) -> Arc<str> {
    let own = given.and_then(At::get).map(|salt| Arc::<str>::from(&*salt.0));
    let Some((group, at)) = group.zip(route.group.as_ref()) else { return own.unwrap_or_else(|| Arc::clone(name)) };
    check_name(at.place, group, "group", cx);
    let place = given.map_or(at.place, |salt| salt.place);
    let salt = own.unwrap_or_else(|| Arc::clone(group));
    match groups.get(group) {
        Some((known, first)) if *known != salt => {
            let first = cx.report.files.name(*first);
            let message = format!("the group `{group}` has the salt `{known}` at {first}, and `{salt}` here");
            let finding = Finding::error(place, "group-salt", message);
            cx.report.add(finding.help("the routes of a group move together: give all of them the same salt, or none"));
        }
        Some(_) => {}
        None => drop(groups.insert(Arc::clone(group), (Arc::clone(&salt), place))),
    }
    salt
}

fn rewrite(rewrite: &file::Rewrite, matches: &[Match], route: &file::Route, cx: &mut Cx<'_>) -> Option<Rewrite> {
    let answers = || values(rewrite.response.as_ref()).map(|(answer, _)| answer.0);
    let (location, cookies) = (answers().any(|a| a == Answer::Location), answers().any(|a| a == Answer::Cookies));
    let template = &rewrite.path.get()?.0;
    let built = Rewrite::new(template, matches, location, cookies);
    // An inherited template is right or wrong for each route anew, so the message stands at the route.
    let place = if route.rewrite.is_some() { rewrite.path.place } else { route.name.place };
    built.map_err(|error| cx.report.error(place, "bad-rewrite", error.to_string())).ok()
}

/// Warns of alternatives that can never win, naming the route in front.
pub(super) fn warn_unreachable(rules: &Rules, places: &[RoutePlaces], cx: &mut Cx<'_>) {
    for found in rules.unreachable() {
        let (Some(here), Some(front)) = (places.get(found.route.0 as usize), places.get(found.by.0 as usize)) else {
            continue;
        };
        let place = here.alternatives.get(usize::from(found.alternative)).copied().unwrap_or(here.name);
        let by = cx.report.files.name(front.name);
        let message = if found.by == found.route {
            format!(
                "nothing is left for this alternative of `{}`: an earlier one takes it all",
                rules.route(found.route).name
            )
        } else {
            let (route, front) = (&rules.route(found.route).name, &rules.route(found.by).name);
            format!("nothing is left for `{route}`: `{front}` at {by} takes it all")
        };
        cx.report.warning(place, "unreachable", message);
    }
}
