//! Comparisons and shadow plans.

use std::sync::Arc;
use std::time::Duration;

use http::{HeaderName, HeaderValue, Method, header};

use super::{At, Build, Cx, Place, Text, positive, values};
use crate::config::diagnostic::Finding;
use crate::config::file::comparison::{Keep, Meaning};
use crate::config::file::shadow::Credentials;
use crate::config::file::{self, File};
use crate::config::read::{HeaderKey, Named, Number, Where};
use crate::diff::rules::{Allowed, Equivalence, Equivalent, Rename, Rules, Tolerance, Unordered};
use crate::diff::selector::Step;
use crate::diff::{Compiled, Selector};
use crate::names::Stage;
use crate::routing::Percent;
use crate::snapshot::{Comparison, MAX_SHADOW_THREADS, ShadowPlan, Shadowing};

const MAX_BODY: u64 = 256 * 1024;
const TIMEOUT: Duration = Duration::from_secs(10);
const SAFE: [Method; 3] = [Method::GET, Method::HEAD, Method::OPTIONS];
/// The most that asking twice may be of a route's requests, and what it is unless said otherwise: 5 %.
const NOISE: u32 = 5_000;
const REQUESTS: usize = 4096;
const BYTES: usize = 64 * 1024 * 1024;
const IN_FLIGHT: usize = 64;
/// The most that is copied of one body; more could not be compared within any budget.
const LARGEST_BODY: u64 = 64 * 1024 * 1024;

/// All comparisons in the order of their ids, the built-in one behind them.
pub(super) fn compile(build: &Build<'_>, cx: &mut Cx<'_>) -> Vec<Arc<Comparison>> {
    let mut all: Vec<Arc<Comparison>> =
        build.comparisons.entries.iter().map(|entry| Arc::new(comparison(entry, cx))).collect();
    all.push(Arc::new(Comparison {
        name: "built-in".into(),
        rules: Compiled::new(Rules::default()),
        noise: Percent::from_thousandths(NOISE).unwrap_or(Percent::ZERO),
        confirm: true,
        hashes_only: false,
    }));
    all
}

fn comparison(entry: &Named<file::Comparison>, cx: &mut Cx<'_>) -> Comparison {
    let rules = entry.value.get().map_or_else(Rules::default, |given| rules(given, cx));
    let given = entry.value.get();
    let noise = given.and_then(|given| given.noise.as_ref()?.get()?.sample.as_ref());
    let most = Percent::from_thousandths(NOISE).unwrap_or(Percent::ZERO);
    let share = noise.and_then(At::get).map_or(most, |sample| sample.0);
    if let Some(at) = noise.filter(|_| share > most) {
        let finding = Finding::warning(at.place, "noise-sample", format!("more than {most}% is never asked twice"));
        cx.report.add(finding.help("noise samples and confirmations together stay within 5 % of a route's requests"));
    }
    Comparison {
        name: Arc::clone(&entry.name),
        rules: Compiled::new(rules),
        noise: share.min(most),
        confirm: given.and_then(|given| given.confirm.as_ref()?.get()).is_none_or(|toggle| toggle.0),
        hashes_only: given.and_then(|given| given.store.as_ref()?.get()).is_some_and(|word| word.0 == Keep::Hashes),
    }
}

fn rules(given: &file::Comparison, cx: &mut Cx<'_>) -> Rules {
    let defaults = Rules::default();
    let headers = given.headers.as_ref().and_then(At::get);
    Rules {
        status: given.status.as_ref().and_then(At::get).map_or(defaults.status, |word| word.0),
        headers: headers.map_or(defaults.headers, |list| {
            list.iter().filter_map(At::get).map(|HeaderKey(name)| name.clone()).collect()
        }),
        body: given.body.as_ref().and_then(At::get).map_or(defaults.body, |word| word.0),
        ignore: selectors(given.ignore.as_ref(), &[Wants::Body, Wants::Header, Wants::Cookie], cx),
        unordered: values(given.unordered.as_ref()).filter_map(|(one, _)| unordered(one, cx)).collect(),
        tolerance: values(given.tolerance.as_ref()).filter_map(|(one, place)| tolerance(one, place, cx)).collect(),
        equivalent: values(given.equivalent.as_ref()).filter_map(|(one, _)| equivalent(one, cx)).collect(),
        rename: values(given.rename.as_ref()).filter_map(|(one, place)| rename(one, place, cx)).collect(),
        redact: selectors(given.redact.as_ref(), &[Wants::Body, Wants::Header, Wants::Cookie, Wants::Query], cx),
    }
}

/// What kind of place a key takes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Wants {
    Body,
    Header,
    Cookie,
    Query,
}

