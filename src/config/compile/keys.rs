//! Percentages and the keys they are counted by; headers that may carry a key.

use http::HeaderName;

use super::{At, Build, Cx, Place};
use crate::config::diagnostic::Finding;
use crate::config::read::{Percentage, Word};
use crate::names::Key;
use crate::routing::Percent;

/// A percentage and its key. Both are there or none is.
pub(super) fn share(
    percent: Option<&At<Percentage>>,
    by: Option<&At<Word<Key>>>,
    build: &Build<'_>,
    cx: &mut Cx<'_>,
) -> Option<(Percent, Key)> {
    match (percent, by) {
        (None, None) => None,
        (Some(percent), None) => {
            let finding = Finding::error(percent.place, "missing-by", "a percentage needs `by`");
            cx.report.add(finding.help("`by: user`, `by: tenant` or `by: client`"));
            None
        }
        (None, Some(by)) => {
            cx.report.error(by.place, "missing-percent", "`by` says nothing without `percent`");
            None
        }
        (Some(percent), Some(by)) => {
            let (percent, key) = (percent.get()?.0, by.get()?.0);
            warn_without_source(key, by.place, build, cx);
            Some((percent, key))
        }
    }
}

/// Warns where a key is asked for that no request can have.
pub(super) fn warn_without_source(key: Key, place: Place, build: &Build<'_>, cx: &mut Cx<'_>) {
    let none = match key {
        Key::Tenant => build.subjects.tenant.is_empty(),
        Key::User => build.subjects.user.is_empty(),
        Key::Client => false,
    };
    if none {
        let message = format!("no request has a {key}: `subject.{key}` names no source, so nobody is meant here");
        cx.report.warning(place, "no-key-source", message);
    }
}

/// Reports headers that the proxy itself sets, drops or interprets, so that no condition on them can mean anything.
pub(super) fn check_header(name: &HeaderName, place: Place, cx: &mut Cx<'_>) {
    const HOP: [&str; 9] = [
        "connection",
        "content-length",
        "keep-alive",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "via",
    ];
    let text = name.as_str();
    if text == "host" {
        let finding = Finding::error(place, "proxy-header", "`Host` is not looked at as a header");
        cx.report.add(finding.help("use `host:`"));
    } else if HOP.contains(&text) || text == "x-served-by" || text.starts_with("banyan-") {
        cx.report.error(place, "proxy-header", format!("`{text}` belongs to the proxy, not to the request"));
    }
}

/// As [`check_header`], for a header that says who is asking.
pub(super) fn check_subject_header(name: &HeaderName, place: Place, cx: &mut Cx<'_>) {
    check_header(name, place, cx);
    if name.as_str().starts_with("x-forwarded-") || name == http::header::FORWARDED {
        cx.report.error(place, "proxy-header", format!("`{name}` belongs to the proxy, it names no subject"));
    }
}

/// Remembers a header that only trusted proxies may set.
pub(super) fn trust_header(name: &HeaderName, place: Place, build: &mut Build<'_>, cx: &mut Cx<'_>) {
    if build.trust.proxies.is_empty() {
        let message = "`from: trusted` without `subject.trusted_proxies`: nobody is trusted, so it never speaks";
        cx.report.warning(place, "nobody-trusted", message);
    }
    if !build.trust.headers.contains(name) {
        build.trust.headers.push(name.clone());
    }
}
