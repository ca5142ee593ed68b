//! `tests:`: each request is decided as the facade would, and held against what was expected.

use std::borrow::Cow;
use std::net::{IpAddr, Ipv4Addr};

use http::{HeaderMap, HeaderValue, Method};

use super::{At, Cx, Place, Text};
use crate::config::diagnostic::{Finding, TEST_FAILED};
use crate::config::file::{Expect, Test};
use crate::config::read::{FromText as _, HeaderKey, MethodName};
use crate::fields::Fields;
use crate::names::Side;
use crate::routing::{NoTrace, Overrides, RequestView, Rules, Subject};

/// The client of a test that names none: an address reserved for examples.
const CLIENT: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));

/// How a test went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TestResult {
    /// The request, as the file has it.
    pub request: String,
    /// The file and line of the test: `routes.yaml:12`.
    pub place: String,
    /// What came of it: `new by route orders-read (cohort:beta)`.
    pub outcome: String,
    /// Whether that was expected.
    pub passed: bool,
}

/// A test's request, taken apart.
struct Request<'t> {
    method: Method,
    host: String,
    path: &'t str,
    query: Option<&'t str>,
    headers: Fields,
    client: IpAddr,
}

/// Runs all tests; each expectation that does not hold is reported where it stands.
pub(in crate::config) fn run(tests: &[At<Test>], rules: &Rules, cx: &mut Cx<'_>) -> Vec<TestResult> {
    tests.iter().filter_map(|test| one(test.get()?, rules, cx)).collect()
}

fn one(test: &Test, rules: &Rules, cx: &mut Cx<'_>) -> Option<TestResult> {
    let text = &*test.request.get()?.0;
    let place = format!("{}:{}", cx.report.files.path(test.request.place.file).display(), test.request.place.line);
    let Some(request) = request(test, text, cx) else {
        let outcome = "no request that could be decided".to_owned();
        return Some(TestResult { request: text.to_owned(), place, outcome, passed: false });
    };
    let view = RequestView {
        method: &request.method,
        host: &request.host,
        path: request.path,
        query: request.query,
        headers: &request.headers,
        client: request.client,
        // What a test says of its request is what arrives after untrusted headers were dropped.
        trusted: true,
        claims: None,
    };
    let given = |key: &Option<At<Text>>| key.as_ref().and_then(At::get).map(|text| Cow::Owned(text.0.to_string()));
    let mut subject = Subject::given(given(&test.tenant), given(&test.user));
    let decision = rules.decide(&view, &Overrides::default(), None, &mut subject, &mut NoTrace);
    let route = decision.route.map(|id| &*rules.route(id).name);
    let reason = rules.reason_text(decision.reason).to_string();
    let outcome = match route {
        Some(route) => format!("{} by route `{route}` ({reason})", decision.side),
        None => format!("{} because no route matches", decision.side),
    };
    let passed = test.expect.get().is_some_and(|expect| holds(expect, decision.side, route, text, &outcome, rules, cx));
    Some(TestResult { request: text.to_owned(), place, outcome, passed })
}

fn holds(
    expect: &Expect,
    side: Side,
    route: Option<&str>,
    request: &str,
    outcome: &str,
    rules: &Rules,
    cx: &mut Cx<'_>,
) -> bool {
    let mut passed = true;
    if let Some((at, expected)) = expect.side.as_ref().and_then(|at| Some((at, at.get()?.0)))
        && expected != side
    {
        passed = false;
        cx.report.error(at.place, TEST_FAILED, format!("`{request}` goes to {outcome}, not to {expected}"));
    }
    if let Some((at, expected)) = expect.route.as_ref().and_then(|at| Some((at, at.get()?.0.as_ref())))
        && expected.map(|text| &*text.0) != route
    {
        passed = false;
        let wanted = expected.map_or("no route".to_owned(), |text| format!("`{}`", text.0));
        let mut finding =
            Finding::error(at.place, TEST_FAILED, format!("`{request}` goes to {outcome}; expected was {wanted}"));
        if let Some(name) = expected
            && !cx.report.is_crowded()
            && !rules.routes.iter().any(|route| *route.name == *name.0)
        {
            finding = finding.near(&name.0, rules.routes.iter().map(|route| &*route.name));
        }
        cx.report.add(finding);
    }
    passed
}

fn request<'t>(test: &Test, text: &'t str, cx: &mut Cx<'_>) -> Option<Request<'t>> {
    let place = test.request.place;
    let bad = |cx: &mut Cx<'_>, place: Place, why: String| {
        cx.report.error(place, TEST_FAILED, why);
        None
    };
    let Some((method, target)) = text.split_once(' ') else {
        return bad(cx, place, format!("`{text}` is no request: write it as `GET /orders/7`"));
    };
    let method = match MethodName::from_text(method) {
        Ok(method) => method.0,
        Err(_) => return bad(cx, place, format!("`{method}` is no HTTP method, in capitals as it is sent")),
    };
    let (url_host, target) = match target.strip_prefix("http://").or_else(|| target.strip_prefix("https://")) {
        Some(rest) => {
            let end = rest.find(['/', '?']).unwrap_or(rest.len());
            (Some(&rest[..end]), if end == rest.len() { "/" } else { &rest[end..] })
        }
        None => (None, target),
    };
    let (path, query) = target.split_once('?').map_or((target, None), |(path, query)| (path, Some(query)));
    let is_asterisk = path == "*" && method == Method::OPTIONS;
    if !(path.starts_with('/') || is_asterisk) || !target.bytes().all(|b| b.is_ascii_graphic()) || target.contains('#')
    {
        return bad(
            cx,
            place,
            format!("`{target}` is no path as a request has it: percent-encoded, starting with `/`"),
        );
    }
    let headers = headers(test, cx)?;
    let host_header = headers.get(http::header::HOST).and_then(|host| host.to_str().ok());
    let host = bare_host(url_host.or(host_header).unwrap_or(""));
    let client = match &test.client {
        None => CLIENT,
        Some(at) => match at.get()?.0.parse() {
            Ok(client) => client,
            Err(_) => return bad(cx, at.place, format!("`{}` is no IP address", at.get()?.0)),
        },
    };
    Some(Request { method, host, path, query, headers: headers.into(), client })
}

fn headers(test: &Test, cx: &mut Cx<'_>) -> Option<HeaderMap> {
    let mut headers = HeaderMap::new();
    for entry in test.headers.iter().filter_map(At::get).flat_map(|names| &names.0) {
        let value = HeaderValue::from_str(&entry.value.get()?.0).ok();
        let Some((name, value)) = HeaderKey::parse(&entry.name).ok().zip(value) else {
            cx.report.error(entry.name_place, TEST_FAILED, format!("`{}` cannot be sent as a header", entry.name));
            return None;
        };
        headers.append(name, value);
    }
    Some(headers)
}

/// Lower case, without port and trailing dot, as the facade has it before it decides.
fn bare_host(host: &str) -> String {
    let name = match host.rfind(']') {
        Some(end) => &host[..=end],
        None => host.split(':').next().unwrap_or(""),
    };
    name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase()
}