fn wants(selector: &Selector) -> Wants {
    match selector {
        Selector::Body(_) => Wants::Body,
        Selector::Header(_) => Wants::Header,
        Selector::Cookie(_) => Wants::Cookie,
        Selector::Query(_) => Wants::Query,
    }
}

fn selectors(
    list: Option<&At<crate::config::read::Filled<Where>>>,
    possible: &[Wants],
    cx: &mut Cx<'_>,
) -> Vec<Selector> {
    let mut found = Vec::new();
    for (Where(selector), place) in values(list) {
        if possible.contains(&wants(selector)) {
            found.push(selector.clone());
        } else {
            cx.report.error(place, "bad-place", format!("`{selector}` is no part of an answer"));
        }
    }
    found
}

/// A place in the body; others are reported.
fn in_body(at: &At<Where>, cx: &mut Cx<'_>) -> Option<Selector> {
    let Where(selector) = at.get()?;
    if wants(selector) != Wants::Body {
        let finding = Finding::error(at.place, "bad-place", format!("`{selector}` is not in the body"));
        cx.report.add(finding.help("a place in the body begins with `$`"));
        return None;
    }
    Some(selector.clone())
}

fn unordered(one: &file::comparison::Unordered, cx: &mut Cx<'_>) -> Option<Unordered> {
    let key = one.key.as_ref().and_then(At::get).map(|key| key.0.split('.').map(str::to_owned).collect());
    Some(Unordered { path: in_body(&one.path, cx)?, key })
}

fn tolerance(one: &file::comparison::Tolerance, place: Place, cx: &mut Cx<'_>) -> Option<Tolerance> {
    let path = in_body(&one.path, cx)?;
    let number = |at: &Option<At<Number>>| at.as_ref().and_then(At::get).map(|number| number.0);
    let allowed = match (number(&one.absolute), number(&one.relative)) {
        (Some(most), None) => Allowed::Absolute(most),
        (None, Some(share)) => Allowed::Relative(share),
        (one_given, _) => {
            // A number that was bad has been reported already.
            if one_given.is_some() || (one.absolute.is_none() && one.relative.is_none()) {
                let finding = Finding::error(place, "bad-tolerance", "a tolerance is either absolute or relative");
                cx.report.add(finding.help("{ path: \"$.total\", absolute: 0.01 }"));
            }
            return None;
        }
    };
    Some(Tolerance { path, allowed })
}

fn equivalent(one: &file::comparison::Equivalent, cx: &mut Cx<'_>) -> Option<Equivalent> {
    let path = in_body(&one.path, cx)?;
    let meaning = one.r#as.get()?.0;
    if let Some(within) = one.within.as_ref().filter(|_| meaning != Meaning::Timestamp) {
        cx.report.error(within.place, "bad-within", "`within` is for timestamps only");
    }
    let within = one.within.as_ref().and_then(At::get).map_or(Duration::ZERO, |time| time.0);
    let as_ = match meaning {
        Meaning::Uuid => Equivalence::Uuid,
        Meaning::Timestamp => Equivalence::Timestamp { within },
        Meaning::Url => Equivalence::Url,
    };
    Some(Equivalent { path, as_ })
}

fn rename(one: &file::comparison::Rename, place: Place, cx: &mut Cx<'_>) -> Option<Rename> {
    let (legacy, new) = (in_body(&one.legacy, cx)?, in_body(&one.new, cx)?);
    let arrays = |selector: &Selector| match selector {
        Selector::Body(steps) => {
            let plain = steps.iter().all(|step| matches!(step, Step::Member(_) | Step::AnyElement));
            let ends_in_name = matches!(steps.last(), Some(Step::Member(_)));
            (plain && ends_in_name).then(|| steps.iter().filter(|step| **step == Step::AnyElement).count())
        }
        _ => None,
    };
    match (arrays(&legacy), arrays(&new)) {
        (Some(one), Some(other)) if one == other => Some(Rename { legacy, new }),
        _ => {
            let message =
                "a renamed place consists of names and `[*]`, ends in a name, and has as many `[*]` on both sides";
            cx.report.error(place, "bad-rename", message);
            None
        }
    }
}

