//! `match:`: hosts, paths, methods and conditions.

use std::sync::Arc;

use super::{At, Cx, Place, keys, values};
use crate::config::diagnostic::Finding;
use crate::config::file;
use crate::config::read::{HeaderKey, Named, Names, OneOrMany};
use crate::routing::{HeaderCondition, HostPattern, Match, PathPattern, QueryCondition, ValueMatch};

/// The alternatives of a route, each with its place.
pub(super) fn compile(alternatives: &At<OneOrMany<file::Match>>, cx: &mut Cx<'_>) -> Option<Vec<(Match, Place)>> {
    let list = &alternatives.get()?.0;
    if let Some(last) = list.get(usize::from(u16::MAX)) {
        cx.report.error(last.place, "too-many-matches", "a route has at most 65535 alternatives");
    }
    let compiled: Vec<_> = list.iter().map(|at| Some((one(at.get()?, cx)?, at.place))).collect();
    compiled.into_iter().collect()
}

/// Every part is looked at, also after one was bad.
fn one(alternative: &file::Match, cx: &mut Cx<'_>) -> Option<Match> {
    let host = alternative.host.as_ref().map(|host| {
        let parsed = HostPattern::parse(&host.get()?.0);
        parsed.map_err(|error| cx.report.error(host.place, "bad-host", error.to_string())).ok()
    });
    let path = alternative.path.as_ref().map(|path| {
        let parsed = PathPattern::parse(&path.get()?.0);
        parsed.map_err(|error| cx.report.error(path.place, "bad-path", error.to_string())).ok()
    });
    let headers: Vec<_> = entries(alternative.headers.as_ref()).map(|entry| header(entry, cx)).collect();
    let query: Vec<_> = entries(alternative.query.as_ref()).map(|entry| query(entry, cx)).collect();
    let host = host.map_or(Some(None), |host| host.map(Some));
    let path = path.map_or(Some(None), |path| path.map(Some));
    Some(Match {
        host: host?,
        path: path?,
        methods: values(alternative.methods.as_ref()).map(|(method, _)| method.0.clone()).collect(),
        headers: headers.into_iter().collect::<Option<_>>()?,
        query: query.into_iter().collect::<Option<_>>()?,
    })
}

fn entries(names: Option<&At<Names<file::ValueMatch>>>) -> impl Iterator<Item = &Named<file::ValueMatch>> {
    names.and_then(At::get).into_iter().flat_map(|names| &names.0)
}

fn header(entry: &Named<file::ValueMatch>, cx: &mut Cx<'_>) -> Option<HeaderCondition> {
    let name = HeaderKey::parse(&entry.name).map_err(|refusal| cx.refuse(entry.name_place, refusal)).ok();
    if let Some(name) = &name {
        keys::check_header(name, entry.name_place, cx);
    }
    let value = value(&entry.value, cx);
    Some(HeaderCondition { name: name?, value: value? })
}

fn query(entry: &Named<file::ValueMatch>, cx: &mut Cx<'_>) -> Option<QueryCondition> {
    Some(QueryCondition { name: Arc::clone(&entry.name), value: value(&entry.value, cx)? })
}

/// What a value must be.
pub(super) fn value(value: &At<file::ValueMatch>, cx: &mut Cx<'_>) -> Option<ValueMatch> {
    Some(match value.get()? {
        file::ValueMatch::Exact(text) => ValueMatch::Exact(Arc::from(&*text.0)),
        file::ValueMatch::Prefix(text) => ValueMatch::Prefix(Arc::from(&*text.get()?.0)),
        file::ValueMatch::Present => ValueMatch::Present,
        file::ValueMatch::Regex(text) => match ValueMatch::regex(&text.get()?.0) {
            Ok(regex) => regex,
            Err(error) => {
                // The engine explains over several lines, with a drawing; the last one says it.
                let error = error.to_string();
                let why = error.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned();
                cx.report.add(Finding::error(text.place, "bad-regex", why));
                return None;
            }
        },
    })
}