/// A route's plan: where `shadow:` is said, and in stage shadow in any case. `given` stands at the route or in `defaults:`.
pub(super) fn plan(
    name: &str,
    given: Option<&file::Shadow>,
    stage: Stage,
    build: &Build<'_>,
    cx: &mut Cx<'_>,
) -> Option<Arc<ShadowPlan>> {
    if given.is_none() && stage != Stage::Shadow {
        return None;
    }
    let methods: Vec<Method> = match given.and_then(|given| given.methods.as_ref()) {
        Some(list) => values(Some(list)).map(|(method, _)| method.0.clone()).collect(),
        None => SAFE.to_vec(),
    };
    let max_body = given.and_then(|given| given.max_body.as_ref());
    if let Some(at) = max_body.filter(|at| at.get().is_some_and(|size| size.0 > LARGEST_BODY)) {
        cx.report.error(at.place, "out-of-range", "at most 64MiB of a body can be copied");
    }
    let max_body = max_body.and_then(At::get).map_or(MAX_BODY, |size| size.0);
    let mut remove: Vec<HeaderName> = Vec::new();
    for (HeaderKey(header), place) in values(given.and_then(|given| given.remove.as_ref())) {
        check_header(header, place, cx);
        remove.push(header.clone());
    }
    let credentials = given.and_then(|given| given.credentials.as_ref()?.get());
    if credentials.is_some_and(|word| word.0 == Credentials::Remove) {
        remove.extend([header::AUTHORIZATION, header::COOKIE]);
    }
    Some(Arc::new(ShadowPlan {
        sample: given.and_then(|given| given.sample.as_ref()?.get()).map_or(Percent::ALL, |sample| sample.0),
        salt: format!("shadow:{name}").into(),
        noise_salt: format!("noise:{name}").into(),
        methods,
        max_body: usize::try_from(max_body).unwrap_or(usize::MAX),
        timeout: positive(given.and_then(|given| given.timeout.as_ref()), TIMEOUT, cx),
        set: given.map_or_else(Vec::new, |given| set(given, cx)),
        remove,
        comparison: chosen(given.and_then(|given| given.compare.as_ref()), build, cx),
    }))
}

fn set(given: &file::Shadow, cx: &mut Cx<'_>) -> Vec<(HeaderName, HeaderValue)> {
    let mut headers = Vec::new();
    for entry in given.set.as_ref().and_then(At::get).map_or(&[][..], |names| &names.0) {
        let Ok(name) = HeaderKey::parse(&entry.name) else {
            cx.report.error(entry.name_place, "bad-value", format!("`{}` is no name of a header", entry.name));
            continue;
        };
        check_header(&name, entry.name_place, cx);
        let Some(text) = entry.value.get() else { continue };
        match HeaderValue::from_str(&text.0) {
            Ok(value) => headers.push((name, value)),
            Err(_) => cx.report.error(entry.value.place, "bad-value", format!("`{}` is no value of a header", text.0)),
        }
    }
    headers
}

/// Headers that frame the copy, or that make it known as one, are not for the configuration to change.
fn check_header(name: &HeaderName, place: Place, cx: &mut Cx<'_>) {
    const OURS: [&str; 8] =
        ["host", "content-length", "transfer-encoding", "connection", "te", "upgrade", "via", "banyan-shadow"];
    if OURS.contains(&name.as_str()) {
        cx.report.error(place, "bad-header", format!("`{name}` is the facade's own on a copy"));
    }
}

fn chosen(compare: Option<&At<Text>>, build: &Build<'_>, cx: &mut Cx<'_>) -> Option<Arc<Comparison>> {
    let all = &build.compiled_comparisons;
    match compare {
        Some(name) if name.get().is_some_and(|name| &*name.0 == "none") => None,
        Some(name) => build.comparisons.comparison(name, cx).and_then(|place| all.get(place)).cloned(),
        None => build.comparisons.known("default").and_then(|place| all.get(place)).or(all.last()).cloned(),
    }
}

/// What shadow traffic may cost this process.
pub(super) fn shadowing(file: &File, cx: &mut Cx<'_>) -> Shadowing {
    let given = file.shadowing.as_ref().and_then(At::get);
    let threads = given.and_then(|given| given.threads.as_ref());
    if let Some(at) = threads.filter(|at| at.get().is_some_and(|count| count.0 as usize > MAX_SHADOW_THREADS)) {
        cx.report.error(at.place, "out-of-range", format!("at most {MAX_SHADOW_THREADS} shadow threads are possible"));
    }
    let mut count = |pick: fn(&file::Shadowing) -> Option<&At<crate::config::read::Count>>| {
        let (count, place) = given.and_then(pick).and_then(|at| Some((at.get()?.0, at.place)))?;
        if count == 0 {
            cx.report.error(place, "out-of-range", "zero would let nothing pass");
        }
        usize::try_from(count).ok()
    };
    let bytes = given.and_then(|given| given.bytes.as_ref()?.get()).and_then(|size| usize::try_from(size.0).ok());
    Shadowing {
        threads: count(|given| given.threads.as_ref()),
        requests: count(|given| given.requests.as_ref()).unwrap_or(REQUESTS),
        bytes: bytes.unwrap_or(BYTES),
        in_flight: count(|given| given.in_flight.as_ref()).unwrap_or(IN_FLIGHT),
    }
}
